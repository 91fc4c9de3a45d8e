package io.modscan.cli;

import io.modscan.core.Probe;
import io.modscan.core.Recording;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.model.Model;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.prompt.SpanFile;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Sites;
import io.modscan.core.token.Positions;
import io.modscan.onnx.runtime.RuntimeModel;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code modscan capture}: activations of a prompt file as a safetensors file. */
@Command(
        name = "capture",
        mixinStandardHelpOptions = true,
        description = {
            "Captures the activations of prompts into a safetensors file, or several with an index.",
            "If it ends early, the same command goes on where it was."
        })
final class CaptureCommand implements Runnable {

    @Option(
            names = "--model",
            required = true,
            paramLabel = ModelOptions.LABEL,
            description = ModelOptions.ANY_DESCRIPTION)
    private String model = "";

    @ArgGroup(multiplicity = "1")
    private PromptFile input = new PromptFile();

    @Option(
            names = "--sites",
            paramLabel = "GLOB,…",
            description =
                    "Sites to capture, divided by commas, such as blocks.*.attn.hook_z (default: all); 'modscan sites'"
                            + " lists them." + SiteList.COMMAS)
    private List<String> sites = List.of();

    @Option(
            names = "--changing",
            paramLabel = "GLOB,…",
            description =
                    "Sites that may be changed by interventions which prompts of a .jsonl file carry (default: none)."
                            + SiteList.COMMAS)
    private List<String> changing = List.of();

    @Option(
            names = "--pooling",
            paramLabel = "none|mean|last|max|sum",
            defaultValue = "none",
            description = "What becomes of the positions (default: none, each is kept).")
    private Pooling.Kind pooling = Pooling.Kind.NONE;

    @Option(
            names = "--spans",
            paramLabel = "FILE.jsonl",
            description =
                    "Spans of the prompts that stand in a file of their own: {\"id\": …, \"spans\": [{\"label\": …,"
                            + " \"start\": …, \"end\": …}]} a line, in characters, of --ids in tokens.")
    private @Nullable Path spans;

    @Option(names = "--skip-bos", description = "Leave the BOS position out: short for --positions no-bos.")
    private boolean withoutBos;

    @Option(
            names = "--positions",
            paramLabel = "all|no-bos|first:N|last:N|span:LABEL|ids:ID,…",
            description =
                    "Over which tokens to pool, or, without pooling, which of them to keep (default: all). A span is one"
                            + " that the prompts have.",
            converter = PositionsConverter.class)
    private @Nullable Positions positions;

    @Option(names = "--cut", description = "Cut prompts that are longer than the model takes, instead of failing.")
    private boolean cut;

    @Option(
            names = "--file-size",
            paramLabel = "BYTES",
            converter = RunOptions.BytesConverter.class,
            description = "Begin another file where one would become larger, such as 500m (default: 4g).")
    private @Nullable Long fileSize;

    @Option(
            names = "--store",
            paramLabel = "f32|f16|bf16",
            description =
                    "Store values as float32, or in half the bytes, rounded, as float16 or bfloat16 (default: f32). float16 keeps"
                            + " more digits; what is beyond 65504 it cannot hold, which is said at the end.",
            converter = StoredTypeConverter.class)
    private DType storedAs = DType.F32;

    @Option(names = "--out", required = true, paramLabel = "FILE.safetensors", description = "The file to write.")
    private Path out = Path.of("");

    @Mixin
    private ProgressOptions progress = new ProgressOptions();

    @Mixin
    private RunOptions options = new RunOptions();

    @ArgGroup(validate = false, heading = ForeignOptions.HEADING)
    private ForeignOptions foreign = new ForeignOptions();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** One of three kinds of file. */
    static final class PromptFile {
        @Option(
                names = "--prompts",
                required = true,
                paramLabel = "FILE",
                description =
                        "Texts: .csv (id,topic,text), .jsonl (the same keys) or .txt (a prompt a line). Ready tensors:"
                                + " .jsonl with \"inputs\": {NAME: FILE}, .npy, .safetensors, .png or .jpg.")
        private @Nullable Path prompts;

