package io.modscan.scan;

import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.file.WholeFile;
import io.modscan.metrics.selectivity.Criterion;
import io.modscan.report.Picture;
import io.modscan.scan.Scan.Part;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The files of a scan. */
final class ScanFiles {

    private final Path folder;
    private final List<Path> written = new ArrayList<>();

    ScanFiles(Path folder) {
        this.folder = folder;
    }

    List<Path> write(ScanResult scan, ScanPlan plan) {
        table("units.csv", true, file -> UnitTables.units(scan, file));
        table("sites.csv", plan.with(Part.SEPARATION), file -> UnitTables.sites(scan.separation(), file));
        table(
                "heads.csv",
                plan.with(Part.ATTENTION),
                file -> scan.behaviour().ifPresent(behaviour -> UnitTables.heads(behaviour, file)));
        file(
                "provenance.json",
                true,
                file -> WholeFile.write(
                        file,
                        aside -> JSON.std
                                .with(JSON.Feature.PRETTY_PRINT_OUTPUT)
                                .write(scan.provenance(), aside.toFile())));
        file(
                "heads.png",
                plan.with(Part.PICTURE),
                file -> Picture.heads(scan.units(), Criterion.standard()).png(file));
        // Last, since they may take long, and what is written by then stays.
        boolean modules = !scan.modules().isEmpty();
        table("modules.csv", modules, file -> ModuleTables.members(scan.modules(), file));
        table("modularity.csv", modules, file -> ModuleTables.modularity(scan.modules(), file));
        table("resolutions.csv", modules, file -> ModuleTables.resolutions(scan.modules(), file));
        file("report.html", plan.with(Part.PAGE), file -> scan.report().write(file));
        return List.copyOf(written);
    }

    private void table(String name, boolean there, Consumer<Path> writer) {
        file(name, there, file -> WholeFile.write(file, writer::accept));
    }

    private void file(String name, boolean there, Consumer<Path> writer) {
        Path file = folder.resolve(name);
        if (there) {
            writer.accept(file);
            written.add(file);
        } else {
            removeOfEarlierScan(file);
        }
    }

    /** What an earlier scan left would be taken for this one's. */
    private static void removeOfEarlierScan(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": is of an earlier scan and cannot be removed: " + e, e);
        }
    }
}
