package io.modscan.scan;

import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.UnitModule;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The tables of modules: their members, and how many there are beside shuffled values. */
final class ModuleTables {

    private ModuleTables() {}

    static void members(List<ScanModules> modules, Path file) {
        Csv.write(file, csv -> {
            csv.writeRecord(
                    "of",
                    "module",
                    "size",
                    "correlation",
                    "p",
                    "topic",
                    "topic_share",
                    "topic_base",
                    "topic_q",
                    "site",
                    "layer",
                    "head",
                    "unit");
            for (ScanModules found : modules) {
                for (int i = 0; i < found.topics().size(); i++) {
                    ModuleTopics module = found.topics().get(i);
                    for (Unit unit : module.module().units()) {
                        csv.writeRecord(
                                found.of(),
                                Integer.toString(i),
                                Integer.toString(module.module().size()),
                                Csv.text(module.module().correlation()),
                                Csv.text(module.module().p()),
                                Csv.text(module.topic().orElse("")),
                                number(module, ModuleTopics.Share::share),
                                number(module, ModuleTopics.Share::base),
                                number(module, ModuleTopics.Share::q),
                                Csv.text(unit.site().tensorName()),
                                Csv.text(unit.site().layer()),
                                Csv.text(unit.head()),
                                Csv.text(unit.unit()));
                    }
                }
            }
        });
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
                    "units_alone",
                    "units_left_out",
                    "threshold",
                    "links",
                    "modularity",
                    "shuffled_mean",
                    "shuffled_sd",
                    "z",
                    "p");
            for (ScanModules each : modules) {
                ModuleMap found = each.found();
                csv.writeRecord(
                        each.of(),
                        Integer.toString(found.modules().size()),
                        Integer.toString(found.modules().stream()
                                .mapToInt(UnitModule::size)
                                .sum()),
                        Integer.toString(found.singletons().size()),
                        Integer.toString(found.leftOut().size()),
                        Csv.text(found.threshold()),
                        Long.toString(found.links()),
                        Csv.text(found.modularity().observed()),
                        Csv.text(found.modularity().mean()),
                        Csv.text(found.modularity().sd()),
                        Csv.text(found.modularity().z()),
                        Csv.text(found.modularity().p()));
            }
        });
    }
}
