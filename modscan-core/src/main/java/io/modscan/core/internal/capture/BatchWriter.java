package io.modscan.core.internal.capture;

import io.modscan.core.internal.recording.PartFile;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a link gives of one batch to a file while the next batch is computed, what it hands on included. It does so on
 * a thread of its own, which nobody interrupts: an interrupt would close the file. What links have handed on is read there, too.
 */
final class BatchWriter implements AutoCloseable {

    private final PartFile part;
    private final Behind thread = new Behind("modscan-writer");

    /** What a link hands on of a batch, until it is written. What the link before has handed on is in the file. */
    final class Streams implements Handover {
        private @Nullable ByteBuffer handedOn;

        @Override
        public void keep(int link, int batch, ByteBuffer values) {
            handedOn = values;
        }

        @Override
        public void give(int link, int batch, ByteBuffer into) {
            thread.begin(() -> part.takeHandedOn(link - 1, batch, into));
            thread.finish();
        }
    }

    BatchWriter(PartFile part) {
        this.part = part;
    }

    Streams streams() {
        return new Streams();
    }

    /**
     * Waits until the batch before is written, and begins to write this one.
     *
     * @param rows what the link gives of it, whose memory must stay as it is until the next call, or {@link #finish}, returns
     */
    void write(int link, int batch, Streams streams, BatchRunner.Computed rows) {
        thread.begin(() -> {
            if (streams.handedOn != null) {
                part.writeHandedOn(link, batch, streams.handedOn);
            }
            rows.hand(part::write);
            part.done(link, batch);
        });
    }

    /**
     * Waits until all is written.
     *
     * @throws RuntimeException what writing threw
     */
    void finish() {
        thread.finish();
    }

    /** Waits too, so that what was computed is kept whatever else went wrong. */
    @Override
    public void close() {
        thread.close();
    }
}
