package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.SiteActivations;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The numbers behind matrices of similar prompts: products of pairs for wide sites, heads' own vectors. */
final class SimilarityPictures {

    private static final int MOST_PROMPTS = 120;
    private static final int MOST_OF_A_LABEL = 12;

    /** Bytes of vectors and of products. */
    private static final long MOST_BYTES = 750_000;

    private final Activations values;
    private final List<SiteFamily> streams;
    private final List<SiteFamily> heads;
    private final int[] prompts;
    private final PageNumbers numbers;
    private final ToDoubleBiFunction<Site, Integer> interest;

    /** @param interest how much a head deserves to be among those kept: the larger, the more */
    SimilarityPictures(
            Activations values, List<String> labels, PageNumbers numbers, ToDoubleBiFunction<Site, Integer> interest) {
        this.values = values;
        List<SiteFamily> families =
                SiteFamily.of(values.sites().stream().map(SiteActivations::site).toList());
        this.heads = families.stream()
                .filter(family -> family.heads() > 0 && family.sites().get(0).units() > 0)
                .toList();
        this.streams =
                families.stream().filter(family -> !heads.contains(family)).toList();
        this.prompts = chosen(labels);
        this.numbers = numbers;
        this.interest = interest;
    }

    /** As many of each label as there is room for, in order of labels. */
    private int[] chosen(List<String> labels) {
        SortedMap<String, List<Integer>> byLabel = new TreeMap<>();
        for (int i = 0; i < labels.size(); i++) {
            byLabel.computeIfAbsent(labels.get(i), any -> new ArrayList<>()).add(i);
        }
        // At least two of a label, so that there is something to compare; then of fewer labels.
        int shown = Math.min(byLabel.size(), MOST_PROMPTS / 2);
        int each = Math.min(MOST_OF_A_LABEL, MOST_PROMPTS / shown);
        while (each > 4 && bytes((long) each * shown) > MOST_BYTES) {
            each--;
        }
        int most = each;
        return byLabel.values().stream()
                .limit(shown)
                .flatMap(of -> of.stream().limit(most))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private long bytes(long count) {
        long layers =
                streams.stream().mapToLong(family -> family.sites().size()).sum();
        long values = heads.stream()
                .mapToLong(family -> (long) family.sites().size() * family.width())
                .sum();
        return layers * count * (count + 1) / 2 * Float.BYTES + values * count;
    }

    Map<String, Object> write() {
        List<Map<String, Object>> sources = new ArrayList<>();
        streams.forEach(family -> sources.add(stream(family, "stream" + sources.size())));
        heads.forEach(family -> sources.add(heads(family, "heads" + sources.size())));
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("prompts", prompts);
        facts.put("sources", sources);
        return facts;
    }

    private Map<String, Object> stream(SiteFamily family, String array) {
        int count = prompts.length;
        float[] products = new float[family.sites().size() * count * (count + 1) / 2];
        List<@Nullable Double> longest = new ArrayList<>();
        int to = 0;
        for (Site site : family.sites()) {
            float[][] vectors = values.at(site).vectors();
            longest.add(Json.number(longest(vectors, 0, family.width())));
            for (int i = 0; i < count; i++) {
                for (int j = 0; j <= i; j++) {
                    products[to++] = (float) dot(vectors[prompts[i]], vectors[prompts[j]], 0, family.width());
                }
            }
        }
        numbers.floats(array + ".products", products);
        Map<String, Object> facts = facts(family, array, "stream");
        facts.put("longest", longest);
        return facts;
    }

    private Map<String, Object> heads(SiteFamily family, String array) {
        int width = family.sites().get(0).units();
        int[] places = places(family, width);
        byte[] all = new byte[places.length * prompts.length * width];
        float[] scales = new float[places.length * width];
        List<@Nullable Double> longest = new ArrayList<>();
        for (int place = 0; place < places.length; place++) {
            float[][] vectors = values.at(family.sites().get(places[place] / family.heads()))
                    .vectors();
            int from = places[place] % family.heads() * width;
            longest.add(Json.number(longest(vectors, from, from + width)));
            for (int d = 0; d < width; d++) {
                double largest = 0;
                for (int prompt : prompts) {
                    double value = Math.abs(vectors[prompt][from + d]);
                    largest = Double.isFinite(value) ? Math.max(largest, value) : largest;
                }
                // A scale for each dimension: a bright one must not round the others away.
                double scale = largest / Byte.MAX_VALUE;
                scales[place * width + d] = (float) scale;
                for (int i = 0; i < prompts.length; i++) {
                    double value = vectors[prompts[i]][from + d];
                    all[(place * prompts.length + i) * width + d] =
                            (byte) (scale > 0 && Double.isFinite(value) ? Math.round(value / scale) : 0);
                }
            }
        }
        numbers.bytes(array + ".values", all);
        numbers.floats(array + ".scales", scales);
        Map<String, Object> facts = facts(family, array, "heads");
        facts.put("heads", family.heads());
        facts.put("width", width);
        facts.put("places", places);
        facts.put("longest", longest);
        return facts;
    }

    /** The heads that there is room for, as layer × heads + head. */
    private int[] places(SiteFamily family, int width) {
        int all = family.sites().size() * family.heads();
        double[] interests = IntStream.range(0, all)
                .mapToDouble(place ->
                        interest.applyAsDouble(family.sites().get(place / family.heads()), place % family.heads()))
                .toArray();
        long room = MOST_BYTES / heads.size() / Math.max(1, (long) width * prompts.length);
        return IntStream.range(0, all)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(place -> -interests[place])
                        .thenComparingInt(place -> -place))
                .limit(Math.max(1, room))
                .sorted()
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private static Map<String, Object> facts(SiteFamily family, String array, String kind) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("pattern", family.name());
        facts.put("words", family.words());
        facts.put("kind", kind);
        facts.put("array", array);
        facts.put("layers", family.layers());
        return facts;
    }

    private static double longest(float[][] vectors, int from, int to) {
        double longest = 0;
        for (float[] vector : vectors) {
            longest = Math.max(longest, Math.sqrt(dot(vector, vector, from, to)));
        }
        return longest;
    }

    private static double dot(float[] a, float[] b, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
