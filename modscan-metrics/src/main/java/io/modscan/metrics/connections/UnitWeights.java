package io.modscan.metrics.connections;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Weight;
import io.modscan.core.model.Weights;
import io.modscan.core.site.Site;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.linear.Dot;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What single units write to the residual stream, and what they read from there. */
final class UnitWeights {

    private static final Pattern NEURONS = Pattern.compile("blocks\\.(\\d{1,8})\\.mlp\\.hook_(pre|post)");
    private static final Pattern HEADS = Pattern.compile("blocks\\.(\\d{1,8})\\.attn\\.hook_(v|z)");

    private static final float[] NONE = {};

    private final Map<Integer, float[]> outputs = new HashMap<>();
    private final Map<Integer, float[]> inputs = new HashMap<>();

    private UnitWeights() {}

    static UnitWeights none() {
        return new UnitWeights();
    }

    /**
     * Reads those of some of the units, each matrix once.
     *
     * @throws ModscanException if none of all units has any, or a weight is not there or does not fit its site
     */
    static UnitWeights of(Weights weights, List<Unit> units, SortedSet<Integer> wanted) {
        if (!units.isEmpty() && units.stream().map(Unit::site).distinct().noneMatch(UnitWeights::has)) {
            throw new ModscanException("no unit of "
                    + units.stream().map(Unit::site).distinct().toList()
                    + " has output and input weights of its own; those of mlp.hook_pre, mlp.hook_post, attn.hook_v and"
                    + " attn.hook_z do");
        }
        Map<Site, List<Integer>> bySite = new LinkedHashMap<>();
        for (int unit : wanted) {
            bySite.computeIfAbsent(units.get(unit).site(), site -> new ArrayList<>())
                    .add(unit);
        }
        UnitWeights read = new UnitWeights();
        bySite.forEach((site, some) -> read.read(weights, site, units, some));
        return read;
    }

    private static boolean has(Site site) {
        return NEURONS.matcher(site.name()).matches()
                || HEADS.matcher(site.name()).matches();
    }

    private void read(Weights weights, Site site, List<Unit> units, List<Integer> some) {
        Matcher neurons = NEURONS.matcher(site.name());
        Matcher heads = HEADS.matcher(site.name());
        if (neurons.matches()) {
            int layer = Integer.parseInt(neurons.group(1));
            Weight in = weights.get(layer, "mlp.W_in");
            Weight out = weights.get(layer, "mlp.W_out");
            check(in, site, in.shape().size() == 2 && in.shape().get(1) == site.width());
            check(out, site, out.shape().size() == 2 && out.shape().get(0) == site.width());
            for (int unit : some) {
                put(unit, out, in, units.get(unit).inSite());
            }
        } else if (heads.matches()) {
            int layer = Integer.parseInt(heads.group(1));
            Weight in = weights.get(layer, "attn.W_V");
            Weight out = weights.get(layer, "attn.W_O");
            List<Integer> ofHeads = List.of(site.heads(), site.units());
            check(
                    in,
                    site,
                    in.shape().size() == 3
                            && List.of(in.shape().get(0), in.shape().get(2)).equals(ofHeads));
            check(
                    out,
                    site,
                    out.shape().size() == 3 && out.shape().subList(0, 2).equals(ofHeads));
            for (int unit : some) {
                int head = units.get(unit).head().orElse(0);
                put(unit, out.part(head), in.part(head), units.get(unit).unit().orElse(0));
            }
        }
    }

    private static void check(Weight weight, Site site, boolean fits) {
        if (!fits) {
            throw new ModscanException(weight + " is not one of '" + site + "', which has "
                    + (site.heads() > 0 ? site.heads() + " heads of " : "") + site.units()
                    + " units; give the weights of the model that was captured");
        }
    }

    /** Row and column of two matrices. */
    private void put(int unit, Weight out, Weight in, int index) {
        Interrupt.checkThisThread();
        float[] output = new float[out.shape().get(1)];
        out.values().get(index * output.length, output);
        outputs.put(unit, output);
        FloatBuffer columns = in.values();
        float[] input = new float[in.shape().get(0)];
        for (int i = 0; i < input.length; i++) {
            input[i] = columns.get(i * in.shape().get(1) + index);
        }
        inputs.put(unit, input);
    }

    /** The cosine of what two units write; NaN if one of them has no such weights, or only zeros. */
    double outputCosine(int unit, int other) {
        return cosine(outputs, unit, other);
    }

    /** The same of what they read. */
    double inputCosine(int unit, int other) {
        return cosine(inputs, unit, other);
    }

    private static double cosine(Map<Integer, float[]> weights, int unit, int other) {
        float[] a = weights.getOrDefault(unit, NONE);
        float[] b = weights.getOrDefault(other, NONE);
        if (a.length == 0 || b.length == 0) {
            return Double.NaN;
        }
        if (a.length != b.length) {
            throw new ModscanException("the weights of two units have " + a.length + " and " + b.length
                    + " values; the residual stream of one model is everywhere as wide");
        }
        double cosine = Dot.of(a, b) / (Math.sqrt(Dot.of(a, a)) * Math.sqrt(Dot.of(b, b)));
        // Math.max and min hand NaN on.
        return Math.max(-1, Math.min(1, cosine));
    }

    /** The length of what some units write together; NaN if one has no output weights. */
    double netOutput(List<Integer> units, double[] factors) {
        double[] net = new double[outputs.getOrDefault(units.get(0), NONE).length];
        for (int i = 0; i < factors.length; i++) {
            float[] output = outputs.getOrDefault(units.get(i), NONE);
            for (int k = 0; k < output.length && k < net.length; k++) {
                net[k] += factors[i] * output[k];
            }
        }
        return haveOutputs(units) ? Math.sqrt(Dot.of(net, net)) : Double.NaN;
    }

    /** The lengths of what each writes, added up. */
    double grossOutput(List<Integer> units, double[] factors) {
        double sum = 0;
        for (int i = 0; i < factors.length; i++) {
            float[] output = outputs.getOrDefault(units.get(i), NONE);
            sum += Math.abs(factors[i]) * Math.sqrt(Dot.of(output, output));
        }
        return haveOutputs(units) ? sum : Double.NaN;
    }

    private boolean haveOutputs(List<Integer> units) {
        return units.stream().allMatch(outputs::containsKey);
    }
}
