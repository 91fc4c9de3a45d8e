package io.modscan.cli;

import io.modscan.cli.ScanCommand.CountConverter;
import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.effect.Outcome;
import io.modscan.metrics.effect.Target;
import io.modscan.scan.AblationResult;
import io.modscan.scan.AblationScan;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AblationScan.Part;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code modscan ablate}: whether what lights up for a label does the work for it. */
@Command(
        name = "ablate",
        mixinStandardHelpOptions = true,
        description = {
            "Switches heads off one at a time, or what is named, and tells which label gets worse by it;",
            "without options, for the embedded demo."
        })
final class AblateCommand implements Runnable {

    @Option(
            names = "--model",
            paramLabel = ModelOptions.LABEL,
            description = ModelOptions.DESCRIPTION + " Default: the demo model.")
    private @Nullable String model;

    @ArgGroup
    private PromptFile input = new PromptFile();

    @Option(
            names = "--label",
            defaultValue = "topic",
            paramLabel = "KEY",
            description = "The label to tell by (default: topic).")
    private String label = "topic";

    @Option(
            names = "--out",
            defaultValue = "ablate-results",
            paramLabel = "DIR",
            description = "The folder for tables and the page (default: ablate-results).")
    private Path out = Path.of("ablate-results");

    @Option(
            names = "--units",
            split = ",",
            paramLabel = "SITE:N",
            description = "Switch these off, one at a time, in place of each head: blocks.3.attn.hook_z:5 is head 5,"
                    + " blocks.2.mlp.hook_post:17 neuron 17, SITE:HEAD.N a dimension of a head, SITE alone all of it.")
    private List<String> units = new ArrayList<>();

    @Option(
            names = "--modules",
            negatable = true,
            description = "Look for modules, and switch each of the 12 largest off, too (default: no).")
    private boolean modules;

    @Option(
            names = "--module-units",
            paramLabel = "N",
            defaultValue = "5000",
            converter = CountConverter.class,
            description = "Look for them among the N units that vary most (default: 5000). Time grows with the square.")
    private int moduleUnits = 5_000;

    @Option(
            names = "--curves",
            negatable = true,
            description =
                    "Switch the first 0.1 to 50 %% of all neurons off, ranked by how they light up for each label, and in a random"
                            + " order (default: no).")
    private boolean curves;

    @Option(
            names = "--ranking",
            split = ",",
            paramLabel = "LABEL",
            description = "Curves of these labels' rankings only; --curves need not be given.")
    private List<String> rankings = new ArrayList<>();

    @Option(
            names = "--keep-only",
            description =
                    "Curves that keep the first of a ranking, and switch all its others off; --curves need not be given.")
    private boolean keepOnly;

    @Option(
            names = "--by",
            paramLabel = "mean|zero|resample",
            defaultValue = "mean",
            description =
                    "What a unit is replaced by: its mean over the prompts, zero, or what another prompt has (default: mean).")
    private By by = By.MEAN;

    @Option(
            names = "--matched",
            paramLabel = "N",
            defaultValue = "0",
            converter = CountConverter.class,
            description =
                    "Run N sets of random units beside each target, of the same sites and mean activations (default: 0). It costs"
                            + " N times more. None comes twice: of a layer's heads there are three or four.")
    private int matched;

    @Option(
            names = "--outcome",
            paramLabel = "loss|kl",
            defaultValue = "loss",
            converter = OutcomeConverter.class,
            description =
                    "What gets worse: the loss, or how far predictions lie from the untouched model's (default: loss).")
    private Outcome outcome = Outcome.loss();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Where random sets, orders and draws come from (default: 0).")
    private long seed;

    @Option(
            names = "--temporary",
            paramLabel = "DIR",
            description =
                    "Where the untouched run's residual streams lie meanwhile: 4 bytes for each token and dimension of each layer"
                            + " (default: the system's temporary folder).")
    private @Nullable Path temporary;

    @Option(names = "--cut", description = "Cut prompts that are longer than the model takes, instead of failing.")
    private boolean cut;

    @Mixin
    private ProgressOptions progress = new ProgressOptions();

    @Mixin
    private RunOptions options = new RunOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** One of two kinds of file, or none. */
    static final class PromptFile {
        @Option(
                names = "--prompts",
                paramLabel = "FILE",
                description = "Labelled prompts, .csv or .jsonl (default: the demo's 100 prompts).")
        private @Nullable Path prompts;

        @Option(
                names = "--ids",
                paramLabel = "FILE.jsonl",
                description =
                        "Ready token ids: {\"id\": …, \"topic\": …, \"ids\": [2, 31414, …]} a line; run as they are.")
        private @Nullable Path ids;

        Prompts read() {
            if (ids == null) {
                return prompts == null ? DemoModel.prompts() : Prompts.read(prompts);
            }
            Prompts ready = Prompts.read(ids);
            ready.stream()
                    .filter(prompt -> prompt.tokenIds().isEmpty())
                    .findFirst()
                    .ifPresent(prompt -> {
                        throw new ModscanException(ids + ": prompt '" + prompt.id()
                                + "' has no ready token ids; --ids takes these, --prompts texts");
                    });
            return ready;
        }
    }

    @Override
    public void run() {
        PrintWriter terminal = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Model source = model == null
                ? options.demo()
                : options.loadOpt(
                        model,
                        "ablate switches off hook_z and mlp.hook_post of OPT models (others' tensors can be changed in Java)",
                        err);
        Prompts texts = input.read();
        List<Target> targets = UnitList.targets(units, source, spec.commandLine());
        String name = model != null ? model : "The demo model";
        try (EffectBar bar = progress.openForEffects(err);
                ModuleBar search = progress.openForModules(err)) {
            AblationScan scan = AblationScan.of(source)
                    .prompts(texts)
                    .label(label)
                    .title(name + ": does it do the work?")
                    .targets(targets)
                    .by(by)
                    .matched(matched)
                    .outcome(outcome)
                    .seed(seed)
                    .rankings(rankings)
                    .memoryLimit(options.memoryLimit())
                    .probe(options::withTokenBudget)
                    .progress(bar)
                    .moduleProgress(step -> search.accept("units", step));
            // Before the work, so that it is not done in vain.
            WholeFile.prepare(out.resolve("effects.csv"));
            err.println("switching " + (targets.isEmpty() ? "each head" : targets.size() + " targets") + " off over "
                    + texts.size() + " prompts");
            Path parent = temporary;
            AblationResult result =
                    asked(parent == null ? scan : scan.temporary(parent)).run();
            terminal.println(name + ", " + texts.size() + " prompts by " + label);
            terminal.print(result.summary());
            terminal.flush();
            result.writeTo(out).forEach(file -> terminal.println("written: " + file));
        }
    }

    private AblationScan asked(AblationScan scan) {
        AblationScan asked = modules && moduleUnits > 0 ? scan.moduleUnits(moduleUnits) : scan.without(Part.MODULES);
        if (!curves && !keepOnly && rankings.isEmpty()) {
            asked = asked.without(Part.CURVES);
        }
        if (keepOnly) {
            asked = asked.keepingOnly();
        }
        return cut ? asked.probe(Probe.Builder::cutOverlong) : asked;
    }

    /** Reads {@code loss} or {@code kl}. */
    static final class OutcomeConverter implements ITypeConverter<Outcome> {
        @Override
        public Outcome convert(String name) {
            return switch (name) {
                case "loss" -> Outcome.loss();
                case "kl" -> Outcome.kl();
                default -> throw new TypeConversionException("'" + name + "' is neither loss nor kl");
            };
        }
    }
}
