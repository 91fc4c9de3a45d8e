package io.modscan.metrics.subspace;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.Activations;
import io.modscan.metrics.PlantedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * How often {@link SubspaceOverlap} calls two labels different that vary alike, and how often it finds those that don't, over as many
 * seeds a case as the system property {@code modscan.seeds} says: a few unless set. The figures go to standard output.
 *
 * <p>The means of the two labels differ by three standard deviations in every direction; where it is told, one varies four
 * times as widely as the other, or has more prompts, or heavier tails.
 */
class SubspaceCalibrationTest {

    private static final int SEEDS = Integer.getInteger("modscan.seeds", 5);
    private static final int SHUFFLES = 99;
    private static final double LEVEL = 0.05;

    /** How values are drawn. */
    enum Tails {
        NORMAL,
        /** Student's t with three degrees of freedom, the same factor for a whole vector. */
        T3,
        /** The same with one degree of freedom, without a variance. */
        CAUCHY,
        /** Student's t, each coordinate by itself. */
        T3_EACH,
        LOGNORMAL;

        void draw(Random random, double[] vector) {
            double factor = switch (this) {
                case T3 -> Math.sqrt(3 / chiSquare(random, 3));
                case CAUCHY -> Math.sqrt(1 / chiSquare(random, 1));
                default -> 1;
            };
            for (int i = 0; i < vector.length; i++) {
                double normal = random.nextGaussian();
                vector[i] = switch (this) {
                    case LOGNORMAL -> Math.exp(normal);
                    case T3_EACH -> normal * Math.sqrt(3 / chiSquare(random, 3));
                    default -> normal * factor;
                };
            }
        }

        private static double chiSquare(Random random, int freedom) {
            double sum = 0;
            for (int i = 0; i < freedom; i++) {
                double normal = random.nextGaussian();
                sum += normal * normal;
            }
            return sum;
        }
    }

    /** How the variance is spread over directions: equal, falling as a power, or in five directions only. */
    enum Spectrum {
        EQUAL,
        POWER,
        FIVE,
        /** As a power, but for three directions in which one label varies widely, and three others for the other label. */
        APART;

        double scale(int direction, boolean first) {
            return switch (this) {
                case EQUAL -> 1;
                case APART -> POWER.scale(direction, first) + (direction / 3 == (first ? 5 : 10) ? 2 : 0);
                case POWER -> Math.pow(direction + 1, -0.7);
                case FIVE -> direction < 5 ? 1 : 0;
            };
        }
    }

    record Case(Tails a, Tails b, Spectrum spectrum, int width, int countA, int countB, int k, double wider) {
        Activations activations(long seed) {
            Random random = new Random(seed);
            List<String> labels = new ArrayList<>();
            float[][] vectors = new float[countA + countB][width];
            double[] apart = random.doubles(width, -1, 1).toArray();
            for (int i = 0; i < vectors.length; i++) {
                boolean first = i < countA;
                labels.add(first ? "a" : "b");
                double[] values = new double[width];
                (first ? a : b).draw(random, values);
                for (int j = 0; j < width; j++) {
                    double value = first ? values[j] : wider * values[j] + 5 * apart[j];
                    vectors[i][j] = (float) (value * spectrum.scale(j, first));
                }
            }
            return PlantedModel.of(labels, vectors);
        }
    }

    static Stream<Case> alike() {
        List<Case> cases = new ArrayList<>();
        for (Tails tails : Tails.values()) {
            for (Spectrum spectrum : List.of(Spectrum.EQUAL, Spectrum.POWER, Spectrum.FIVE)) {
                cases.add(new Case(tails, tails, spectrum, 100, 8, 8, 3, 1));
                cases.add(new Case(tails, tails, spectrum, 100, 20, 20, 10, 1));
                cases.add(new Case(tails, tails, spectrum, 100, 8, 30, 3, 1));
                cases.add(new Case(tails, tails, spectrum, 100, 15, 15, 4, 4));
            }
            cases.add(new Case(tails, tails, Spectrum.EQUAL, 768, 8, 8, 3, 1));
            cases.add(new Case(tails, tails, Spectrum.EQUAL, 768, 20, 20, 5, 4));
        }
        cases.add(new Case(Tails.NORMAL, Tails.T3, Spectrum.POWER, 100, 20, 20, 5, 1));
        cases.add(new Case(Tails.NORMAL, Tails.CAUCHY, Spectrum.EQUAL, 100, 12, 20, 5, 1));
        return cases.stream();
    }

    @Test
    void labelsThatVaryAlikeAreSeldomCalledDifferent() {
        System.out.printf(
                Locale.ROOT, "%nSubspaces that are alike: share of p <= %.2f, %d seeds a case%n", LEVEL, SEEDS);
        int below = 0;
        int all = 0;
        for (Case each : alike().toList()) {
            int found = found(each);
            System.out.printf(Locale.ROOT, "%-112s %.3f%n", each, (double) found / SEEDS);
            // One case of many may be unlucky.
            assertThat(found).as(each.toString()).isLessThanOrEqualTo(most(SEEDS, 5));
            below += found;
            all += SEEDS;
        }
        System.out.printf(Locale.ROOT, "all: %d of %d, %.4f%n", below, all, (double) below / all);
        assertThat(below).isLessThanOrEqualTo(most(all, 4));
    }

    /** So many standard errors above what the level allows. */
    private static int most(int runs, double errors) {
        return (int) Math.ceil(runs * LEVEL + errors * Math.sqrt(runs * LEVEL * (1 - LEVEL)));
    }

    /** A p that is never small holds every level. */
    @Test
    void labelsThatVaryInOtherDirectionsAreFound() {
        for (Tails tails : Tails.values()) {
            int found = found(new Case(tails, tails, Spectrum.APART, 100, 20, 20, 3, 1));
            System.out.printf(
                    Locale.ROOT,
                    "found where three of a hundred directions are others, %s: %d of %d%n",
                    tails,
                    found,
                    SEEDS);
            assertThat(found).as(tails.toString()).isGreaterThanOrEqualTo((4 * SEEDS) / 5);
        }
    }

    private static int found(Case each) {
        int found = 0;
        for (int seed = 0; seed < SEEDS; seed++) {
            double p = each.activations(1000L * each.toString().hashCode() + seed)
                    .measure(SubspaceOverlap.by("topic", each.k())
                            .withShuffles(SHUFFLES)
                            .withSeed(seed))
                    .get("a", "b")
                    .p();
            found += p <= LEVEL ? 1 : 0;
        }
        return found;
    }
}
