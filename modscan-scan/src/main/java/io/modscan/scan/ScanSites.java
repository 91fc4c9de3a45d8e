package io.modscan.scan;

import io.modscan.core.site.SiteSelector;
import io.modscan.core.site.Sites;

/** Where a scan looks. */
final class ScanSites {

    /** What a head is told by. */
    static final SiteSelector HEADS = Sites.z().magnitude();

    /** What the second matrix of the MLP reads. */
    static final SiteSelector NEURONS = Sites.mlpPost();

    /** What labels are told apart by. */
    static final SiteSelector STREAM = Sites.residPost();

    /** What the page compares prompts by, beside the stream. */
    static final SiteSelector VECTORS = Sites.z();

    static final SiteSelector PATTERNS = Sites.pattern();

    private ScanSites() {}
}
