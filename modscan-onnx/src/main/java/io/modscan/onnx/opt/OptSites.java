package io.modscan.onnx.opt;

import io.modscan.core.site.Axis;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.network.LanguageHead;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** The sites of an OPT network, in order of computation. */
final class OptSites {

    private OptSites() {}

    static List<Site> of(OptConfig config) {
        List<Axis> stream = List.of(Axis.POSITION, Axis.units(config.dModel()));
        List<Axis> heads = List.of(Axis.POSITION, Axis.heads(config.heads()), Axis.units(config.dHead()));
        List<Axis> attention = List.of(Axis.heads(config.heads()), Axis.QUERY, Axis.KEY);
        List<Axis> neurons = List.of(Axis.POSITION, Axis.units(config.dMlp()));
        List<Site> sites = new ArrayList<>();
        sites.add(site("hook_embed", OptionalInt.empty(), stream));
        sites.add(site("hook_pos_embed", OptionalInt.empty(), stream));
        for (int index = 0; index < config.layers(); index++) {
            String block = "blocks." + index + ".";
            OptionalInt layer = OptionalInt.of(index);
            sites.add(site(block + "hook_resid_pre", layer, stream));
            if (config.preNorm()) {
                sites.add(site(block + "ln1.hook_normalized", layer, stream));
            }
            sites.add(site(block + "attn.hook_q", layer, heads));
            sites.add(site(block + "attn.hook_k", layer, heads));
            sites.add(site(block + "attn.hook_v", layer, heads));
            sites.add(site(block + "attn.hook_attn_scores", layer, attention));
            sites.add(site(block + "attn.hook_pattern", layer, attention));
            sites.add(site(block + "attn.hook_z", layer, heads));
            sites.add(new Site(
                    block + "attn.hook_result",
                    layer,
                    List.of(Axis.POSITION, Axis.heads(config.heads()), Axis.units(config.dModel())),
                    true));
            sites.add(site(block + "hook_attn_out", layer, stream));
            if (!config.preNorm()) {
                sites.add(site(block + "ln1.hook_normalized", layer, stream));
            }
            sites.add(site(block + "hook_resid_mid", layer, stream));
            if (config.preNorm()) {
                sites.add(site(block + "ln2.hook_normalized", layer, stream));
            }
            sites.add(site(block + "mlp.hook_pre", layer, neurons));
            sites.add(site(block + "mlp.hook_post", layer, neurons));
            sites.add(site(block + "hook_mlp_out", layer, stream));
            if (!config.preNorm()) {
                sites.add(site(block + "ln2.hook_normalized", layer, stream));
            }
            sites.add(site(block + "hook_resid_post", layer, stream));
        }
        if (config.finalNorm()) {
            sites.add(site("ln_final.hook_normalized", OptionalInt.empty(), stream));
        }
        sites.add(site(
                LanguageHead.LOGITS, OptionalInt.empty(), List.of(Axis.POSITION, Axis.units(config.vocabulary()))));
        sites.add(new Site(
                LanguageHead.LOG_PROBS,
                OptionalInt.empty(),
                List.of(Axis.POSITION, Axis.units(config.vocabulary())),
                true));
        sites.add(site(LanguageHead.LOSS, OptionalInt.empty(), List.of(Axis.POSITION)));
        return List.copyOf(sites);
    }

    /** There only where an untouched run is given to be compared with. */
    static final Site KL = new Site(LanguageHead.KL, OptionalInt.empty(), List.of(Axis.POSITION), true);

    private static Site site(String name, OptionalInt layer, List<Axis> axes) {
        return new Site(name, layer, axes, false);
    }
}
