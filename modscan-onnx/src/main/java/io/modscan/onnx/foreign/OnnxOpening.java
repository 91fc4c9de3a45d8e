package io.modscan.onnx.foreign;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.runtime.Allow;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** How {@link OnnxModel#open(Path, OnnxOpening)} opens a file. Immutable. */
public final class OnnxOpening {

    private static final OnnxOpening USUAL = new OnnxOpening(Set.of(), RuntimeOptions.cpu(), false, Optional.empty());

    private final Set<Allow> allowed;
    private final RuntimeOptions runtime;
    private final boolean tried;
    private final Optional<OnnxTrial> limits;

    private OnnxOpening(Set<Allow> allowed, RuntimeOptions runtime, boolean tried, Optional<OnnxTrial> limits) {
        this.allowed = allowed;
        this.runtime = runtime;
        this.tried = tried;
        this.limits = limits;
    }

    /**
     * As {@link OnnxModel#open(Path)} does: for a file that is trusted not to harm ONNX Runtime, on the CPU.
     *
     * @return the usual way
     */
    public static OnnxOpening usual() {
        return USUAL;
    }

    /**
     * The same with leave for what is refused else.
     *
     * @param what what is allowed, of which {@link Allow#LINKS} matters here
     * @return a copy
     */
    public OnnxOpening allowing(Set<Allow> what) {
        return new OnnxOpening(Set.copyOf(what), runtime, tried, limits);
    }

    /**
     * The same for a model that is to be run in some way; one of custom operators, with their library
     * ({@link RuntimeOptions#withOperators}), without which ONNX Runtime does not take the graph.
     *
     * @param options how it is run
     * @return a copy
     */
    public OnnxOpening run(RuntimeOptions options) {
        return new OnnxOpening(allowed, Objects.requireNonNull(options, "options"), tried, limits);
    }

    /**
     * The same for a file that is not trusted. Whatever ONNX Runtime has to open of it, when shapes are inferred and when a probe
     * is built, is opened first in a process of its own, for two minutes and 2 GiB of memory at most, and more for large weights. If
     * that process ends early, or takes more, opening throws a {@link ModscanException}; the other way, this process would have.
     * So it does if there can be no such process, since {@code java.home} has no {@code bin/java} or the class path of this one
     * is not enough to start another. Each trial takes about the time that Java and ONNX Runtime need to start, and as long as the opening itself. What
     * the model does when it captures is not tried, nor are the nodes that are added to tell scalars from tensors of unknown shape; and
     * the process is no sandbox.
     *
     * @return a copy
     */
    public OnnxOpening triedFirst() {
        return new OnnxOpening(allowed, runtime, true, Optional.empty());
    }

    /**
     * As {@link #triedFirst()} with other limits.
     *
     * @param atMost how long one trial may take
     * @param memory bytes that it may take beside the files that it maps; watched on Linux only
     * @return a copy
     * @throws IllegalArgumentException if a limit is not positive
     */
    public OnnxOpening triedFirst(Duration atMost, long memory) {
        if (atMost.isNegative() || atMost.isZero() || memory <= 0) {
            throw new IllegalArgumentException(
                    "nothing can be tried in " + atMost + " and " + memory + " bytes; both must be positive");
        }
        return new OnnxOpening(allowed, runtime, true, Optional.of(new OnnxTrial(atMost, memory)));
    }

    Set<Allow> allowed() {
        return allowed;
    }

    RuntimeOptions runtime() {
        return runtime;
    }

    Optional<OnnxTrial> trial(OnnxFile file) {
        return tried ? limits.or(() -> Optional.of(OnnxTrial.usual(file))) : Optional.empty();
    }
}
