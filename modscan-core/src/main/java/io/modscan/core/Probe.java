package io.modscan.core;

import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.capture.Batching;
import io.modscan.core.internal.capture.CaptureEngine;
import io.modscan.core.internal.capture.PoolingSource;
import io.modscan.core.internal.recording.Rounding;
import io.modscan.core.intervention.Change;
import io.modscan.core.intervention.Intervention;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.model.Progress;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.safetensors.DType;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Objective;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.Spliterator;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Captures a model's activations for sets of prompts.
 *
 * <pre>{@code
 * try (Probe probe = Probe.builder(model).sites(Sites.z(), Sites.mlpPost()).pooling(Pooling.mean()).build()) {
 *     Activations activations = probe.capture(Prompts.csv(Path.of("prompts.csv")));
 * }
 * }</pre>
 *
 * <p>Building loads the model, or, of one that is run block by block, the first blocks; closing frees it. Safe for use by many threads.
 */
public final class Probe implements AutoCloseable {

    private final CapturePlan plan;
    private final CaptureEngine engine;
    private volatile boolean closed;

    private Probe(Builder builder, CapturePlan plan) {
        this.plan = plan;
        ActivationSource source = PoolingSource.open(builder.model, plan);
        // Java allows as much in direct buffers as on the heap.
        long outputLimit =
                Math.min(builder.memoryLimit / 2, Runtime.getRuntime().maxMemory() / 4);
        Batching batching = new Batching(
                source, builder.tokenBudget.orElseGet(source::usualTokens), builder.memoryLimit, outputLimit);
        this.engine = new CaptureEngine(
                builder.model,
                source,
                batching,
                builder.cutOverlong,
                builder.fileSize,
                builder.storedAs,
                builder.listener);
    }

    /**
     * Begins a probe of a model.
     *
     * @param model the model
     * @return a builder that reads every site, each position kept, unless told otherwise
     */
    public static Builder builder(Model model) {
        return new Builder(model);
    }

    /** Settings of a probe to be. Not safe for use by several threads. */
    public static final class Builder {
        private final Model model;
        private final List<SiteSelector> selectors = new ArrayList<>();
        private final List<Selection> selections = new ArrayList<>();
        private @Nullable Objective objective;
        private Pooling pooling = Pooling.none();
        private OptionalInt tokenBudget = OptionalInt.empty();
        private long memoryLimit = 1L << 30;
        private long fileSize = 4L << 30;
        private DType storedAs = DType.F32;
        private Consumer<Progress> listener = progress -> {};
        private boolean cutOverlong;
        private final List<SiteSelector> changing = new ArrayList<>();

        private Builder(Model model) {
            this.model = Objects.requireNonNull(model, "model");
        }

        /**
         * Adds sites, pooled as {@link #pooling} says.
         *
         * @param selectors which sites, see {@link Sites}
         * @return this
         */
        public Builder sites(SiteSelector... selectors) {
            this.selectors.addAll(List.of(selectors));
            return this;
        }

        /**
         * Adds sites, pooled as {@link #pooling} says.
         *
         * @param globs names or patterns, see {@link Sites#glob}
         * @return this
         */
        public Builder sites(String... globs) {
            return sites(Arrays.stream(globs).map(Sites::glob).toArray(SiteSelector[]::new));
        }

        /**
         * Adds sites with a pooling of their own.
         *
         * @param pooling   how these are pooled
         * @param selectors which sites, see {@link Sites}
         * @return this
         */
        public Builder sites(Pooling pooling, SiteSelector... selectors) {
            for (SiteSelector selector : selectors) {
                selections.add(new Selection(selector, pooling));
            }
            return this;
        }

        /**
         * Lets interventions change sites. Nothing may be changed unless this is called; and where nothing may be changed, the network
         * that is run is the same as if there were no interventions.
         *
         * @param selectors which sites, of those that the model {@linkplain Model#changeable() can change}
         * @return this
         */
        public Builder changing(SiteSelector... selectors) {
            changing.addAll(List.of(selectors));
            return this;
        }

