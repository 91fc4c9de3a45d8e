package io.modscan.onnx.internal.network;

import ai.onnxruntime.OnnxJavaType;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Link;
import io.modscan.core.model.TokenBatch;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.Reading;
import io.modscan.onnx.internal.checkpoint.Arrival;
import io.modscan.onnx.internal.graph.OutputAxes;
import io.modscan.onnx.internal.graph.WeightLocation;
import io.modscan.onnx.internal.runtime.OrtRuntime;
import io.modscan.onnx.internal.runtime.OrtRuntime.Bound;
import io.modscan.onnx.internal.runtime.Sessions;
import io.modscan.onnx.runtime.CpuOperators;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Sessions of ONNX Runtime for the graphs of one plan: one for a whole network, or a chain of them. Outputs are written straight into
 * the caller's buffers.
 */
public final class PlannedSource implements ActivationSource {

    private final CapturePlan plan;
    private final List<PlannedLink> links;
    private final Sessions sessions;
    private final RuntimeOptions options;
    private final Optional<CpuOperators> operators;
    private final Given start;
    private final Arrival arrival;

    /**
     * What is taken from another run of the same prompts, each [rows, positions, width]; closed with the source.
     *
     * @param stream    the residual stream that the first part begins with, if it does not begin with tokens
     * @param untouched the last one, if what the head says is compared with what it says of that
     */
    public record Given(Optional<ActivationSource> stream, Optional<ActivationSource> untouched) {

        private List<ActivationSource> all() {
            return Stream.of(stream, untouched).flatMap(Optional::stream).toList();
        }
    }

    /**
     * A part of the network.
     *
     * @param graph  its graph
     * @param blocks how many blocks it has, or 1 if none
     * @param name   for messages
     */
    public record Part(PlannedGraph graph, int blocks, String name) {}

    /**
     * Where the weights are.
     *
     * @param root     the folder that all files of weights are in or below
     * @param ends     how long each of the files of some weights has to be
     * @param metadata of the model
     * @param arrival  sees to it that weights are there
     */
    public record Files(
            Path root,
            Function<List<StoredTensor>, Map<Path, Long>> ends,
            Map<String, String> metadata,
            Arrival arrival) {

        private OrtRuntime open(
                PlannedGraph graph, boolean prepack, RuntimeOptions options, Optional<CpuOperators> operators) {
            List<StoredTensor> weights = graph.weights();
            arrival.await(weights);
            WeightLocation location = WeightLocation.inPlace(root);
            return new OrtRuntime(
                    operators.isPresent()
                            ? graph.serialiseFused(location, metadata)
                            : graph.serialise(location, metadata),
                    root,
                    prepack,
                    options,
                    ends.apply(weights),
                    Long.MAX_VALUE,
                    operators);
        }
    }

