package io.modscan.onnx.internal.network;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.model.SiteChange;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Site;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Where a network may be changed. At each such site there are {@code keep · value + fill} in the graph, and inputs for both; elsewhere the
 * graph is the same as if nothing could be changed. The changed tensor bears the site's name, since what is read there is what those behind
 * it see.
 */
public final class Changes {

    private static final String KEEP = "keep/";
    private static final String FILL = "fill/";

    private final GraphBuilder graph;
    private final Map<String, Site> sites;

    Changes(GraphBuilder graph, List<Site> sites) {
        this.graph = graph;
        this.sites = sites.stream().collect(Collectors.toMap(Site::name, Function.identity()));
    }

    public boolean at(String site) {
        return sites.containsKey(site);
    }

    /** What a tensor is called before it is changed; its own name where it isn't. */
    String before(String site, String tensor) {
        return at(site) ? tensor + "_unchanged" : tensor;
    }

    public String before(String site) {
        return before(site, site);
    }

    /**
     * Changes a tensor if its site may be changed.
     *
     * @param tensor the result's name; what is changed is what is called so {@linkplain #before before}
     * @return the tensor
     */
    String apply(String site, String tensor) {
        if (!at(site)) {
            return tensor;
        }
        String changed = graph.op("Mul", tensor + "_kept", before(site, tensor), input(KEEP, site, tensor));
        return graph.op("Add", tensor, changed, input(FILL, site, tensor));
    }

    public String apply(String site) {
        return apply(site, site);
    }

    /** [rows, 1 or positions, heads and units side by side] */
    private String input(String what, String site, String tensor) {
        String width =
                Integer.toString(Objects.requireNonNull(sites.get(site), site).width());
        return graph.optionalInput(what + site, DType.F32, "batch", tensor + "_positions", width);
    }

    /** Multiplies attention patterns, [rows, heads, 1 or queries, 1 or keys]. */
    String multiply(String site) {
        if (!at(site)) {
            return site;
        }
        String heads =
                Integer.toString(Objects.requireNonNull(sites.get(site), site).heads());
        String keep = graph.optionalInput(KEEP + site, DType.F32, "batch", heads, site + "_queries", site + "_keys");
        return graph.op("Mul", site, before(site), keep);
    }

    /** The sites whose inputs a graph has, because its outputs need them. */
    static List<Site> needed(List<Site> sites, Set<String> tensors) {
        return sites.stream()
                .filter(site -> tensors.contains(KEEP + site.name()))
                .toList();
    }

    /** What a run gives these inputs; a gradient may hang on factors alone, and not on what is added. */
    static List<Bound> bound(List<Site> sites, Set<String> tensors, TokenBatch batch) {
        List<Bound> inputs = new ArrayList<>();
        for (Site site : sites) {
            SiteChange change = SiteChange.of(batch, site);
            inputs.add(new Bound(KEEP + site.name(), change.keep(), OnnxJavaType.FLOAT, change.shape()));
            if (tensors.contains(FILL + site.name())) {
                inputs.add(new Bound(FILL + site.name(), change.fill(), OnnxJavaType.FLOAT, change.shape()));
            }
        }
        return inputs;
    }
}