        /**
         * Lets interventions change the sites that these change.
         *
         * @param interventions some of those that prompts will be under
         * @return this
         */
        public Builder changing(Collection<Intervention> interventions) {
            for (Intervention intervention : interventions) {
                Set<String> sites =
                        intervention.changes().stream().map(Change::site).collect(Collectors.toSet());
                sites.forEach(site -> changing.add(new Named(site)));
            }
            return this;
        }

        /**
         * Lets interventions change the sites that these change.
         *
         * @param interventions some of those that prompts will be under
         * @return this
         */
        public Builder changing(Intervention... interventions) {
            return changing(List.of(interventions));
        }

        /** A site by its whole name. */
        private record Named(String name) implements SiteSelector {
            @Override
            public boolean selects(Site site) {
                return site.name().equals(name);
            }

            @Override
            public boolean names(Site site) {
                return true;
            }

            @Override
            public String toString() {
                return name;
            }
        }

        private List<Site> changed() {
            List<Site> changeable = model.changeable();
            Set<Site> changed = new LinkedHashSet<>();
            for (SiteSelector selector : changing) {
                List<Site> found = changeable.stream().filter(selector::selects).toList();
                if (found.isEmpty()) {
                    throw new ModscanException("no site that can be changed matches "
                            + (selector.getClass().isHidden() ? "the given selector" : "'" + selector + "'") + "; "
                            + (changeable.isEmpty()
                                    ? "of this model none can be: " + model
                                    : "these can be changed: " + kinds(changeable)));
                }
                changed.addAll(found);
            }
            return changeable.stream().filter(changed::contains).toList();
        }

        /** One layer of each kind is enough to show. */
        private static List<String> kinds(List<Site> sites) {
            Set<String> kinds = new LinkedHashSet<>();
            sites.forEach(site -> kinds.add(site.name().replaceAll("\\d+", "N")));
            return kinds.stream().limit(20).toList();
        }

        /**
         * Sets what {@linkplain Site#gradient() gradients} and {@linkplain Site#attribution() attributions} are of.
         *
         * @param of the objective; the {@linkplain Objective#loss() loss} of a prompt unless set, or what those of a recording are of
         * @return this
         */
        public Builder objective(Objective of) {
            this.objective = Objects.requireNonNull(of, "of");
            return this;
        }

        /**
         * Sets how sites are pooled that were added without a pooling of their own.
         *
         * @param pooling the pooling; {@link Pooling#none()} unless set
         * @return this
         */
        public Builder pooling(Pooling pooling) {
            this.pooling = Objects.requireNonNull(pooling, "pooling");
            return this;
        }

        /**
         * Sets how many tokens, padding included, are run at once. A prompt longer than this is run alone.
         *
         * @param tokens at least 1; unless set, as many as suit what runs them, with ONNX Runtime on a CPU 512 a thread, from 1024 to 8192
         * @return this
         * @throws IllegalArgumentException if not positive
         */
        public Builder tokenBudget(int tokens) {
            if (tokens < 1) {
                throw new IllegalArgumentException("a token budget of " + tokens + " runs nothing; give at least 1");
            }
            this.tokenBudget = OptionalInt.of(tokens);
            return this;
        }

        /**
         * Sets how much memory a run may take beside the model and what is kept of its results: for the values of the batch
         * that is run and of the one before, which may still be on its way to a file (each at most half of this, and a quarter
         * of Java's heap), and for what the network needs to compute them, as far as it can be told beforehand. Batches are made
         * small enough, to a single prompt if need be; one that alone takes more is run all the same. Where a model is run block by
         * block, what is on its way between two blocks takes up to a quarter of this (and an eighth of Java's heap); beyond that it
         * lies in a temporary file; in a capture to a file, all of it lies in that file's {@code .part}.
         *
         * @param bytes at least 1; 1 GiB unless set
         * @return this
         * @throws IllegalArgumentException if not positive
         */
        public Builder memoryLimit(long bytes) {
            this.memoryLimit = positive("a memory limit", bytes);
            return this;
        }

