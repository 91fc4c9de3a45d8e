package io.modscan.cli;

import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.prompt.SpanFile;
import io.modscan.demo.DemoModel;
import io.modscan.scan.Scan;
import io.modscan.scan.ScanPlan;
import io.modscan.scan.ScanResult;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

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
            names = "--spans",
            paramLabel = "FILE.jsonl",
            description =
                    "Spans of the prompts that stand in a file of their own: {\"id\": …, \"spans\": [{\"label\": …,"
                            + " \"start\": …, \"end\": …}]} a line.")
    private @Nullable Path spans;

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
            defaultValue = "scan-results",
            paramLabel = "DIR",
            description = "The folder for numbers and pictures (default: scan-results).")
    private Path out = Path.of("scan-results");

    @Option(names = "--cut", description = "Cut prompts that are longer than the model takes, instead of failing.")
    private boolean cut;

    @Option(
            names = "--module-units",
            paramLabel = "N",
            defaultValue = "5000",
            converter = CountConverter.class,
            description =
                    "Look for modules among the N units that vary most; 0 for none (default: 5000). Time grows with the"
                            + " square.")
    private int moduleUnits = 5_000;

    @Option(
            names = "--token-prompts",
            paramLabel = "N",
            defaultValue = "200",
            converter = CountConverter.class,
            description =
                    "Look into at most N prompts token by token, the first of each label in turn; 0 for none (default: 200). They are"
                            + " run a second time, unless their values fit into memory.")
    private int tokenPrompts = 200;

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
                    : options.loadOpt(
                            model,
                            "scan reads hook_z and mlp.hook_post of OPT models (for another, io.modscan.examples.MiniLm"
                                    + " shows the same in Java)",
                            spec.commandLine().getErr());
            Prompts read = prompts == null ? DemoModel.prompts() : Prompts.read(prompts);
            texts = spans == null ? read : read.withSpans(SpanFile.read(spans));
        }
        String name = recording != null ? recording.toString() : model != null ? model : "The demo model";
        Scan scan = Scan.of(source).prompts(texts).label(label).title(name).memoryLimit(options.memoryLimit());
        scan = moduleUnits == 0 ? scan.without(Scan.Part.MODULES) : scan.moduleUnits(moduleUnits);
        scan = tokenPrompts == 0 ? scan.without(Scan.Part.TOKENS) : scan.tokenPrompts(tokenPrompts);
        scan = scan.probe(options::withTokenBudget);
        if (cut) {
            scan = scan.probe(Probe.Builder::cutOverlong);
        }
        // Modules are looked for when they are asked for, when the files are written.
        try (ModuleBar modules = progress.openForModules(spec.commandLine().getErr());
                StepBar steps = progress.openForSteps(spec.commandLine().getErr())) {
            ScanResult result = run(scan.moduleProgress(modules), steps, texts.size());
            terminal.println(name + ", " + texts.size() + " prompts by " + label);
            terminal.print(result.summary());
            terminal.flush();
            modules.begins();
            List<Path> written = result.writeTo(out);
            terminal.print(result.moduleSummary());
            written.forEach(file -> terminal.println("written: " + file));
        }
    }

    private void refuseWhatOnlyModelsTake() {
        for (String option : List.of(
                "--model",
                "--prompts",
                "--spans",
                "--revision",
                "--allow",
                "--tokenizer",
                "--device",
                "--threads",
                "--precision",
                "--load",
                "--weight-memory",
                "--token-budget",
                "--cut")) {
            if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
                throw new ParameterException(
                        spec.commandLine(), "a --recording has been captured already; leave " + option + " away");
            }
        }
    }

    private ScanResult run(Scan scan, StepBar steps, int prompts) {
        PrintWriter err = spec.commandLine().getErr();
        try (ProgressBar bar = progress.open(err)) {
            ScanPlan plan = scan.probe(probe -> probe.progress(bar))
                    .progress(step -> {
                        // The line of what ran before is ended.
                        bar.end();
                        steps.accept(step);
                    })
                    .plan();
            // Before the work, so that it is not done in vain.
            WholeFile.prepare(out.resolve("units.csv"));
            plan.leftOut()
                    .forEach((part, reason) -> err.println(
                            "leaving out " + named(part) + ": " + ModscanException.printable(OptionNames.in(reason))));
            err.println("scanning " + prompts + " prompts at " + plan.readings().size() + " sites");
            return plan.run();
        }
    }

    private static String named(Scan.Part part) {
        return switch (part) {
            case ATTENTION -> "what heads attend to";
            case CONTEXTS -> "top contexts";
            case TOKENS -> "what happens inside of prompts";
            default -> part.name().toLowerCase(Locale.ROOT);
        };
    }

    /** Reads a number that may be 0. */
    static final class CountConverter implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String number) {
            if (number.matches("\\d{1,9}")) {
                return Integer.valueOf(number);
            }
            throw new TypeConversionException("'" + number + "' is not a number from 0 to 999999999");
        }
    }
}
