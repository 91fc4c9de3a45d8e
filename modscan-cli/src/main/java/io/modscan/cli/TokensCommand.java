package io.modscan.cli;

import io.modscan.core.Probe;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.prompt.SpanFile;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.core.site.Unit;
import io.modscan.core.token.Positions;
import io.modscan.demo.DemoModel;
import io.modscan.metrics.contexts.ContextMap;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.onnx.runtime.RuntimeModel;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code modscan tokens}: where a unit is strongest. */
@Command(
        name = "tokens",
        mixinStandardHelpOptions = true,
        description =
                "Shows in which texts, and at which tokens, a unit is strongest, and samples of how it is elsewhere; without"
                        + " --model and --prompts, of the embedded demo.")
final class TokensCommand implements Runnable {

    @Option(
            names = "--unit",
            required = true,
            paramLabel = "SITE:N",
            description =
                    "A head (blocks.3.attn.hook_z:5, by its magnitude), a neuron (blocks.2.mlp.hook_post:17), a dimension of a"
                            + " head (blocks.3.attn.hook_z:5.12) or of another site; may come several times.")
    private List<String> units = List.of();

    @Option(
            names = "--model",
            paramLabel = ModelOptions.LABEL,
            description = ModelOptions.DESCRIPTION + " Default: the demo model.")
    private @Nullable String model;

    @Option(
            names = "--prompts",
            paramLabel = "FILE",
            description = "Prompts, .csv, .jsonl or .txt; they stay on disk (default: the demo's 100 prompts).")
    private @Nullable Path prompts;

    @Option(
            names = "--spans",
            paramLabel = "FILE.jsonl",
            description =
                    "Spans of the prompts that stand in a file of their own: {\"id\": …, \"spans\": [{\"label\": …,"
                            + " \"start\": …, \"end\": …}]} a line.")
    private @Nullable Path spans;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            converter = ScanCommand.CountConverter.class,
            description = "How many of the strongest contexts (default: 10).")
    private int top = 10;

    @Option(
            names = "--width",
            paramLabel = "TOKENS",
            defaultValue = "12",
            converter = ScanCommand.CountConverter.class,
            description = "How many tokens to either side (default: 12).")
    private int width = 12;

    @Option(names = "--absolute", description = "Go by the size of values, whatever their sign.")
    private boolean absolute;

    @Option(
            names = "--positions",
            paramLabel = "all|no-bos|first:N|last:N|span:LABEL|ids:ID,…",
            description = "Which tokens count (default: all; a BOS at the beginning never does).",
            converter = PositionsConverter.class)
    private Positions positions = Positions.all();

    @Option(
            names = "--colour",
            paramLabel = "auto|always|never",
            defaultValue = "auto",
            description =
                    "Colour texts by value (default: auto, on a terminal unless NO_COLOR is set). The token is in brackets in"
                            + " any case.")
    private Colour colour = Colour.AUTO;

    @Option(names = "--cut", description = "Cut prompts that are longer than the model takes, instead of failing.")
    private boolean cut;

    @Mixin
    private ProgressOptions progress = new ProgressOptions();

    @Mixin
    private RunOptions options = new RunOptions();

    @ArgGroup(validate = false, heading = ForeignOptions.HEADING)
    private ForeignOptions foreign = new ForeignOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    private enum Colour {
        AUTO,
        ALWAYS,
        NEVER
    }

    @Override
    public void run() {
        PrintWriter err = spec.commandLine().getErr();
        if (top < 1) {
            throw new ModscanException("--top 0 asks for nothing; give at least 1");
        }
        RuntimeModel source = model == null ? options.demo() : options.loadAny(model, foreign, spec.commandLine());
        List<Unit> wanted = units.stream()
                .map(name -> UnitList.unit(name, source, spec.commandLine()))
                .distinct()
                .toList();
        Iterable<Prompt> given = prompts == null ? DemoModel.prompts() : Prompts.onDisk(prompts);
        Iterable<Prompt> texts = spans == null ? given : SpanFile.read(spans).onto(given);
        TopContexts metric = TopContexts.of(top).withWidth(width);
        PrintWriter out = spec.commandLine().getOut();
        ContextText text = new ContextText(source, isColoured());
        List<Site> sites =
                wanted.stream().map(unit -> read(unit).site()).distinct().toList();
        try (ProgressBar bar = progress.open(err);
                Probe probe = builder(source, sites).progress(bar).build()) {
            ContextMap map = probe.measure(texts, absolute ? metric.absolute() : metric);
            for (Unit unit : wanted) {
                out.print(text.of(unit, map.get(read(unit))));
            }
            out.flush();
        }
    }

    /** The same unit at a site from which no other leaves the graph, where there can be one. */
    private static Unit read(Unit unit) {
        Site site = unit.site();
        boolean picks =
                site.heads() == 0 && site.units() > 1 && site.derivedFrom().isEmpty();
        return picks ? Unit.of(site.pick(unit.unit().orElseThrow()), 0) : unit;
    }

    private Probe.Builder builder(RuntimeModel source, List<Site> sites) {
        SiteSelector[] selectors =
                sites.stream().map(site -> Sites.glob(site.name())).toArray(SiteSelector[]::new);
        Probe.Builder builder = options.probe(source).sites(Pooling.none().over(positions), selectors);
        return cut ? builder.cutOverlong() : builder;
    }

    private boolean isColoured() {
        return switch (colour) {
            case AUTO -> System.getenv("NO_COLOR") == null && Terminal.isOutput(System.console());
            case ALWAYS -> true;
            case NEVER -> false;
        };
    }
}