        /**
         * Sets how large a capture file may become before another one is begun.
         *
         * @param bytes at least 1; 4 GiB unless set. A prompt whose values take more has a file of its own
         * @return this
         * @throws IllegalArgumentException if not positive
         */
        public Builder fileSize(long bytes) {
            this.fileSize = positive("a file size", bytes);
            return this;
        }

        /**
         * Sets what values are stored as in files, so that they take half the bytes. They are rounded on their way to the file, to the
         * nearest, and to the even one of two that are equally near; token ids and offsets stay as they are. Only files are concerned:
         * values in memory, and what is measured without a file, are float32 as ever. A {@link Recording} gives the rounded values as float32,
         * and says so in its provenance, {@code modscan.rounded_to}.
         *
         * <p>{@link DType#F16} keeps 11 binary digits: from 6.1e-5 to 65504 a value changes by at most 1/2048 of itself (0.05 %), below
         * by at most 3e-8. What rounds to more than 65504 becomes infinite. {@link DType#BF16} keeps 8 digits: a value changes by at most 1/256 of itself
         * (0.4 %), within nearly all of float32's range. At the end a capture says in the log what became infinite, with the number of values, unit
         * and prompts, and at which sites most values were too small for float16, as gradients often are; and {@link Activations#nonFinite} of the recording counts what is infinite.
         *
         * @param type {@link DType#F32} unless set, or {@link DType#F16} or {@link DType#BF16}
         * @return this
         * @throws IllegalArgumentException if it is another type
         */
        public Builder storeAs(DType type) {
            this.storedAs = Rounding.checked(type);
            return this;
        }

        private static long positive(String what, long bytes) {
            if (bytes < 1) {
                throw new IllegalArgumentException(what + " of " + bytes + " bytes allows nothing; give at least 1");
            }
            return bytes;
        }

        /**
         * Sets a listener that is told of each batch that was run, by the thread that runs it. What it throws ends the
         * run.
         *
         * @param listener told how far a run is
         * @return this
         */
        public Builder progress(Consumer<Progress> listener) {
            this.listener = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Lets prompts that are longer than the model takes be cut at their end, with a warning in the log. Unless this
         * is called, such a prompt is an error. Ready tensors are never cut.
         *
         * @return this
         */
        public Builder cutOverlong() {
            this.cutOverlong = true;
            return this;
        }

        /**
         * Resolves the sites and loads the model.
         *
         * @return the probe, which the caller closes
         * @throws ModscanException if a selector matches nothing, a site can't be changed, differentiated or pooled as asked, an objective is
         *                          set and no gradient read, if BOS is to be left out
         *                          and the model knows none, or if the model can't be loaded
         */
        public Probe build() {
            List<Selection> all = new ArrayList<>(selections);
            selectors.forEach(selector -> all.add(new Selection(selector, pooling)));
            if (all.isEmpty()) {
                all.add(new Selection(Sites.all(), pooling));
            }
            CapturePlan plan = about(model.plan(all)).changing(changed());
            checkBos(plan);
            checkDifferentiable(plan);
            return new Probe(this, plan);
        }

        private CapturePlan about(CapturePlan plan) {
            if (objective != null) {
                return plan.about(objective);
            }
            return plan.objective().isPresent()
                    ? model.objective().map(plan::about).orElse(plan)
                    : plan;
        }

        private void checkDifferentiable(CapturePlan plan) {
            List<Site> differentiable = plan.objective().isPresent() ? model.differentiable() : List.of();
            for (Site site : plan.differentiated()) {
                if (!differentiable.contains(site)) {
                    throw new ModscanException("no gradient of " + site + " can be computed; "
                            + (differentiable.isEmpty()
                                    ? "of this model there are none: " + model
                                    : "of these there are: " + kinds(differentiable)));
                }
            }
        }

        private void checkBos(CapturePlan plan) {
            for (Reading reading : plan.readings()) {
                if (reading.pooling().positions().isWithoutBos()
                        && model.bosTokenId().isEmpty()) {
                    throw new ModscanException("no BOS token can be left out of " + reading.site()
                            + ", as the pooling '" + reading.pooling()
                            + "' asks: the model has none, or none is known; pool with BOS");
                }
            }
        }
    }

