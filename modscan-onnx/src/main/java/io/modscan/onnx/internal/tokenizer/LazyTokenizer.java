package io.modscan.onnx.internal.tokenizer;

import io.modscan.core.model.Tokenizer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A tokenizer that is opened when it is first asked for, and asked for again where that failed. */
public final class LazyTokenizer {

    private final Supplier<Tokenizer> opening;
    private @Nullable Tokenizer opened;

    public LazyTokenizer(Supplier<Tokenizer> opening) {
        this.opening = opening;
    }

    public synchronized Tokenizer get() {
        if (opened == null) {
            opened = opening.get();
        }
        return opened;
    }
}
