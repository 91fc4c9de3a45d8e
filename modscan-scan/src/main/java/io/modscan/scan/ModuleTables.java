package io.modscan.scan;

import io.modscan.core.site.Unit;
import io.modscan.metrics.modules.ModuleMap;
import io.modscan.metrics.modules.ModuleTopics;
import io.modscan.metrics.modules.UnitModule;
import java.nio.file.Path;
import java.util.List;

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
                    "site",
                    "layer",
                    "head",
                    "unit");
            for (ScanModules found : modules) {
                for (int i = 0; i < found.topics().size(); i++) {
                    ModuleTopics module = found.topics().get(i);
                    for (Unit unit : module.module().members()) {
                        csv.writeRecord(
                                found.of(),
                                Integer.toString(i),
                                Integer.toString(module.module().size()),
                                Csv.text(module.module().correlation()),
                                Csv.text(module.module().p()),
                                Csv.text(module.topic().orElse("")),
                                module.topic().isPresent() ? Csv.text(module.share()) : "",
                                Csv.text(unit.site().tensorName()),
                                Csv.text(unit.site().layer()),
                                Csv.text(unit.head()),
                                Csv.text(unit.unit()));
                    }
                }
            }
        });
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
