package io.modscan.examples;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.OptModel;
import io.modscan.onnx.hub.Hub;
import io.modscan.onnx.hub.HubProgress;
import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How a model is found by its name. */
final class ModelOptions {

    static final String LABEL = "DIR|HUB_ID|FILE.onnx";

    static final String DESCRIPTION =
            "The checkpoint's folder, a model's name on the hub (facebook/opt-125m), or an export.";

    @Option(
            names = "--revision",
            paramLabel = "REV",
            description = "A hub model's branch, tag or commit (default: main).")
    private @Nullable String revision;

    OptModel load(String model, PrintWriter err) {
        if (!OptModel.isHubName(model)) {
            refuseRevision(model);
            return OptModel.load(model);
        }
        Hub hub = Hub.fromEnvironment().withProgress(progress(model, err));
        return OptModel.load(revision == null ? hub.snapshot(model) : hub.snapshot(model, revision));
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
