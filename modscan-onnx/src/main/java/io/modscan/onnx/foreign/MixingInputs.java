package io.modscan.onnx.foreign;

import io.modscan.onnx.foreign.OnnxInputs.Input;
import io.modscan.onnx.internal.mixing.Given;
import io.modscan.onnx.internal.mixing.Padding;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is told of a graph's inputs to whoever asks what mixes prompts. */
final class MixingInputs {

    private MixingInputs() {}

    static Given of(OnnxInputs inputs) {
        Map<String, List<String>> axes = new LinkedHashMap<>();
        Map<String, Padding> masks = new LinkedHashMap<>();
        for (Input input : inputs.inputs().values()) {
            axes.put(input.name(), input.axes());
            input.role()
                    .filter(InputRole::isMask)
                    .ifPresent(role -> masks.put(input.name(), Padding.known(atPadding(role))));
        }
        return new Given(
                axes, masks, inputs.batch(), inputs.positions().filter(any -> inputs.hasMask() && isPadded(inputs)));
    }

    private static double atPadding(InputRole mask) {
        return switch (mask) {
            case ATTENTION_MASK -> 0;
            case PADDING_MASK -> 1;
            default -> -Float.MAX_VALUE;
        };
    }

    /** Only tokens are padded, and only up to the longest of those that are run at once. */
    private static boolean isPadded(OnnxInputs inputs) {
        return inputs.length() == 0
                && inputs.inputs().values().stream()
                        .anyMatch(input -> input.role().equals(Optional.of(InputRole.TOKEN_IDS)));
    }
}
