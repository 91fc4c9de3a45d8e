package io.modscan.onnx.internal.mixing;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a graph is given.
 *
 * @param inputs each input's axes, each a number or a symbol
 * @param masks  what those of them that are masks hold at padding
 * @param batch  the symbol of the batch, if there is one
 * @param padded the symbol of positions, or their number where that is fixed, if prompts are padded; else empty
 */
public record Given(
        Map<String, List<String>> inputs,
        Map<String, Padding> masks,
        Optional<String> batch,
        Optional<String> padded) {}
