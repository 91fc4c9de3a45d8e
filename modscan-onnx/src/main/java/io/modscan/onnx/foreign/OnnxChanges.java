package io.modscan.onnx.foreign;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.model.SiteChange;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.onnx.foreign.OnnxSites.Recipe;
import io.modscan.onnx.internal.graph.OnnxProtos;
import io.modscan.onnx.internal.graph.OnnxTypes;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * What interventions may change in a plan's graph: behind each such tensor stands {@code tensor · keep + fill}, and all who read the
 * tensor read that. Rows that are not changed, and padding, keep their values, bit for bit: a mask's values at padding may not be
 * multiplied away.
 */
final class OnnxChanges {

    /** Before a tensor's name: what it is multiplied with. */
    static final String KEEP = "modscan.keep.";

    /** Before a tensor's name: what is added to it. */
    static final String FILL = "modscan.fill.";

    /** Before a tensor's name: where it is changed at all, bool. */
    static final String CHANGED = "modscan.changed.";

    private static final Set<String> HALVES = Set.of("float16", "bfloat16");

    private final OnnxInputs inputs;
    private final List<Recipe> changing;

    /** @param changing tensors that {@link #canChange} */
    OnnxChanges(OnnxInputs inputs, List<Recipe> changing) {
        this.inputs = inputs;
        this.changing = changing;
    }

    /** Whether a tensor is of real numbers, and each of its rows of one prompt, in a graph whose operators are new enough. */
    static boolean canChange(OnnxFile file, Recipe recipe) {
        String type = recipe.tensor().type();
        boolean real = type.equals("float32") || type.equals("float64") || HALVES.contains(type);
        return real && !recipe.site().onDemand() && OnnxEdit.hasWhere(file);
    }

    boolean isEmpty() {
        return changing.isEmpty();
    }

    /** Puts the changes into a graph. */
    void into(OnnxEdit edit) {
        changing.forEach(recipe -> edit.between(recipe.tensor().name(), before -> changed(edit, recipe, before)));
    }

    private String changed(OnnxEdit edit, Recipe recipe, String before) {
        String tensor = recipe.tensor().name();
        boolean half = HALVES.contains(recipe.tensor().type());
        int type = OnnxTypes.number(recipe.tensor().type());
        int within = half ? OnnxTypes.FLOAT : type;
        String values = half ? cast(edit, before, within) : before;
        String product = edit.op("Mul", List.of(values, factor(edit, KEEP + tensor, recipe, within)));
        String sum = recipe.site().isPairwise()
                ? product
                : edit.op("Add", List.of(product, factor(edit, FILL + tensor, recipe, within)));
        String where = inGraphsOrder(
                edit, recipe, edit.input(CHANGED + tensor, DataType.BOOL_VALUE, symbols(recipe, CHANGED, false)));
        String chosen = edit.op("Where", List.of(where, sum, values));
        return half ? cast(edit, chosen, type) : chosen;
    }

    private String factor(OnnxEdit edit, String name, Recipe recipe, int type) {
        String given = inGraphsOrder(edit, recipe, edit.input(name, OnnxTypes.FLOAT, symbols(recipe, KEEP, true)));
        return type == OnnxTypes.FLOAT ? given : cast(edit, given, type);
    }

    private static String cast(OnnxEdit edit, String values, int type) {
        return edit.op("Cast", List.of(values), OnnxProtos.attribute("to", (long) type));
    }

    /** What is given has its axes in the site's order. */
    private static String inGraphsOrder(OnnxEdit edit, Recipe recipe, String given) {
        List<Integer> order = recipe.order();
        long[] back = IntStream.range(0, order.size()).mapToLong(order::indexOf).toArray();
        boolean inOrder = IntStream.range(0, back.length).allMatch(axis -> back[axis] == axis);
        return inOrder ? given : edit.op("Transpose", List.of(given), OnnxProtos.attribute("perm", back));
    }

