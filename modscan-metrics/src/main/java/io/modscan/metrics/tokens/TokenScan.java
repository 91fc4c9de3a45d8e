package io.modscan.metrics.tokens;

import io.modscan.core.error.ModscanException;
import io.modscan.core.site.Site;
import io.modscan.metrics.internal.rank.SignedRank;
import io.modscan.metrics.internal.thread.Interrupt;
import io.modscan.metrics.tokens.LabelledPrompt.Placed;
import io.modscan.metrics.tokens.TokenContrasts.Differences;
import io.modscan.metrics.tokens.TokenContrasts.InBin;
import io.modscan.metrics.tokens.TokenContrasts.OfPrompt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.apache.commons.numbers.gamma.Erfc;
import org.apache.commons.numbers.gamma.InverseErfc;
import org.jspecify.annotations.Nullable;

/** Makes a {@link TokenSelectivityMap} of what was gathered. Prompts are taken in order of their ids, whatever order they came in. */
final class TokenScan {

    private final List<OfPrompt> prompts;
    private final List<LabelledPrompt> labelled;
    private final List<String> labels;
    private final List<Differences> differences;
    /** For each label and prompt where the label stands; null where it stands on no token or on all. */
    private final @Nullable Placed[][] placed;
    /** The numbers of these; empty where there are none. */
    private final float[][][] contrasts;

    private final List<InBin> profile;
    private final boolean controlled;
    private final boolean[] notFinite;
    private final TokenColumns columns;
    private final @Nullable PositionProfile ofAll;

