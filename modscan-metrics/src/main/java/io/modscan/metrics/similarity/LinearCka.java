package io.modscan.metrics.similarity;

import io.modscan.core.Metric;

/**
 * Centred kernel alignment (CKA) with a linear kernel, debiased: whether two sites tell the same prompts apart, whatever
 * their widths. It does not change if a site's vectors are rotated, shifted, or all scaled.
 *
 * <p>With the n × n matrices K and L of dot products of the prompts' vectors at two sites, their diagonals set to zero,
 *
 * <pre>
 * HSIC(K, L) = (tr(KL) + ΣK ΣL / ((n − 1)(n − 2)) − 2 Σ(KL) / (n − 2)) / (n (n − 3))
 * CKA(K, L)  = HSIC(K, L) / √(HSIC(K, K) HSIC(L, L))
 * </pre>
 *
 * <p>where Σ is the sum of all entries. This estimate of the Hilbert–Schmidt independence criterion has no bias, and so the
 * CKA of unrelated sites is 0 on average, with fewer prompts than units too, where the simple estimate is near 1. The result
 * is in [−1, 1], exactly 1 for a site and itself, and slightly negative at times for unrelated sites.
 *
 * <p>It is NaN for fewer than four prompts, for a site with a NaN or infinite value, and for one at which no prompt is closer
 * to one than to another (all vectors equal, say, or all at right angles and of one length). Everything is computed in
 * double precision on centred and scaled vectors; huge and tiny values do no harm.
 *
 * <p>Sources: Kornblith, Norouzi, Lee, Hinton 2019, <a href="https://arxiv.org/abs/1905.00414">arXiv:1905.00414</a>; Song, Smola,
 * Gretton, Bedo, Borgwardt 2012, Journal of Machine Learning Research 13, 1393–1434, for the estimate; Nguyen, Raghu, Kornblith
 * 2020, <a href="https://arxiv.org/abs/2010.15327">arXiv:2010.15327</a>, for their use together.
 */
public final class LinearCka {

    private LinearCka() {}

    /**
     * The debiased linear CKA between all measured sites.
     *
     * <p>Takes any number of sites whose values are [prompts, …] with no positions left; where a site has heads, a prompt's
     * vector is all of them, one behind the other. Keeps all values, 4 bytes each. Takes O(n²·D + n²·s²) time for n prompts, s
     * sites and D values a prompt at all of them together, mostly in {@link io.modscan.core.model.LinearAlgebra#installed()}, and
     * works in tiles, which take at most 256 MB outside the heap, whatever n and D are (unless one vector alone has more than
     * 2²³ values). The result depends on the order of prompts and on
     * the installed product only by rounding.
     *
     * <p>The metric is immutable and safe for use by many threads. Adding activations throws a
     * {@link io.modscan.core.error.ModscanException} if the sites are others than in the pieces before; finishing does if a
     * site was not pooled, if two prompts have the same id, or without any activations.
     *
     * @return a metric that gives a symmetric matrix, one row a site
     */
    public static Metric<SiteSimilarity> pairwise() {
        return Metric.whole(activations -> new CentredProducts(activations.sites()).cka());
    }
}
