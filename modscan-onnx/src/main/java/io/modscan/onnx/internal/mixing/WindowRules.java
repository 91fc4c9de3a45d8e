package io.modscan.onnx.internal.mixing;

import static io.modscan.onnx.internal.mixing.MixingNode.MIXED;

import io.modscan.onnx.internal.mixing.Kept.Held;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/** Windows, recurrences and what else runs along a sample's own axes: safe for rows, for positions where a window is of one. */
final class WindowRules {

    private WindowRules() {}

    static void addTo(MixingRules table) {
        String windows =
                "auto_pad dilations group kernel_shape pads strides ceil_mode count_include_pad storage_order p output_padding";
        table.alike("Conv ConvTranspose", windows, node -> node.isFree(1) ? window(node, 0) : MIXED);
        table.alike("ConvInteger", windows, node -> node.isFree(1) ? window(node, 0) : MIXED);
        table.alike("QLinearConv", windows, node -> node.isFree(1) ? window(node, 0) : MIXED);
        table.add("MaxPool", windows, Set.of(), node -> {
            List<Kept> outputs = new ArrayList<>();
            for (int output = 0; output < node.outputs(); output++) {
                // The second counts through all rows.
                outputs.add(output == 0 ? window(node, 0) : MIXED);
            }
            return outputs;
        });
        table.alike("AveragePool LpPool", windows, node -> window(node, 0));
        table.alike("GlobalAveragePool GlobalMaxPool GlobalLpPool", "p", node -> node.apart(0, axis -> axis > 1));
        table.add(
                "GridSample",
                "align_corners mode padding_mode",
                Set.of(),
                node -> node.all(
                        node.kept(0).holds(0)
                                        && node.kept(1).holds(0)
                                        && node.kept(0).axes().size() == 1
                                        && node.kept(1).axes().size() == 1
                                ? node.changed(node.kept(0))
                                : MIXED));
        table.add(
                "Resize Upsample",
                "antialias coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value mode nearest_mode"
                        + " scales",
                Set.of(3),
                node -> node.all(resized(node)));
        table.alike("ReverseSequence", "batch_axis time_axis", node -> {
            int rows = Math.toIntExact(node.integer("batch_axis", 1));
            Kept lengths = node.kept(1);
            Kept from = node.apart(0, axis -> axis == node.integer("time_axis", 0));
            boolean own = from.holds(rows) ? lengths.isHeld() : lengths.isFree();
            return own ? from : MIXED;
        });
        table.add(
                "LSTM GRU RNN",
                "activations activation_alpha activation_beta clip direction hidden_size input_forget"
                        + " linear_before_reset layout",
                Set.of(),
                WindowRules::recurrent);
    }

    /** Windows are over the axes from the third on; one of width 1 sees its own place. */
    static Kept window(MixingNode node, int input) {
        Optional<List<Long>> widths = node.integers("kernel_shape");
        return node.apart(input, axis -> {
            if (axis == 0) {
                return false;
            }
            int at = axis - 2;
            int spatial = node.rank(input) - 2;
            return axis == 1
                    || widths.isEmpty()
                    || widths.get().get(at) != 1
                    || node.integers("strides").map(all -> all.get(at)).orElse(1L) != 1
                    || node.integers("pads")
                            .filter(all -> all.get(at) != 0 || all.get(at + spatial) != 0)
                            .isPresent()
                    || node.says("output_padding")
                    || !node.text("auto_pad", "NOTSET").matches("NOTSET|VALID");
        });
    }

    private static Kept resized(MixingNode node) {
        int scales = node.operator().equals("Upsample") || node.opset() < 11 ? 1 : 2;
        boolean sized = scales == 2 && node.has(3);
        boolean fits = node.kept(0).axes().stream()
                .allMatch(axis -> axis.place() == 0
                        && node.keepsLength(0)
                        && (sized
                                || node.kept(scales)
                                        .values()
                                        .filter(all -> all.get(0) == 1)
                                        .isPresent()));
        return fits
                        && !node.text("coordinate_transformation_mode", "").equals("tf_crop_and_resize")
                        && !node.kept(3).isHeld()
                        && node.isFree(1, 3)
                ? node.changed(node.kept(0))
                : MIXED;
    }

    private static List<Kept> recurrent(MixingNode node) {
        boolean usual = node.integer("layout", 0) == 0 && node.isFree(1, 4) && node.isFree(7);
        Kept from = node.kept(0);
        boolean apart = usual
                && !node.positions()
                && node.rank(0) == 3
                && from.axes().stream().allMatch(axis -> axis.place() == 1 && axis.isPure())
                && node.kept(4).axes().stream().allMatch(axis -> axis.place() == 0)
                && IntStream.of(5, 6)
                        .allMatch(input -> node.kept(input).axes().stream().allMatch(axis -> axis.place() == 1));
        if (node.positions() && usual && node.isFree(1) && from.axes().stream().allMatch(axis -> axis.place() == 1)) {
            apart = true; // positions taken for rows
        }
        if (!apart) {
            return node.all(MIXED);
        }
        List<Kept> outputs = new ArrayList<>();
        for (int output = 0; output < node.outputs(); output++) {
            outputs.add(Kept.held(List.of(Held.at(output == 0 ? 2 : 1, Padding.ANYTHING))));
        }
        return outputs;
    }
}
