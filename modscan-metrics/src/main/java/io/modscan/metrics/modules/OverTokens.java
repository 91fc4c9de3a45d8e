package io.modscan.metrics.modules;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.Columns;
import io.modscan.metrics.internal.thread.Interrupt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Units' values over the tokens within prompts. Where units have nothing in common, each unit's {@linkplain CourseExchange courses are
 * exchanged} between prompts.
 */
final class OverTokens implements Observed {

    /** At a position that fewer prompts of the sample have, it cannot be told what is usual there. */
    static final int FEWEST_AT_POSITION = 5;

    private final TokenLayout layout;
    private final Columns columns;
    private final boolean withPositions;
    private final TokenChance chance;

    private OverTokens(TokenLayout layout, Columns columns, boolean withPositions, TokenChance chance) {
        this.layout = layout;
        this.columns = columns;
        this.withPositions = withPositions;
        this.chance = chance;
    }

    /**
     * The tokens of a sample, but for those at positions that too few prompts have.
     *
     * @param withPositions whether what is usual at a position stays in
     * @param absolute      whether a correlation's size counts
     * @param fewest        how many prompts there have to be
     */
    static OverTokens of(
            TokenSample sample, boolean withPositions, boolean absolute, SplittableRandom random, int fewest) {
        List<SampledPrompt> prompts = sample.prompts();
        List<int[]> tokens = frequent(prompts);
        TokenLayout layout = layout(prompts, tokens);
        if (layout.prompts() < fewest) {
            throw new ModscanException(
                    "steps take at least " + fewest + " prompts with two tokens or more at positions that "
                            + FEWEST_AT_POSITION + " prompts have, and many more to mean something; here are "
                            + layout.prompts()
                            + (sample.seenPrompts() > prompts.size()
                                    ? ", of " + sample.seenPrompts() + " that were given"
                                    : ""));
        }
        List<Unit> units = new ArrayList<>();
        int[] offsets = new int[sample.units()];
        int offset = 0;
        TreeMap<Integer, Site> byOffset = new TreeMap<>();
        for (Site site : sample.sites()) {
            byOffset.put(offset, site);
            offset += site.width();
        }
        List<Map.Entry<Integer, Site>> sorted = byOffset.entrySet().stream()
                .sorted(Map.Entry.comparingByValue(Columns.IN_ORDER))
                .toList();
        for (Map.Entry<Integer, Site> begin : sorted) {
            Site site = begin.getValue();
            for (int unit = 0; unit < site.width(); unit++) {
                offsets[units.size()] = begin.getKey() + unit;
                units.add(Unit.of(site, unit));
            }
        }
        List<float[]> values = each(units.size(), unit -> {
            float[] column = new float[layout.tokens()];
            int at = 0;
            for (int prompt = 0; prompt < prompts.size(); prompt++) {
                for (int token : tokens.get(prompt)) {
                    column[at++] = prompts.get(prompt).value(token, offsets[unit]);
                }
            }
            return balanced(layout, column, withPositions);
        });
        Columns columns = Columns.of(units, values);
        TokenChance none = new TokenChance(columns.size(), new double[0]);
        OverTokens plain = new OverTokens(layout, columns, withPositions, none);
        return new OverTokens(
                layout,
                columns,
                withPositions,
                TokenChance.of(
                        columns, absolute, shuffle -> plain.shuffled(shuffle).columns(), random));
    }

    /** Of each prompt those of its tokens whose positions enough prompts have; none if that leaves but one. */
    private static List<int[]> frequent(List<SampledPrompt> prompts) {
        TreeMap<Integer, Integer> having = new TreeMap<>();
        for (SampledPrompt prompt : prompts) {
            for (int token = 0; token < prompt.size(); token++) {
                having.merge(prompt.position(token), 1, Integer::sum);
            }
        }
        return prompts.stream()
                .map(prompt -> IntStream.range(0, prompt.size())
                        .filter(token -> having.getOrDefault(prompt.position(token), 0) >= FEWEST_AT_POSITION)
                        .toArray())
                .map(tokens -> tokens.length > 1 ? tokens : new int[0])
                .toList();
    }

