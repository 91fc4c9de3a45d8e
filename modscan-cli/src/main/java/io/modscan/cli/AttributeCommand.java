package io.modscan.cli;

import io.modscan.cli.AblateCommand.PromptFile;
import io.modscan.cli.ScanCommand.CountConverter;
import io.modscan.core.Probe;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Objective;
import io.modscan.scan.AblationScan.By;
import io.modscan.scan.AttributionResult;
import io.modscan.scan.AttributionScan;
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
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code modscan attribute}: what the model uses for a label, beside what lights up. */
@Command(
        name = "attribute",
        mixinStandardHelpOptions = true,
        description = {
            "Estimates from gradients what each label would lose without each head and each neuron, and sets that beside what lights up;",
            "without options, for the embedded demo."
        })
final class AttributeCommand implements Runnable {

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
            defaultValue = "attribute-results",
            paramLabel = "DIR",
            description = "The folder for tables and the page (default: attribute-results).")
    private Path out = Path.of("attribute-results");

    @Option(
            names = "--objective",
            paramLabel = "WHAT",
            defaultValue = "loss",
            converter = ObjectiveConverter.class,
            description =
                    "What units are used for: loss, logit:TOKEN, log-prob:TOKEN or logit-difference:ANSWER,FOIL (default: loss)."
                            + " Tokens are ids, or, but for logit, columns of the prompts that hold ids.")
    private Objective objective = Objective.loss();

    @Option(
            names = "--by",
            paramLabel = "mean|zero|resample",
            defaultValue = "mean",
            description =
                    "What a unit is replaced by: its mean over the prompts, zero, or what another prompt has (default: mean).")
    private By by = By.MEAN;

    @Option(
            names = "--steps",
            paramLabel = "K",
            defaultValue = "1",
            converter = CountConverter.class,
            description =
                    "For heads, take the mean of K gradients on the way to the replacement (default: 1). It costs K passes for each layer.")
    private int steps = 1;

    @Option(
            names = "--check",
            split = ",",
            paramLabel = "heads|N",
            converter = CheckConverter.class,
            description =
                    "Switch all heads off, too, one at a time, or the N units that are used most, and tell how far estimates hold. Both with a comma.")
    private List<Integer> checks = new ArrayList<>();

    @Option(
            names = "--curves",
            negatable = true,
            description =
                    "Switch the first 0.1 to 50 %% of all neurons off, ranked by how each label uses them, by how they light up for it, and in"
                            + " a random order (default: no).")
    private boolean curves;

    @Option(
            names = "--ranking",
            split = ",",
            paramLabel = "LABEL",
            description = "Curves of these labels' rankings only; --curves need not be given.")
    private List<String> rankings = new ArrayList<>();

    @Option(
            names = "--modules",
            negatable = true,
            description =
                    "Look for modules of units that are used together, beside those that light up together (default: no).")
    private boolean modules;

    @Option(
            names = "--module-units",
            paramLabel = "N",
            defaultValue = "5000",
            converter = CountConverter.class,
            description = "Look for them among the N units that vary most (default: 5000). Time grows with the square.")
    private int moduleUnits = 5_000;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Where the random order and draws come from (default: 0).")
    private long seed;

    @Option(
            names = "--temporary",
            paramLabel = "DIR",
            description =
                    "Where residual streams lie while units are switched off: 4 bytes for each token and dimension of each layer"
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

    @Override
    public void run() {
        PrintWriter terminal = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        if (modules && moduleUnits < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--module-units 0 looks among no units; give some, or leave --modules away");
        }
        if (steps < 1) {
            throw new ParameterException(spec.commandLine(), "--steps takes a number from 1, not " + steps);
        }
        Model source = model == null
                ? options.demo()
                : options.loadOpt(model, "attribute needs gradients, which OPT models have", err);
        Prompts texts = input.read();
        String name = model != null ? model : "The demo model";
        try (EffectBar bar = progress.openForEffects(err);
                ModuleBar search = progress.openForModules(err)) {
            AttributionScan scan = AttributionScan.of(source)
                    .prompts(texts)
                    .label(label)
                    .title(name + ": what does it use?")
                    .objective(objective)
                    .by(by)
                    .steps(steps)
                    .seed(seed)
                    .memoryLimit(options.memoryLimit())
                    .probe(options::withTokenBudget)
                    .progress(bar)
                    .moduleProgress(step -> search.accept("units", step));
            // Before the work, so that it is not done in vain.
            WholeFile.prepare(out.resolve("attributions.csv"));
            err.println("estimating what each unit does over " + texts.size() + " prompts");
            AttributionResult result = asked(scan).run();
            terminal.println(name + ", " + texts.size() + " prompts by " + label);
            terminal.print(result.summary());
            terminal.flush();
            result.writeTo(out).forEach(file -> terminal.println("written: " + file));
        }
    }

    private AttributionScan asked(AttributionScan scan) {
        AttributionScan asked = scan;
        for (int check : checks) {
            asked = check == CheckConverter.HEADS ? asked.check() : asked.check(check);
        }
        if (curves || !rankings.isEmpty()) {
            asked = asked.curves(rankings);
        }
        if (modules) {
            asked = asked.modules(moduleUnits);
        }
        Path parent = temporary;
        if (parent != null) {
            asked = asked.temporary(parent);
        }
        return cut ? asked.probe(Probe.Builder::cutOverlong) : asked;
    }

    /** Reads {@code heads} or a number of units. */
    static final class CheckConverter implements ITypeConverter<Integer> {

        static final int HEADS = -1;

        private final CountConverter counts = new CountConverter();

        @Override
        public Integer convert(String text) {
            if (text.equals("heads")) {
                return HEADS;
            }
            try {
                return counts.convert(text);
            } catch (TypeConversionException e) {
                throw new TypeConversionException("'" + text + "' is neither heads nor a number of units from 0");
            }
        }
    }
}
