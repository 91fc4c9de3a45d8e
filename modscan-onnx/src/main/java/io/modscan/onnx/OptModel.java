package io.modscan.onnx;

import io.modscan.core.ActivationSource;
import io.modscan.core.Model;
import io.modscan.core.Tokenizer;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Site;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An OPT checkpoint as transformers saves it: a folder with {@code config.json}, {@code model.safetensors} or
 * {@code pytorch_model.bin}, and, to tokenize texts, {@code vocab.json} and {@code merges.txt}.
 *
 * <p>Sites carry TransformerLens names. Their tensors are those of transformers' OPTForCausalLM in float32, whatever type
 * the weights are stored in. TransformerLens folds LayerNorm weights into the next matrix unless told otherwise; here
 * {@code ln1.hook_normalized}, {@code ln2.hook_normalized} and {@code ln_final.hook_normalized} are the LayerNorm's output
 * <em>with</em> its scale and shift, as the next matrix sees it. {@code hook_embed} is what enters the residual stream,
 * so where the embedding has a width of its own (350m), it is taken after {@code project_in}.
 *
 * <p>The tokenizer's binding, DJL, is set up by system properties that hold for the whole JVM: unless they are set
 * already, opening a tokenizer sets {@code OPT_OUT_TRACKING} (else it reports its use over the network) and
 * {@code RUST_FLAVOR=cpu} (else it fetches another native library where it sees a GPU).
 *
 * <p>Immutable; safe for use by many threads. Weights are not read here: an opened source, or an export, refers to the
 * checkpoint's own file.
 */
public final class OptModel implements Model {

    private static final String CONFIG = "config.json";

    private final Path path;
    private final String configText;
    private final OptConfig config;
    private final Checkpoint checkpoint;
    private final RuntimeOptions options;
    private final Map<String, String> provenance;
    private final List<Site> sites;
    private final Path tokenizerPath;
    private final Object tokenizerLock = new Object();
    private @Nullable Tokenizer tokenizer;

    private OptModel(
            Path path,
            String configText,
            OptConfig config,
            Checkpoint checkpoint,
            RuntimeOptions options,
            Map<String, String> provenance,
            List<Site> sites,
            Path tokenizerPath) {
        this.path = path;
        this.configText = configText;
        this.config = config;
        this.checkpoint = checkpoint;
        this.options = options;
        this.provenance = provenance;
        this.sites = sites;
        this.tokenizerPath = tokenizerPath;
    }

    /**
     * Opens a checkpoint, or what {@link Export} made of one, and checks that it is whole: every tensor that the config
     * calls for is there in its shape. An export has no need of the checkpoint's config; where it was cut off behind its
     * outputs, the model has those sites whose weights it still knows.
     *
     * @param path the folder with the checkpoint's files, or an export, {@code NAME.onnx}
     * @return the model, to be run on the CPU
     * @throws ModscanException          if there is no such folder, or a file is missing from it
     * @throws MalformedFileException    if a file is truncated or inconsistent, or a tensor is missing, misshapen or
     *                                   unknown; nothing that a pickle names is run
     * @throws UnsupportedModelException if it is another kind of model, or has a setting that is not known
     * @throws UncheckedIOException      if a file cannot be read
     */
    public static OptModel load(Path path) {
        return Files.isRegularFile(path) && path.toString().endsWith(".onnx") ? ofExport(path) : ofFolder(path);
    }

