package io.modscan.onnx.opt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.ModscanVersion;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.model.Weights;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Site;
import io.modscan.onnx.hub.Hub;
import io.modscan.onnx.hub.HubException;
import io.modscan.onnx.hub.HubSnapshot;
import io.modscan.onnx.internal.checkpoint.Arrival;
import io.modscan.onnx.internal.checkpoint.JsonFile;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.checkpoint.WeightFiles;
import io.modscan.onnx.internal.graph.FileExport;
import io.modscan.onnx.internal.graph.GraphBuilder;
import io.modscan.onnx.internal.network.Dialect;
import io.modscan.onnx.internal.network.LanguageHead;
import io.modscan.onnx.internal.network.PlannedGraph;
import io.modscan.onnx.internal.network.PlannedNetwork;
import io.modscan.onnx.internal.network.PlannedSource;
import io.modscan.onnx.internal.network.Stretch;
import io.modscan.onnx.internal.tokenizer.HubTokenizer;
import io.modscan.onnx.internal.tokenizer.LazyTokenizer;
import io.modscan.onnx.runtime.Allow;
import io.modscan.onnx.runtime.Export;
import io.modscan.onnx.runtime.Loading;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeModel;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An OPT checkpoint as transformers saves it or as the hub has it: {@code config.json}; the weights as safetensors or as
 * {@code torch.save} writes them ({@code pytorch_model.bin}), in one file or in several with an index; and, to tokenize
 * texts, {@code tokenizer.json}, or {@code vocab.json} and {@code merges.txt}. All shapes of the family are read, and all
 * activation functions that transformers knows by name; a setting of the config that is not known is refused.
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
 * checkpoint's own file. Of a hub's model whose weights lie in several files, those that are not in the cache are fetched
 * only when {@link #open(CapturePlan)}, an export or {@link #weights()} needs them.
 */
public final class OptModel implements RuntimeModel {

    private static final Logger LOG = LoggerFactory.getLogger(OptModel.class);

    private static final Pattern HUB_NAME = Pattern.compile("\\w[\\w.-]*/\\w[\\w.-]*");

    private final Loaded loaded;
    private final RuntimeOptions options;
    private final Path tokenizerPath;
    private final Set<Allow> allowed;
    private final Optional<RecordedStart> start;
    private final LazyTokenizer tokenizer;

    /**
     * What was found where the model was opened.
     *
     * @param path        the folder or the export
     * @param configText  the text of {@code config.json}
     * @param config      what it says
     * @param checkpoint  the weights, of which an export may know some only
     * @param fingerprint of config text and weights
     * @param provenance  facts by key
     * @param sites       those that the weights suffice for
     */
    private record Loaded(
            Path path,
            String configText,
            OptConfig config,
            Checkpoint checkpoint,
            String fingerprint,
            Map<String, String> provenance,
            List<Site> sites) {}

    private OptModel(Loaded loaded, RuntimeOptions options, Path tokenizerPath, Set<Allow> allowed) {
        this(loaded, options, tokenizerPath, allowed, Optional.empty());
    }

    private OptModel(
            Loaded loaded,
            RuntimeOptions options,
            Path tokenizerPath,
            Set<Allow> allowed,
            Optional<RecordedStart> start) {
        this.allowed = allowed;
        this.start = start;
        this.loaded = loaded;
        this.options = options;
        this.tokenizerPath = tokenizerPath;
        this.tokenizer = new LazyTokenizer(this::openTokenizer);
    }

    /**
     * Opens a model by what it is called: a folder or export on this machine, as {@link #open(Path)} does; or else a model
     * of the Hugging Face hub. That is taken from the hub's cache on this machine or fetched into it, by the settings of the
     * environment ({@link Hub#fromEnvironment()}), from its branch {@code main}, as {@link #open(HubSnapshot)} says.
     *
     * @param model a path, or a name such as {@code facebook/opt-125m}
     * @return the model, to be run on the CPU
     * @throws HubException     if the model has to be fetched and cannot be; its reason tells why
     * @throws ModscanException if there is neither such a file nor can there be such a model on the hub; else as
     *                          {@link #open(Path)} throws
     */
    public static OptModel open(String model) {
        return open(model, Set.of());
    }

    /**
     * Opens a model by what it is called, as {@link #open(String)} does, with leave for what is refused else.
     *
     * @param model   a path, or a name such as {@code facebook/opt-125m}
     * @param allowed what is allowed
     * @return the model, to be run on the CPU
     * @throws HubException     if the model has to be fetched and cannot be; its reason tells why
     * @throws ModscanException as {@link #open(String)} throws
     */
    public static OptModel open(String model, Set<Allow> allowed) {
        if (model.isEmpty()) {
            throw new ModscanException(
                    "no model is named; expected is a folder, an export (NAME.onnx), or a model's name on"
                            + " the hub, such as facebook/opt-125m");
        }
        try {
            return isHubName(model) ? ofHub(model, allowed) : open(Path.of(model), allowed);
        } catch (InvalidPathException e) {
            throw new ModscanException(
                    "'" + e.getInput().replace('\0', '?') + "' cannot be a path: " + e.getReason(), e);
        }
    }

    private static OptModel ofHub(String model, Set<Allow> allowed) {
        LOG.info("{}: no such folder or file, so it is taken for a model's name on the hub", model);
        try {
            return open(Hub.fromEnvironment().snapshot(model), allowed);
        } catch (HubException e) {
            // What has the form of a name may be a path with a slip in it.
            throw e.precededBy(model + ": no such folder or file; taken for a model's name on the hub: ");
        }
    }

    /**
     * Opens a model of a hub: of another revision, with a token, or with a listener to the download. What is not in the
     * hub's cache is fetched: config, weights and tokenizer, no other files.
     *
     * <p>Weights that lie in several files with an index are fetched when they are needed: of each file that is not in the
     * cache, only those parts are sent here that say which tensors it holds, and of each tensor the bytes that the
     * fingerprint is made of. The model is checked, and has the same fingerprint, as if all were there. Whatever reads
     * weights then fetches the files that hold them, each checked by its size and hash, and compared with the parts; it
     * throws a {@link HubException} if that fails, and can be called again, or a
     * {@link java.util.concurrent.CancellationException} if the thread is interrupted. The branch is noted in the cache
     * once all files are there; until then they are missing to who is offline. Where a server sends no parts of files, all
     * are fetched here.
     *
     * <pre>{@code
     * OptModel.open(Hub.fromEnvironment().withToken(token).snapshot("me/my-opt", "refs/pr/1"));
     * }</pre>
     *
     * @param snapshot the model at one revision
     * @return the model, to be run on the CPU
     * @throws HubException     if a file has to be fetched and cannot be; its reason tells why
     * @throws ModscanException as {@link #open(Path)} throws
     */
    public static OptModel open(HubSnapshot snapshot) {
        return open(snapshot, Set.of());
    }

    /**
     * Opens a model of a hub, as {@link #open(HubSnapshot)} does, with leave for what is refused else.
     *
     * @param snapshot the model at one revision
     * @param allowed  what is allowed
     * @return the model, to be run on the CPU
     * @throws HubException     if a file has to be fetched and cannot be; its reason tells why
     * @throws ModscanException as {@link #open(Path)} throws
     */
    public static OptModel open(HubSnapshot snapshot, Set<Allow> allowed) {
        HubCheckpoint found = HubCheckpoint.fetch(snapshot, allowed);
        Arrival arrival = found.arrival().isPresent() ? found.arrival().get() : Arrival.HERE;
        return ofFolder(found.folder(), allowed, found::read, arrival);
    }

    /**
     * Whether a name is a hub model's: it is of the form {@code organisation/name}, and there is no file or folder of this
     * name, which would go before it.
     *
     * @param model a path or a name
     * @return whether {@link #open(String)} takes it for a name
     */
    public static boolean isHubName(String model) {
        return HUB_NAME.matcher(model).matches() && !Files.exists(Path.of(model));
    }

    /**
     * Whether a file is what {@link #export()} writes, so that {@link #open(Path)} is to open it. The file's metadata tell; the graph is passed over. An export that was changed since counts
     * too, though it can't be loaded.
     *
     * @param file any file
     * @return whether it says that it is an export; false if there is no such file, or it isn't ONNX
     * @throws UncheckedIOException if it cannot be read
     */
    public static boolean isExport(Path file) {
        return ExportedFile.is(file);
    }

    /**
     * Opens a checkpoint, or what {@link #export()} made of one, and checks that it is whole: every tensor that the config
     * calls for is there in its shape. An export has no need of the checkpoint's config; where it was cut off behind its
     * outputs, the model has those sites whose weights it still knows.
     *
     * <p>What wrappers and training leave in the weights is passed over, with a line in the log: prefixes of names such as
     * {@code module.} and {@code _orig_mod.}, and heads beside the language model's such as {@code score} and {@code v_head}.
     *
     * @param path the folder with the checkpoint's files; a model's folder in the hub's cache, {@code models--org--name}, of
     *     which the snapshot of {@code main} is taken, or the only one; or an export, {@code NAME.onnx}
     * @return the model, to be run on the CPU
     * @throws ModscanException          if there is no such folder, or a file is missing from it
     * @throws MalformedFileException    if a file is truncated or inconsistent, or a tensor is missing, misshapen or
     *                                   unknown; nothing that a pickle names is run
     * @throws UnsupportedModelException if it is another kind of model, the adapter of one, or has a setting that is not known
     * @throws UncheckedIOException      if a file cannot be read
     */
    public static OptModel open(Path path) {
        return open(path, Set.of());
    }

    /**
     * Opens a checkpoint or an export, as {@link #open(Path)} does, with leave for what is refused else:
     *
     * <pre>{@code
     * OptModel.open(Path.of("folder-of-links"), Set.of(Allow.LINKS));
     * }</pre>
     *
     * @param path    the folder, or an export, {@code NAME.onnx}
     * @param allowed what is allowed
     * @return the model, to be run on the CPU
     * @throws ModscanException     as {@link #open(Path)} throws
     * @throws UncheckedIOException if a file cannot be read
     */
    public static OptModel open(Path path, Set<Allow> allowed) {
        if (Files.isRegularFile(path) && path.toString().endsWith(".onnx")) {
            return ofExport(path, allowed);
        }
        return ofFolder(ModelFolder.latest(path), allowed, WeightFiles::read, Arrival.HERE);
    }

    private static OptModel ofFolder(
            Path path, Set<Allow> allowed, Function<ModelFolder, WeightFiles> weights, Arrival arrival) {
        ModelFolder folder = ModelFolder.open(path, allowed.contains(Allow.LINKS));
        NoCheckpoint.check(folder);
        folder.resolve(ModelFolder.CONFIG);
        String text = JsonFile.readText(path.resolve(ModelFolder.CONFIG));
        OptConfig config = OptConfig.read(JsonFile.parse(path.resolve(ModelFolder.CONFIG), text), allowed);
        WeightFiles files = weights.apply(folder);
        Checkpoint checkpoint = Checkpoint.whole(files, config, allowed, arrival);
        String fingerprint = checkpoint.fingerprint(text);
        Map<String, String> provenance = new LinkedHashMap<>();
        provenance.put("model.type", "opt");
        provenance.put("model.name", folder.modelName());
        folder.revision().ifPresent(revision -> provenance.put("model.revision", revision));
        provenance.put("model.weights", String.valueOf(files.path().getFileName()));
        provenance.put("model.fingerprint", fingerprint);
        Loaded loaded = new Loaded(
                path,
                text,
                config,
                checkpoint,
                fingerprint,
                Collections.unmodifiableMap(provenance),
                OptSites.of(config));
        return new OptModel(loaded, RuntimeOptions.cpu(), path, Set.copyOf(allowed));
    }

    private static OptModel ofExport(Path path, Set<Allow> allowed) {
        ExportedFile exported = ExportedFile.read(path, allowed.contains(Allow.LINKS));
        // Its settings were allowed when it was written.
        OptConfig config = OptConfig.read(JsonFile.parse(path, exported.config()), Set.of(Allow.SETTINGS));
        Checkpoint checkpoint = Checkpoint.some(exported.weights(), config);
        String fingerprint = checkpoint.fingerprint(exported.config());
        if (!fingerprint.equals(exported.fingerprint())) {
            throw new MalformedFileException(
                    path,
                    "its weights, or the config in its metadata, are not those that it was written for (a file was replaced"
                            + " since?); export the checkpoint again");
        }
        Loaded loaded = new Loaded(
                path,
                exported.config(),
                config,
                checkpoint,
                fingerprint,
                Collections.unmodifiableMap(exported.provenance()),
                OptNetwork.sites(config, checkpoint));
        return new OptModel(
                loaded,
                RuntimeOptions.cpu(),
                HubTokenizer.folder(
                        Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file lies in a folder")),
                Set.copyOf(allowed));
    }

    @Override
    public OptModel withRuntime(RuntimeOptions options) {
        return new OptModel(loaded, Objects.requireNonNull(options, "options"), tokenizerPath, allowed, start);
    }

    @Override
    public OptModel withTokenizer(Path tokenizer) {
        return new OptModel(loaded, options, Objects.requireNonNull(tokenizer, "tokenizer"), allowed, start);
    }

    /**
     * The same model, started late: where a plan begins behind a residual stream that was recorded, what lies before is not computed,
     * and its weights are not read. The values are those that the whole model gives, beyond
     * rounding: bit for bit in the same batches, unless the head is much of what one of the two plans needs, as in a small model. Where the
     * stream was {@linkplain io.modscan.core.Probe.Builder#storeAs stored as halves}, the model starts at the rounded values.
     *
     * <pre>{@code
     * Recording stream = Recording.open(Path.of("stream.safetensors")); // has blocks.20.hook_resid_pre, per token
     * try (Probe probe = Probe.builder(model.startingAt(stream)).sites("blocks.2?.attn.hook_z").build()) {
     *     Activations activations = probe.capture(stream.prompts());
     * }
     * }</pre>
     *
     * <p>Where the recording has {@code hook_resid_post} of the last block per token, there is a site {@code kl} too: at each position the
     * Kullback–Leibler divergence of what the model says of the next token from what it says in that run, in nats. It takes a second
     * product with the head.
     *
     * @param recording a capture of this model that has {@code blocks.N.hook_resid_pre} or {@code blocks.N.hook_resid_post} per token
     *                  ({@code Pooling.none()}); of several, the last one before what a plan reads is used
     * @return a model of the sites from the first of these on, which knows the prompts that were recorded, by their token ids
     * @throws ModscanException if it is no recording, or of another model, or has no residual stream per token
     */
    @Override
    public OptModel startingAt(Model recording) {
        RecordedStart from = RecordedStart.of(recording, loaded.path(), loaded.fingerprint());
        return new OptModel(loaded, options, tokenizerPath, allowed, Optional.of(from));
    }

    /** {@inheritDoc} These are {@code hook_resid_pre} of all blocks, and {@code hook_resid_post} of the last. */
    @Override
    public List<Site> starts() {
        String last = "blocks." + (loaded.config().layers() - 1) + ".hook_resid_post";
        return sites().stream()
                .filter(site ->
                        site.hook().equals("hook_resid_pre") || site.name().equals(last))
                .toList();
    }

    @Override
    public Set<Path> files() {
        Set<Path> files = new LinkedHashSet<>(HubTokenizer.files(tokenizerPath));
        Stream.of(loaded.path(), loaded.path().resolve(ModelFolder.CONFIG))
                .filter(Files::isRegularFile)
                .forEach(files::add);
        Set<Path> real = new LinkedHashSet<>(ModelFolder.real(files));
        // Their links are followed already, and some may still be to arrive.
        loaded.checkpoint().tensors().values().forEach(tensor -> real.add(tensor.file()));
        return Collections.unmodifiableSet(real);
    }

    /**
     * {@inheritDoc}
     *
     * <p>The file is of IR 8 and opset 17. Outputs bear their sites' names, and are float32 with the symbolic axes {@code batch}
     * and {@code sequence}. Inputs are {@code input_ids} and {@code attention_mask}, int64 [batch, sequence], padded on any
     * side. The checkpoint's config is in the metadata ({@code model.config}), so that {@link #open(Path)} opens the export
     * again without the checkpoint's folder.
     */
    @Override
    public Export export() {
        return new FileExport(this, this::exported);
    }

    private FileExport.Content exported(CapturePlan plan) {
        PlannedGraph graph =
                graph(plan, Dialect.ONNX, Stretch.whole(loaded.config().layers()));
        loaded.checkpoint().arrival().await(graph.weights());
        Map<String, String> metadata = new LinkedHashMap<>(provenance());
        metadata.put(GraphBuilder.CONFIG, loaded.configText());
        metadata.put(ExportedFile.WEIGHTS, fingerprint(graph.weights()));
        metadata.put("modscan.version", ModscanVersion.current());
        return graph.content(loaded.checkpoint().root(), metadata);
    }

    PlannedGraph graph(CapturePlan plan, Dialect dialect, Stretch stretch) {
        return OptNetwork.of(loaded.config(), loaded.checkpoint(), plan, dialect, stretch);
    }

    OptConfig config() {
        return loaded.config();
    }

    Checkpoint checkpoint() {
        return loaded.checkpoint();
    }

    /** The fingerprint of the model with some of its weights. */
    private String fingerprint(List<StoredTensor> weights) {
        Checkpoint some = loaded.checkpoint().only(weights);
        boolean all = some.tensors().size() == loaded.checkpoint().tensors().size();
        return all ? loaded.fingerprint() : some.fingerprint(loaded.configText());
    }

    @Override
    public List<Site> sites() {
        return start.map(from -> from.behind(loaded.config(), loaded.sites())).orElseGet(loaded::sites);
    }

    /**
     * {@inheritDoc} These are {@code hook_resid_pre}, {@code _mid}, {@code _post}, {@code hook_q}, {@code hook_k}, {@code hook_v}, {@code hook_pattern}
     * (whose weights can be multiplied, not replaced), {@code hook_z}, {@code hook_attn_out}, {@code mlp.hook_post} and {@code hook_mlp_out} of all blocks.
     * Where only {@code hook_z} may be changed, attention stays fused.
     */
    @Override
    public List<Site> changeable() {
        return OptNetwork.changeable(sites());
    }

    /** {@inheritDoc} For an OPT model, all that lies before the probabilities; none in a chain, of which only one part is in memory. */
    @Override
    public List<Site> differentiable() {
        return options.loading() == Loading.CHAIN ? List.of() : OptNetwork.differentiable(sites());
    }

    private CapturePlan notInAChain(CapturePlan plan) {
        if (plan.objective().isPresent() && options.loading() == Loading.CHAIN) {
            throw new ModscanException(
                    loaded.path()
                            + ": gradients are computed in one session, so not in a chain; let it be opened as a whole (Loading.WHOLE or AUTOMATIC)");
        }
        return plan;
    }

    /** {@inheritDoc} */
    @Override
    public CapturePlan plan(List<CapturePlan.Selection> selections) {
        try {
            return notInAChain(CapturePlan.of(sites(), selections));
        } catch (ModscanException e) {
            throw isComparison(selections)
                    ? new ModscanException(
                            "kl compares with an untouched run, whose last residual stream has to be given: record"
                                    + " blocks." + (loaded.config().layers() - 1)
                                    + ".hook_resid_post with Pooling.none(), and ask"
                                    + " model.startingAt(recording) for it",
                            e)
                    : start.map(from -> from.refused(e, sites(), loaded.sites(), selections))
                            .orElse(e);
        }
    }

    private boolean isComparison(List<CapturePlan.Selection> selections) {
        boolean given = start.map(from -> from.hasLast(loaded.config())).orElse(false);
        return !given
                && selections.stream()
                        .map(CapturePlan.Selection::selector)
                        .anyMatch(selector -> selector.selects(OptSites.KL) && selector.names(OptSites.KL));
    }

    @Override
    public OptionalInt maxTokens() {
        return OptionalInt.of(loaded.config().maxPositions());
    }

    @Override
    public OptionalInt vocabularySize() {
        return OptionalInt.of(loaded.config().vocabulary());
    }

    @Override
    public OptionalInt bosTokenId() {
        return OptionalInt.of(loaded.config().bosTokenId());
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer.get();
    }

    private Tokenizer openTokenizer() {
        Path path = loaded.path();
        return HubTokenizer.open(tokenizerPath, allowed.contains(Allow.LINKS))
                .mustSuit(
                        Files.isDirectory(path) ? path.resolve(ModelFolder.CONFIG) : path,
                        loaded.config().bosTokenId(),
                        loaded.config().vocabulary());
    }

    @Override
    public Map<String, String> provenance() {
        if (start.isEmpty()) {
            return loaded.provenance();
        }
        Map<String, String> facts = new LinkedHashMap<>(loaded.provenance());
        facts.putAll(start.get().provenance());
        return Collections.unmodifiableMap(facts);
    }

    /**
     * {@inheritDoc} They are read from the checkpoint's own file at each call, in the type that they are stored in, and given
     * as float32; that takes the memory of the result and little more. Where token embeddings have a width of their own (350m),
     * {@code embed.W_E} and {@code unembed.W_U} are the products with the projections, [V, D] and [D, V], which are multiplied
     * at each call. An export that was cut off behind its outputs gives the weights that it still knows.
     */
    @Override
    public Weights weights() {
        return new OptWeights(loaded.path(), loaded.config(), loaded.checkpoint());
    }

    @Override
    public boolean pools() {
        return true;
    }

    /**
     * {@inheritDoc} The whole network is loaded if it fits into the memory for weights, else a chain of blocks, of which some are loaded
     * at a time ({@link RuntimeOptions#loading}); {@link #memory} tells beforehand.
     *
     * @throws ModscanException if there is no memory for the weights (of the largest block, in a chain), which is told before any is
     *                          loaded; or if they can't be loaded or run
     */
    @Override
    public ActivationSource open(CapturePlan plan) {
        return open(plan, dialect());
    }

    @Override
    public PlanMemory memory(CapturePlan plan, int rows, int columns) {
        return network(plan, dialect()).memory(rows, columns);
    }

    private Dialect dialect() {
        return options.cudaDevice().isPresent() ? Dialect.ONNX_RUNTIME : Dialect.ONNX_RUNTIME_CPU;
    }

    private PlannedNetwork network(CapturePlan plan, Dialect dialect) {
        for (Site site : plan.changing()) {
            if (!changeable().contains(site)) {
                throw new ModscanException(loaded.path() + ": " + site + " can't be changed; these can: "
                        + changeable().stream().map(Site::name).limit(11).toList() + ", and so on in each block");
            }
        }
        plan.objective().ifPresent(this::checkObjective);
        return new PlannedNetwork(
                loaded.path().toString(),
                plan,
                loaded.config().layers(),
                stretch -> graph(plan, dialect, stretch),
                needed(plan),
                options);
    }

    private void checkObjective(Objective objective) {
        if (objective.site().isPresent()) {
            checkDirection(objective.site().get());
        } else if (sites().stream().noneMatch(site -> site.name().equals(LanguageHead.LOGITS))) {
            throw new ModscanException(
                    loaded.path() + ": gradients are asked for of " + objective
                            + ", and there is no language-model head here, which that is made of; take them of a direction in the residual stream, or open the whole checkpoint");
        }
    }

    private void checkDirection(String site) {
        List<Site> possible = differentiable().stream()
                .filter(one -> one.hasPositions() && one.units() > 0)
                .toList();
        if (possible.stream().noneMatch(one -> one.name().equals(site))) {
            throw new ModscanException(loaded.path() + ": gradients are asked for of a direction at " + site
                    + ", and there is no such site of vectors; possible are "
                    + possible.stream().map(Site::name).limit(12).toList() + ", and so on in each block");
        }
    }

    /** The stretch of the network that a plan needs. */
    Stretch needed(CapturePlan plan) {
        OptConfig config = loaded.config();
        int last = plan.readings().stream()
                .mapToInt(reading -> OptNetwork.stage(config, reading.site()))
                .max()
                .orElseThrow();
        if (plan.objective().isPresent()) {
            last = Math.max(last, OptNetwork.stage(config, plan.objective().get()));
        }
        return new Stretch(start.map(from -> from.stage(plan, config)).orElse(0), last + 1);
    }

    ActivationSource open(CapturePlan plan, Dialect dialect) {
        PlannedNetwork network = network(plan, dialect);
        return network.open(weightFiles(), given(plan, network));
    }

    /** As a chain of given links. */
    ActivationSource open(CapturePlan plan, Dialect dialect, List<Stretch> links) {
        PlannedNetwork network = network(plan, dialect);
        return network.open(links, weightFiles(), given(plan, network));
    }

    private PlannedSource.Given given(CapturePlan plan, PlannedNetwork network) {
        boolean compares =
                plan.readings().stream().anyMatch(reading -> reading.site().equals(OptSites.KL));
        return new PlannedSource.Given(
                start.map(from -> from.open(network.from())),
                start.filter(from -> compares)
                        .map(from -> from.open(loaded.config().layers() + 1)));
    }

    private PlannedSource.Files weightFiles() {
        Checkpoint checkpoint = loaded.checkpoint();
        return new PlannedSource.Files(checkpoint.root(), checkpoint::ends, loaded.provenance(), checkpoint.arrival());
    }

    @Override
    public String toString() {
        OptConfig config = loaded.config();
        return "OptModel[" + loaded.path() + ", " + config.layers() + " layers, " + config.heads() + " heads, "
                + config.dMlp() + " neurons a layer]";
    }
}
