package io.modscan.metrics.effect;

import io.modscan.core.Activations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/**
 * What is looked at when something in the network is changed: a number a prompt, such as its loss, or a vector. The static methods are the
 * catalogue; an implementation of one's own reads any sites. None of those here lets [positions, vocabulary] leave the model. Immutable; safe for use
 * by many threads.
 */
public interface Outcome {

    /**
     * What it is, for tables and axes.
     *
     * @return such as {@code "loss (nats a token)"}
     */
    String name();

    /**
     * What has to be captured for it.
     *
     * @return at least one selection of sites
     */
    List<Selection> reads();

    /** Which way an outcome goes when a prompt loses what it needs. */
    enum Sense {
        /** Up, as a loss. */
        COST,
        /** Down, as the logit of what is right. */
        SCORE,
        /** It has no sign: it is 0 untouched, and how far things have moved else. That it is above 0 is no finding. */
        DISTANCE;

        /**
         * How much of an effect is harm.
         *
         * @param effect an effect
         * @return the effect of a cost or distance, and of a score its opposite
         */
        public double harm(double effect) {
            return this == SCORE ? -effect : effect;
        }

        /** Effects up to this share of an outcome, or of 1, are rounding of float32, or of sums of it over the vocabulary. */
        double rounding() {
            return this == DISTANCE ? 1e-5 : 2e-6;
        }
    }

    /**
     * Which way it goes when a prompt loses what it needs.
     *
     * @return {@link Sense#COST} unless overridden
     */
    default Sense sense() {
        return Sense.COST;
    }

    /**
     * The outcome of one prompt.
     *
     * @param activations what was captured, of the sites that this {@linkplain #reads reads} and no others
     * @param row         the prompt's index among them
     * @param prompt      the prompt as it was given, untouched
     * @return one value, or several
     */
    float[] of(Activations activations, int row, Prompt prompt);

    /**
     * The effect of a change on one prompt.
     *
     * @param untouched the outcome of the untouched prompt
     * @param changed   that of the changed one
     * @return unless overridden, by how much the first value has risen
     */
    default double effect(float[] untouched, float[] changed) {
        return (double) changed[0] - untouched[0];
    }

    /**
     * The mean over a prompt's tokens of their negative log likelihood given those before them.
     *
     * @return the loss, in nats a token
     */
    static Outcome loss() {
        return new SiteOutcome("loss (nats a token)", Sense.COST, Sites.loss(), Pooling.mean());
    }

    /**
     * The logit of a token at a prompt's last position.
     *
     * @param token its id
     * @return the logit
     */
    static Outcome logit(int token) {
        return new SiteOutcome("logit of token " + token, Sense.SCORE, Sites.logits(token), Pooling.last());
    }

    /**
     * By how much an answer is above a foil at a prompt's last position: logit(answer) − logit(foil), as Wang et al., "Interpretability in the
     * wild", 2022 (<a href="https://doi.org/10.48550/arXiv.2211.00593">doi:10.48550/arXiv.2211.00593</a>) have it.
     *
     * @param answer the id of the token that is right
     * @param foil   that of the one that is wrong
     * @return the difference of logits
     * @throws IllegalArgumentException if they are the same
     */
    static Outcome logitDifference(int answer, int foil) {
        if (answer == foil) {
            throw new IllegalArgumentException("answer and foil are both token " + answer + "; they are two");
        }
        return new TokenOutcome(
                "logit of token " + answer + " over " + foil,
                Sites.logits(answer, foil),
                (values, prompt) -> values[0] - values[1]);
    }

    /**
     * The same where each prompt has an answer and a foil of its own.
     *
     * @param tokens all tokens that are an answer or a foil of some prompt
     * @param answer tells a prompt's answer, one of these
     * @param foil   tells its foil, one of these
     * @return the difference of logits
     * @throws IllegalArgumentException if no token is named
     */
    static Outcome logitDifference(List<Integer> tokens, ToIntFunction<Prompt> answer, ToIntFunction<Prompt> foil) {
        List<Integer> own = tokens.stream().distinct().toList();
        if (own.isEmpty()) {
            throw new IllegalArgumentException(
                    "no token is named that could be an answer or a foil; name all that are");
        }
        return new TokenOutcome(
                "logit of the answer over the foil",
                Sites.logits(own.stream().mapToInt(Integer::intValue).toArray()),
                (values, prompt) -> values[TokenOutcome.place(own, answer.applyAsInt(prompt), prompt)]
                        - values[TokenOutcome.place(own, foil.applyAsInt(prompt), prompt)]);
    }

