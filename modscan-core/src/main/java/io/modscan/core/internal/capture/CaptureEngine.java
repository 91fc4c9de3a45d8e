package io.modscan.core.internal.capture;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.Batching.Batch;
import io.modscan.core.internal.recording.CaptureLayout;
import io.modscan.core.internal.recording.CaptureWriter;
import io.modscan.core.internal.recording.Captured;
import io.modscan.core.internal.recording.Chunk;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.internal.recording.PartFile;
import io.modscan.core.internal.recording.Rounding;
import io.modscan.core.internal.recording.Steps;
import io.modscan.core.internal.recording.TokensDigest;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Link;
import io.modscan.core.model.Model;
import io.modscan.core.model.ModscanVersion;
import io.modscan.core.model.Progress;
import io.modscan.core.prompt.IdSet;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.token.PromptTokens;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Spliterator;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** The ways to run prompts that a probe offers. Safe for use by many threads, each of which makes runs of its own. */
public final class CaptureEngine implements AutoCloseable {

    /** A file's share of these is in memory while it is written, whatever the size of its prompts' values. */
    private static final long FILE_TOKENS = 1 << 22;

    private static final long FILE_PROMPTS = 100_000;
    private static final long FILE_HEADER = 1 << 25;

    private final Model model;
    private final ActivationSource source;
    private final List<Reading> readings;
    private final List<Link> links;
    private final boolean cutOverlong;
    private final Batching batching;
    private final long fileSize;
    private final DType storedAs;
    private final Consumer<Progress> listener;
    private final Runners runners;

    public CaptureEngine(
            Model model,
            ActivationSource source,
            Batching batching,
            boolean cutOverlong,
            long fileSize,
            DType storedAs,
            Consumer<Progress> listener) {
        this.model = model;
        this.source = source;
        this.readings = source.plan().readings();
        this.links = source.links();
        this.runners = new Runners(source);
        this.batching = batching;
        this.cutOverlong = cutOverlong;
        this.fileSize = fileSize;
        this.storedAs = storedAs;
        this.listener = listener;
    }

    /** Keeps everything on the heap. */
    public Captured toMemory(Prompts prompts) {
        KeptRows rows = new KeptRows(readings, prompts.size());
        List<PromptTokens> tokens = new ArrayList<>(prompts.size());
        HeapCheck heap = new HeapCheck(readings);
        TokenStream.Share share = (prompt, run) -> {
            heap.add(run);
            return (double) run.size() / batching.windowTokens();
        };
        try (KeptStreams between = streams();
                CaptureRun run = run(prompts.spliterator(), share, (prompt, ran) -> prompt, true);
                Behind behind = new Behind("modscan-taker")) {
            for (Chunk chunk = run.next(); chunk != null; chunk = run.next()) {
                Chunk window = chunk;
                int first = tokens.size();
                tokens.addAll(chunk.tokens());
                List<Batch> batches = batching.batches(chunk);
                run.makeRoom(2 * run.runner().bytesForEach(batches) + between.bytes(batches));
                between.begin(batches);
                rows.expect(chunk);
                run.each(new int[batches.size()], (link, opened, batch) -> {
                    run.failEarly();
                    // What the other runner has computed may still be taken.
                    run.swapRunners();
                    run.runner().reserveForEach(link, batches);
                    BatchRunner.Computed computed =
                            run.compute(link, opened, batch, batches.get(batch), window, between);
                    behind.begin(
                            () -> computed.hand(
                                    (reading, prompt, values) -> rows.take(reading, first + prompt, values)),
                            batch == batches.size() - 1);
                });
            }
        }
        Map<String, String> facts = new TreeMap<>(provenance());
        facts.putAll(TokensDigest.of(prompts, tokens));
        return new Captured(prompts, tokens, facts, readings, rows.rows());
    }

