package io.modscan.benchmarks;

import io.modscan.core.Activations;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Axis;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Site;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.selectivity.SelectivityMap;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LinearCka;
import io.modscan.metrics.similarity.Precision;
import io.modscan.metrics.similarity.SimilarityMatrix;
import io.modscan.metrics.similarity.SiteSimilarity;
import io.modscan.metrics.subspace.Subspace;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What metrics cost that multiply large matrices or rank many units. {@code tools/metrics_speed.py} does the same. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(value = 1, jvmArgsAppend = "-Xmx6g")
@Warmup(iterations = 3)
@Measurement(iterations = 3)
@State(Scope.Benchmark)
public class MetricsBenchmark {

    /** For JMH, which fills what it makes. */
    public MetricsBenchmark() {}

    /** 10,000 prompts, 768 dimensions. */
    @State(Scope.Benchmark)
    public static class Stream {

        /** What multiplies and decomposes; EJML does for ONNX Runtime what that doesn't. */
        @Param({"OpenBlasAlgebra", "OrtProduct", "EjmlAlgebra"})
        public String algebra = "";

        private Activations activations = normal(1, 1, -1);
        private Activations few = activations;
        private Activations sites = activations;

        /** For JMH, which fills what it makes. */
        public Stream() {}

        /** Makes the data. */
        @Setup(Level.Trial)
        public void make() {
            System.setProperty("modscan.algebra", algebra);
            activations = normal(10_000, 768, Double.NEGATIVE_INFINITY);
            few = normal(1_000, 768, Double.NEGATIVE_INFINITY);
            sites = sites(4, 2_000, 768);
        }
    }

    /** 200 prompts of 10 topics, as many units as OPT-125M has neurons. */
    @State(Scope.Benchmark)
    public static class Neurons {
        private Activations activations = normal(1, 1, -1);

        /** For JMH, which fills what it makes. */
        public Neurons() {}

        /** Makes the data. */
        @Setup(Level.Trial)
        public void make() {
            activations = normal(200, 36_864, -0.5);
        }
    }

    private static Activations normal(int prompts, int units, double least) {
        return sites(1, prompts, units, least);
    }

    private static Activations sites(int sites, int prompts, int units) {
        return sites(sites, prompts, units, Double.NEGATIVE_INFINITY);
    }

    private static Activations sites(int sites, int prompts, int units, double least) {
        SplittableRandom random = new SplittableRandom(1);
        List<Prompt> labelled = IntStream.range(0, prompts)
                .mapToObj(i -> Prompt.ofTokens("p" + i, i).withLabel("topic", "t" + i % 10))
                .toList();
        Activations.Builder activations = Activations.builder(Prompts.of(labelled));
        for (int layer = 0; layer < sites; layer++) {
            float[][] rows = new float[prompts][units];
            for (float[] row : rows) {
                for (int i = 0; i < units; i++) {
                    row[i] = (float) Math.max(least, random.nextGaussian());
                }
            }
            Site site =
                    new Site("site" + layer, OptionalInt.of(layer), List.of(Axis.POSITION, Axis.units(units)), false);
            activations.site(site, Pooling.mean(), rows);
        }
        return activations.build();
    }

    /**
     * The cosine between all prompts.
     *
     * @param data the activations
     * @return the matrix
     */
    @Benchmark
    public SimilarityMatrix cosine(Stream data) {
        return data.activations.measure(Cosine.pairwise());
    }

    /**
     * The same in single precision.
     *
     * @param data the activations
     * @return the matrix
     */
    @Benchmark
    public SimilarityMatrix singleCosine(Stream data) {
        return data.activations.measure(Cosine.pairwise(Precision.SINGLE));
    }

    /**
     * Ten principal components.
     *
     * @param data the activations
     * @return the basis
     */
    @Benchmark
    public Basis topComponents(Stream data) {
        return data.activations.measure(Basis.fit(Basis.Kind.CENTRED, 10));
    }

    /**
     * Whitened coordinates.
     *
     * @param data the activations
     * @return the activations in these
     */
    @Benchmark
    public Activations whitened(Stream data) {
        return data.activations.measure(Basis.whitened()).apply(data.activations);
    }

    /**
     * The alignment of four sites over 2,000 prompts.
     *
     * @param data the activations
     * @return the alignment
     */
    @Benchmark
    public SiteSimilarity alignment(Stream data) {
        return data.sites.measure(LinearCka.pairwise());
    }

    /**
     * Five leading directions of 1,000 prompts.
     *
     * @param data the activations
     * @return the subspace
     */
    @Benchmark
    public Subspace subspace(Stream data) {
        return data.few.measure(Subspace.leading(5));
    }

    /**
     * The principal components.
     *
     * @param data the activations
     * @return the basis
     */
    @Benchmark
    public Basis pca(Stream data) {
        return data.activations.measure(Basis.centred());
    }

    /**
     * AUROC, p, q, Hedges' g and the rest for each unit and topic.
     *
     * @param data the activations
     * @return the map
     */
    @Benchmark
    public SelectivityMap selectivity(Neurons data) {
        return data.activations.measure(Selectivity.by("topic"));
    }
}
