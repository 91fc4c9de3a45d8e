package io.modscan.cli;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.onnx.Models;
import io.modscan.onnx.foreign.OnnxModel;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeModel;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code modscan sites}: what can be captured of a model. */
@Command(
        name = "sites",
        mixinStandardHelpOptions = true,
        description = {
            "Lists a model's sites, which can be captured; of an ONNX model that modscan did not export, all tensors.",
            "NAME.magnitude can be captured too, of each site that has units, and is not listed.",
            "On standard error: what capturing them takes of memory."
        })
final class SitesCommand implements Runnable {

    @Option(
            names = "--model",
            required = true,
            paramLabel = ModelOptions.LABEL,
            description = ModelOptions.ANY_DESCRIPTION)
    private String model = "";

    @Option(names = "--sites", paramLabel = "GLOB,…", description = "Which to list (default: all)." + SiteList.COMMAS)
    private List<String> sites = List.of();

    @Option(
            names = "--weight-memory",
            paramLabel = "BYTES",
            converter = RunOptions.BytesConverter.class,
            description =
                    "What weights may take, such as 6g, where it is told what the model takes (default: what the machine"
                            + " has beside Java).")
    private @Nullable Long weightMemory;

    /** A batch as it is usually run on a CPU. */
    private static final int ROWS = 8;

    private static final int COLUMNS = 64;

    @Option(names = "--tsv", description = "Columns divided by tabs, in place of blanks.")
    private boolean tsv;

    @Mixin
    private ModelOptions source = new ModelOptions();

    @ArgGroup(validate = false, heading = ForeignOptions.HEADING)
    private ForeignOptions foreign = new ForeignOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        CommandLine line = spec.commandLine();
        List<String> globs = SiteList.globs(sites, line);
        RuntimeModel opened;
        SiteTable table;
        // Of an ONNX model of somebody else's all tensors are listed, those that can't be captured included.
        if (Models.isOther(model)) {
            OnnxModel other = source.loadOther(model, foreign, line);
            table = SiteTable.of(other, globs);
            opened = other;
        } else {
            opened = source.loadOpt(model, line);
            table = SiteTable.of(opened, globs);
        }
        table.print(line.getOut(), tsv);
        RuntimeOptions runtime = RuntimeOptions.cpu();
        tellMemory(
                opened.withRuntime(weightMemory == null ? runtime : runtime.withWeightMemory(weightMemory)),
                globs,
                line.getErr());
    }

    /** What it takes to capture them, as far as they can be. */
    private static void tellMemory(RuntimeModel model, List<String> globs, PrintWriter err) {
        String[] wanted = globs.isEmpty() ? new String[] {"*"} : globs.toArray(String[]::new);
        List<Selection> selections = Arrays.stream(wanted)
                .map(glob -> new Selection(Sites.glob(glob), Pooling.none()))
                .toList();
        CapturePlan plan;
        try {
            plan = model.plan(selections);
        } catch (ModscanException e) {
            return; // Of tensors that are no sites, the table says why.
        }
        PlanMemory memory = model.memory(plan, ROWS, COLUMNS);
        err.println("to capture " + plan.readings().size()
                + (plan.readings().size() == 1 ? " site" : " sites") + " of these: weights "
                + PlanMemory.inWords(memory.weights()) + " in memory (" + PlanMemory.inWords(memory.stored())
                + " as stored), "
                + (memory.links() == 1
                        ? "which fit into the " + room(memory) + " that there are for them"
                        : memory.links() > 1
                                ? "more than the " + room(memory) + " that there are for them: run as a chain of "
                                        + memory.links() + " links"
                                : "and there are " + room(memory) + " for them, less than the "
                                        + PlanMemory.inWords(memory.largestBlock())
                                        + " of the largest block: this can't be run"));
        err.println("a batch of " + ROWS + " prompts of " + COLUMNS + " tokens, each position kept: values "
                + PlanMemory.inWords(memory.outputs()) + ", and about " + PlanMemory.inWords(memory.working())
                + " to compute them");
        err.flush();
    }

    private static String room(PlanMemory memory) {
        return PlanMemory.inWords(memory.room());
    }
}
