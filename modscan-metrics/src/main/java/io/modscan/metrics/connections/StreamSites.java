package io.modscan.metrics.connections;

import io.modscan.core.model.LinearAlgebra;
import io.modscan.core.site.Unit;
import io.modscan.metrics.internal.thread.Interrupt;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * All sites that write to a residual stream and read from it, in order of what comes behind what.
 *
 * @param width how many coordinates of the stream count
 * @param sites in rising order of stages, each of which is there once at most
 * @param norms the scales of the LayerNorm behind each stage, which lies between what is written there or before and what is read
 *              behind; empty where LayerNorms are part of the reading
 */
record StreamSites(int width, List<StreamSite> sites, List<float[]> norms) {

    /** The signed strength of the connections from some units of a site, row by row, to some of a site behind it. */
    float[] strengths(StreamSite from, int[] writers, StreamSite to, int[] readers) {
        Interrupt.checkThisThread();
        float[] written = gathered(from.writes(), writers);
        if (!norms.isEmpty()) {
            for (int row = 0; row < writers.length; row++) {
                carry(written, row * width, from.stage(), to.stage());
            }
        }
        float[] read = gathered(to.reads(), readers);
        float[] product = new float[writers.length * readers.length];
        LinearAlgebra.installed()
                .timesTransposed(FloatBuffer.wrap(written), FloatBuffer.wrap(read), width, FloatBuffer.wrap(product));
        return product;
    }

    private float[] gathered(float[] rows, int[] chosen) {
        float[] gathered = new float[chosen.length * width];
        for (int i = 0; i < chosen.length; i++) {
            System.arraycopy(rows, chosen[i] * width, gathered, i * width, width);
        }
        return gathered;
    }

    /** Takes what is written along through the LayerNorms up to a reader, and leaves its length. */
    private void carry(float[] rows, int at, int from, int to) {
        double length = StreamSite.length(rows, at, width);
        for (int stage = from; stage < to; stage++) {
            centre(rows, at, width);
            float[] scales = norms.get(stage);
            for (int i = 0; i < width; i++) {
                rows[at + i] *= scales[i];
            }
        }
        StreamSite.setLength(rows, at, width, length);
    }

    /** Takes off the mean of a row, which no LayerNorm lets through. */
    static void centre(float[] rows, int at, int width) {
        double sum = 0;
        for (int i = at; i < at + width; i++) {
            sum += rows[i];
        }
        double mean = sum / width;
        for (int i = at; i < at + width; i++) {
            rows[i] = (float) (rows[i] - mean);
        }
    }

    /** How many pairs of units there are of which one can hear the other. */
    double pairs() {
        double pairs = 0;
        double before = 0;
        for (StreamSite site : sites) {
            long there = IntStream.range(0, site.size()).filter(site::isThere).count();
            pairs += before * there;
            before += there;
        }
        return pairs;
    }

    /** All units, site by site: the nodes of a graph. */
    List<Unit> nodes() {
        return sites.stream()
                .flatMap(site -> IntStream.range(0, site.size()).mapToObj(site::unit))
                .toList();
    }

    /** Nodes, in rising order, as places in each of the sites. */
    int[][] bySite(List<Integer> nodes) {
        int[][] places = new int[sites.size()][];
        int at = 0;
        int first = 0;
        for (int site = 0; site < places.length; site++) {
            int from = at;
            int begin = first;
            int behind = first + sites.get(site).size();
            while (at < nodes.size() && nodes.get(at) < behind) {
                at++;
            }
            places[site] = nodes.subList(from, at).stream()
                    .mapToInt(node -> node - begin)
                    .toArray();
            first = behind;
        }
        return places;
    }

    /** Whether some nodes, in rising order, are of several sites, so that one of them can hear another. */
    boolean span(List<Integer> nodes) {
        return Arrays.stream(bySite(nodes)).filter(places -> places.length > 0).count() > 1;
    }

    StreamSites copy() {
        return new StreamSites(width, sites.stream().map(StreamSite::copy).toList(), norms);
    }

    /** Shuffles what each unit writes and reads over the coordinates of the stream. */
    void shuffle(SplittableRandom random) {
        sites.forEach(site -> site.shuffle(random));
    }
}