    /**
     * What this probe captures.
     *
     * @return the plan
     */
    public CapturePlan plan() {
        return plan;
    }

    /**
     * Captures prompts into memory: tokenizes them, runs them in batches of similar length, and gives the planned values
     * back in the order of the prompts. A prompt's values don't depend on its neighbours beyond float rounding, and the same
     * call gives the same bits again where version, threads, memory limit and Java's maximal heap are the same.
     *
     * <p>This, as the other ways to run prompts, ends within a second if the thread is interrupted.
     *
     * @param prompts the prompts
     * @return their activations
     * @throws ModscanException      if a prompt is longer than the model takes (unless {@link Builder#cutOverlong} was
     *                               called), has an id outside the vocabulary or nothing to pool, if the model refuses its
     *                               ready tensors, if a prompt is under an intervention that changes what may not be changed or
     *                               asks for what is not there, if some prompts are of ready tensors and others not, if the values don't
     *                               fit into Java's heap, or if running fails
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     * @throws IllegalStateException if the probe is closed
     */
    public Activations capture(Prompts prompts) {
        return new Activations(open().toMemory(prompts), false);
    }

    /**
     * Captures prompts into a file, or, where it would become larger than {@link Builder#fileSize}, into several and an
     * index of them (also where it would have more than 100,000 prompts, four million tokens or, about, 32 MiB of ids and
     * labels, which are held in memory until it is complete, or more ready tensors, held by the prompts themselves, than an
     * eighth of the heap or a quarter of {@link Builder#memoryLimit}): {@code acts-00001.safetensors}, {@code acts-00002.safetensors}, … and
     * {@code acts.safetensors.index.json} in place of {@code acts.safetensors}. {@link Recording} tells what is in
     * them; in those of several, the names of tensors end in the range of their prompts, {@code NAME/FROM-TO}. There may
     * be more prompts than fit into memory.
     *
     * <p>What is done lies in {@code FILE.part}. If the run ends before it is done, because the process is killed, say,
     * or the disk is full, the same call goes on where it was, and the file becomes the same, byte for byte. A capture
     * that is there already is not made again; another one in that file is replaced when this one is complete.
     *
     * @param prompts the prompts, with ids of their own. They are read on another thread, once, a file's worth ahead, since
     *                a file's layout hangs on all of its tokens; to go on, the same ones have to be given again. Of each id
     *                a hash is kept, see {@link Prompts#onDisk}
     * @param file    the file
     * @throws ModscanException      as {@link #capture(Prompts)} throws; if another capture is being written to the file, a
     *                               part of another one is there, or a file that is no capture
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     * @throws UncheckedIOException  if the file cannot be written
     * @throws IllegalStateException if the probe is closed
     */
    public void capture(Iterable<? extends Prompt> prompts, Path file) {
        open().toFile(prompts.spliterator(), file);
    }

    /**
     * Captures the prompts of a stream into a file, as {@link #capture(Iterable, Path)} does. To go on where a run ended, a
     * stream of the same prompts has to be given.
     *
     * @param prompts the prompts, which the caller closes
     * @param file    the file
     * @throws ModscanException      as there
     * @throws CancellationException as there
     * @throws UncheckedIOException  as there
     * @throws IllegalStateException as there
     */
    public void capture(Stream<? extends Prompt> prompts, Path file) {
        open().toFile(prompts.spliterator(), file);
    }

