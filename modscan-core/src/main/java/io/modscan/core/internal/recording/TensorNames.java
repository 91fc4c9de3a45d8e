package io.modscan.core.internal.recording;

import io.modscan.core.site.Site;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What tensors are called in a capture file. A foreign model may call its own as it likes, so a site's name alone could be
 * that of another tensor.
 *
 * <p>No two tensors have the same name: those of one prompt end in a slash and digits, which no others do; of the others
 * those of sites that are renamed end in {@code /site}, which the rest don't. In a file of several a range,
 * {@code /FROM-TO}, comes behind all of these others.
 */
public final class TensorNames {

    static final String INPUT_IDS = "input_ids";
    static final String PROMPT_OFFSETS = "prompt_offsets";

    /** Only where some positions are kept and others are not. */
    static final String KEPT_POSITIONS = "kept_positions";

    static final String KEPT_OFFSETS = "kept_offsets";

    /** The last is what the format calls something else. */
    private static final Set<String> TAKEN =
            Set.of(INPUT_IDS, PROMPT_OFFSETS, KEPT_POSITIONS, KEPT_OFFSETS, "__metadata__");

    private static final String RENAMED = "/site";
    private static final Pattern LIKE_ONE_OF_A_PROMPT = Pattern.compile(".*/[0-9]+", Pattern.DOTALL);

    private TensorNames() {}

    /** The tensor in which a site's values of all prompts are, without the file's range. */
    static String packed(Site site) {
        String name = site.name();
        boolean ambiguous = TAKEN.contains(name)
                || name.endsWith(RENAMED)
                || LIKE_ONE_OF_A_PROMPT.matcher(name).matches();
        return ambiguous ? name + RENAMED : name;
    }

    /** The tensor of one prompt of a site that has a value for each pair of positions. */
    static String perPrompt(Site site, long prompt) {
        return site.name() + "/" + prompt;
    }
}
