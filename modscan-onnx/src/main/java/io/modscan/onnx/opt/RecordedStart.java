package io.modscan.onnx.opt;

import io.modscan.core.Recording;
import io.modscan.core.SiteActivations;
import io.modscan.core.error.ModscanException;
import io.modscan.core.model.ActivationSource;
import io.modscan.core.model.Model;
import io.modscan.core.site.CapturePlan;
import io.modscan.core.site.CapturePlan.Selection;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import io.modscan.core.site.Site;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Residual streams of a recording, at which the network can begin.
 *
 * @param recording the recording
 * @param streams   by the stage that each is given to
 */
record RecordedStart(Recording recording, TreeMap<Integer, Site> streams) {

    private static final String FINGERPRINT = "model.fingerprint";

    private static final String OPERATORS = "runtime.operators";
    private static final String PRECISION = "runtime.precision";

    /** There if the recording's values are no longer those that the network gave. */
    private static final String ROUNDED_TO = "modscan.rounded_to";

    /** What a recording has, if it is of this model. */
    static RecordedStart of(Model untouched, Path model, String fingerprint) {
        if (!(untouched instanceof Recording recording)) {
            throw new ModscanException(
                    untouched + " is no recording; " + model + " begins late at a recording of itself");
        }
        Map<String, String> facts = recording.provenance();
        if (!fingerprint.equals(facts.get(FINGERPRINT))) {
            throw new ModscanException(
                    recording + " is of another model, " + facts.getOrDefault("model.name", "unnamed")
                            + " (" + FINGERPRINT + " " + facts.get(FINGERPRINT) + "); " + model + " has " + fingerprint
                            + ". To start this model late, record its own residual stream");
        }
        TreeMap<Integer, Site> streams = new TreeMap<>();
        List<String> pooled = new ArrayList<>();
        for (SiteActivations recorded : recording.activations().sites()) {
            Reading reading = recorded.reading();
            int stage = givenTo(reading.site());
            if (stage > 0
                    && reading.isPerToken()
                    && reading.pooling().positions().isAll()) {
                streams.putIfAbsent(stage, reading.site());
            } else if (stage > 0) {
                pooled.add(reading.site() + " (" + reading.pooling() + ")");
            }
        }
        if (streams.isEmpty()) {
            throw new ModscanException(
                    recording + " has no residual stream to start at"
                            + (pooled.isEmpty()
                                    ? ""
                                    : ": " + pooled + " has no longer each token's, which the blocks need")
                            + ". Record blocks.N.hook_resid_pre with Pooling.none(), N being the first block that is to be computed");
        }
        return new RecordedStart(recording, streams);
    }

    /** The stage that is given what a site holds; 0 if none is. */
    private static int givenTo(Site site) {
        if (site.layer().isEmpty()) {
            return 0;
        }
        int layer = site.layer().getAsInt();
        String block = "blocks." + layer + ".";
        return site.name().equals(block + "hook_resid_pre")
                ? layer + 1
                : site.name().equals(block + "hook_resid_post") ? layer + 2 : 0;
    }

    /** The sites that can be computed. */
    List<Site> behind(OptConfig config, List<Site> sites) {
        Stream<Site> behind = sites.stream().filter(site -> OptNetwork.stage(config, site) >= streams.firstKey());
        return Stream.concat(behind, hasLast(config) ? Stream.of(OptSites.KL) : Stream.empty())
                .toList();
    }

    /** Whether the last residual stream is there, with which what the head says can be compared. */
    boolean hasLast(OptConfig config) {
        return streams.containsKey(config.layers() + 1);
    }

    /** The last stage to start at for all that a plan reads and changes. */
    int stage(CapturePlan plan, OptConfig config) {
        Site first = Stream.concat(plan.readings().stream().map(Reading::site), plan.changing().stream())
                .min(Comparator.comparingInt(site -> OptNetwork.stage(config, site)))
                .orElseThrow();
        Integer stage = streams.floorKey(OptNetwork.stage(config, first));
        if (stage == null) {
            throw liesBefore(first);
        }
        return stage;
    }

    private ModscanException liesBefore(Site site) {
        return new ModscanException(
                site + " lies before " + streams.firstEntry().getValue()
                        + ", the first residual stream that " + recording
                        + " has per token: record an earlier one, or run the model from its tokens");
    }

    /** What is to be said of values that were computed from it. */
    Map<String, String> provenance() {
        Map<String, String> facts = recording.provenance();
        String rounded = facts.get(ROUNDED_TO);
        return Map.of(
                "model.start",
                streams.values() + " recorded on " + facts.getOrDefault("runtime.device", "?") + " by "
                        + facts.getOrDefault("runtime.name", "?")
                        + (facts.containsKey(OPERATORS)
                                ? " with " + facts.get(OPERATORS) + " in " + facts.get(PRECISION)
                                : "")
                        + (rounded == null ? "" : ", rounded to " + rounded));
    }

    /** Gives the stream that a stage is given. */
    ActivationSource open(int stage) {
        return recording.open(
                new CapturePlan(List.of(new Reading(Objects.requireNonNull(streams.get(stage)), Pooling.none()))));
    }

    /** Why a plan can't be made, if that is because its sites lie before the recorded stream. */
    ModscanException refused(ModscanException e, List<Site> behind, List<Site> all, List<Selection> selections) {
        for (Selection selection : selections) {
            if (isPlanned(behind, selection)) {
                continue;
            }
            try {
                return liesBefore(CapturePlan.of(all, List.of(selection))
                        .readings()
                        .get(0)
                        .site());
            } catch (ModscanException other) {
                return e;
            }
        }
        return e;
    }

    private static boolean isPlanned(List<Site> sites, Selection selection) {
        try {
            CapturePlan.of(sites, List.of(selection));
            return true;
        } catch (ModscanException e) {
            return false;
        }
    }
}
