package io.modscan.examples;

import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
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

    @Option(
            names = "--module-units",
            paramLabel = "N",
            defaultValue = "10000",
            converter = CountConverter.class,
            description =
                    "Look for modules among the N units that vary most; 0 for none (default: 10000). Time grows with the"
                            + " square.")
    private int moduleUnits = 10_000;

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
        ScanReport.print(scan, terminal);
        ScanTables tables = new ScanTables(out);
        List<Path> written = new ArrayList<>(tables.write(scan));
        // Last, since they may take long, and what is written by then stays.
        List<ScanModules> modules = ScanModules.of(scan, label, moduleUnits);
        modules.forEach(found -> ScanReport.print(found, terminal));
        written.addAll(tables.writeModules(modules));
        written.add(tables.writePage(name, scan, label, modules, ScanPage.tokens(source, texts)));
        written.forEach(file -> terminal.println("written: " + file));
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
        boolean patterns = patternsFit(source, texts);
        if (source instanceof Recording captured) {
            Scan.plan(builder, captured, patterns);
        } else {
            Scan.plan(builder, patterns);
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

    private boolean patternsFit(Model source, Prompts texts) {
        int longest = texts.stream()
                .mapToInt(prompt -> prompt.tokenIds()
                        .map(ids -> ids.length)
                        .orElseGet(() -> source.tokenizer().encode(prompt.text().orElse("")).length))
                .map(tokens -> Math.min(tokens, source.maxTokens().orElse(tokens)))
                .max()
                .orElse(0);
        long bytes = Scan.patternBytes(source, longest);
        // What the probe allows the values of a batch.
        long limit = Math.min(options.memoryLimit() / 2, Runtime.getRuntime().maxMemory() / 4);
        if (bytes > limit) {
            spec.commandLine()
                    .getErr()
                    .printf(
                            Locale.ROOT,
                            "leaving out what heads attend to: the patterns of the longest prompt, %d tokens, take %d MB, and"
                                    + " there are %d; give more by --memory and java's -Xmx%n",
                            longest,
                            bytes >> 20,
                            limit >> 20);
        }
        return bytes <= limit;
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
