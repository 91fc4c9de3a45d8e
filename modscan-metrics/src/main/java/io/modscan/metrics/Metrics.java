package io.modscan.metrics;

import io.modscan.core.Metric;
import io.modscan.metrics.basis.Basis;
import io.modscan.metrics.basis.BrightDimensions;
import io.modscan.metrics.basis.Standardised;
import io.modscan.metrics.connections.ParallelUnits;
import io.modscan.metrics.contexts.TopContexts;
import io.modscan.metrics.modules.Modules;
import io.modscan.metrics.modules.Steps;
import io.modscan.metrics.selectivity.Consistency;
import io.modscan.metrics.selectivity.Importance;
import io.modscan.metrics.selectivity.Selectivity;
import io.modscan.metrics.similarity.Closeness;
import io.modscan.metrics.similarity.Cosine;
import io.modscan.metrics.similarity.LabelSimilarity;
import io.modscan.metrics.similarity.LinearCka;
import io.modscan.metrics.similarity.ScaledCosine;
import io.modscan.metrics.similarity.Separation;
import io.modscan.metrics.similarity.Similarity;
import io.modscan.metrics.similarity.SimilarityMatrix;
import io.modscan.metrics.similarity.SiteSimilarity;
import io.modscan.metrics.similarity.VectorSimilarity;
import io.modscan.metrics.subspace.Subspace;
import io.modscan.metrics.subspace.SubspaceOverlap;
import io.modscan.metrics.tokens.TokenLabels;
import io.modscan.metrics.tokens.TokenSelectivity;

/**
 * The metrics that come with modscan, by the questions they answer: {@code activations.measure(Metrics.selectivity("topic"))}.
 * The class that each links to tells what it takes, computes, costs and throws, and has further settings.
 *
 * <p>What is no metric stands elsewhere. {@link io.modscan.metrics.attention.HeadBehaviour} is a view that turns attention
 * patterns into units that metrics of units measure, and {@link io.modscan.metrics.attention.HeadReach} one that does so with their attributions, {@link io.modscan.metrics.subspace.WeightOverlap} reads weights and no
 * activations, {@link io.modscan.metrics.connections.Connections} reads weights and, if they are given, activations, and {@link io.modscan.metrics.statistics} has what metrics of one's own need. Those begin with
 * {@link Metric#of}.
 */
public final class Metrics {

    private Metrics() {}

    // Units

    /**
     * Which heads and neurons light up, or go dark, for which label?
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Selectivity#by}
     */
    public static Selectivity selectivity(String key) {
        return Selectivity.by(key);
    }

    /**
     * Does that hold in both halves of the prompts?
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Consistency#by}
     */
    public static Consistency consistency(String key) {
        return Consistency.by(key);
    }

    /**
     * How often and how strongly does each unit fire on the tokens of each label?
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Importance#by}
     */
    public static Importance importance(String key) {
        return Importance.by(key);
    }

    /**
     * In which contexts is each unit strongest, and how is it elsewhere?
     *
     * @param most how many contexts of each unit
     * @return {@link TopContexts#of}
     */
    public static TopContexts topContexts(int most) {
        return TopContexts.of(most);
    }

    /**
     * Which units respond to which tokens inside prompts?
     *
     * @param labels what tokens are, such as {@link TokenLabels#repeated()}
     * @return {@link TokenSelectivity#by}
     */
    public static TokenSelectivity tokenSelectivity(TokenLabels labels) {
        return TokenSelectivity.by(labels);
    }

    /**
     * Which units respond together, and so form modules?
     *
     * @return {@link Modules#byCoActivation}
     */
    public static Modules modules() {
        return Modules.byCoActivation();
    }

    /**
     * Which units act together within prompts, and at which step?
     *
     * @return {@link Steps#find}
     */
    public static Steps steps() {
        return Steps.find();
    }

    /**
     * Which units carry nearly one feature, as it is or with the opposite sign, and do they add up or cancel?
     *
     * @return {@link ParallelUnits#find}
     */
    public static ParallelUnits parallelUnits() {
        return ParallelUnits.find();
    }

    // Prompts

    /**
     * Do two prompts point the same way, whatever their lengths?
     *
     * @return {@link Cosine#pairwise()}
     */
    public static Metric<SimilarityMatrix> cosine() {
        return Cosine.pairwise();
    }

    /**
     * Do they point the same way, long vectors counting more than short ones?
     *
     * @return {@link ScaledCosine#pairwise()}
     */
    public static Metric<SimilarityMatrix> scaledCosine() {
        return ScaledCosine.pairwise();
    }

