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
import java.util.Arrays;
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

    private final Path folder;
    private final OptConfig config;
    private final Checkpoint checkpoint;
    private final RuntimeOptions options;
    private final Map<String, String> provenance;
    private final List<Site> sites;
    private final Object tokenizerLock = new Object();
    private @Nullable Tokenizer tokenizer;

    private OptModel(
            Path folder,
            OptConfig config,
            Checkpoint checkpoint,
            RuntimeOptions options,
            Map<String, String> provenance) {
        this.folder = folder;
        this.config = config;
        this.checkpoint = checkpoint;
        this.options = options;
        this.provenance = provenance;
        this.sites = OptSites.of(config);
    }

    /**
     * Opens a checkpoint and checks that it is whole: every tensor that the config calls for is there in its shape.
     *
     * @param folder the folder with the checkpoint's files
     * @return the model, to be run on the CPU
     * @throws ModscanException          if there is no such folder, or a file is missing from it
     * @throws MalformedFileException    if a file is truncated or inconsistent, or a tensor is missing, misshapen or
     *                                   unknown; nothing that a pickle names is run
     * @throws UnsupportedModelException if it is another kind of model, or has a setting that is not handled
     * @throws UncheckedIOException      if a file cannot be read
     */
    public static OptModel load(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new ModscanException(folder + ": no such folder; expected is one with config.json and the weights");
        }
        Path configFile = folder.resolve("config.json");
        if (!Files.exists(configFile)) {
            throw new ModscanException(folder + ": has no config.json, so it is no checkpoint of transformers");
        }
        OptConfig config = OptConfig.read(configFile);
        Checkpoint checkpoint = Checkpoint.open(folder, config);
        Map<String, String> provenance = new LinkedHashMap<>();
        provenance.put("model.type", "opt");
        provenance.put(
                "model.name", String.valueOf(folder.toAbsolutePath().normalize().getFileName()));
        provenance.put("model.weights", String.valueOf(checkpoint.file().getFileName()));
        provenance.put("model.fingerprint", checkpoint.fingerprint(configFile));
        return new OptModel(folder, config, checkpoint, RuntimeOptions.cpu(), Collections.unmodifiableMap(provenance));
    }

    /**
     * The same model, run otherwise.
     *
     * @param options where and how sources that it opens run
     * @return a copy
     */
    public OptModel withRuntime(RuntimeOptions options) {
        return new OptModel(folder, config, checkpoint, Objects.requireNonNull(options, "options"), provenance);
    }

    /**
     * Begins an export as an ONNX file.
     *
     * @return settings of the export, which writes every site unless told otherwise
     */
    public Export export() {
        return new Export(this);
    }

    OptGraph graph(CapturePlan plan) {
        return OptGraph.of(config, checkpoint, plan);
    }

    Checkpoint checkpoint() {
        return checkpoint;
    }

    Path configFile() {
        return folder.resolve("config.json");
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
                Tokenizer opened = HubTokenizer.open(folder);
                int[] inFront = opened.encode("");
                if (inFront.length != 1 || inFront[0] != config.bosTokenId()) {
                    throw new MalformedFileException(
                            configFile(),
                            "'bos_token_id' is " + config.bosTokenId() + ", but the tokenizer's files put "
                                    + Arrays.toString(inFront) + " in front of a text");
                }
                tokenizer = opened;
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
        OptGraph graph = graph(plan);
        Path weights = Objects.requireNonNull(checkpoint.file().getParent(), "a resolved path has a parent");
        byte[] model = graph.serialise(GraphBuilder.WeightLocation.inPlace(weights), provenance, Export.version());
        return new OrtSource(plan, graph.outputNames(), model, weights, options);
    }

    @Override
    public String toString() {
        return "OptModel[" + folder + ", " + config.layers() + " layers, " + config.heads() + " heads, " + config.dMlp()
                + " neurons a layer]";
    }
}