        @Option(
                names = "--ids",
                required = true,
                paramLabel = "FILE.jsonl",
                description =
                        "Ready token ids: {\"id\": …, \"topic\": …, \"ids\": [2, 31414, …]} a line; run as they are.")
        private @Nullable Path ids;

        @Option(
                names = "--start",
                required = true,
                paramLabel = "FILE.safetensors",
                description =
                        "A capture of this model's residual stream (blocks.N.hook_resid_pre, pooling none), to start at: what"
                                + " lies before is not computed. The prompts are those of that capture.")
        private @Nullable Path start;

        Path file() {
            Path file = start != null ? start : ids != null ? ids : prompts;
            if (file == null) {
                throw new IllegalStateException("picocli let none of --prompts, --ids and --start through");
            }
            return file;
        }

        Optional<Recording> start() {
            return Optional.ofNullable(start).map(Recording::open);
        }

        /** The prompts, which stay on disk. */
        Iterable<Prompt> open() {
            Iterable<Prompt> prompts = Prompts.onDisk(file());
            if (ids != null) {
                for (Prompt prompt : prompts) {
                    if (prompt.tokenIds().isEmpty()) {
                        throw new ModscanException(ids + ": prompt '" + prompt.id()
                                + "' has no ready token ids; --ids takes these, --prompts texts and ready tensors");
                    }
                }
            }
            return prompts;
        }
    }

    /** A capture replaces its target, which must not be what it reads. */
    private void refuseInputs(RuntimeModel model) {
        Set<Path> files = model.files();
        try {
            for (Path file :
                    Stream.concat(files.stream(), Stream.of(input.file())).toList()) {
                if (Files.exists(out) && Files.isSameFile(file, out)) {
                    throw new ModscanException(out + ": is one of the files that are read; give another --out");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(out + ": cannot be compared with what is read: " + e, e);
        }
    }

    @Override
    public void run() {
        if (withoutBos && positions != null && !positions.isWithoutBos()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--skip-bos and --positions " + positions + " choose positions in two ways; give one of them");
        }
        PrintWriter err = spec.commandLine().getErr();
        Optional<Recording> start = input.start();
        Iterable<Prompt> given = start.isPresent() ? start.get().prompts() : input.open();
        Iterable<Prompt> prompts = spans == null ? given : SpanFile.read(spans).onto(given);
        RuntimeModel source = start.isPresent()
                ? options.loadOpt(model, "only an OPT can be started at its residual stream", err)
                        .startingAt(start.get())
                : options.loadAny(model, foreign, spec.commandLine());
        if (chosen().isWithoutBos() && source.bosTokenId().isEmpty()) {
            throw new ParameterException(spec.commandLine(), "to leave BOS out takes knowing the token; add --bos ID");
        }
        refuseInputs(source);
        WholeFile.prepare(out); // before the model is loaded in vain
        try (ProgressBar bar = progress.open(err);
                Probe probe = builder(source).progress(bar).build()) {
            err.println("capturing " + prompts.spliterator().getExactSizeIfKnown() + " prompts at "
                    + probe.plan().readings().size() + " sites");
            probe.capture(prompts, out);
        }
        Path index = out.resolveSibling(out.getFileName() + ".index.json");
        spec.commandLine()
                .getOut()
                .println(Files.exists(out) ? out + ": written" : index + ": written, with the files that it lists");
    }

    private Positions chosen() {
        return withoutBos ? Positions.withoutBos() : positions == null ? Positions.all() : positions;
    }

    private Probe.Builder builder(Model source) {
        Probe.Builder builder = options.probe(source)
                .sites(
                        sites.isEmpty()
                                ? new String[] {"*"}
                                : SiteList.globs(sites, spec.commandLine()).toArray(String[]::new))
                .pooling(new Pooling(pooling, chosen()))
                .storeAs(storedAs);
        SiteList.globs(changing, spec.commandLine()).forEach(glob -> builder.changing(Sites.glob(glob)));
        if (cut) {
            builder.cutOverlong();
        }
        return fileSize == null ? builder : builder.fileSize(fileSize);
    }
}
