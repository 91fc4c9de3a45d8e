package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.Models;
import io.modscan.onnx.foreign.OnnxModel;
import io.modscan.onnx.hub.Hub;
import io.modscan.onnx.hub.HubProgress;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.RuntimeModel;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** How a model is found by its name. */
final class ModelOptions {

    static final String LABEL = "DIR|HUB_ID|FILE.onnx";

    static final String DESCRIPTION =
            "The checkpoint's folder, a model's name on the hub (facebook/opt-125m), or an export.";

    static final String ANY_DESCRIPTION =
            "The checkpoint's folder, a model's name on the hub (facebook/opt-125m), an export, or any other ONNX model.";

    @Option(
            names = "--revision",
            paramLabel = "REV",
            description = "A hub model's branch, tag or commit (default: main).")
    private @Nullable String revision;

    /** Opens an OPT model or any other. */
    RuntimeModel loadAny(String model, ForeignOptions foreign, CommandLine line) {
        return Models.isOther(model) ? loadOther(model, foreign, line) : loadOpt(model, line);
    }

    /** Opens an ONNX model that modscan did not export. */
    OnnxModel loadOther(String model, ForeignOptions foreign, CommandLine line) {
        refuseRevision(model);
        return foreign.open(Path.of(model), line);
    }

    /** Opens an OPT model, of which there is nothing else to say. */
    OptModel loadOpt(String model, CommandLine line) {
        ForeignOptions.refuse(model, line);
        return load(model, line.getErr());
    }

    /** Opens an OPT model for a command that can do with no other. */
    OptModel loadOpt(String model, String why, PrintWriter err) {
        if (Models.isOther(model) && Files.exists(Path.of(model))) {
            throw new ModscanException(model + ": is no export of modscan's, and " + why
                    + "; of any ONNX model, 'modscan sites' lists the tensors and 'modscan capture' captures them");
        }
        return load(model, err);
    }

    private OptModel load(String model, PrintWriter err) {
        if (!OptModel.isHubName(model)) {
            refuseRevision(model);
            return OptModel.open(model);
        }
        Hub hub = Hub.fromEnvironment().withProgress(progress(model, err));
        return OptModel.open(revision == null ? hub.snapshot(model) : hub.snapshot(model, revision));
    }

    void refuseRevision(String model) {
        if (revision != null) {
            throw new ModscanException(model + ": is no model of the hub, so it has no --revision");
        }
    }

    /** A line for each tenth of what is worth waiting for. */
    private static HubProgress progress(String model, PrintWriter err) {
        return new HubProgress() {
            private int tenth = -1;

            @Override
            public void update(String file, long done, long total) {
                int now = (int) (10.0 * done / total);
                if (now != tenth && total >= 1_000_000) {
                    tenth = now;
                    err.printf("fetching %s: %.1f of %.1f MB%n", model, done / 1e6, total / 1e6);
                    err.flush();
                }
            }
        };
    }
}