    /** Writes to a file, or several, and goes on where an earlier run ended. */
    public void toFile(Spliterator<? extends Prompt> prompts, Path file) {
        Rounding rounding = new Rounding(storedAs, readings);
        try (CaptureWriter writer = CaptureWriter.open(file, rounding);
                CaptureRun run = run(
                        prompts,
                        fileShare(),
                        // Without their texts, of which a file's worth may be much.
                        (prompt, tokens) -> prompt.withTokens(tokens::ids, tokens.spans()),
                        false)) {
            TokensDigest digest = new TokensDigest();
            for (Chunk chunk = run.next(); chunk != null; chunk = run.next()) {
                digest.add(chunk.prompts(), chunk.tokens());
                boolean only = chunk.first() == 0 && chunk.last();
                Path next = writer.next(only);
                CaptureLayout layout = new CaptureLayout(next, provenance(), readings, chunk, storedAs, only);
                if (writer.isThere(next, layout)) {
                    run.skip(chunk);
                    continue;
                }
                List<Batch> batches = batching.batches(chunk);
                List<List<Integer>> windows = batching.windows(batches, chunk);
                try (PartFile part = PartFile.open(next, layout, steps(batches, windows), rounding)) {
                    fill(part, run, chunk, batches, windows);
                    part.finish();
                } catch (CancellationException e) {
                    throw PartFile.keeping(next, e);
                }
            }
            writer.finish(digest.facts());
        } catch (UncheckedIOException e) {
            if (e.getCause() instanceof ClosedByInterruptException) {
                throw new CancellationException(e.getMessage());
            }
            throw e;
        }
    }

    private Steps steps(List<Batch> batches, List<List<Integer>> windows) {
        return new Steps(
                batches.stream().map(Batch::prompts).toList(),
                links.stream().map(Link::readings).toList(),
                windows.stream().mapToInt(List::size).max().orElseThrow(),
                batches.stream()
                        .mapToLong(batch -> KeptStreams.largest(links, batch))
                        .max()
                        .orElseThrow());
    }

    private void fill(PartFile part, CaptureRun run, Chunk chunk, List<Batch> batches, List<List<Integer>> windows) {
        run.makeRoom(2 * run.runner().bytesForEach(batches));
        try (BatchWriter writer = new BatchWriter(part)) {
            for (List<Integer> window : windows) {
                int[] begins = window.stream()
                        .mapToInt(batch -> begin(part, batch, batches.get(batch)))
                        .toArray();
                for (int i = 0; i < begins.length; i++) {
                    run.skip(begins[i], batches.get(window.get(i)), chunk);
                }
                run.each(begins, (link, opened, place) -> {
                    int batch = window.get(place);
                    // What the other runner has computed may still be on its way to the file.
                    run.swapRunners();
                    run.runner().reserveForEach(link, batches);
                    BatchWriter.Streams streams = writer.streams();
                    writer.write(
                            link, batch, streams, run.compute(link, opened, batch, batches.get(batch), chunk, streams));
                });
            }
            writer.finish();
        } catch (ModscanException e) {
            throw part.keeping(e);
        }
    }

    /** The first link that a batch still has to go through; where what that one needs is lost, the first of all. */
    private int begin(PartFile part, int index, Batch batch) {
        int link = 0;
        while (link < links.size() && part.has(link, index)) {
            link++;
        }
        boolean lost = link > 0
                && link < links.size()
                && !part.hasHandedOn(link - 1, index, BatchRunner.handedOn(links, link - 1, batch));
        return lost ? 0 : link;
    }

    /** Which part of a file a prompt takes. */
    private TokenStream.Share fileShare() {
        IdSet ids = new IdSet();
        return (prompt, tokens) -> {
            if (!ids.add(prompt.id())) {
                throw new ModscanException("two prompts have the id '" + prompt.id() + "'; ids must be unique");
            }
            long header = CaptureLayout.headerBytes(prompt, readings);
            long kept = tokens.isAllKept() ? 0 : (tokens.keptSize() + 1L) * Long.BYTES;
            long bytes = header + (tokens.size() + 1L) * Long.BYTES + kept + values(tokens) * storedAs.bytes();
            double share = Math.max(
                    Math.max((double) bytes / fileSize, (double) header / FILE_HEADER),
                    Math.max((double) tokens.size() / FILE_TOKENS, 1.0 / FILE_PROMPTS));
            return Math.max(share, held(prompt));
        };
    }

