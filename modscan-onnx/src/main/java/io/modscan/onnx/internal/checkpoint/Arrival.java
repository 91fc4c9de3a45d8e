package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.Collection;

/**
 * Sees to it that the files of weights are there before they are read. Who reads a tensor's bytes awaits it first. Safe for
 * use by many threads.
 */
public interface Arrival {

    /** Of weights whose files were there from the beginning. */
    Arrival HERE = new Arrival() {
        @Override
        public void await(Collection<StoredTensor> tensors) {}

        @Override
        public void begin(Collection<StoredTensor> tensors) {}

        @Override
        public void stop() {}

        @Override
        public ByteBuffer first(StoredTensor tensor, int most) {
            ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(most, tensor.length()));
            try (FileChannel channel = FileChannel.open(tensor.file(), StandardOpenOption.READ)) {
                while (bytes.hasRemaining() && channel.read(bytes, tensor.offset() + bytes.position()) >= 0) {}
                return bytes.flip();
            } catch (IOException e) {
                throw new UncheckedIOException(tensor.file() + ": cannot be read: " + e, e);
            }
        }
    };

    /**
     * Returns once the files that hold tensors are there to the last byte; fetches those that aren't, several at once. What
     * another thread fetches already is waited for.
     *
     * @throws io.modscan.onnx.hub.HubException           if one cannot be fetched; the next call tries again, and goes on
     *                                                    where this one ended
     * @throws io.modscan.core.error.ModscanException     if one is not what it was when the model was opened
     * @throws java.util.concurrent.CancellationException if the thread is interrupted, whose interrupt status stays set
     */
    void await(Collection<StoredTensor> tensors);

    /**
     * Has the files that hold tensors fetched meanwhile, one after the other in this order, behind those of earlier calls. A
     * failure is logged and ends it; it is up to {@link #await} to try again and to tell.
     */
    void begin(Collection<StoredTensor> tensors);

    /** Ends what {@link #begin} began. What has come stays, and is gone on with the next time. */
    void stop();

    /** A tensor's first bytes, as many as are asked for or there are; nothing is fetched for them. */
    ByteBuffer first(StoredTensor tensor, int most);
}