    /**
     * Does the site do the same for two prompts, silence being like silence?
     *
     * @return {@link Closeness#pairwise()}
     */
    public static Metric<SimilarityMatrix> closeness() {
        return Closeness.pairwise();
    }

    /**
     * How alike are two prompts by a measure of one's own?
     *
     * @param name what to call it
     * @param measure how alike two vectors are
     * @return {@link Similarity#pairwise}
     */
    public static Metric<SimilarityMatrix> similarity(String name, VectorSimilarity measure) {
        return Similarity.pairwise(name, measure);
    }

    // Labels

    /**
     * How alike are prompts within a label and between labels, by their cosine? For streams of any length.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Cosine#betweenLabels}
     */
    public static Metric<LabelSimilarity> cosineBetweenLabels(String key) {
        return Cosine.betweenLabels(key);
    }

    /**
     * The same by the scaled cosine.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link ScaledCosine#betweenLabels}
     */
    public static Metric<LabelSimilarity> scaledCosineBetweenLabels(String key) {
        return ScaledCosine.betweenLabels(key);
    }

    /**
     * The same by closeness.
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Closeness#betweenLabels}
     */
    public static Metric<LabelSimilarity> closenessBetweenLabels(String key) {
        return Closeness.betweenLabels(key);
    }

    /**
     * Are labels apart at a site, and is that more than chance?
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Separation#by(String)}
     */
    public static Separation separation(String key) {
        return Separation.by(key);
    }

    /**
     * The same under another similarity than the cosine.
     *
     * @param key what the labels are of, such as {@code topic}
     * @param similarity how alike prompts are, such as {@link #closeness()}
     * @return {@link Separation#by(String, Metric)}
     */
    public static Separation separation(String key, Metric<SimilarityMatrix> similarity) {
        return Separation.by(key, similarity);
    }

    /**
     * Do the prompts of different labels vary in different directions?
     *
     * @param key what the labels are of, such as {@code topic}
     * @param k how many directions a label, at least 1
     * @return {@link SubspaceOverlap#by}
     */
    public static SubspaceOverlap subspaceOverlap(String key, int k) {
        return SubspaceOverlap.by(key, k);
    }

    /**
     * In which directions do labels differ?
     *
     * @param key what the labels are of, such as {@code topic}
     * @return {@link Subspace#ofLabelMeans}
     */
    public static Metric<Subspace> labelSubspace(String key) {
        return Subspace.ofLabelMeans(key);
    }

    // Sites and their coordinates

    /**
     * Do two sites tell the same prompts apart?
     *
     * @return {@link LinearCka#pairwise}
     */
    public static Metric<SiteSimilarity> linearCka() {
        return LinearCka.pairwise();
    }

    /**
     * Where do a site's vectors vary most, around their mean?
     *
     * @param k how many directions, at least 1
     * @return {@link Subspace#leading}
     */
    public static Metric<Subspace> subspace(int k) {
        return Subspace.leading(k);
    }

    /**
     * Where are they largest, their mean counted in?
     *
     * @param k how many directions, at least 1
     * @return {@link Subspace#leadingUncentred}
     */
    public static Metric<Subspace> uncentredSubspace(int k) {
        return Subspace.leadingUncentred(k);
    }

    /**
     * What are the principal components of a site? A view in which any metric works.
     *
     * @return {@link Basis#centred}
     */
    public static Metric<Basis> pca() {
        return Basis.centred();
    }

    /**
     * In which basis are a site's coordinates orthogonal as functions over the data, the mean left in?
     *
     * @return {@link Basis#uncentred}
     */
    public static Metric<Basis> uncentredBasis() {
        return Basis.uncentred();
    }

    /**
     * The principal components, each of variance 1.
     *
     * @return {@link Basis#whitened}
     */
    public static Metric<Basis> whitening() {
        return Basis.whitened();
    }

    /**
     * The whitened coordinates that are nearest to the raw ones.
     *
     * @return {@link Basis#zca}
     */
    public static Metric<Basis> zca() {
        return Basis.zca();
    }

    /**
     * What is a site with every coordinate brought to mean 0 and deviation 1?
     *
     * @return {@link Standardised#fit}
     */
    public static Metric<Standardised> standardised() {
        return Standardised.fit();
    }

    /**
     * Which coordinates outshine all others?
     *
     * @return {@link BrightDimensions#find}
     */
    public static Metric<BrightDimensions> brightDimensions() {
        return BrightDimensions.find();
    }
}
