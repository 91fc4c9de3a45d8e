package io.modscan.onnx.foreign;

import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.InputTensor;
import io.modscan.onnx.foreign.OnnxInputs.Input;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Whether a sample of ready tensors is one that a graph takes. */
final class ReadySample {

    private ReadySample() {}

    /** Checks the sample, and tells how many positions it has. */
    static int positions(OnnxFile file, OnnxInputs inputs, Map<String, InputTensor> tensors) {
        for (String name : tensors.keySet()) {
            if (!inputs.inputs().containsKey(name)) {
                throw new ModscanException(
                        file.path() + ": takes the inputs " + inputs.described() + ", and the sample has "
                                + tensors
                                + (hasValue(file, name)
                                        ? "; '" + name + "' has a value in the file, and to give it another"
                                                + " say so first: OnnxModel.withInput(\"" + name + "\", InputRole.NONE)"
                                        : ""));
            }
        }
        Map<String, Long> symbols = new LinkedHashMap<>();
        for (Input input : inputs.inputs().values()) {
            InputTensor tensor = tensors.get(input.name());
            if (tensor == null) {
                continue; // Whether it is needed hangs on what is read.
            }
            OnnxTypes.javaType(input.type());
            if (OnnxFeed.number(tensor.type()) != input.type()
                    || !fits(axes(inputs, input, tensor.shape().size()), tensor.shape(), symbols)) {
                throw new ModscanException(file.path() + ": input '" + input.name() + "' takes "
                        + OnnxTypes.name(input.type()) + " " + axes(inputs, input, -1) + " a sample, not " + tensor
                        + (inputs.batchAxis(input) < 0
                                        && tensor.shape().size() == input.axes().size() - 1
                                ? "; if one of these is the batch, say so (OnnxModel.withBatch)"
                                : ""));
            }
        }
        long positions = inputs.positions()
                .flatMap(symbol -> Optional.ofNullable(symbols.get(symbol)))
                .orElse(1L);
        return inputs.fixedPositions().orElse(Math.toIntExact(positions));
    }

    private static boolean hasValue(OnnxFile file, String input) {
        return file.graph().getInputList().stream()
                .anyMatch(each -> each.getName().equals(input));
    }

    private static List<String> axes(OnnxInputs inputs, Input input, int rank) {
        List<String> axes = new ArrayList<>(input.own());
        int batch = inputs.batchAxis(input);
        if (batch >= 0) {
            axes.remove(batch);
        } else if (!axes.isEmpty() && axes.get(0).equals("1") && rank == axes.size() - 1) {
            axes.remove(0);
        }
        return axes;
    }

    private static boolean fits(List<String> axes, List<Long> shape, Map<String, Long> symbols) {
        if (axes.size() != shape.size()) {
            return false;
        }
        for (int i = 0; i < axes.size(); i++) {
            Long length = shape.get(i);
            boolean same = OnnxProtos.isSymbol(axes.get(i))
                    ? symbols.computeIfAbsent(axes.get(i), symbol -> length).equals(length)
                    : axes.get(i).equals(length.toString());
            if (!same) {
                return false;
            }
        }
        return true;
    }
}