    private static OptModel ofFolder(Path path) {
        ModelFolder folder = ModelFolder.open(path);
        if (!folder.has(CONFIG)) {
            throw new ModscanException(path + ": has no " + CONFIG + ", so it is no checkpoint of transformers");
        }
        folder.resolve(CONFIG);
        String text = JsonFile.readText(path.resolve(CONFIG));
        OptConfig config = OptConfig.read(JsonFile.parse(path.resolve(CONFIG), text));
        WeightFiles files = WeightFiles.read(folder);
        Checkpoint checkpoint = Checkpoint.whole(files, config);
        Map<String, String> provenance = new LinkedHashMap<>();
        provenance.put("model.type", "opt");
        provenance.put("model.name", folder.modelName());
        folder.revision().ifPresent(revision -> provenance.put("model.revision", revision));
        provenance.put("model.weights", String.valueOf(files.path().getFileName()));
        provenance.put("model.fingerprint", checkpoint.fingerprint(text));
        return new OptModel(
                path,
                text,
                config,
                checkpoint,
                RuntimeOptions.cpu(),
                Collections.unmodifiableMap(provenance),
                OptSites.of(config),
                path);
    }

    private static OptModel ofExport(Path path) {
        ExportedFile exported = ExportedFile.read(path);
        OptConfig config = OptConfig.read(JsonFile.parse(path, exported.config()));
        Checkpoint checkpoint = Checkpoint.some(exported.weights(), config);
        return new OptModel(
                path,
                exported.config(),
                config,
                checkpoint,
                RuntimeOptions.cpu(),
                Collections.unmodifiableMap(exported.provenance()),
                OptGraph.sites(config, checkpoint),
                Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file lies in a folder"));
    }

    /**
     * The same model, run otherwise.
     *
     * @param options where and how sources that it opens run
     * @return a copy
     */
    public OptModel withRuntime(RuntimeOptions options) {
        return new OptModel(
                path,
                configText,
                config,
                checkpoint,
                Objects.requireNonNull(options, "options"),
                provenance,
                sites,
                tokenizerPath);
    }

    /**
     * The same model with a tokenizer from elsewhere, such as for an export that was moved away from its checkpoint.
     *
     * @param tokenizer a folder with {@code tokenizer.json}, or {@code vocab.json} and {@code merges.txt}; or a file such
     *                  as {@code tokenizer.json} itself. Opened when {@link #tokenizer()} is first called
     * @return a copy
     */
    public OptModel withTokenizer(Path tokenizer) {
        return new OptModel(
                path,
                configText,
                config,
                checkpoint,
                options,
                provenance,
                sites,
                Objects.requireNonNull(tokenizer, "tokenizer"));
    }

    /**
     * Begins an export as an ONNX file.
     *
     * @return settings of the export, which writes every site unless told otherwise
     */
    public Export export() {
        return new Export(this);
    }

    OptGraph graph(CapturePlan plan, OptGraph.Dialect dialect) {
        return OptGraph.of(config, checkpoint, plan, dialect);
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    String configText() {
        return configText;
    }

    @Override
    public List<Site> sites() {
        return sites;
    }

    @Override
    public int maxTokens() {
        return config.maxPositions();
    }

    @Override
    public int vocabularySize() {
        return config.vocabulary();
    }

    @Override
    public int bosTokenId() {
        return config.bosTokenId();
    }

    @Override
    public Tokenizer tokenizer() {
        synchronized (tokenizerLock) {
            if (tokenizer == null) {
                Path configured = Files.isDirectory(path) ? path.resolve(CONFIG) : path;
                tokenizer =
                        HubTokenizer.open(tokenizerPath).mustSuit(configured, config.bosTokenId(), config.vocabulary());
            }
            return tokenizer;
        }
    }

    @Override
    public Map<String, String> provenance() {
        return provenance;
    }

    @Override
    public ActivationSource open(CapturePlan plan) {
        OptGraph graph = graph(plan, OptGraph.Dialect.ONNX_RUNTIME);
        Path weights = checkpoint.root();
        byte[] model = graph.serialise(GraphBuilder.WeightLocation.inPlace(weights), provenance, Export.version());
        return new OrtSource(plan, graph, model, weights, options);
    }

    @Override
    public String toString() {
        return "OptModel[" + path + ", " + config.layers() + " layers, " + config.heads() + " heads, " + config.dMlp()
                + " neurons a layer]";
    }
}
