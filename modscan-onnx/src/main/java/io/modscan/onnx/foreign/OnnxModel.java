package io.modscan.onnx.foreign;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Tokenizer;
import io.modscan.core.prompt.InputTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.onnx.foreign.OnnxSites.Recipe;
import io.modscan.onnx.internal.checkpoint.ModelFolder;
import io.modscan.onnx.internal.graph.FileExport;
import io.modscan.onnx.internal.graph.Inferred;
import io.modscan.onnx.internal.tokenizer.HubTokenizer;
import io.modscan.onnx.internal.tokenizer.LazyTokenizer;
import io.modscan.onnx.runtime.Allow;
import io.modscan.onnx.runtime.Export;
import io.modscan.onnx.runtime.PlanMemory;
import io.modscan.onnx.runtime.RuntimeModel;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An ONNX model that somebody else exported. Each of its tensors can be read, by its own name:
 *
 * <pre>{@code
 * OnnxModel model = OnnxModel.open(Path.of("model.onnx"));
 * model.tensors().forEach(System.out::println);
 * try (Probe probe = Probe.builder(model).sites("*Softmax*").build()) {
 *     Activations activations = probe.capture(prompts);
 * }
 * }</pre>
 *
 * <p><b>What is read.</b> The tensors that a probe asks for become outputs, and what they don't need is cut off. Values come
 * as float32: integers and bool are cast (above 2<sup>24</sup> integers are rounded), float64 is rounded, half precision is
 * exact. {@link #dequantized} reads quantized ones as the real numbers that they stand for. Sequences, optional values,
 * strings, tensors of unknown shape, those within the bodies of If, Loop and Scan, and what is the same whatever the input
 * can't be read; {@link #tensors()} says why, each with its reason.
 *
 * <p><b>Axes.</b> Shapes come from ONNX Runtime's own inference; behind operators that it has none for, such as those of
 * {@code ai.onnx.ml}, from short runs on zeros and ones, if the graph is small. The symbol of the first axis of the token ids is the batch,
 * that of the second the positions; without token ids, symbols named like {@code batch} and {@code sequence}, or what
 * {@link #withBatch} and {@link #withPositions} say. A site's axes are put in the order of positions, heads, units; two axes of
 * positions are queries and keys. A tensor [batch, heads, positions, d] thus reads as [positions, heads, d]. The third axis counts as heads where
 * an attention of the graph has as many, or where {@link #withHeads} says so. Sites without an axis of positions can't be
 * pooled. A tensor without a batch axis, such as what is computed from shapes, is read on demand, one prompt at a time.
 *
 * <p><b>Inputs.</b> Texts and token ids need a graph of which all inputs that the planned sites need are of an
 * {@link InputRole}, known by their name or by {@link #withInput}. A name of two meanings, such as {@code mask}, is not guessed.
 * A graph with token ids but without a mask, or with a batch of one, is run a prompt at a time,
 * unpadded; so is a tensor on whose way is an operator that isn't known to keep the rows of a batch apart, or padding from real
 * tokens: an LSTM or a convolution along positions, a mean over the batch, dynamic quantization, functions of the file, If, Loop and
 * Scan, whatever is not known. The log says which node is why. Attention is known to keep padding away where a mask of it is added to
 * the scores, or chosen by; what a graph makes of padding is taken to be finite. A probe's
 * {@linkplain io.modscan.core.Probe.Builder#tokenBudget token budget} of 1 runs each prompt by itself. Any graph takes {@linkplain io.modscan.core.prompt.Prompt#ofTensors ready tensors}.
 *
 * <p><b>Changes.</b> Interventions can change tensors in the graph, {@link #changeable()} ones, by their names, in all that reads them.
 *
 * <p><b>Weights</b> stay where they are: in the file itself, or in files in its folder. Nothing outside the folder is
 * opened, but the hub's cache for a model in it, and what {@link Allow#LINKS} allows. Immutable; safe for use by many threads.
 */
public final class OnnxModel implements RuntimeModel {

    /** As it was read. */
    private final OnnxFile read;
    /** Without the values of inputs that are asked for all the same. */
    private final OnnxFile file;

    private final OnnxSettings settings;
    private final OnnxInputs inputs;
    private final Map<String, Inferred> shapes;
    /** Shapes with positions of any number, where that is fixed and the graph allows others. */
    private final Map<String, Inferred> ofAnyLength;

    private final LazyShapes withPast;
    private final OnnxSites sites;
    private final Optional<OnnxTrial> trial;
    private final OptionalInt vocabularySize;
    private final LazyTokenizer tokenizer;
    private final Set<Allow> allowed;

    private OnnxModel(
            OnnxFile file,
            OnnxSettings settings,
            OnnxInputs inputs,
            Map<String, Inferred> shapes,
            Map<String, Inferred> ofAnyLength,
            Set<Allow> allowed,
            Optional<OnnxTrial> trial) {
        this.allowed = allowed;
        this.trial = trial;
        this.read = file;
        this.file = file.asking(settings.said().roles().keySet());
        this.settings = settings;
        this.inputs = inputs;
        this.shapes = shapes;
        this.ofAnyLength = ofAnyLength;
        this.sites = new OnnxSites(
                this.file,
                inputs,
                inputs.fixedPositions().isPresent()
                        ? FixedPositions.mark(
                                this.file,
                                inputs.fixedPositions().getAsInt(),
                                shapes,
                                ofAnyLength,
                                settings::positionAxesOf)
                        : shapes,
                settings::headsOf);
        this.vocabularySize = TokenTable.rows(this.file, inputs);
        this.tokenizer = new LazyTokenizer(this::openTokenizer);
        this.withPast = new LazyShapes(this::shapesWithPast);
    }

    private static OnnxModel of(OnnxFile read, OnnxSettings settings, Set<Allow> allowed, Optional<OnnxTrial> trial) {
        OnnxFile file = read.asking(settings.said().roles().keySet());
        OnnxInputs inputs = OnnxInputs.of(file, settings.said());
        RuntimeOptions options = settings.options();
        Map<String, Inferred> shapes =
                TrialRun.complete(file, inputs, OnnxShapes.infer(file, inputs, options, trial), options, trial);
        return new OnnxModel(
                read,
                settings,
                inputs,
                shapes,
                inputs.fixedPositions().isPresent() && inputs.isText()
                        ? OnnxShapes.inferIfOpen(file, inputs.withoutLength(), options, trial)
                                .orElse(Map.of())
                        : Map.of(),
                allowed,
                trial);
    }

    private OnnxModel with(OnnxSettings changed) {
        return changed.said().equals(settings.said())
                        && changed.options()
                                .operators()
                                .equals(settings.options().operators())
                ? new OnnxModel(read, changed, inputs, shapes, ofAnyLength, allowed, trial)
                : of(read, changed, allowed, trial);
    }

    /** Shapes with a past of some tokens, which ready tensors may bring; none if they can't be told for certain. */
    private Map<String, Inferred> shapesWithPast() {
        return inputs.hasPast()
                ? OnnxShapes.inferIfOpen(file, inputs.withPast(), settings.options(), trial)
                        .orElse(Map.of())
                : shapes;
    }

    /** Shapes for another program, which may give a past of any length. */
    private Map<String, Inferred> shapesToWrite() {
        return withPast.get().isEmpty()
                ? OnnxShapes.infer(file, inputs.withPast(), settings.options(), trial)
                : withPast.get();
    }

    /**
     * Opens a model and infers its tensors' shapes; weights are read only if an operator has to know one for that. A {@code tokenizer.json} beside it is its
     * tokenizer; or one above it, in a snapshot of the hub's cache or where the model lies in a folder {@code onnx}, as
     * repositories on the hub have it.
     *
     * @param path the file, {@code NAME.onnx}; its external data is looked for in its folder
     * @return the model, to be run on the CPU
     * @throws ModscanException          if there is no such file, one of its weights' files is missing or lies outside of the
     *                                   folder, or ONNX Runtime doesn't take the graph
     * @throws MalformedFileException    if the file is truncated or inconsistent: a tensor is missing, misshapen, there twice, or
     *                                   needs itself
     * @throws UnsupportedModelException if it has a type that is not known, or an input of an unknown number of axes
     * @throws UncheckedIOException      if a file cannot be read
     */
    public static OnnxModel open(Path path) {
        return open(path, OnnxOpening.usual());
    }

    /**
     * Opens a model in another way than usual: with leave for links, in a process of its own first, with libraries of
     * operators.
     *
     * @param path    the file, as for {@link #open(Path)}
     * @param opening how
     * @return the model
     * @throws ModscanException          as {@link #open(Path)}; if a library of operators is missing or is none; if the model is
     *                                   tried first, and {@linkplain OnnxOpening#triedFirst() does not bear it}
     * @throws MalformedFileException    as {@link #open(Path)}
     * @throws UnsupportedModelException as {@link #open(Path)}
     * @throws UncheckedIOException      if a file cannot be read
     */
    public static OnnxModel open(Path path, OnnxOpening opening) {
        OnnxFile file = OnnxFile.read(path, opening.allowed().contains(Allow.LINKS));
        Path folder = Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file lies in a folder");
        return of(
                file,
                OnnxSettings.of(HubTokenizer.folder(folder), opening.runtime()),
                opening.allowed(),
                opening.trial(file));
    }

    /**
     * Says what an input is, where its name doesn't, or says too much: {@link InputRole#NONE} takes back what the name says.
     * An input that has a value in the file is asked for once anything is said of it.
     *
     * @param input the input's name
     * @param role  what is to be put there
     * @return a copy
     * @throws ModscanException if there is no such input, or it is of a type or shape that this can't be put into
     */
    public OnnxModel withInput(String input, InputRole role) {
        return with(settings.withInput(input, role));
    }

    /**
     * Gives a symbol of the inputs' shapes a length, such as the height of images. Positions of a given length are units,
     * unless {@link #withPositions} says otherwise.
     *
     * @param symbol its name in the graph; an axis without a name is {@code INPUT.AXIS}, such as {@code pixels.2}
     * @param length at least 1
     * @return a copy
     * @throws ModscanException         if no input has such an axis, or ONNX Runtime doesn't take the graph with it
     * @throws IllegalArgumentException if the length is not positive
     */
    public OnnxModel withDimension(String symbol, int length) {
        if (length < 1) {
            throw new IllegalArgumentException("an axis cannot have the length " + length);
        }
        return with(settings.withDimension(symbol, length));
    }

    /**
     * Says which symbol is the batch axis of a graph that takes ready tensors. That of token ids is known. Where inputs
     * call their batch axes differently, each is said by itself, and all are one.
     *
     * @param symbol its name in the graph; an axis without a name is {@code INPUT.AXIS}, such as {@code pixels.0}
     * @return a copy
     * @throws ModscanException if no input has such an axis, or it is said to be that of positions
     */
    public OnnxModel withBatch(String symbol) {
        return with(settings.withBatch(symbol));
    }

    /**
     * Says which axis is that of positions, such as the frames of audio. That of token ids is known, unless they are of a
     * fixed length. Where there are as many positions in every sample, as of the patches of an image or of texts of a fixed
     * length, their number is said, such as {@code "197"}; then each axis of that length is one of positions, unless it is
     * seen to be as long by chance, or the graph shows that some are: {@link #withPositionAxes}. Of a shorter
     * prompt as many are read as it has tokens; unless this is said, they are units, padding among them.
     *
     * @param axis its name in the graph, where an axis without a name is {@code INPUT.AXIS}, such as {@code audio.1}; or a
     *             number
     * @return a copy
     * @throws ModscanException if no input has such an axis, or no tensor one of that length; if it is said to be the batch,
     *                          or token ids tell otherwise
     */
    public OnnxModel withPositions(String axis) {
        OnnxModel model = with(settings.withPositions(axis));
        if (model.inputs.fixedPositions().isPresent()
                && model.shapes.values().stream()
                        .noneMatch(tensor -> tensor.axes().orElse(List.of()).contains(axis))
                && !settings.said().dimensions().containsKey(axis)) {
            throw new ModscanException(
                    file.path() + ": no tensor that can be read has an axis of " + axis + " positions");
        }
        return model;
    }

    /**
     * Says which axes of some tensors are positions, where there are as many units or heads as positions, so that it can't be
     * told. Say first how many positions there are: {@link #withPositions}.
     *
     * @param tensors which, as for a probe
     * @param axes    the axes as they are in the graph, from 0, such as 1 of [1, 128, 128]; none if all are units
     * @return a copy
     * @throws ModscanException if the number of positions is not fixed and said, or it is so of no tensor
     */
    public OnnxModel withPositionAxes(SiteSelector tensors, int... axes) {
        Set<Integer> those = IntStream.of(axes).boxed().collect(Collectors.toSet());
        if (inputs.fixedPositions().isEmpty()) {
            throw new ModscanException(file.path() + ": "
                    + (inputs.positions().isPresent()
                            ? "its positions are the axis '"
                                    + inputs.positions().get() + "', wherever that is; nothing else is to be said"
                            : "say first how many positions there are (OnnxModel.withPositions)"));
        }
        String number = String.valueOf(inputs.fixedPositions().getAsInt());
        boolean any = false;
        for (GraphTensor tensor :
                tensors().stream().filter(OnnxSites.meant(tensors)).toList()) {
            List<String> shape = tensor.shape().orElse(List.of());
            any |= those.stream()
                    .allMatch(axis ->
                            axis >= 0 && axis < shape.size() && shape.get(axis).equals(number));
        }
        if (!any) {
            throw new ModscanException(file.path() + ": no tensor that is meant by " + tensors + " has " + number
                    + " positions as its axes " + those.stream().sorted().toList() + ", counted from 0");
        }
        return with(settings.withPositionAxes(tensors, those));
    }

    /**
     * Says that tensors hold attention heads: [.., heads × d], or [.., heads, .., d], beside positions or without any. Then
     * metrics by head apply. Where there are fixed positions, such as an image's patches, say so first: {@link #withPositions}.
     *
     * @param tensors which, as for a probe
     * @param heads   how many heads
     * @return a copy
     * @throws ModscanException         if it is so of no tensor, or one of another shape is among them
     * @throws IllegalArgumentException if not positive
     */
    public OnnxModel withHeads(SiteSelector tensors, int heads) {
        if (heads < 1) {
            throw new IllegalArgumentException(heads + " heads are none; give at least 1");
        }
        OnnxModel model = with(settings.withHeads(tensors, heads));
        List<GraphTensor> those = model.tensors().stream()
                .filter(OnnxSites.meant(tensors))
                .filter(tensor -> sites.recipes().containsKey(tensor.name()))
                .toList();
        if (those.isEmpty()) {
            plan(List.of(new Selection(tensors, Pooling.none()))); // says which names are near, or why it can't be read
            throw new ModscanException(file.path() + ": no tensor is meant by " + tensors + ", but magnitudes");
        }
        those.stream()
                .filter(tensor -> tensor.refusal().isPresent())
                .findFirst()
                .ifPresent(tensor -> {
                    throw new ModscanException(file.path() + ": '" + tensor.name() + "': "
                            + tensor.refusal().orElseThrow());
                });
        return model;
    }

    /**
     * The same with quantized tensors (int8, uint8) read as the real numbers that they stand for: (value − zero point) × scale,
     * where the graph tells both: for what ONNX's own QuantizeLinear, DynamicQuantizeLinear, QLinearMatMul and QLinearConv and some
     * of ONNX Runtime's own operators yield, and what is only rearranged of it. All other integers stay what they are; a line in
     * the log says which of those that are read.
     *
     * @return a copy
     */
    public OnnxModel dequantized() {
        return with(settings.asDequantized());
    }

    /**
     * Says which token marks the beginning of a text, such as {@code [CLS]}, for poolings that leave it out.
     *
     * @param tokenId its id
     * @return a copy
     * @throws IllegalArgumentException if negative
     */
    public OnnxModel withBosTokenId(int tokenId) {
        if (tokenId < 0) {
            throw new IllegalArgumentException("a token cannot have the id " + tokenId);
        }
        return with(settings.withBosTokenId(tokenId));
    }

    /**
     * Says how many tokens the model takes, which most graphs don't tell.
     *
     * @param tokens the longest sequence
     * @return a copy
     * @throws IllegalArgumentException if not positive
     */
    public OnnxModel withMaxTokens(int tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException(tokens + " tokens are none; give at least 1");
        }
        return with(settings.withMaxTokens(tokens));
    }

    @Override
    public OnnxModel withTokenizer(Path tokenizer) {
        return with(settings.withTokenizer(Objects.requireNonNull(tokenizer, "tokenizer")));
    }

    @Override
    public OnnxModel withRuntime(RuntimeOptions options) {
        return with(settings.withRuntime(Objects.requireNonNull(options, "options")));
    }

    /**
     * All tensors of the graph: its inputs and what its nodes yield, in an order in which each follows what it is computed
     * from; behind them what the bodies of If, Loop and Scan yield. Initializers are not among them.
     *
     * @return the tensors, those that can't be captured included
     */
    public List<GraphTensor> tensors() {
        return List.copyOf(sites.tensors().values());
    }

    /**
     * A selector of sites by what is known of their tensors, such as
     * {@code model.where(tensor -> tensor.operator().equals("Softmax"))}.
     *
     * @param predicate which tensors
     * @return a selector for this model's sites
     */
    public SiteSelector where(Predicate<GraphTensor> predicate) {
        return site -> {
            GraphTensor tensor = sites.tensors().get(site.tensorName());
            return site.magnitudeOf().isEmpty() && tensor != null && predicate.test(tensor);
        };
    }

    /**
     * A selector of the sites that an operator yields.
     *
     * @param operator such as {@code Softmax}, or {@code com.microsoft.Attention}
     * @return a selector for this model's sites
     */
    public SiteSelector operator(String operator) {
        return new OnnxSites.ByOperator(where(tensor -> tensor.operator().equals(operator)), operator);
    }

    /** The readable tensors, under their own names. */
    @Override
    public List<Site> sites() {
        return sites.recipes().values().stream().map(Recipe::site).toList();
    }

    /**
     * {@inheritDoc} These are all of real numbers (float16, bfloat16, float32, float64) that a wildcard would read: each row of such a
     * tensor is of one prompt. Whatever the order of its axes in the graph, a change counts positions, heads and units as the site has them.
     * Sites of queries and keys, be they patterns or scores before them, can be multiplied and not replaced by values.
     *
     * <p>Whatever reads the tensor reads the changed one: other nodes, the bodies of If, Loop and Scan, other sites. What reads another
     * tensor that happens to hold the same values, such as one that this is only a copy of (Identity), does not. Rows under no
     * intervention, and padding, keep their values at the site bit for bit. An infinite value, or one that is no number, is none when it is
     * multiplied by 0. Not changed can be: what the model is given; integers; what is computed of shapes, or for all rows of a batch at
     * once; what is within the bodies of nodes or the functions of the file; and nothing at all in graphs older than opset 9.
     *
     * @return the sites, in the order of {@link #sites()}
     */
    @Override
    public List<Site> changeable() {
        return sites.recipes().values().stream()
                .filter(recipe -> OnnxChanges.canChange(file, recipe))
                .map(Recipe::site)
                .toList();
    }

    /**
     * {@inheritDoc}
     *
     * @throws ModscanException as {@link CapturePlan#of}; of tensors that are there and can't be read, with the reason
     */
    @Override
    public CapturePlan plan(List<Selection> selections) {
        selections.forEach(selection -> sites.checkSelects(selection.selector()));
        return CapturePlan.of(sites(), selections);
    }

    @Override
    public OptionalInt maxTokens() {
        return inputs.length() > 0 ? OptionalInt.of(inputs.length()) : settings.maxTokens();
    }

    /** {@inheritDoc} That is, the rows of the table in which the graph looks token ids up, if it does so at once. */
    @Override
    public OptionalInt vocabularySize() {
        return vocabularySize;
    }

    @Override
    public OptionalInt bosTokenId() {
        return settings.bosTokenId();
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer.get();
    }

    private Tokenizer openTokenizer() {
        if (!inputs.isText()) {
            throw new ModscanException(file.path() + ": " + inputs.notText());
        }
        return HubTokenizer.open(settings.tokenizer(), allowed.contains(Allow.LINKS));
    }

    /**
     * {@inheritDoc} A sample has a tensor for each input, without the batch axis where the input has one; a first axis of 1
     * may be left out where the input is fixed to it. Inputs that the planned sites don't need may be left out. A past is as long as
     * the sample's, be it 0; sites that are as long as past and positions together can't be read then.
     */
    @Override
    public int positions(Map<String, InputTensor> tensors) {
        return ReadySample.positions(file, inputs, tensors);
    }

    /** {@inheritDoc} The fingerprint is of the graph, and of names, places and lengths of its weights. */
    @Override
    public Map<String, String> provenance() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("model.type", "onnx");
        facts.put("model.name", String.valueOf(file.path().getFileName()));
        facts.put("model.fingerprint", read.fingerprint());
        // What was said changes what is read, and a capture may only go on with what it began with.
        facts.put("model.inputs", inputs.described());
        facts.put(
                "model.axes",
                "batch " + inputs.batch().orElse("none") + ", positions "
                        + inputs.positions().map(FixedPositions::plain).orElse("none"));
        if (!settings.positionAxes().isEmpty()) {
            facts.put("model.position_axes", settings.positionAxes().toString());
        }
        facts.put("model.dequantized", Boolean.toString(settings.dequantized()));
        if (!file.model().getProducerName().isEmpty()) {
            facts.put(
                    "model.producer",
                    (file.model().getProducerName() + " " + file.model().getProducerVersion()).strip());
        }
        return facts;
    }

    @Override
    public Set<Path> files() {
        Set<Path> files = new LinkedHashSet<>(HubTokenizer.files(settings.tokenizer()));
        files.add(file.path());
        file.weights().forEach(weight -> files.add(weight.file()));
        return ModelFolder.real(files);
    }

    @Override
    public boolean pools() {
        return true;
    }

    /**
     * {@inheritDoc} It is run by one session, whose weights take what they take in the file; {@link #memory} tells beforehand.
     *
     * @throws ModscanException if there is no memory for the weights, which is told before any is loaded; if it is to be run in a chain;
     *                          or if it can't be loaded
     */
    @Override
    public ActivationSource open(CapturePlan plan) {
        file.checkUnchanged();
        OnnxPlan graph = graph(plan);
        graph.checkRoom(file.path(), settings.options());
        OnnxBounds.checkMemory(file, graph.model().getGraph(), shapes);
        trial.ifPresent(
                apart -> apart.open(file, settings.options(), graph.model().toByteArray()));
        return new OnnxSource(plan, graph, inputs, file, bosTokenId(), settings.options(), this::checkPast);
    }

    OnnxPlan graph(CapturePlan plan) {
        for (Reading reading : plan.readings()) {
            if (!sites.recipes().containsKey(reading.site().tensorName())) {
                throw new ModscanException(file.path() + ": has no site " + reading.site());
            }
        }
        for (Site site : plan.changing()) {
            @Nullable Recipe recipe = sites.recipes().get(site.name());
            if (recipe == null || !OnnxChanges.canChange(file, recipe)) {
                throw new ModscanException(file.path() + ": " + site + " can't be changed; these can: "
                        + changeable().stream().map(Site::name).limit(12).toList());
            }
        }
        return new OnnxPlan(file, inputs, plan, sites.recipes(), settings.dequantized());
    }

    @Override
    public PlanMemory memory(CapturePlan plan, int rows, int columns) {
        return graph(plan).memory(plan, file.path(), settings.options(), rows, columns);
    }

    /**
     * {@inheritDoc}
     *
     * <p>The file is the graph, cut off behind some tensors that become its outputs, in their own names, types and axes. Of a
     * magnitude or picked units, the tensor itself is written.
     */
    @Override
    public Export export() {
        return new FileExport(
                this, plan -> OnnxInstrumented.of(file, inputs, plan, sites.tensors(), shapesToWrite(), files()));
    }

    /** Of tensors that are read or changed, those that a past makes longer than a site is. */
    private void checkPast(CapturePlan plan) {
        List<String> tensors = Stream.concat(
                        plan.readings().stream().map(reading -> reading.site().tensorName()),
                        plan.changing().stream().map(Site::name))
                .distinct()
                .toList();
        for (String tensor : tensors) {
            if (!withPast.get().isEmpty() && !Objects.equals(withPast.get().get(tensor), shapes.get(tensor))) {
                throw new ModscanException(file.path() + ": '" + tensor
                        + "' is longer where there is a past, as there is in a sample: it is read as "
                        + sites.tensors().get(tensor)
                        + ". Give a past 0 long, or take back that it is one (OnnxModel.withInput(\"NAME\", InputRole.NONE)"
                        + " of each) and say the lengths of past and tokens (OnnxModel.withDimension)");
            }
        }
    }

    @Override
    public String toString() {
        return "OnnxModel[" + file.path() + ", " + sites.recipes().size() + " sites of "
                + sites.tensors().size() + " tensors]";
    }
}