    private static TokenLayout layout(List<SampledPrompt> prompts, List<int[]> tokens) {
        List<Integer> positions = new ArrayList<>();
        List<Integer> begins = new ArrayList<>(List.of(0));
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            for (int token : tokens.get(prompt)) {
                positions.add(prompts.get(prompt).position(token));
            }
            // What has no token left is no prompt here.
            if (tokens.get(prompt).length > 0) {
                begins.add(positions.size());
            }
        }
        List<Integer> different = List.copyOf(new TreeSet<>(positions));
        TreeMap<Integer, Integer> numbers = new TreeMap<>();
        different.forEach(position -> numbers.put(position, numbers.size()));
        return new TokenLayout(
                begins.stream().mapToInt(i -> i).toArray(),
                positions.stream().mapToInt(numbers::get).toArray(),
                different.size());
    }

    /**
     * A unit's values without means, and so scaled that no prompt outshines others: divided by the root of the mean square in the prompt
     * plus that over all.
     */
    private static float[] balanced(TokenLayout layout, float[] values, boolean withPositions) {
        float[] centred = layout.centred(values, !withPositions);
        double[] squares = layout.meanSquares(centred);
        double all = 0;
        for (int prompt = 0; prompt < squares.length; prompt++) {
            all += squares[prompt] * (layout.begins()[prompt + 1] - layout.begins()[prompt]) / layout.tokens();
        }
        if (!(all > 0 && all < Double.POSITIVE_INFINITY)) {
            return centred;
        }
        for (int prompt = 0; prompt < squares.length; prompt++) {
            double scale = Math.sqrt(squares[prompt] + all);
            for (int i = layout.begins()[prompt]; i < layout.begins()[prompt + 1]; i++) {
                centred[i] = (float) (centred[i] / scale);
            }
        }
        return layout.centred(centred, !withPositions);
    }

    private static List<float[]> each(int units, Function<Integer, float[]> ofUnit) {
        Interrupt interrupt = Interrupt.ofThisThread();
        return IntStream.range(0, units)
                .parallel()
                .mapToObj(unit -> {
                    interrupt.check();
                    return ofUnit.apply(unit);
                })
                .toList();
    }

    TokenLayout layout() {
        return layout;
    }

    @Override
    public Columns columns() {
        return columns;
    }

    @Override
    public int prompts() {
        return layout.prompts();
    }

    @Override
    public int degrees() {
        return chance.degrees();
    }

    @Override
    public double share(double correlation) {
        return chance.share(correlation);
    }

    @Override
    public OverTokens shuffled(SplittableRandom random) {
        int units = columns.units().size();
        long[] seeds = random.longs(units).toArray();
        return with(each(units, unit -> exchanged(unit, new SplittableRandom(seeds[unit]))));
    }

    private float[] exchanged(int unit, SplittableRandom random) {
        float[] values = columns.values(unit);
        double[] squares = layout.meanSquares(values);
        // Back to what they were before they were scaled, the mean over prompts being about 1.
        Arrays.setAll(squares, prompt -> squares[prompt] / Math.max(Double.MIN_NORMAL, 1 - squares[prompt]));
        return layout.centred(new CourseExchange(layout).exchange(values, squares, random), !withPositions);
    }

    @Override
    public OverTokens over(int[] prompts) {
        TokenLayout some = layout.over(prompts);
        return new OverTokens(
                some,
                columns.with(each(
                        columns.units().size(),
                        unit -> some.centred(layout.over(prompts, columns.values(unit)), !withPositions))),
                withPositions,
                chance.part((double) some.tokens() / layout.tokens()));
    }

    @Override
    public OverTokens with(List<float[]> values) {
        return new OverTokens(layout, columns.with(values), withPositions, chance);
    }

    /** The unit's own courses, of other prompts. */
    @Override
    public double[] noise(int unit, SplittableRandom random) {
        Interrupt.checkThisThread();
        float[] exchanged = exchanged(unit, random);
        double squares = 0;
        for (float value : exchanged) {
            squares += (double) value * value;
        }
        double[] noise = new double[exchanged.length];
        for (int i = 0; i < noise.length && squares > 0; i++) {
            noise[i] = exchanged[i] * Math.sqrt(noise.length / squares);
        }
        return noise;
    }
}
