package io.modscan.examples;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.OptModel;
import io.modscan.onnx.RuntimeOptions;
import java.nio.file.Path;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** The options of commands that run a model. */
final class ModelOptions {

    @Option(
            names = "--device",
            paramLabel = "cpu|cuda[:N]",
            defaultValue = "cpu",
            description = "Where to run (default: cpu).")
    private String device = "cpu";

    @Option(names = "--threads", paramLabel = "N", description = "Threads on the CPU (default: one a physical core).")
    private OptionalInt threads = OptionalInt.empty();

    OptModel load(Path folder) {
        return apply(OptModel.load(folder));
    }

    OptModel apply(OptModel model) {
        RuntimeOptions options = runtime();
        return model.withRuntime(threads.isPresent() ? options.withThreads(threads.getAsInt()) : options);
    }

    private RuntimeOptions runtime() {
        if (device.equals("cpu")) {
            return RuntimeOptions.cpu();
        }
        if (device.matches("cuda(:\\d{1,4})?")) {
            return RuntimeOptions.cuda(device.equals("cuda") ? 0 : Integer.parseInt(device.substring(5)));
        }
        throw new ModscanException("--device '" + device + "' is neither cpu nor cuda nor cuda:N");
    }
}
