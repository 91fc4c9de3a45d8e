package io.modscan.core.model;

import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Site;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** A model that can be probed. Immutable; holds nothing native: what does is the source that it opens. */
public interface Model {

    /**
     * The sites that can be read. The magnitudes of those with units can be read too, and are not listed.
     *
     * @return the sites, in the order in which the network computes them
     */
    List<Site> sites();

    /**
     * The longest sequence that the model takes.
     *
     * @return tokens, BOS included; empty if it is not known, so that no limit is checked
     */
    OptionalInt maxTokens();

    /**
     * The number of token ids.
     *
     * @return ids are below this; empty if it is not known, so that no limit is checked
     */
    OptionalInt vocabularySize();

    /**
     * The id of the token that marks the beginning of a sequence.
     *
     * @return the id that {@link io.modscan.core.site.Pooling#withoutBos()} leaves out; empty if the model has no such token or
     *     none is known, so that nothing can leave it out
     */
    OptionalInt bosTokenId();

    /**
     * How many positions the model sees in a sample of {@linkplain io.modscan.core.prompt.Prompt#ofTensors ready tensors}.
     * Checks too that the sample is one that the model takes: that there is a tensor for each input, of its type and shape.
     *
     * @param inputs the sample's tensors by the names of the model's inputs
     * @return positions, at least 1; 1 where the model has no axis of positions
     * @throws ModscanException if the sample is not as the model needs it, or, unless overridden, because the model takes
     *                          token ids only
     */
    default int positions(Map<String, InputTensor> inputs) {
        throw new ModscanException("this model takes token ids, not ready tensors: " + this);
    }

    /**
     * The tokenizer that belongs to the model.
     *
     * @return the tokenizer
     * @throws ModscanException if the model came without one; prompts of ready token ids don't need it
     */
    Tokenizer tokenizer();

    /**
     * What is needed to say later which model it was.
     *
     * @return facts by key, such as {@code model.fingerprint}
     */
    Map<String, String> provenance();

    /**
     * What is to be read, of what is wanted. A model that knows why something can't be read may say so.
     *
     * @param selections what is wanted, at least one
     * @return the plan, by {@link CapturePlan#of}
     * @throws ModscanException as {@link CapturePlan#of}
     */
    default CapturePlan plan(List<CapturePlan.Selection> selections) {
        return CapturePlan.of(sites(), selections);
    }

    /**
     * Whether the sources that this model opens pool positions and take magnitudes themselves, as they may where that is done
     * best: on a device, or in a graph that then gives little away. For those that don't, a probe does it.
     *
     * @return whether {@link #open} is given what was asked for, or only sites with tensors of their own, each position kept;
     *     false unless overridden
     */
    default boolean pools() {
        return false;
    }

    /**
     * The sites that interventions can change.
     *
     * @return some of {@link #sites()}; none unless overridden
     */
    default List<Site> changeable() {
        return List.of();
    }

    /**
     * Checks that an intervention can be made.
     *
     * @param intervention what a prompt is to be run under
     * @param plan         the plan that it is to be run by
     * @param length       the prompt's tokens
     * @throws ModscanException if not; the message says why
     */
    default void check(Intervention intervention, CapturePlan plan, int length) {
        intervention.check(
                plan.changing(), length, Optional.ofNullable(provenance().get("model.fingerprint")));
    }

    /**
     * The sites whose gradients and attributions can be computed.
     *
     * @return some of {@link #sites()}; none unless overridden
     */
    default List<Site> differentiable() {
        return List.of();
    }

    /**
     * What gradients and attributions are of, if that is settled already.
     *
     * @return the objective of a recording; empty unless overridden, for a model that can take any
     */
    default Optional<Objective> objective() {
        return Optional.empty();
    }

    /**
     * Where it can {@linkplain #startingAt begin}, if the site's values are given.
     *
     * @return sites of residual streams, in the network's order; the last one is behind all blocks. None unless overridden
     */
    default List<Site> starts() {
        return List.of();
    }

    /**
     * The same model, begun late where it can: what lies before the first site that a plan reads or changes is not computed but taken from
     * a run of the same prompts.
     *
     * @param untouched gives residual streams of that run, position by position; a recording of this model, above all
     * @return a model that gives the same values beyond rounding; this one unless overridden, which computes everything anew
     * @throws ModscanException if those are another model's, or hold no stream that this one could begin with
     */
    default Model startingAt(Model untouched) {
        return this;
    }

    /**
     * Makes the model ready to compute what a plan asks for, and no more.
     *
     * @param plan the plan, of {@link #plan}; unless the model {@linkplain #pools() pools}, {@linkplain CapturePlan#unpooled()
     *             unpooled}; what it lets be changed is some of {@link #changeable()}
     * @return a source, which the caller closes
     * @throws ModscanException if the model cannot be loaded or run
     */
    ActivationSource open(CapturePlan plan);

    /**
     * The model's weights, to set beside its activations. They are read from where they lie when they are asked for.
     *
     * @return the weights
     * @throws ModscanException if this kind of model does not give them
     */
    default Weights weights() {
        throw new ModscanException("this model does not give its weights: " + this);
    }
}
