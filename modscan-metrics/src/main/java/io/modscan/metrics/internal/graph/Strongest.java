package io.modscan.metrics.internal.graph;

import java.util.Arrays;

/** The strongest links of one unit: at most so many, those of the largest weight, among equals those to the first units. */
final class Strongest {

    private static final int FIRST_CAPACITY = 4;

    private final int most;
    /** A heap with the weakest link on top. Weights are positive, so that their bits compare as they do. */
    private long[] heap = new long[FIRST_CAPACITY];

    private int size;

    Strongest(int most) {
        this.most = most;
    }

    /** The weight below which an offer is in vain. */
    float least() {
        return size < most ? 0 : Float.intBitsToFloat((int) (heap[0] >> Integer.SIZE));
    }

    void offer(int other, float weight) {
        // The later of two units of equal weight is the weaker link.
        long link = ((long) Float.floatToIntBits(weight) << Integer.SIZE) | (~other & 0xFFFF_FFFFL);
        if (size < most) {
            if (size == heap.length) {
                heap = Arrays.copyOf(heap, 2 * size);
            }
            heap[size] = link;
            rise(size++);
        } else if (link > heap[0]) {
            heap[0] = link;
            sink();
        }
    }

    private void rise(int from) {
        for (int i = from; i > 0 && heap[i] < heap[(i - 1) / 2]; i = (i - 1) / 2) {
            swap(i, (i - 1) / 2);
        }
    }

    private void sink() {
        int i = 0;
        while (2 * i + 1 < size) {
            int child = 2 * i + 1;
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[i] <= heap[child]) {
                return;
            }
            swap(i, child);
            i = child;
        }
    }

    private void swap(int i, int j) {
        long link = heap[i];
        heap[i] = heap[j];
        heap[j] = link;
    }

    /** The links, packed, in order of the other units. */
    long[] inOrder() {
        return Arrays.stream(heap, 0, size)
                .map(link -> PackedLink.of(~(int) link, Float.intBitsToFloat((int) (link >> Integer.SIZE))))
                .sorted()
                .toArray();
    }
}
