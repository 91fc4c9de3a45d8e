package io.modscan.core.model;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A stretch of a source's network, such as some blocks of a transformer. A window of batches goes through one link, then
 * through the next, so that not all of the network has to be in memory at once. What a link computes of a batch and the next
 * one needs, such as the residual stream, it hands on; whoever runs the links keeps it meanwhile. A source of a model that
 * doesn't {@linkplain Model#pools() pool} is run as a whole where a probe pools for it. Immutable; safe for use by
 * many threads.
 */
public interface Link {

    /**
     * Which of the plan's readings it gives. Each reading is given by one link.
     *
     * @return their indices in the plan, ascending; a link may give none
     */
    List<Integer> readings();

    /**
     * Its share of the work, by which progress is told.
     *
     * @return blocks of the network, at least 1; an embedding or a head that is a link by itself counts as one
     */
    int blocks();

    /**
     * How much it hands on to the next link.
     *
     * @return float32 values a position; 0 if it is the last
     */
    int handsOn();

    /**
     * Makes it ready to run, which may load its weights; the next link may be made ready meanwhile.
     *
     * @return the link, to be closed when all batches of a window went through it. A thread has one open at a time
     * @throws java.util.concurrent.CancellationException     if the thread is interrupted meanwhile; its interrupt status stays set
     * @throws io.modscan.core.error.ModscanException if it can't be loaded
     * @throws IllegalStateException                  if the source is closed
     */
    Opened open();

    /** A link that can be run. Safe for use by many threads until it is closed. */
    interface Opened extends AutoCloseable {

        /**
         * Runs a batch, as {@link ActivationSource#run} does.
         *
         * @param batch    the tokens
         * @param given    what the link before has handed on of this batch, [rows, columns, values]; nothing for the first.
         *                 Direct, in native byte order, as all of these buffers
         * @param outputs  where the values of the link's readings go, in the order of {@link Link#readings()}
         * @param handedOn where it puts what it hands on, [rows, columns, values]
         * @throws java.util.concurrent.CancellationException if the thread is interrupted; what is written is without meaning
         * @throws io.modscan.core.error.ModscanException if the computation fails
         */
        void run(TokenBatch batch, FloatBuffer given, List<FloatBuffer> outputs, FloatBuffer handedOn);

        /** Lets it go. */
        @Override
        void close();
    }

    /**
     * A source as its only link.
     *
     * @param source the source
     * @return a link whose opening and closing do nothing
     */
    static Link whole(ActivationSource source) {
        List<Integer> all =
                IntStream.range(0, source.plan().readings().size()).boxed().toList();
        return new Link() {
            @Override
            public List<Integer> readings() {
                return all;
            }

            @Override
            public int blocks() {
                return 1;
            }

            @Override
            public int handsOn() {
                return 0;
            }

            @Override
            public Opened open() {
                return new Opened() {
                    @Override
                    public void run(
                            TokenBatch batch, FloatBuffer given, List<FloatBuffer> outputs, FloatBuffer handedOn) {
                        source.run(batch, outputs);
                    }

                    @Override
                    public void close() {
                        // The source is closed by whoever opened it.
                    }
                };
            }
        };
    }
}
