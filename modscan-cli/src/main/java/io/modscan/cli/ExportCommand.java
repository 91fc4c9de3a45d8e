package io.modscan.cli;

import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.runtime.Export;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code modscan export}: a model as an ONNX file whose outputs are its sites. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Writes a model as an ONNX file with every tensor as an output, or those that are named.")
final class ExportCommand implements Runnable {

    @Option(
            names = "--model",
            required = true,
            paramLabel = ModelOptions.LABEL,
            description = ModelOptions.ANY_DESCRIPTION)
    private String model = "";

    @Option(names = "--out", required = true, paramLabel = "FILE.onnx", description = "The file to write.")
    private Path out = Path.of("");

    @Option(
            names = "--sites",
            paramLabel = "GLOB,…",
            description = "Sites to be outputs (default: all)." + SiteList.COMMAS)
    private List<String> sites = List.of();

    @Option(names = "--self-contained", description = "Copy the weights beside the file, into FILE.onnx.data.")
    private boolean selfContained;

    @Mixin
    private ModelOptions source = new ModelOptions();

    @ArgGroup(validate = false, heading = ForeignOptions.HEADING)
    private ForeignOptions foreign = new ForeignOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public void run() {
        if (spec.commandLine().getParseResult().hasMatchedOption("--dequantize")) {
            throw new ParameterException(
                    spec.commandLine(),
                    "an export holds quantized tensors as the model has them; leave --dequantize away, which is for capture");
        }
        Export export = source.loadAny(model, foreign, spec.commandLine()).export();
        if (!sites.isEmpty()) {
            export = export.sites(SiteList.globs(sites, spec.commandLine()).stream()
                    .map(Sites::glob)
                    .toArray(SiteSelector[]::new));
        }
        if (selfContained) {
            export = export.selfContained();
        }
        Export.Exported exported = export.to(out);
        spec.commandLine()
                .getOut()
                .println(exported.model() + ": " + exported.sites().size() + " outputs, weights in "
                        + exported.data().map(Path::toString).orElse("the model's own file"));
    }
}
