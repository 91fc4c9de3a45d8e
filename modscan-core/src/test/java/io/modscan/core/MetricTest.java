package io.modscan.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MetricTest {

    /** Of one site: each prompt's id with its first value, in order of adding. */
    private static final Metric<List<String>> FIRST_VALUES = FirstValues::new;

    private static final class FirstValues implements Metric.Accumulator<List<String>> {
        private final List<String> seen = new ArrayList<>();

        @Override
        public void add(Activations piece) {
            if (piece.sites().size() != 1) {
                throw new ModscanException(
                        "takes one site, not " + piece.sites().size());
            }
            SiteActivations site = piece.sites().get(0);
            for (int i = 0; i < site.size(); i++) {
                seen.add(piece.prompts().get(i).id() + "=" + (int) site.vector(i)[0]);
            }
        }

        @Override
        public void merge(Metric.Accumulator<List<String>> other) {
            seen.addAll(((FirstValues) other).seen);
        }

        @Override
        public List<String> finish() {
            if (seen.isEmpty()) {
                throw new ModscanException("nothing was added");
            }
            return List.copyOf(seen);
        }
    }

    private static final Prompts PROMPTS = Prompts.of(IntStream.range(0, 4)
            .mapToObj(i -> Prompt.ofTokens("p" + i, 10 + i, 20 + i))
            .toList());

    private static Activations capture(String... sites) {
        try (Probe probe = Probe.builder(new FakeModel())
                .sites(sites)
                .pooling(Pooling.last())
                .build()) {
            return probe.capture(PROMPTS);
        }
    }

    private static List<String> expected(Site site, int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(i -> "p" + i + "=" + (int) FakeModel.value(site, 20 + i, 0, 1, 0))
                .toList();
    }

    @Test
    void aMetricOfOneSiteMeasuresASite() {
        assertThat(capture("loss", "hook_embed").at("hook_embed").measure(FIRST_VALUES))
                .isEqualTo(expected(FakeModel.EMBED, 0, 4));
    }

    @Test
    void whatAMetricThrowsReachesTheCaller() {
        Activations two = capture("loss", "hook_embed");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> two.measure(FIRST_VALUES))
                .withMessageContaining("takes one site, not 2");
    }

    @Test
    void mapChangesTheResult() {
        Metric<Integer> count = FIRST_VALUES.map(List::size);
        assertThat(capture("loss").measure(count)).isEqualTo(4);
        String text = capture("loss").measure(count.map(n -> "n=" + n));
        assertThat(text).isEqualTo("n=4");
    }

    @Test
    void mappedAccumulatorsMergeInOrder() {
        Activations loss = capture("loss");
        Metric<String> joined = FIRST_VALUES.map(values -> String.join(" ", values));
        Metric.Accumulator<String> first = joined.start();
        first.add(loss.slice(0, 1));
        Metric.Accumulator<String> second = joined.start();
        second.add(loss.slice(1, 2));
        second.add(loss.slice(2, 4));
        first.merge(second);
        assertThat(first.finish()).isEqualTo(String.join(" ", expected(FakeModel.LOSS, 0, 4)));
    }

    @Test
    void everyStartBeginsAnew() {
        Activations loss = capture("loss");
        Metric<Integer> count = FIRST_VALUES.map(List::size);
        assertThat(loss.measure(count)).isEqualTo(loss.measure(count)).isEqualTo(4);
        Metric<Map<Site, List<String>>> perSite = FIRST_VALUES.perSite();
        assertThat(loss.measure(perSite)).isEqualTo(loss.measure(perSite));
    }

    @Test
    void perSiteMeasuresEachSiteInOrder() {
        Map<Site, List<String>> results = capture("loss", "hook_embed").measure(FIRST_VALUES.perSite());
        assertThat(results)
                .containsExactly(
                        Map.entry(FakeModel.EMBED, expected(FakeModel.EMBED, 0, 4)),
                        Map.entry(FakeModel.LOSS, expected(FakeModel.LOSS, 0, 4)));
    }

    @Test
    void perSiteOfPiecesIsPerSiteOfTheWhole() {
        Activations whole = capture("loss", "hook_embed", "blocks.0.mlp.hook_post");
        Metric<Map<Site, List<String>>> perSite = FIRST_VALUES.perSite();
        Metric.Accumulator<Map<Site, List<String>>> first = perSite.start();
        first.add(whole.slice(0, 2));
        Metric.Accumulator<Map<Site, List<String>>> second = perSite.start();
        second.add(whole.slice(2, 3));
        second.add(whole.slice(3, 4));
        first.merge(second);
        assertThat(first.finish()).isEqualTo(whole.measure(perSite));
    }

    @Test
    void perSiteMergesSitesThatOnlyTheOtherHasSeen() {
        Metric<Map<Site, List<String>>> perSite = FIRST_VALUES.perSite();
        Metric.Accumulator<Map<Site, List<String>>> first = perSite.start();
        first.add(capture("loss"));
        Metric.Accumulator<Map<Site, List<String>>> second = perSite.start();
        second.add(capture("hook_embed"));
        first.merge(second);
        assertThat(first.finish())
                .containsExactly(
                        Map.entry(FakeModel.LOSS, expected(FakeModel.LOSS, 0, 4)),
                        Map.entry(FakeModel.EMBED, expected(FakeModel.EMBED, 0, 4)));
    }

    @Test
    void perSiteMergesWithOneThatHasSeenNothing() {
        Metric<Map<Site, List<String>>> perSite = FIRST_VALUES.perSite();
        Metric.Accumulator<Map<Site, List<String>>> empty = perSite.start();
        Metric.Accumulator<Map<Site, List<String>>> full = perSite.start();
        full.add(capture("loss"));
        empty.merge(full);
        empty.merge(perSite.start());
        assertThat(empty.finish()).containsOnlyKeys(FakeModel.LOSS);
    }

    @Test
    void perSiteOfNothingIsEmpty() {
        assertThat(FIRST_VALUES.perSite().start().finish()).isEmpty();
    }

    @Test
    void perSiteCanBeMapped() {
        Metric<Integer> sites = FIRST_VALUES.perSite().map(Map::size);
        assertThat(capture("loss", "hook_embed").measure(sites)).isEqualTo(2);
    }
}
