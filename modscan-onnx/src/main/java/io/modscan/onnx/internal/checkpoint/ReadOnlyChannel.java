package io.modscan.onnx.internal.checkpoint;

import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;

/** What the channels that checkpoints are read through have in common: nothing is written, and closing frees nothing. */
abstract class ReadOnlyChannel implements SeekableByteChannel {

    private boolean open = true;

    @Override
    public int write(ByteBuffer source) {
        throw new UnsupportedOperationException("read-only");
    }

    @Override
    public SeekableByteChannel truncate(long size) {
        throw new UnsupportedOperationException("read-only");
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void close() {
        open = false;
    }
}
