package io.modscan.onnx.foreign;

import io.modscan.onnx.foreign.OnnxInputs.Input;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/** The table in which a graph looks token ids up. */
final class TokenTable {

    /** Operators that leave token ids what they are. */
    static final Set<String> RESHAPING = Set.of("Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze");

    private TokenTable() {}

    /** Its rows; empty if it is not found. */
    static OptionalInt rows(OnnxFile file, OnnxInputs inputs) {
        Set<String> ids = inputs.inputs().values().stream()
                .filter(input -> input.role().equals(Optional.of(InputRole.TOKEN_IDS)))
                .map(Input::name)
                .collect(Collectors.toCollection(HashSet::new));
        Map<String, Long> tables = new LinkedHashMap<>();
        file.graph().getInitializerList().stream()
                .filter(initializer -> initializer.getDimsCount() == 2)
                .forEach(initializer -> tables.put(initializer.getName(), initializer.getDims(0)));
        file.graph().getNodeList().stream()
                .filter(node -> RESHAPING.contains(node.getOpType()) && ids.contains(node.getInput(0)))
                .forEach(node -> ids.addAll(node.getOutputList()));
        return file.graph().getNodeList().stream()
                .filter(node -> node.getOpType().equals("Gather")
                        && node.getInputCount() == 2
                        && ids.contains(node.getInput(1))
                        && tables.containsKey(node.getInput(0)))
                .map(node -> tables.getOrDefault(node.getInput(0), 0L))
                .min(Comparator.naturalOrder())
                .filter(rows -> rows < Integer.MAX_VALUE)
                .map(rows -> OptionalInt.of(rows.intValue()))
                .orElse(OptionalInt.empty());
    }
}
