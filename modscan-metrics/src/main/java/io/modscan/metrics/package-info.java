/**
 * Metrics over captured activations: how alike prompts are at a site, and which units respond to which label, with the
 * statistics that such a claim needs.
 *
 * <pre>{@code
 * SelectivityMap map = activations.measure(Selectivity.by("topic"));
 * map.top("cooking", 10).forEach(System.out::println);
 *
 * SimilarityMatrix matrix = activations.at("blocks.11.hook_resid_post").measure(Cosine.pairwise());
 * Map<Site, LabelSimilarity> apart = activations.measure(Cosine.byLabel("topic").perSite());
 * }</pre>
 *
 * <p>All metrics here take one vector a prompt, so a site with token positions has to be captured with a pooling. Where
 * there are labels, results list them in the natural order of {@link java.lang.String}, so that they don't depend on which
 * piece of the activations came first.
 */
@NullMarked
package io.modscan.metrics;

import org.jspecify.annotations.NullMarked;