    /**
     * Opens the session, or that of the first part.
     *
     * @param parts   of the network, one behind the other
     * @param prepack whether matrices are rearranged for speed
     * @param room    bytes that weights may take
     * @param start   gives what is taken from another run
     */
    public PlannedSource(
            CapturePlan plan,
            List<Part> parts,
            boolean prepack,
            Files files,
            RuntimeOptions options,
            long room,
            Given start) {
        this.plan = plan;
        this.options = options;
        this.operators = OrtRuntime.operators(options);
        this.start = start;
        this.arrival = files.arrival();
        this.sessions = new Sessions(
                parts.stream()
                        .map(part -> new Sessions.Part(
                                part.graph().weightBytes(),
                                () -> files.open(part.graph(), prepack, options, operators)))
                        .toList(),
                room);
        this.links = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            links.add(new PlannedLink(i, parts.get(i)));
        }
        if (parts.size() == 1) {
            openWhole();
        } else {
            files.arrival()
                    .begin(parts.stream()
                            .flatMap(part -> part.graph().weights().stream())
                            .toList());
            sessions.prepare(0);
        }
    }

    private void openWhole() {
        boolean ready = false;
        try {
            sessions.take(0).close();
            ready = true;
        } finally {
            if (!ready) {
                close();
            }
        }
    }

    @Override
    public CapturePlan plan() {
        return plan;
    }

    @Override
    public int usualTokens() {
        return OrtRuntime.usualTokens(options);
    }

    @Override
    public long workingBytes(int rows, int columns) {
        return links.stream()
                        .mapToLong(link -> link.part.graph().workingBytes(rows, columns))
                        .max()
                        .orElseThrow()
                + start.all().stream()
                        .mapToLong(source -> source.workingBytes(rows, columns)
                                + (long) Float.BYTES
                                        * rows
                                        * columns
                                        * links.get(0).part.graph().width())
                        .sum();
    }

    @Override
    public Map<String, String> provenance() {
        Map<String, String> facts = new TreeMap<>(OrtRuntime.provenance(options));
        operators.ifPresent(by -> {
            facts.put("runtime.operators", by.describe());
            facts.put("runtime.precision", options.precision().name().toLowerCase(Locale.ROOT));
        });
        if (links.size() > 1) {
            facts.put(
                    "runtime.links",
                    links.stream().map(link -> link.part.name()).collect(Collectors.joining(", ")));
        }
        return facts;
    }

    @Override
    public boolean writesAll() {
        return true;
    }

    @Override
    public List<Link> links() {
        return links.size() == 1 ? List.of(Link.whole(this)) : Collections.unmodifiableList(links);
    }

    @Override
    public void run(TokenBatch batch, List<FloatBuffer> outputs) {
        // ONNX Runtime would write to a copy of a buffer that it can't use, or behind one that is read-only.
        ActivationSource.checkOutputs(plan, batch, outputs);
        FloatBuffer given = floats(0);
        for (PlannedLink link : links) {
            FloatBuffer handedOn = floats((long) batch.rows() * batch.columns() * link.handsOn());
            try (Link.Opened opened = link.open()) {
                opened.run(
                        batch, given, link.readings().stream().map(outputs::get).toList(), handedOn);
            }
            given = handedOn;
        }
    }

    private static FloatBuffer floats(long count) {
        return ByteBuffer.allocateDirect(Math.toIntExact(count * Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    /** What the first part begins with, where that is no tokens. */
    private FloatBuffer started(TokenBatch batch, ActivationSource source, int width) {
        FloatBuffer stream = floats((long) batch.rows() * batch.columns() * width);
        source.run(batch.untouched(), List.of(stream));
        return stream;
    }

    private final class PlannedLink implements Link {
        private final int index;
        private final Part part;

        PlannedLink(int index, Part part) {
            this.index = index;
            this.part = part;
        }

        @Override
        public List<Integer> readings() {
            return part.graph().readings();
        }

        @Override
        public int blocks() {
            return part.blocks();
        }

        @Override
        public int handsOn() {
            return part.graph().handsOn();
        }

        @Override
        public Opened open() {
            Sessions.Lease lease = sessions.take(index);
            return new Opened() {
                @Override
                public void run(TokenBatch batch, FloatBuffer given, List<FloatBuffer> outputs, FloatBuffer handedOn) {
                    PlannedLink.this.run(lease.session(), batch, given, outputs, handedOn);
                }

                @Override
                public void close() {
                    lease.close();
                }
            };
        }

        private void run(
                OrtRuntime session,
                TokenBatch batch,
                FloatBuffer given,
                List<FloatBuffer> outputs,
                FloatBuffer handedOn) {
            List<Long> shape = List.of((long) batch.rows(), (long) batch.columns());
            List<Bound> inputs = new ArrayList<>();
            inputs.add(new Bound(DecoderInputs.IDS, batch.inputIds(), OnnxJavaType.INT64, shape));
            inputs.add(new Bound(DecoderInputs.MASK, batch.attentionMask(), OnnxJavaType.INT64, shape));
            if (part.graph().isGiven()) {
                int width = part.graph().width();
                FloatBuffer stream = index > 0 || start.stream().isEmpty()
                        ? given
                        : started(batch, start.stream().get(), width);
                inputs.add(stream(ResidualStream.GIVEN, stream, batch, width));
            }
            if (part.graph().isCompared()) {
                int width = part.graph().width();
                inputs.add(stream(
                        ResidualStream.UNTOUCHED,
                        started(batch, start.untouched().orElseThrow(), width),
                        batch,
                        width));
            }
            inputs.addAll(part.graph().bound(batch));
            List<String> names = part.graph().outputNames();
            List<Bound> pinned = new ArrayList<>();
            for (int i = 0; i < outputs.size(); i++) {
                Reading reading = plan.readings().get(readings().get(i));
                pinned.add(new Bound(
                        names.get(i),
                        outputs.get(i),
                        OnnxJavaType.FLOAT,
                        OutputAxes.of(reading).shape(batch.rows(), batch.columns(reading))));
            }
            if (handsOn() > 0) {
                pinned.add(stream(names.get(names.size() - 1), handedOn, batch, handsOn()));
            }
            String what = "a batch of " + batch.rows() + " × " + batch.columns() + " tokens";
            session.run(links.size() == 1 ? what : what + " at " + part.name(), inputs, pinned);
        }

        private static Bound stream(String name, FloatBuffer values, TokenBatch batch, int width) {
            return new Bound(
                    name, values, OnnxJavaType.FLOAT, List.of((long) batch.rows(), (long) batch.columns(), (long)
                            width));
        }
    }

    @Override
    public void close() {
        if (links.size() > 1) {
            arrival.stop();
        }
        sessions.close();
        start.all().forEach(ActivationSource::close);
    }
}
