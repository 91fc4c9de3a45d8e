package io.modscan.report;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.attention.HeadBehaviour;
import io.modscan.metrics.modules.BorderUnit;
import io.modscan.metrics.modules.HalvesAgreement;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.UnitModule;
import io.modscan.metrics.statistics.AgainstShuffles;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;

/** Activations in which some units tell labels apart, for prompts and labels with names that try to break a page. */
final class Planted {

    static final String SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>";
    static final String QUOTES = "\"quotes' & `ticks` ${x} \\u003c {{y}} @data@ %s";
    static final String RIGHT_TO_LEFT = "\u202eשלום עולם مرحبا";
    static final String LONG = "long ".repeat(2000);
    static final List<String> LABELS = List.of(QUOTES, SCRIPT, LONG, RIGHT_TO_LEFT);

    static final int LAYERS = 3;
    static final int HEADS = 4;
    static final int NEURONS = 150;
    static final int WIDTH = 6;
    private static final int EACH = 8;

    private Planted() {}

    static Prompts prompts() {
        List<Prompt> prompts = new ArrayList<>();
        for (int i = 0; i < EACH * LABELS.size(); i++) {
            String label = LABELS.get(i % LABELS.size());
            prompts.add(Prompt.of("p" + i + " " + (i % 3 == 0 ? SCRIPT : ""), i + " " + label)
                    .withLabel("topic", label));
        }
        return Prompts.of(prompts);
    }

    private static Site site(int layer, String hook, Axis... axes) {
        List<Axis> all = new ArrayList<>(List.of(Axis.POSITION));
        all.addAll(List.of(axes));
        return new Site("blocks." + layer + "." + hook, OptionalInt.of(layer), all, false);
    }

    /** Heads' magnitudes and neurons, of which unit {@code u} responds to label {@code u % 4} where {@code u % 3} is 0. */
    static Activations units() {
        Random random = new Random(1);
        Activations.Builder activations = Activations.builder(prompts());
        for (int layer = 0; layer < LAYERS; layer++) {
            activations.site(
                    site(layer, "attn.hook_z", Axis.heads(HEADS), Axis.units(WIDTH))
                            .magnitude(),
                    Pooling.mean(),
                    values(random, HEADS));
            activations.site(
                    site(layer, "mlp.hook_post", Axis.units(NEURONS)), Pooling.mean(), values(random, NEURONS));
        }
        return activations.build();
    }

    /** The streams and the heads' vectors. */
    static Activations vectors() {
        Random random = new Random(2);
        Activations.Builder activations = Activations.builder(prompts());
        for (int layer = 0; layer < LAYERS; layer++) {
            activations.site(site(layer, "hook_resid_post", Axis.units(16)), Pooling.mean(), values(random, 16));
            activations.site(
                    site(layer, "attn.hook_z", Axis.heads(HEADS), Axis.units(WIDTH)),
                    Pooling.mean(),
                    values(random, HEADS * WIDTH));
        }
        return activations.build();
    }

    /** Of the first two prompts, of 5 and 6 tokens; each attends to itself. */
    static Activations patterns() {
        List<int[]> ids = List.of(new int[] {0, 1, 2, 3, 4}, new int[] {5, 0, 6, 7, 8, 9});
        Activations.Builder activations = Activations.builder(
                Prompts.of(prompts().stream().limit(ids.size()).toList()));
        for (int layer = 0; layer < LAYERS; layer++) {
            float[][] rows = new float[ids.size()][];
            for (int prompt = 0; prompt < ids.size(); prompt++) {
                int length = ids.get(prompt).length;
                rows[prompt] = new float[HEADS * length * length];
                for (int i = 0; i < HEADS * length; i++) {
                    rows[prompt][i * length + i % length] = 1;
                }
            }
            activations.site(
                    new Site(
                            "blocks." + layer + ".attn.hook_pattern",
                            OptionalInt.of(layer),
                            List.of(Axis.heads(HEADS), Axis.QUERY, Axis.KEY),
                            false),
                    Pooling.none(),
                    rows);
        }
        return activations.tokenIds(ids).build();
    }

    /** Nothing at all. */
    static ModuleMap noModules() {
        return modules(List.of(), List.of());
    }

    /** Made by hand, not found. */
    static ModuleMap modules(List<UnitModule> modules, List<BorderUnit> border) {
        AgainstShuffles none = AgainstShuffles.of(Double.NaN, new double[0]);
        return new ModuleMap(
                modules,
                border,
                List.of(),
                List.of(),
                false,
                0.5,
                0,
                1,
                List.of(),
                HalvesAgreement.none(),
                0,
                none,
                none);
    }

    /** The numbers of how heads attend, of which some respond to labels as {@link #units} do. */
    static Activations behaviour() {
        List<String> names =
                Arrays.stream(HeadBehaviour.values()).map(HeadBehaviour::name).toList();
        Random random = new Random(4);
        Activations.Builder activations = Activations.builder(prompts());
        for (int layer = 0; layer < LAYERS; layer++) {
            activations.site(
                    new Site(
                            "blocks." + layer + ".attn.hook_pattern.behaviour",
                            OptionalInt.of(layer),
                            List.of(Axis.heads(HEADS), Axis.units(names)),
                            true),
                    Pooling.none(),
                    values(random, HEADS * names.size()));
        }
        return activations.build();
    }

    private static float[][] values(Random random, int width) {
        float[][] rows = new float[EACH * LABELS.size()][width];
        for (int prompt = 0; prompt < rows.length; prompt++) {
            for (int unit = 0; unit < width; unit++) {
                boolean responds = unit % 3 == 0 && unit % LABELS.size() == prompt % LABELS.size();
                rows[prompt][unit] = (float) (random.nextGaussian() + (responds ? 3 : 0));
            }
        }
        return rows;
    }
}