    /**
     * The probability that the model gives, behind a prompt's last position, the token that stands for the prompt's label.
     *
     * @param key    what the label is of, such as {@code topic}
     * @param tokens the id of each label's token
     * @return the probability, in [0, 1]
     * @throws IllegalArgumentException if there is no token
     */
    static Outcome probability(String key, Map<String, Integer> tokens) {
        if (tokens.isEmpty()) {
            throw new IllegalArgumentException(
                    "no token is named that stands for a " + key + "; name one for each label");
        }
        List<Integer> ids = tokens.values().stream().distinct().sorted().toList();
        return new TokenOutcome(
                "probability of the " + key + "'s token",
                Sites.logProbs(ids.stream().mapToInt(Integer::intValue).toArray()),
                (values, prompt) -> {
                    String label = prompt.labels().get(key);
                    Integer token = label == null ? null : tokens.get(label);
                    if (token == null) {
                        throw new ModscanException("prompt '" + prompt.id() + "' has the " + key + " " + label
                                + ", and a token is known for " + tokens.keySet());
                    }
                    return (float) Math.exp(values[TokenOutcome.place(ids, token, prompt)]);
                });
    }

    /**
     * What attributions estimate, measured: so that an {@link Ablation} can be set beside an {@link Attribution}.
     *
     * @param objective what attributions are of: the loss, logits or a log probability, at the positions that are usual for it
     * @param prompts   those that will be run, which may each have tokens of their own
     * @return an outcome of the same number for each of these prompts
     * @throws ModscanException if the objective is a direction's or at other positions, or a prompt lacks a label that it asks for
     */
    static Outcome of(Objective objective, Prompts prompts) {
        if (objective.kind() == Objective.Kind.DIRECTION || !objective.isAtUsualPositions()) {
            throw new ModscanException("no outcome is the " + objective
                    + "; measured are the loss of all tokens, and logits and log probabilities at the last position");
        }
        if (objective.kind() == Objective.Kind.LOSS) {
            return loss();
        }
        List<Integer> all = prompts.stream()
                .flatMap(prompt -> objective.tokens(prompt.id(), prompt.labels()).stream())
                .distinct()
                .toList();
        int[] ids = all.stream().mapToInt(Integer::intValue).toArray();
        return new TokenOutcome(
                objective.toString(),
                objective.kind() == Objective.Kind.LOGITS ? Sites.logits(ids) : Sites.logProbs(ids),
                (values, prompt) -> {
                    List<Integer> own = objective.tokens(prompt.id(), prompt.labels());
                    float answer = values[TokenOutcome.place(all, own.get(0), prompt)];
                    return own.size() == 1 ? answer : answer - values[TokenOutcome.place(all, own.get(1), prompt)];
                });
    }

    /**
     * How far what the model says at each position lies from what it says untouched: the mean over positions of KL(untouched ‖ changed). It takes a model
     * that can be {@linkplain io.modscan.core.model.Model#startingAt given} its untouched run, and a second product with the head.
     *
     * @return the divergence, in nats a token
     */
    static Outcome kl() {
        return new SiteOutcome("KL from the untouched run (nats a token)", Sense.DISTANCE, Sites.kl(), Pooling.mean());
    }

    /**
     * How far a site's vector moves.
     *
     * @param site    selects one site, and no other
     * @param pooling what becomes of its positions; not {@link Pooling#none()}
     * @return the L2 norm of the difference between the changed vector and the untouched one; 0 where it is less than 1e-5 of the untouched one's
     * @throws IllegalArgumentException if there is no pooling
     */
    static Outcome distance(SiteSelector site, Pooling pooling) {
        if (!pooling.isPooled()) {
            throw new IllegalArgumentException("one vector a prompt is compared; choose a pooling");
        }
        return new SiteOutcome("distance at " + site, Sense.DISTANCE, site, pooling) {
            @Override
            public double effect(float[] untouched, float[] changed) {
                double squares = 0;
                double size = 0;
                for (int i = 0; i < untouched.length; i++) {
                    double apart = (double) changed[i] - untouched[i];
                    squares += apart * apart;
                    size += (double) untouched[i] * untouched[i];
                }
                // Less is rounding, which a long vector has more of.
                return squares <= sense().rounding() * sense().rounding() * size ? 0 : Math.sqrt(squares);
            }
        };
    }
}
