package io.modscan.metrics.modules;

import io.modscan.core.Metric;
import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Unit;
import io.modscan.core.token.PromptTokens;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Units grouped by when they respond: which go up and down together over the tokens <em>within</em> prompts, so that prompts of one and
 * the same topic show which units work at which step. A metric; the methods that return {@code Steps} give the same with one setting
 * changed.
 *
 * <pre>{@code
 * StepMap steps = activations.measure(Steps.find());
 * StepMap more = activations.measure(Steps.find().withSearch(Modules.byCoActivation().withShuffles(99)));
 * }</pre>
 *
 * <p>Every coordinate of every measured site is a unit; the sites keep their positions, the same ones each.
 *
 * <ol>
 * <li>Of each prompt and unit the mean over all of the prompt's tokens is taken out, so that neither topics nor lengths make modules. BOS is
 * left out where it is known; so are prompts of a single token.
 * <li>What is looked at is a sample: of each prompt {@linkplain #withTokensOfPrompt(int) at most 100 tokens} unless set, the first eight and
 * others at positions that are drawn once for all prompts; and of the prompts as many as fit into {@linkplain #withTokens(int) 10,000 tokens} unless
 * set, in order of a hash of their ids. So it is the same whatever the order and pieces in which prompts come.
 * <li>Tokens at positions that less than five prompts of the sample have are left out, such as the ends of the longest prompts.
 * <li>What is usual at a position is taken out too, {@linkplain #withPositions() unless it is to be left in}: what is looked at is what least
 * squares leave of prompt + position. Units that merely rise towards the end of each prompt make no module then.
 * <li>Each unit's values of a prompt are divided by √(their mean square there + that over all prompts), so that a few prompts in which many
 * units vary widely don't make the modules.
 * <li>Over these values modules are found as {@link Modules} tells, with r over tokens. The halves are of prompts, not of tokens.
 * <li>The shuffles exchange courses: for each unit by itself the prompts are permuted, and each gets the values of another one at the same
 * positions. Where that one is shorter, the rest comes from the next one of the permutation's cycle that is long enough. So at each
 * position values are permuted among the prompts that have it, each permutation being as likely as any other, while a unit keeps
 * its distribution, its pattern over positions, and how alike its neighbouring tokens are. Courses are exchanged only among prompts in which the
 * unit varies less than 1/16 of its usual variance, less than 1/4, or more (a class of less than five prompts goes with the next): so units
 * that are alive in the same prompts only, such as those of one topic, have that in common in shuffled values, too.
 * <li>Neighbouring tokens are not independent. So {@linkplain StepMap#degrees() how many independent tokens} these are worth is
 * measured, on up to 20 further shuffles: it is that n with which a thousandth of pairs of independent normal values reach what a thousandth of
 * the shuffled pairs reach (with few units, the least share of which a hundred pairs were seen). That n, in place of the number of tokens,
 * goes into the threshold of links, who follows a module, and the 1/(n − 1) of {@link UnitModule#p()}. No link's threshold is
 * below what shuffled pairs ask for.
 * </ol>
 *
 * <p>With positions left in, shuffled values keep each unit's pattern over positions, and what a common pattern alone gives is
 * in the threshold and in p. A module has to be closer than that; so less is found than with positions taken out.
 *
 * <p>Each module comes with {@linkplain StepProfile where in a prompt it is active}, over all tokens of the sample, positions left in.
 * {@linkplain #withLabels Labels} of tokens tell at what.
 *
 * <p>Adding activations throws a {@link ModscanException} if a site was pooled, has values for pairs of positions or other positions than
 * the other sites, if coordinates were fitted to any of the prompts, if the sites are others than in the pieces before, or
 * if the sample does not fit Java's heap; adding or finishing, if two prompts of the sample have the same id; finishing, without activations, with less than ten
 * prompts of two tokens or more at such positions, or if labels are put to tokens that there are not. A unit that has a value in a sampled prompt that is not
 * finite is {@linkplain ModuleMap#leftOut() left out}, and so is one that is constant within prompts, or, positions taken out, nothing but position.
 *
 * <p>Keeps 4 bytes for each token of the sample and unit, and 16 while it looks for modules, besides what {@link Modules} takes for links;
 * time is that of {@link Modules} for as many prompts as there are tokens. An interrupt ends it with a {@link
 * java.util.concurrent.CancellationException}. The result does not depend on the order of prompts, sites or pieces, nor on the number of
 * processors. Immutable and safe for use by many threads.
 */
public final class Steps implements Metric<StepMap> {

    private static final int FEWEST_PROMPTS = 10;
    private static final int MOST_TOKENS = 10_000;
    private static final int MOST_OF_PROMPT = 100;

    private record Settings(
            ModuleSettings search,
            int tokens,
            int ofPrompt,
            boolean withPositions,
            Function<PromptTokens, Map<String, int[]>> labels) {}

    private final Settings settings;
    private final Metric<StepMap> metric;

    private Steps(Settings settings) {
        this.settings = settings;
        this.metric = Metric.of(
                () -> new TokenSample(settings.tokens, settings.ofPrompt),
                TokenSample::add,
                TokenSample::merge,
                this::find);
    }

    /**
     * Modules of steps, with the settings that are named above.
     *
     * @return a metric
     */
    public static Steps find() {
        return new Steps(new Settings(
                Modules.byCoActivation().settings(), MOST_TOKENS, MOST_OF_PROMPT, false, tokens -> Map.of()));
    }

    /**
     * The same with other settings of the search: threshold, links, signs, resolutions, searches, halves, shuffles, seed and progress.
     *
     * @param modules has them; what it would measure does not matter
     * @return a metric
     */
    public Steps withSearch(Modules modules) {
        return new Steps(new Settings(
                modules.settings(), settings.tokens, settings.ofPrompt, settings.withPositions, settings.labels));
    }

    /**
     * The same with another size of the sample.
     *
     * @param most how many tokens it has at most, 10,000 unless set
     * @return a metric
     * @throws IllegalArgumentException if it is less than 20
     */
    public Steps withTokens(int most) {
        if (most < 2 * FEWEST_PROMPTS) {
            throw new IllegalArgumentException("steps take at least " + 2 * FEWEST_PROMPTS + " tokens, not " + most);
        }
        return new Steps(
                new Settings(settings.search, most, settings.ofPrompt, settings.withPositions, settings.labels));
    }

    /**
     * The same with another number of tokens of each prompt.
     *
     * @param most how many of one prompt are in the sample at most, 100 unless set; no more than the whole sample has, and with more than a tenth of
     *             that long prompts may be too few
     * @return a metric
     * @throws IllegalArgumentException if it is less than 2
     */
    public Steps withTokensOfPrompt(int most) {
        if (most < 2) {
            throw new IllegalArgumentException("steps take at least 2 tokens of a prompt, not " + most);
        }
        return new Steps(new Settings(settings.search, settings.tokens, most, settings.withPositions, settings.labels));
    }

    /**
     * The same with what is usual at a position left in.
     *
     * @return a metric
     */
    public Steps withPositions() {
        return new Steps(new Settings(settings.search, settings.tokens, settings.ofPrompt, true, settings.labels));
    }

    /**
     * The same with labels of tokens, over which each module's profile is told.
     *
     * @param labelling gives for the tokens that were run, without BOS where it is known, which positions have which label, if any; it is asked once for each prompt of the sample
     * @return a metric
     */
    public Steps withLabels(Function<PromptTokens, Map<String, int[]>> labelling) {
        Objects.requireNonNull(labelling, "labelling");
        return new Steps(
                new Settings(settings.search, settings.tokens, settings.ofPrompt, settings.withPositions, labelling));
    }

    @Override
    public Accumulator<StepMap> start() {
        return metric.start();
    }

    private StepMap find(TokenSample sample) {
        ModuleSettings search = settings.search;
        // Labels first: what is wrong with them is told before the work.
        StepProfiles profiles = new StepProfiles(sample, settings.labels);
        OverTokens observed = OverTokens.of(
                sample, settings.withPositions, search.absolute, new SplittableRandom(~search.seed), FEWEST_PROMPTS);
        ModuleMap map = new ModuleSearch(observed, search).run();
        Map<Unit, Integer> places = new HashMap<>();
        observed.columns().units().forEach(unit -> places.put(unit, places.size()));
        List<StepProfile> ofModules = map.modules().stream()
                .map(module -> {
                    List<Integer> members = module.units().stream()
                            .map(unit -> places.getOrDefault(unit, 0))
                            .toList();
                    Course course = new Course(observed.columns(), members, search.absolute);
                    return profiles.of(
                            module,
                            IntStream.range(0, members.size())
                                    .mapToDouble(course::sign)
                                    .toArray());
                })
                .toList();
        return new StepMap(
                map,
                ofModules,
                observed.prompts(),
                observed.columns().size(),
                sample.seenPrompts(),
                sample.seenTokens(),
                observed.degrees(),
                settings.withPositions);
    }
}
