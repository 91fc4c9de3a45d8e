package io.modscan.benchmarks;

import io.modscan.core.model.ActivationSource;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.Export;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The first export, and the first session, of a JVM that has done nothing before. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 0)
@Measurement(iterations = 1)
public class ExportBenchmark {

    /** Where {@link Benchmarks} has put the checkpoints. */
    static final String FOLDER = "modscan.benchmarks.folder";

    /** For JMH. */
    public ExportBenchmark() {}

    private static Path checkpoint(String name) {
        return Path.of(System.getProperty(FOLDER, "")).resolve(name);
    }

    /**
     * OPT-125M's checkpoint as an ONNX file.
     *
     * @return what was written
     */
    @Benchmark
    @Fork(20)
    public Export.Exported exportOf125m() {
        return export("opt-125m");
    }

    /**
     * OPT-13B's, in a heap of 256 MB.
     *
     * @return what was written
     */
    @Benchmark
    @Fork(
            value = 10,
            jvmArgsAppend = {"-Xmx256m"})
    public Export.Exported exportOf13b() {
        return export("opt-13b");
    }

    private static Export.Exported export(String name) {
        Path folder = checkpoint(name);
        return OptModel.open(folder).export().to(folder.resolve("model.onnx"));
    }

    /**
     * OPT-125M's checkpoint until a session stands that computes every head's z and every neuron.
     *
     * @return how many sites it computes
     */
    @Benchmark
    @Fork(10)
    public int sessionOf125m() {
        return open(OptModel.open(checkpoint("opt-125m")), Sites.z(), Sites.mlpPost());
    }

    /**
     * The export of OPT-125M until a session stands that computes all.
     *
     * @return how many sites it computes
     */
    @Benchmark
    @Fork(10)
    public int sessionOfTheExportOf125m() {
        return open(OptModel.open(checkpoint("opt-125m").resolve("opened.onnx")), Sites.all());
    }

    private static int open(OptModel model, SiteSelector... sites) {
        CapturePlan plan = CapturePlan.of(
                model.sites(),
                Arrays.stream(sites)
                        .map(site -> new Selection(site, Pooling.none()))
                        .toList());
        try (ActivationSource source = model.open(plan)) {
            return source.plan().readings().size();
        }
    }
}