    /**
     * Runs prompts and hands their activations on piece by piece, in the order of the prompts, without keeping any. The next
     * piece is computed when the last one was taken. How many prompts make a piece depends on the memory limit.
     *
     * @param prompts the prompts, of any number. They are read on another thread, once, a piece ahead
     * @param action  what is done with a piece, which is readable until this returns
     * @throws ModscanException      as {@link #capture(Prompts)} throws, or if two prompts of a piece have the same id
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     * @throws IllegalStateException if the probe is closed
     */
    public void forEach(Iterable<? extends Prompt> prompts, Consumer<? super Activations> action) {
        forEach(prompts.spliterator(), action);
    }

    /**
     * Runs the prompts of a stream piece by piece, as {@link #forEach(Iterable, Consumer)} does.
     *
     * @param prompts the prompts, which the caller closes
     * @param action  what is done with a piece, which is readable until this returns
     * @throws ModscanException      as there
     * @throws CancellationException as there
     * @throws IllegalStateException as there
     */
    public void forEach(Stream<? extends Prompt> prompts, Consumer<? super Activations> action) {
        forEach(prompts.spliterator(), action);
    }

    /**
     * Runs prompts and measures them, without keeping activations.
     *
     * @param prompts the prompts, as for {@link #forEach(Iterable, Consumer)}
     * @param metric  what to measure
     * @param <R>     the result
     * @return the result
     * @throws ModscanException      as {@link #forEach(Iterable, Consumer)} and the metric throw
     * @throws CancellationException if the thread is interrupted; its interrupt status stays set
     * @throws IllegalStateException if the probe is closed
     */
    public <R> R measure(Iterable<? extends Prompt> prompts, Metric<R> metric) {
        return measure(prompts.spliterator(), metric);
    }

    /**
     * Runs the prompts of a stream and measures them, as {@link #measure(Iterable, Metric)} does.
     *
     * @param prompts the prompts, which the caller closes
     * @param metric  what to measure
     * @param <R>     the result
     * @return the result
     * @throws ModscanException      as there
     * @throws CancellationException as there
     * @throws IllegalStateException as there
     */
    public <R> R measure(Stream<? extends Prompt> prompts, Metric<R> metric) {
        return measure(prompts.spliterator(), metric);
    }

    private void forEach(Spliterator<? extends Prompt> prompts, Consumer<? super Activations> action) {
        open().inPieces(prompts, captured -> action.accept(new Activations(captured, true)));
    }

    private <R> R measure(Spliterator<? extends Prompt> prompts, Metric<R> metric) {
        Metric.Accumulator<R> accumulator = metric.start();
        forEach(prompts, accumulator::add);
        return accumulator.finish();
    }

    /**
     * Does work on a thread of its own, such as {@code probe.async(p -> p.capture(prompts))}. A future that is
     * cancelled, or times out, interrupts that thread, so that a run ends within a second.
     *
     * @param work what to do with this probe
     * @param <T>  the result
     * @return completed with the result, or with what the work threw
     */
    public <T> CompletableFuture<T> async(Function<? super Probe, ? extends T> work) {
        CompletableFuture<T> future = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        future.complete(work.apply(this));
                    } catch (Throwable e) {
                        future.completeExceptionally(e);
                    }
                },
                "modscan-capture");
        thread.setDaemon(true);
        // Cancelled, timed out or completed by somebody else: what the thread does is no longer wanted.
        CompletableFuture<T> unused = future.whenComplete((result, failure) -> {
            if (!Thread.currentThread().equals(thread)) {
                thread.interrupt();
            }
        });
        thread.start();
        return future;
    }

    private CaptureEngine open() {
        if (closed) {
            throw new IllegalStateException("the probe is closed; build another to capture more");
        }
        return engine;
    }

    /** Frees the model. Closing a second time does nothing. */
    @Override
    public void close() {
        closed = true;
        engine.close();
    }
}
