package io.modscan.cli;

import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.InputRole;
import io.modscan.onnx.foreign.OnnxModel;
import io.modscan.onnx.foreign.OnnxOpening;
import io.modscan.onnx.runtime.Allow;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What has to be said of an ONNX model that somebody else exported, where its file doesn't. */
final class ForeignOptions {

    /** Their heading in a command's help. */
    static final String HEADING = "%nOf an ONNX model that modscan did not export, where its file does not tell:%n";

    @Option(
            names = "--input",
            paramLabel = "NAME=ROLE",
            description =
                    "What an input takes: token_ids, attention_mask (1 at real tokens), padding_mask (1 at padding),"
                            + " additive_mask (0 and the lowest number), token_types, positions, past; or none of these.")
    private Map<String, InputRole> inputs = new LinkedHashMap<>();

    @Option(
            names = "--dimension",
            paramLabel = "SYMBOL=N",
            description = "The length of a symbol in the inputs' shapes, such as height=224.")
    private Map<String, Integer> dimensions = new LinkedHashMap<>();

    @Option(
            names = "--batch",
            paramLabel = "AXIS",
            description =
                    "The batch axis, where token ids don't tell: its symbol, or INPUT.AXIS; may be given for each input.")
    private List<String> batch = new ArrayList<>();

    @Option(
            names = "--position-axis",
            paramLabel = "AXIS",
            description =
                    "The axis of positions: its symbol, or their number where that is fixed, such as 197 patches.")
    private @Nullable String positions;

    @Option(
            names = "--position-axes",
            paramLabel = "GLOB=AXES",
            description =
                    "Which axes of tensors are positions, counted from 0, where units or heads are as many: '*scores=2+3'.")
    private Map<String, String> positionAxes = new LinkedHashMap<>();

    @Option(
            names = "--heads",
            paramLabel = "GLOB=N",
            description = "How many heads tensors hold: [.., heads x d] or [.., heads, .., d].")
    private Map<String, Integer> heads = new LinkedHashMap<>();

    @Option(names = "--bos", paramLabel = "ID", description = "The token that marks the beginning, for --skip-bos.")
    private @Nullable Integer bos;

    @Option(names = "--max-tokens", paramLabel = "N", description = "How many tokens the model takes.")
    private @Nullable Integer maxTokens;

    @Option(names = "--dequantize", description = "Read int8 and uint8 as the real numbers that they stand for.")
    private boolean dequantize;

    @Option(
            names = "--trust",
            description = "Open it at once, and not first in a process of its own, which it could end or fill.")
    private boolean trust;

    @Option(
            names = "--operators",
            paramLabel = "LIB.so",
            description = "A library of custom operators; native code, which runs as part of this program.")
    private List<Path> operators = new ArrayList<>();

    /** Opens a model, as trusted or not, and says to it what was said on the command line. */
    OnnxModel open(Path file, Set<Allow> allowed, CommandLine line) {
        OnnxOpening opening = OnnxOpening.usual().allowing(allowed).run(with(RuntimeOptions.cpu()));
        return applyTo(OnnxModel.open(file, trust ? opening : opening.triedFirst()), line);
    }

    /** The same options with the libraries of operators. */
    RuntimeOptions with(RuntimeOptions options) {
        RuntimeOptions all = options;
        for (Path library : operators) {
            all = all.withOperators(library);
        }
        return all;
    }

    /** Says to a model what was said on the command line. */
    private OnnxModel applyTo(OnnxModel opened, CommandLine line) {
        OnnxModel model = opened;
        try {
            for (Map.Entry<String, InputRole> input : inputs.entrySet()) {
                model = model.withInput(input.getKey(), input.getValue());
            }
            for (Map.Entry<String, Integer> dimension : dimensions.entrySet()) {
                model = model.withDimension(dimension.getKey(), dimension.getValue());
            }
            for (String axis : batch) {
                model = model.withBatch(axis);
            }
            model = positions == null ? model : model.withPositions(positions);
            for (Map.Entry<String, String> tensors : positionAxes.entrySet()) {
                model = model.withPositionAxes(Sites.glob(tensors.getKey()), axes(tensors.getValue()));
            }
            for (Map.Entry<String, Integer> tensors : heads.entrySet()) {
                model = model.withHeads(Sites.glob(tensors.getKey()), tensors.getValue());
            }
            model = bos == null ? model : model.withBosTokenId(bos);
            model = maxTokens == null ? model : model.withMaxTokens(maxTokens);
            return dequantize ? model.dequantized() : model;
        } catch (IllegalArgumentException e) {
            throw new ParameterException(line, OptionNames.in(String.valueOf(e.getMessage())), e);
        }
    }

    private static int[] axes(String axes) {
        if (!axes.matches("\\d{1,2}(\\+\\d{1,2})*")) {
            throw new IllegalArgumentException(
                    "--position-axes: '" + axes + "' are no axes; expected are numbers from 0, such as 1 or 2+3");
        }
        return Arrays.stream(axes.split("\\+")).mapToInt(Integer::parseInt).toArray();
    }

    /** Refuses these options for an OPT model, which needs to be told nothing. */
    static void refuse(String model, CommandLine line) {
        for (ArgSpec option : line.getParseResult().matchedArgs()) {
            if (option instanceof OptionSpec named
                    && named.group() != null
                    && HEADING.equals(named.group().heading())) {
                throw new ParameterException(
                        line,
                        named.longestName() + " is for ONNX models that modscan did not export; " + model
                                + " is opened as an OPT model, so leave it away");
            }
        }
    }
}
