package io.modscan.onnx.foreign;

import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.onnx.foreign.OnnxInputs.Said;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What a user has said of a model.
 *
 * @param said        of its inputs
 * @param heads       which tensors have how many heads; the last word counts
 * @param positionAxes which axes of which tensors are positions, where their number is fixed; the last word counts
 * @param dequantized whether quantized tensors are read as real numbers
 * @param bosTokenId  the token that begins a text, if it is known
 * @param maxTokens   the longest sequence, if it is known
 * @param tokenizer   its folder or file
 * @param options     how it is run
 */
record OnnxSettings(
        Said said,
        List<Heads> heads,
        List<PositionAxes> positionAxes,
        boolean dequantized,
        OptionalInt bosTokenId,
        OptionalInt maxTokens,
        Path tokenizer,
        RuntimeOptions options) {

    /** Says how many heads some tensors have. */
    record Heads(SiteSelector tensors, int count) {}

    /** Says which axes of some tensors are positions. */
    record PositionAxes(SiteSelector tensors, Set<Integer> axes) {}

    /** Nothing is said. */
    static OnnxSettings of(Path tokenizer, RuntimeOptions options) {
        return new OnnxSettings(
                Said.nothing(),
                List.of(),
                List.of(),
                false,
                OptionalInt.empty(),
                OptionalInt.empty(),
                tokenizer,
                options);
    }

    OnnxSettings withInput(String input, InputRole role) {
        Map<String, InputRole> roles = new LinkedHashMap<>(said.roles());
        roles.put(input, role);
        return with(new Said(roles, said.dimensions(), said.batch(), said.positions()));
    }

    OnnxSettings withDimension(String symbol, int length) {
        Map<String, Integer> dimensions = new LinkedHashMap<>(said.dimensions());
        dimensions.put(symbol, length);
        return with(new Said(said.roles(), dimensions, said.batch(), said.positions()));
    }

    OnnxSettings withBatch(String symbol) {
        List<String> batch = new ArrayList<>(said.batch());
        batch.add(symbol);
        return with(new Said(said.roles(), said.dimensions(), batch, said.positions()));
    }

    OnnxSettings withPositions(String axis) {
        return with(new Said(said.roles(), said.dimensions(), said.batch(), Optional.of(axis)));
    }

    private OnnxSettings with(Said changed) {
        return new OnnxSettings(changed, heads, positionAxes, dequantized, bosTokenId, maxTokens, tokenizer, options);
    }

    OnnxSettings withHeads(SiteSelector tensors, int count) {
        List<Heads> all = new ArrayList<>(heads);
        all.add(new Heads(tensors, count));
        return new OnnxSettings(
                said, List.copyOf(all), positionAxes, dequantized, bosTokenId, maxTokens, tokenizer, options);
    }

    OnnxSettings withPositionAxes(SiteSelector tensors, Set<Integer> axes) {
        List<PositionAxes> all = new ArrayList<>(positionAxes);
        all.add(new PositionAxes(tensors, Set.copyOf(axes)));
        return new OnnxSettings(said, heads, List.copyOf(all), dequantized, bosTokenId, maxTokens, tokenizer, options);
    }

    /** The axes of a tensor that were said to be positions. */
    Optional<Set<Integer>> positionAxesOf(String tensor) {
        Site site = new Site(tensor, OptionalInt.empty(), List.of(), false);
        return positionAxes.stream()
                .filter(each -> each.tensors().selects(site))
                .map(PositionAxes::axes)
                .reduce((first, second) -> second);
    }

    /** The heads that a tensor was said to have. */
    OptionalInt headsOf(String tensor, OptionalInt layer) {
        Site site = new Site(tensor, layer, List.of(), false);
        return heads.stream()
                .filter(each -> each.tensors().selects(site))
                .mapToInt(Heads::count)
                .reduce((first, second) -> second);
    }

    OnnxSettings asDequantized() {
        return new OnnxSettings(said, heads, positionAxes, true, bosTokenId, maxTokens, tokenizer, options);
    }

    OnnxSettings withBosTokenId(int id) {
        return new OnnxSettings(
                said, heads, positionAxes, dequantized, OptionalInt.of(id), maxTokens, tokenizer, options);
    }

    OnnxSettings withMaxTokens(int tokens) {
        return new OnnxSettings(
                said, heads, positionAxes, dequantized, bosTokenId, OptionalInt.of(tokens), tokenizer, options);
    }

    OnnxSettings withTokenizer(Path path) {
        return new OnnxSettings(said, heads, positionAxes, dequantized, bosTokenId, maxTokens, path, options);
    }

    OnnxSettings withRuntime(RuntimeOptions runtime) {
        return new OnnxSettings(said, heads, positionAxes, dequantized, bosTokenId, maxTokens, tokenizer, runtime);
    }
}