    /** Each tensor is given as many positions as its own change needs, so no two have a symbol in common. */
    private List<String> symbols(Recipe recipe, String what, boolean wide) {
        return axes(recipe, "modscan_batch", what + recipe.tensor().name() + ".positions", wide);
    }

    private List<Long> shape(Recipe recipe, int rows, long positions, boolean wide) {
        return axes(recipe, String.valueOf(rows), String.valueOf(positions), wide).stream()
                .map(Long::valueOf)
                .toList();
    }

    /** The tensor's axes in the site's order: of those that are neither rows nor positions the length, or 1. */
    private List<String> axes(Recipe recipe, String rows, String positions, boolean wide) {
        List<String> axes = new ArrayList<>();
        for (int place : recipe.order()) {
            String axis = recipe.axes().get(place);
            boolean isRows = axes.isEmpty() && recipe.batched();
            axes.add(isRows ? rows : inputs.isPosition(axis) ? positions : wide ? axis : "1");
        }
        return axes;
    }

    /** The bytes of what a batch's rows are given. */
    long bytes(int rows, int columns) {
        int positions = Math.max(columns, inputs.length());
        return changing.stream()
                .map(Recipe::site)
                .mapToLong(site -> rows
                        * ((site.isPairwise() ? 1L : 2L)
                                        * Float.BYTES
                                        * new Reading(site, Pooling.none()).values(positions)
                                + places(site, positions)))
                .sum();
    }

    /** How many positions, or pairs of them, a row has at a site. */
    private static long places(Site site, int columns) {
        return site.isPairwise() ? (long) columns * columns : site.hasPositions() ? columns : 1;
    }

    /**
     * What a batch's interventions put into the graph.
     *
     * @param batch as many columns as the graph is given
     */
    List<Bound> given(TokenBatch batch) {
        List<Bound> bound = new ArrayList<>();
        for (Recipe recipe : changing) {
            String tensor = recipe.tensor().name();
            SiteChange change = SiteChange.of(batch, recipe.site());
            long positions = recipe.site().isPairwise()
                    ? change.shape().get(2)
                    : change.shape().get(1);
            List<Long> shape = shape(recipe, batch.rows(), positions, true);
            bound.add(new Bound(KEEP + tensor, change.keep(), OnnxJavaType.FLOAT, shape));
            if (!recipe.site().isPairwise()) {
                bound.add(new Bound(FILL + tensor, change.fill(), OnnxJavaType.FLOAT, shape));
            }
            bound.add(where(batch, recipe));
        }
        return bound;
    }

    /** Where a tensor is changed: at the tokens of rows whose interventions speak of it. */
    private Bound where(TokenBatch batch, Recipe recipe) {
        Site site = recipe.site();
        boolean full = IntStream.range(0, batch.rows()).allMatch(row -> batch.length(row) == batch.columns());
        int columns = full ? 1 : batch.columns();
        int places = Math.toIntExact(places(site, columns));
        ByteBuffer where = ByteBuffer.allocateDirect(Math.multiplyExact(batch.rows(), places))
                .order(ByteOrder.nativeOrder());
        for (int row = 0; row < batch.rows(); row++) {
            boolean touched = batch.intervention(row).stream()
                    .flatMap(intervention -> intervention.changes().stream())
                    .anyMatch(change -> change.site().equals(site.name()));
            for (int place = 0; place < places && touched; place++) {
                boolean real = places == 1
                        || (isReal(batch, row, place % columns)
                                && (!site.isPairwise() || isReal(batch, row, place / columns)));
                where.put(row * places + place, real ? (byte) 1 : 0);
            }
        }
        return new Bound(
                CHANGED + recipe.tensor().name(),
                where,
                OnnxJavaType.BOOL,
                shape(recipe, batch.rows(), site.hasPositions() || site.isPairwise() ? columns : 1, false));
    }

    private static boolean isReal(TokenBatch batch, int row, int column) {
        return batch.attentionMask().get(row * batch.columns() + column) != 0;
    }
}
