package io.modscan.onnx.hub;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A response's body, taken piece by piece. Unlike the JDK's own input stream it gives up on a server that sends no more, or
 * hardly anything, and heeds a thread's interrupt.
 */
final class Body implements Flow.Subscriber<List<ByteBuffer>>, AutoCloseable {

    /** How many pieces, of 16 KiB at most each, may lie here untaken. */
    private static final int AHEAD = 16;

    /** What has to come in a second of waiting, on the average of as many times the patience. */
    private static final int SLOWEST = 1024;

    private static final int WINDOW = 6;

    /** Bytes come, but so few that waiting for more has no end. */
    static final class TooSlow extends IOException {

        private static final long serialVersionUID = 1L;

        TooSlow(String message) {
            super(message);
        }
    }

    private sealed interface Event {}

    private record Piece(List<ByteBuffer> buffers) implements Event {}

    private record End(@Nullable Throwable failure) implements Event {}

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    private final Duration patience;
    private volatile Flow.@Nullable Subscription subscription;
    private long waited;
    private long came;

    Body(Flow.Publisher<List<ByteBuffer>> publisher, Duration patience) {
        this.patience = patience;
        publisher.subscribe(this);
    }

    /** The next piece, or null at the end. */
    @Nullable
    List<ByteBuffer> next() throws IOException, InterruptedException {
        long since = System.nanoTime();
        Event event = events.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
        // Only the time of waiting counts, not that in which a slow disk writes.
        waited += System.nanoTime() - since;
        if (event instanceof Piece piece) {
            heedRate(piece);
            Flow.Subscription source = subscription;
            if (source != null) {
                source.request(1);
            }
            return piece.buffers();
        }
        if (event instanceof End end) {
            if (end.failure() == null) {
                return null;
            }
            throw new IOException("the connection broke off: " + end.failure().getMessage(), end.failure());
        }
        throw new IOException("nothing came for " + patience.toSeconds() + " s");
    }

    private void heedRate(Piece piece) throws TooSlow {
        came += piece.buffers().stream().mapToInt(ByteBuffer::remaining).sum();
        double seconds = waited / 1e9;
        if (waited > WINDOW * patience.toNanos()) {
            if (came < SLOWEST * seconds) {
                throw new TooSlow(String.format("only %d bytes came in %.0f s", came, seconds));
            }
            waited = 0;
            came = 0;
        }
    }

    /** All of it. */
    byte[] all(int most) throws IOException, InterruptedException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (List<ByteBuffer> piece = next(); piece != null; piece = next()) {
            for (ByteBuffer buffer : piece) {
                byte[] part = new byte[buffer.remaining()];
                buffer.get(part);
                bytes.writeBytes(part);
            }
            if (bytes.size() > most) {
                throw new IOException("the answer has more than " + most + " bytes");
            }
        }
        return bytes.toByteArray();
    }

    @Override
    public void onSubscribe(Flow.Subscription source) {
        subscription = source;
        source.request(AHEAD);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        events.add(new Piece(buffers));
    }

    @Override
    public void onError(Throwable failure) {
        events.add(new End(failure));
    }

    @Override
    public void onComplete() {
        events.add(new End(null));
    }

    /** Ends the connection unless the body has been taken to its end. */
    @Override
    public void close() {
        Flow.Subscription source = subscription;
        if (source != null) {
            source.cancel();
        }
    }
}
