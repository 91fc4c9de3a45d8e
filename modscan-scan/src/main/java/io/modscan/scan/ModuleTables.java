package io.modscan.scan;

import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.BorderUnit;
import io.modscan.metrics.modules.HalvesAgreement;
import io.modscan.metrics.modules.Member;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.ResolutionStep;
import io.modscan.metrics.modules.UnitModule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The tables of modules: their members, how good the partitions are, and what comes out at other resolutions. */
final class ModuleTables {

    /** What is said of a module, and not of a unit on the border. */
    private static final List<String> OF_A_MODULE =
            List.of("size", "correlation", "stability", "p", "topic", "topic_share", "topic_base", "topic_q");

    private ModuleTables() {}

    static void members(List<ScanModules> modules, Path file) {
        Csv.write(file, csv -> {
            List<String> header = new ArrayList<>(List.of("of", "module", "nearest"));
            header.addAll(OF_A_MODULE);
            header.addAll(List.of("site", "layer", "head", "unit", "certainty", "member_stability"));
            csv.writeRecord(header);
            for (ScanModules found : modules) {
                for (int i = 0; i < found.topics().size(); i++) {
                    ModuleTopics module = found.topics().get(i);
                    for (Member member : module.module().members()) {
                        csv.writeRecord(row(found.of(), Integer.toString(i), "", facts(module), member));
                    }
                }
                List<String> none = Collections.nCopies(OF_A_MODULE.size(), "");
                for (BorderUnit unit : found.found().border()) {
                    csv.writeRecord(row(found.of(), "", Csv.text(unit.nearest()), none, unit.member()));
                }
            }
        });
    }

    private static List<String> row(String of, String module, String nearest, List<String> facts, Member member) {
        Unit unit = member.unit();
        List<String> row = new ArrayList<>(List.of(of, module, nearest));
        row.addAll(facts);
        row.add(Csv.text(unit.site().tensorName()));
        row.add(Csv.text(unit.site().layer()));
        row.add(Csv.text(unit.head()));
        row.add(Csv.text(unit.unit()));
        row.add(Csv.text(member.certainty()));
        row.add(Csv.text(member.stability()));
        return row;
    }

    private static List<String> facts(ModuleTopics module) {
        return List.of(
                Integer.toString(module.module().size()),
                Csv.text(module.module().correlation()),
                Csv.text(module.module().stability()),
                Csv.text(module.module().p()),
                Csv.text(module.topic().orElse("")),
                number(module, ModuleTopics.Share::share),
                number(module, ModuleTopics.Share::base),
                number(module, ModuleTopics.Share::q));
    }

    /** A number of the label that names a module, empty where none does. */
    private static String number(ModuleTopics module, ToDoubleFunction<ModuleTopics.Share> which) {
        return module.topicShare()
                .map(share -> Csv.text(which.applyAsDouble(share)))
                .orElse("");
    }

    static void modularity(List<ScanModules> modules, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
                    "of",
                    "modules",
                    "units_in_modules",
                    "units_on_border",
                    "units_alone",
                    "units_left_out",
                    "threshold",
                    "links",
                    "resolution",
                    "modularity",
                    "shuffled_mean",
                    "shuffled_sd",
                    "z",
                    "p",
                    "shuffles",
                    "least_p",
                    "splits",
                    "halves_mean",
                    "halves_least",
                    "halves_most",
                    "halves_planted");
            for (ScanModules each : modules) {
                ModuleMap found = each.found();
                HalvesAgreement halves = found.halves();
                csv.writeRecord(
                        each.of(),
                        Integer.toString(found.modules().size()),
                        Integer.toString(found.modules().stream()
                                .mapToInt(UnitModule::size)
                                .sum()),
                        Integer.toString(found.border().size()),
                        Integer.toString(found.singletons().size()),
                        Integer.toString(found.leftOut().size()),
                        Csv.text(found.threshold()),
                        Long.toString(found.links()),
                        Csv.text(found.resolution()),
                        Csv.text(found.modularity().observed()),
                        Csv.text(found.modularity().mean()),
                        Csv.text(found.modularity().sd()),
                        Csv.text(found.modularity().z()),
                        Csv.text(found.modularity().p()),
                        Integer.toString(found.shuffles()),
                        Csv.text(found.leastP()),
                        Integer.toString(halves.splits()),
                        Csv.text(halves.mean()),
                        Csv.text(halves.least()),
                        Csv.text(halves.most()),
                        Csv.text(halves.planted()));
            }
        });
    }

    static void resolutions(List<ScanModules> modules, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord("of", "resolution", "modules", "largest", "modularity", "halves");
            for (ScanModules each : modules) {
                for (ResolutionStep step : each.found().resolutions()) {
                    csv.writeRecord(
                            each.of(),
                            Csv.text(step.resolution()),
                            Integer.toString(step.modules()),
                            Integer.toString(step.largest()),
                            Csv.text(step.modularity()),
                            Csv.text(step.halves()));
                }
            }
        });
    }
}
