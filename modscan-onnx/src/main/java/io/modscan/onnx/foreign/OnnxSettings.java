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

/**
 * What a user has said of a model.
 *
 * @param said        of its inputs
 * @param heads       which tensors have how many heads; the last word counts
 * @param dequantized whether quantized tensors are read as real numbers
 * @param bosTokenId  the token that begins a text, if it is known
 * @param maxTokens   the longest sequence, if it is known
 * @param tokenizer   its folder or file
 * @param options     how it is run
 */
record OnnxSettings(
        Said said,
        List<Heads> heads,
        boolean dequantized,
        OptionalInt bosTokenId,
        OptionalInt maxTokens,
        Path tokenizer,
        RuntimeOptions options) {

    /** Says how many heads some tensors have. */
    record Heads(SiteSelector tensors, int count) {}

    /** Nothing is said. */
    static OnnxSettings of(Path tokenizer) {
        return new OnnxSettings(
                Said.nothing(),
                List.of(),
                false,
                OptionalInt.empty(),
                OptionalInt.empty(),
                tokenizer,
                RuntimeOptions.cpu());
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
        return new OnnxSettings(changed, heads, dequantized, bosTokenId, maxTokens, tokenizer, options);
    }

    OnnxSettings withHeads(SiteSelector tensors, int count) {
        List<Heads> all = new ArrayList<>(heads);
        all.add(new Heads(tensors, count));
        return new OnnxSettings(said, List.copyOf(all), dequantized, bosTokenId, maxTokens, tokenizer, options);
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
        return new OnnxSettings(said, heads, true, bosTokenId, maxTokens, tokenizer, options);
    }

    OnnxSettings withBosTokenId(int id) {
        return new OnnxSettings(said, heads, dequantized, OptionalInt.of(id), maxTokens, tokenizer, options);
    }

    OnnxSettings withMaxTokens(int tokens) {
        return new OnnxSettings(said, heads, dequantized, bosTokenId, OptionalInt.of(tokens), tokenizer, options);
    }

    OnnxSettings withTokenizer(Path path) {
        return new OnnxSettings(said, heads, dequantized, bosTokenId, maxTokens, path, options);
    }

    OnnxSettings withRuntime(RuntimeOptions runtime) {
        return new OnnxSettings(said, heads, dequantized, bosTokenId, maxTokens, tokenizer, runtime);
    }
}
