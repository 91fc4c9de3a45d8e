package io.modscan.cli;

import io.modscan.onnx.Models;
import java.util.List;
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
            "NAME.magnitude can be captured too, of each site that has units, and is not listed."
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
        // Of an ONNX model of somebody else's all tensors are listed, those that can't be captured included.
        SiteTable table = Models.isOther(model)
                ? SiteTable.of(source.loadOther(model, foreign, line), globs)
                : SiteTable.of(source.loadOpt(model, line), globs);
        table.print(spec.commandLine().getOut(), tsv);
    }
}