    private TokenScan(
            List<OfPrompt> prompts,
            SortedMap<String, Differences> byLabel,
            List<InBin> profile,
            boolean controlled,
            boolean[] notFinite,
            TokenColumns columns) {
        this.prompts = prompts;
        this.labelled = prompts.stream().map(prompt -> prompt.labelled).toList();
        this.labels = List.copyOf(byLabel.keySet());
        this.differences = List.copyOf(byLabel.values());
        this.placed = new Placed[labels.size()][prompts.size()];
        this.contrasts = new float[labels.size()][prompts.size()][];
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            List<Placed> ofPrompt = labelled.get(prompt).labels;
            for (int i = 0; i < ofPrompt.size(); i++) {
                int label = Collections.binarySearch(labels, ofPrompt.get(i).label);
                if (!ofPrompt.get(i).isInAll) {
                    placed[label][prompt] = ofPrompt.get(i);
                    contrasts[label][prompt] = prompts.get(prompt).contrasts[i];
                }
            }
        }
        this.profile = profile;
        this.controlled = controlled;
        this.notFinite = notFinite;
        this.columns = columns;
        this.ofAll = controlled
                ? PositionProfile.of(
                        labelled, IntStream.range(0, prompts.size()).toArray(), placed, profile.size())
                : null;
    }

    static TokenSelectivityMap run(
            List<Site> sites,
            List<OfPrompt> gathered,
            SortedMap<String, Differences> byLabel,
            List<InBin> profile,
            boolean controlled,
            boolean[] notFinite) {
        if (byLabel.isEmpty()) {
            throw new ModscanException("no token of the " + gathered.size()
                    + " prompts has a label; prompts need spans, or a labelling that finds something in them");
        }
        List<OfPrompt> prompts = new ArrayList<>(gathered);
        prompts.sort(Comparator.comparing(prompt -> prompt.labelled.id));
        for (int i = 1; i < prompts.size(); i++) {
            String id = prompts.get(i).labelled.id;
            if (id.equals(prompts.get(i - 1).labelled.id)) {
                throw new ModscanException("two prompts have the id '" + id + "'; give each its own");
            }
        }
        long rows = (long) notFinite.length * byLabel.size();
        if (rows > Integer.MAX_VALUE) {
            throw new ModscanException("units × labels are " + rows + ", and one result holds at most "
                    + Integer.MAX_VALUE + ": measure the sites in several runs");
        }
        TokenColumns columns = new TokenColumns((int) rows);
        TokenScan scan = new TokenScan(prompts, byLabel, profile, controlled, notFinite, columns);
        Interrupt interrupt = Interrupt.ofThisThread();
        IntStream.range(0, notFinite.length).parallel().forEach(unit -> scan.fill(unit, interrupt));
        Map<String, Integer> counts = new HashMap<>();
        byLabel.forEach((label, ofLabel) -> counts.put(label, ofLabel.prompts));
        return new TokenSelectivityMap(sites, scan.labels, counts, columns);
    }

    private void fill(int unit, Interrupt interrupt) {
        interrupt.check();
        int first = unit * labels.size();
        if (notFinite[unit]) {
            columns.missing(first, first + labels.size());
            return;
        }
        int[] active = IntStream.range(0, prompts.size())
                .filter(prompt -> !prompts.get(prompt).silent[unit])
                .toArray();
        PositionProfile positions = null;
        double[] ofBins = {};
        if (controlled) {
            positions = active.length == prompts.size()
                    ? ofAll
                    : PositionProfile.of(labelled, active, placed, profile.size());
            ofBins = profile.stream()
                    .mapToDouble(bin -> bin.ranks[unit] / TokenContrasts.SCALE)
                    .toArray();
        }
        for (int label = 0; label < labels.size(); label++) {
            interrupt.check();
            int prompts = differences.get(label).prompts;
            if (prompts == 0 || !tells(ofAll, label) || !tells(positions, label)) {
                columns.missing(first + label, first + label + 1);
            } else {
                fill(unit, label, active, positions, ofBins);
            }
        }
    }

    private static boolean tells(@Nullable PositionProfile positions, int label) {
        return positions == null || positions.tells(label);
    }

    private void fill(int unit, int label, int[] active, @Nullable PositionProfile positions, double[] ofBins) {
        int[] counting = Arrays.stream(active)
                .filter(prompt -> placed[label][prompt] != null)
                .toArray();
        double[] numbers = new double[counting.length];
        double ofLabel = 0;
        for (int i = 0; i < counting.length; i++) {
            LabelledPrompt prompt = labelled.get(counting[i]);
            double in = placed(label, counting[i]).at.length;
            numbers[i] = contrasts[label][counting[i]][unit];
            ofLabel += numbers[i] * in * (prompt.tokens - in) / prompt.tokens;
        }
        if (positions != null && counting.length > 0) {
            double[] ofPositions = positions.profile(label, ofBins, ofLabel);
            for (int i = 0; i < counting.length; i++) {
                numbers[i] -= labelled.get(counting[i]).profiled(placed(label, counting[i]), ofPositions);
            }
        }
        Differences ofLabels = differences.get(label);
        double difference = ofLabels.moments.mean[unit] - ofPositions(unit, label);
        double deviation = Math.sqrt(ofLabels.moments.squares[unit] / (ofLabels.prompts - 1.0));
        int row = unit * labels.size() + label;
        columns.active[row] = counting.length;
        columns.meanDifference[row] = difference;
        columns.dz[row] = difference == 0 && deviation == 0 ? 0 : difference / deviation;
        // What is taken out is estimated, and may be more than there is.
        columns.auroc[row] =
                Math.min(1, Math.max(0, 0.5 + Arrays.stream(numbers).sum() / ofLabels.prompts));
        columns.rankBiserial[row] = counting.length == 0 ? 0 : SignedRank.rankBiserial(numbers);
        columns.p[row] = counting.length == 0
                ? 1
                : widened(SignedRank.twoSided(numbers), positions == null ? 1 : positions.wider(label));
    }

    /** What positions make of a unit's mean difference. */
    private double ofPositions(int unit, int label) {
        if (ofAll == null) {
            return 0;
        }
        double[] ofBins = profile.stream().mapToDouble(bin -> bin.values[unit]).toArray();
        return ofAll.meanProfiled(label, ofAll.profile(label, ofBins, differences.get(label).atLabel[unit]));
    }

    @SuppressWarnings("NullAway") // asked of prompts that count only
    private Placed placed(int label, int prompt) {
        return placed[label][prompt];
    }

    /** The p-value for a z that is divided by the root of how much wider its distribution is. */
    private static double widened(double p, double wider) {
        return wider == 1 ? p : Erfc.value(InverseErfc.value(p) / Math.sqrt(wider));
    }
}
