package io.modscan.examples;

import io.modscan.core.Model;
import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.prompt.Prompts;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code modscan scan}: which heads and neurons respond to which topic, and how far apart the topics are. */
@Command(
        name = "scan",
        mixinStandardHelpOptions = true,
        description = "Tells which heads and neurons light up for which label; without options, for the embedded demo.")
final class ScanCommand implements Runnable {

    @Option(
            names = "--model",
            paramLabel = ModelOptions.LABEL,
            description = ModelOptions.DESCRIPTION + " Default: the demo model.")
    private @Nullable String model;

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description = "Labelled prompts, .csv or .jsonl (default: the demo's 100 prompts).")
    private @Nullable Path prompts;

    @Option(
            names = "--recording",
            paramLabel = "FILE.safetensors",
            description = "Scan what was captured into this file, in place of running a model on prompts.")
    private @Nullable Path recording;

    @Option(
            names = "--label",
            defaultValue = "topic",
            paramLabel = "KEY",
            description = "The label to tell by (default: topic).")
    private String label = "topic";

    @Option(
            names = "--out",
            defaultValue = "modscan-scan",
            paramLabel = "DIR",
            description = "The folder for numbers and pictures (default: modscan-scan).")
    private Path out = Path.of("modscan-scan");

    @Option(names = "--cut", description = "Cut prompts that are longer than the model takes, instead of failing.")
    private boolean cut;

    @Mixin
    private ProgressOptions progress = new ProgressOptions();

    @Mixin
    private RunOptions options = new RunOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        PrintWriter terminal = spec.commandLine().getOut();
        Model source;
        Prompts texts;
        if (recording != null) {
            refuseWhatOnlyModelsTake();
            Recording captured = Recording.open(recording);
            source = captured;
            texts = captured.prompts();
        } else {
            source = model == null
                    ? options.demo()
                    : options.load(model, spec.commandLine().getErr());
            texts = prompts == null ? DemoModel.prompts() : Prompts.read(prompts);
        }
        if (texts.labels(label).stream().distinct().count() < 2) {
            throw new ModscanException(
                    "all prompts have the same '" + label + "'; a scan compares at least two labels");
        }

        // Before the work, so that it is not done in vain.
        WholeFile.prepare(out.resolve("units.csv"));
        Scan scan = scan(source, texts);
        String name = recording != null ? recording.toString() : model != null ? model : "The demo model";
        terminal.println(name + ", " + texts.size() + " prompts by " + label);
        new ScanReport(scan).print(terminal);
        new ScanTables(scan).write(out).forEach(file -> terminal.println("written: " + file));
    }

    private void refuseWhatOnlyModelsTake() {
        for (String option :
                List.of("--model", "--prompts", "--revision", "--tokenizer", "--device", "--threads", "--cut")) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw new ParameterException(
                        spec.commandLine(), "a --recording has been captured already; leave " + option + " away");
            }
        }
    }

    private Scan scan(Model source, Prompts texts) {
        Probe.Builder builder = options.probe(source);
        if (source instanceof Recording captured) {
            Scan.plan(builder, captured);
        } else {
            Scan.plan(builder);
        }
        if (cut) {
            builder.cutOverlong();
        }
        try (ProgressBar bar = progress.open(spec.commandLine().getErr());
                Probe probe = builder.progress(bar).build()) {
            spec.commandLine()
                    .getErr()
                    .println("scanning " + texts.size() + " prompts at "
                            + probe.plan().readings().size() + " sites");
            return Scan.of(probe, texts, label);
        }
    }
}
