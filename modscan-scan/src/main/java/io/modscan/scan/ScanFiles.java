package io.modscan.scan;

import io.modscan.metrics.modules.StepMap;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.report.Picture;
import io.modscan.scan.Scan.Part;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The files of a scan. */
final class ScanFiles {

    private final ResultFolder folder;
    private final Consumer<String> progress;

    /** @param progress is told what is begun, and an empty text at the end */
    ScanFiles(Path folder, Consumer<String> progress) {
        this.folder = new ResultFolder(folder, progress);
        this.progress = progress;
    }

    List<Path> write(ScanResult scan, ScanPlan plan) {
        folder.table("units.csv", true, file -> UnitTables.units(scan, file));
        folder.table("sites.csv", plan.with(Part.SEPARATION), file -> UnitTables.sites(scan.separation(), file));
        folder.table(
                "heads.csv",
                plan.with(Part.ATTENTION),
                file -> scan.behaviour().ifPresent(behaviour -> UnitTables.heads(behaviour, file)));
        folder.table(
                "contexts.csv",
                plan.with(Part.CONTEXTS),
                file -> scan.contexts()
                        .ifPresent(contexts -> TokenTables.contexts(
                                contexts, scan.tokenUnits().units(), scan.label(), scan.pieces(), file)));
        Optional<ScanTokens> tokens = scan.tokens();
        folder.table(
                "token-labels.csv",
                tokens.isPresent(),
                file -> tokens.ifPresent(inside -> TokenTables.labels(inside, file)));
        Optional<StepMap> steps = tokens.flatMap(ScanTokens::steps);
        folder.table("steps.csv", steps.isPresent(), file -> steps.ifPresent(map -> TokenTables.steps(map, file)));
        folder.table(
                "step-profiles.csv",
                steps.isPresent(),
                file -> steps.ifPresent(map -> TokenTables.profiles(map, file)));
        folder.provenance(scan.provenance());
        folder.file(
                "heads.png",
                plan.with(Part.PICTURE),
                file -> Picture.heads(scan.units(), Criterion.standard()).png(file));
        // Last, since they may take long, and what is written by then stays.
        progress.accept("");
        boolean modules = !scan.modules().isEmpty();
        folder.table("modules.csv", modules, file -> ModuleTables.members(scan.modules(), file));
        folder.table("modularity.csv", modules, file -> ModuleTables.modularity(scan.modules(), file));
        folder.table("resolutions.csv", modules, file -> ModuleTables.resolutions(scan.modules(), file));
        folder.file("report.html", plan.with(Part.PAGE), file -> scan.report().write(file));
        progress.accept("");
        return folder.written();
    }
}
