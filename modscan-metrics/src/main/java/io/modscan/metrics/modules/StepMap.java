package io.modscan.metrics.modules;

import java.util.List;

/**
 * Which units act together within prompts, and where in a prompt. {@link Steps} tells how they are found.
 *
 * @param map           the modules. What is called over prompts there is over tokens here: correlations; halves are of prompts
 * @param profiles      where each module is active, in order of {@link ModuleMap#modules()}
 * @param prompts       how many prompts were looked at
 * @param tokens        how many of their tokens
 * @param seenPrompts   how many prompts there were
 * @param seenTokens    how many tokens these have that were kept, without BOS where it is known
 * @param degrees       how many independent tokens make correlations by chance as large as these do
 * @param withPositions whether what is usual at a position was left in
 */
public record StepMap(
        ModuleMap map,
        List<StepProfile> profiles,
        int prompts,
        int tokens,
        long seenPrompts,
        long seenTokens,
        int degrees,
        boolean withPositions) {

    /**
     * Copies the list.
     *
     * @param map           see above
     * @param profiles      see above
     * @param prompts       see above
     * @param tokens        see above
     * @param seenPrompts   see above
     * @param seenTokens    see above
     * @param degrees       see above
     * @param withPositions see above
     */
    public StepMap {
        profiles = List.copyOf(profiles);
    }

    /**
     * The profiles of modules that last: more than chance, and found again over other prompts.
     *
     * @return those whose {@link UnitModule#lasts()}, in order
     */
    public List<StepProfile> lasting() {
        return profiles.stream().filter(profile -> profile.module().lasts()).toList();
    }

    /**
     * A line to read, numbers rounded.
     *
     * @return what was looked at, and the modules
     */
    @Override
    public String toString() {
        return "StepMap[" + tokens + " of " + seenTokens + " tokens, " + prompts + " of " + seenPrompts + " prompts; "
                + map + "]";
    }
}
