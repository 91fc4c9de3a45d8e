package io.modscan.core.model;

import io.modscan.core.error.ModscanException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The weights of a model, under the names and in the shapes of TransformerLens; H is the number of heads, D the width of
 * the residual stream, d = D / H that of a head, F the number of neurons, V that of token ids, L a layer from 0:
 *
 * <table>
 * <caption>Weights</caption>
 * <tr><th>name</th><th>shape</th></tr>
 * <tr><td>{@code embed.W_E}, {@code pos_embed.W_pos}</td><td>[V, D], [positions, D]</td></tr>
 * <tr><td>{@code blocks.L.attn.W_Q}, {@code W_K}, {@code W_V}; {@code b_Q}, {@code b_K}, {@code b_V}</td>
 *     <td>[H, D, d]; [H, d]</td></tr>
 * <tr><td>{@code blocks.L.attn.W_O}; {@code b_O}</td><td>[H, d, D]; [D]</td></tr>
 * <tr><td>{@code blocks.L.mlp.W_in}, {@code W_out}; {@code b_in}, {@code b_out}</td><td>[D, F], [F, D]; [F], [D]</td></tr>
 * <tr><td>{@code blocks.L.ln1.w}, {@code ln1.b}, {@code ln2.w}, {@code ln2.b}; {@code ln_final.w}, {@code ln_final.b}</td>
 *     <td>[D]</td></tr>
 * <tr><td>{@code unembed.W_U}</td><td>[D, V]</td></tr>
 * </table>
 *
 * <p>They multiply from the right, as in {@code hook_q = ln1.hook_normalized · W_Q + b_Q}.
 *
 * <p><strong>Nothing is folded.</strong> TransformerLens, unless told otherwise, folds each LayerNorm's scale and shift into
 * the matrix behind it and centres what writes to the residual stream. Here weights are as the checkpoint has them: a matrix
 * that reads the residual stream is applied to the LayerNorm's output <em>with</em> scale and shift, which is what
 * {@code ln1.hook_normalized} and {@code ln2.hook_normalized} hold.
 *
 * <p>A model has those of the table that it knows; one without biases has no {@code b_…}. Implementations are safe for use
 * by many threads.
 */
public interface Weights {

    /**
     * The weights that there are.
     *
     * @return their names, unmodifiable
     */
    List<String> names();

    /**
     * Reads a weight. It is read anew each time and not kept, so whoever needs it again should keep it.
     *
     * @param name its name
     * @return the weight
     * @throws ModscanException             if there is none of that name, or it is too large for an array
     * @throws java.io.UncheckedIOException if it cannot be read
     */
    Weight get(String name);

    /**
     * Reads a weight of a layer.
     *
     * @param layer  the layer, from 0
     * @param weight its name within the layer, such as {@code attn.W_Q}
     * @return the weight
     * @throws ModscanException             as {@link #get(String)} does
     * @throws java.io.UncheckedIOException if it cannot be read
     */
    default Weight get(int layer, String weight) {
        return get("blocks." + layer + "." + weight);
    }

    /**
     * The number of layers.
     *
     * @return one more than the highest layer of which there is a weight
     */
    default int layers() {
        Pattern block = Pattern.compile("blocks\\.(\\d{1,8})\\..*");
        return names().stream()
                .map(block::matcher)
                .filter(Matcher::matches)
                .mapToInt(matcher -> Integer.parseInt(matcher.group(1)) + 1)
                .max()
                .orElse(0);
    }

    /**
     * Weights that are in memory: of a model that modscan cannot read, or made up for a test.
     *
     * @param weights the weights
     * @return them, by their names
     * @throws IllegalArgumentException if two have the same name
     */
    static Weights of(List<Weight> weights) {
        Map<String, Weight> byName = new LinkedHashMap<>();
        for (Weight weight : weights) {
            if (byName.put(weight.name(), weight) != null) {
                throw new IllegalArgumentException("there are two weights of the name " + weight.name());
            }
        }
        List<String> names = List.copyOf(byName.keySet());
        return new Weights() {
            @Override
            public List<String> names() {
                return names;
            }

            @Override
            public Weight get(String name) {
                Weight weight = byName.get(name);
                if (weight == null) {
                    throw new ModscanException("there is no weight '" + name + "'; the weights are " + names);
                }
                return weight;
            }

            @Override
            public String toString() {
                return "Weights" + names;
            }
        };
    }
}
