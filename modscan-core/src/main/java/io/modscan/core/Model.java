package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Site;
import java.util.List;
import java.util.Map;

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
     * @return tokens, BOS included
     */
    int maxTokens();

    /**
     * The number of token ids.
     *
     * @return ids are below this
     */
    int vocabularySize();

    /**
     * The id of the token that marks the beginning of a sequence.
     *
     * @return the id that {@link io.modscan.core.site.Pooling#skipBos()} leaves out
     */
    int bosTokenId();

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
     * Makes the model ready to compute what a plan asks for, and no more.
     *
     * @param plan the plan, made from {@link #sites()}
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