    /**
     * Which part a prompt takes of the ready tensors that may be held at a time. Three such lots can be there at once: what
     * is run, what waits, and what is being gathered; together they take less than half of what Java allows beside its heap.
     */
    private double held(Prompt prompt) {
        return prompt.heldBytes() / (batching.outputLimit() / 2.0);
    }

    private long values(PromptTokens tokens) {
        long values = 0;
        for (Reading reading : readings) {
            values += reading.values(tokens);
        }
        return values;
    }

    /** Keeps nothing. */
    public void inPieces(Spliterator<? extends Prompt> prompts, Consumer<? super Captured> action) {
        // Half a buffer's reach, since padding comes on top.
        double most = Math.min(batching.outputLimit(), 1 << 30);
        TokenStream.Share share = (prompt, tokens) -> Math.max(
                Math.max((double) tokens.size() / batching.windowTokens(), values(tokens) * Float.BYTES / most),
                held(prompt));
        try (KeptStreams between = streams();
                CaptureRun run = run(prompts, share, (prompt, tokens) -> prompt, false);
                Behind behind = new Behind("modscan-taker")) {
            for (Chunk chunk = run.next(); chunk != null; chunk = run.next()) {
                Chunk window = chunk;
                List<Batch> batches = batching.batches(chunk);
                run.makeRoom(run.runner().bytesForAll(batches) + between.bytes(batches));
                run.runner().reserveForAll(batches);
                between.begin(batches);
                List<FloatBuffer[]> rows = new ArrayList<>();
                for (int i = 0; i < readings.size(); i++) {
                    rows.add(new FloatBuffer[chunk.prompts().size()]);
                }
                run.each(new int[batches.size()], (link, opened, batch) -> {
                    BatchRunner.Computed computed =
                            run.compute(link, opened, batch, batches.get(batch), window, between);
                    behind.begin(
                            () -> computed.hand(
                                    (reading, prompt, values) -> rows.get(reading)[prompt] = values.asFloatBuffer()),
                            batch == batches.size() - 1);
                });
                Map<String, String> facts = new TreeMap<>(provenance());
                facts.putAll(TokensDigest.of(chunk.prompts(), chunk.tokens()));
                List<LentRows> lent = rows.stream().map(LentRows::new).toList();
                try {
                    action.accept(new Captured(
                            Prompts.of(chunk.prompts()), chunk.tokens(), facts, readings, List.copyOf(lent)));
                } finally {
                    lent.forEach(LentRows::takeBack);
                }
            }
        }
    }

    private CaptureRun run(
            Spliterator<? extends Prompt> prompts,
            TokenStream.Share share,
            BiFunction<Prompt, PromptTokens, Prompt> handed,
            boolean ahead) {
        return new CaptureRun(
                runners,
                links,
                readings,
                new TokenStream(model, source.plan(), cutOverlong, prompts, share, handed, ahead),
                listener);
    }

    private KeptStreams streams() {
        return new KeptStreams(links, batching.outputLimit() / 2);
    }

    /** What is the same whatever the prompts. */
    private Map<String, String> provenance() {
        Map<String, String> facts = new TreeMap<>(model.provenance());
        facts.putAll(source.provenance());
        Keys.put(facts, Keys.BOS_TOKEN_ID, model.bosTokenId());
        Keys.put(facts, Keys.MAX_TOKENS, model.maxTokens());
        Keys.put(facts, Keys.VOCABULARY_SIZE, model.vocabularySize());
        facts.put(Keys.VERSION, ModscanVersion.current());
        facts.put(Keys.BATCHES, batching.toString());
        facts.put(
                Keys.PLAN,
                readings.stream()
                        .map(reading -> reading.site() + " " + reading.pooling())
                        .collect(Collectors.joining("; ")));
        if (!source.plan().changing().isEmpty()) {
            facts.put(
                    Keys.CHANGING,
                    source.plan().changing().stream().map(Site::name).collect(Collectors.joining("; ")));
        }
        source.plan().objective().ifPresent(of -> facts.put(Keys.OBJECTIVE, of.toJson()));
        return facts;
    }

    /** Frees the model. */
    @Override
    public void close() {
        source.close();
        runners.clear();
    }
}
