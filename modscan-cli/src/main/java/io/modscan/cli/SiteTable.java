package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.core.model.Model;
import io.modscan.core.site.Axis;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.foreign.GraphTensor;
import io.modscan.onnx.foreign.OnnxModel;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * A model's sites as a table, one a line.
 *
 * @param rows the first is the head
 */
record SiteTable(List<List<String>> rows) {

    /** The sites of a model of which each tensor is a site. */
    static SiteTable of(Model model, List<String> globs) {
        Predicate<Site> wanted = wanted(model, globs, model.sites());
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("site", "layer", "captured as"));
        for (Site site : model.sites()) {
            if (wanted.test(site)) {
                rows.add(List.of(site.name(), layer(site.layer()), axes(site)));
            }
        }
        return new SiteTable(rows);
    }

    /** The tensors of a model of which some are no sites. */
    static SiteTable of(OnnxModel model, List<String> globs) {
        Map<String, Site> sites = model.sites().stream().collect(Collectors.toMap(Site::name, Function.identity()));
        List<GraphTensor> tensors = model.tensors();
        Predicate<Site> wanted =
                wanted(model, globs, tensors.stream().map(SiteTable::site).toList());
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("tensor", "type", "shape", "operator", "layer", "captured as"));
        for (GraphTensor tensor : tensors) {
            if (wanted.test(site(tensor))) {
                Site site = sites.get(tensor.name());
                rows.add(List.of(
                        tensor.name(),
                        tensor.type(),
                        tensor.shape().map(List::toString).orElse("unknown"),
                        tensor.operator(),
                        layer(tensor.layer()),
                        site != null
                                ? axes(site)
                                : "not: " + OptionNames.in(tensor.refusal().orElse(""))));
            }
        }
        return new SiteTable(rows);
    }

    /** What selectors are asked about, be it a site or not. */
    private static Site site(GraphTensor tensor) {
        return new Site(tensor.name(), tensor.layer(), List.of(), false);
    }

    private static Predicate<Site> wanted(Model model, List<String> globs, List<Site> among) {
        List<SiteSelector> selectors = globs.stream().map(Sites::glob).toList();
        for (SiteSelector selector : selectors) {
            if (among.stream().noneMatch(selector::selects)) {
                // Says which names are near.
                model.plan(List.of(new CapturePlan.Selection(selector, Pooling.none())));
                throw new ModscanException("'" + selector + "' means magnitudes, which are not listed;"
                        + " they can be captured of each site that has units");
            }
        }
        return site -> selectors.isEmpty() || selectors.stream().anyMatch(selector -> selector.selects(site));
    }

    private static String layer(OptionalInt layer) {
        return layer.isPresent() ? Integer.toString(layer.getAsInt()) : "";
    }

    private static String axes(Site site) {
        return site.axes().stream().map(SiteTable::axis).collect(Collectors.joining(", ", "[", "]"))
                + (site.onDemand() ? " on demand" : "");
    }

    private static String axis(Axis axis) {
        return switch (axis.role()) {
            case POSITION -> "position";
            case HEAD -> axis.size() + (axis.size() == 1 ? " head" : " heads");
            case QUERY -> "query";
            case KEY -> "key";
            case UNIT -> axis.size() + (axis.size() == 1 ? " unit" : " units");
        };
    }

    /** Prints the table, columns aligned unless tabs are to divide them. */
    void print(PrintWriter out, boolean tabs) {
        int[] widths = new int[rows.get(0).size()];
        // A name may have any character, a line's end too.
        List<List<String>> printable = rows.stream()
                .map(row -> row.stream().map(ModscanException::printable).toList())
                .toList();
        for (List<String> row : printable) {
            for (int column = 0; column < row.size() - 1; column++) {
                widths[column] = Math.max(widths[column], row.get(column).length() + 2);
            }
        }
        for (List<String> row : printable) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < row.size(); column++) {
                String cell = row.get(column);
                line.append(column > 0 && tabs ? "\t" : "").append(cell);
                line.append(" ".repeat(tabs ? 0 : Math.max(0, widths[column] - cell.length())));
            }
            out.println(line);
        }
        out.flush();
    }
}
