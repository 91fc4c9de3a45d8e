package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import org.jspecify.annotations.Nullable;

/** A model, revision or file that could not be had from the hub or its cache, and why. */
public final class HubException extends ModscanException {

    private static final long serialVersionUID = 1L;

    /** What kept a file from being had. */
    public enum Reason {
        /** The hub has no such model, or it is private and the token (if any) has no access to it. */
        MODEL_NOT_FOUND,
        /** The model has no such branch, tag or commit. */
        REVISION_NOT_FOUND,
        /** The model has no such file at this revision. */
        FILE_NOT_FOUND,
        /** The model's owner gives access on request only. */
        GATED,
        /** The hub refuses the token, or refuses access with it. */
        UNAUTHORIZED,
        /** The token would go over the network in the clear, which has to be allowed ({@link Hub#withTokenOverHttp()}). */
        INSECURE,
        /** It is not in the cache, and the network is switched off or cannot be reached. */
        OFFLINE,
        /** The hub is reached but fails, is overloaded, or breaks off again and again. */
        UNAVAILABLE,
        /** What answers is not a hub, or its answer is not one that can be used. */
        BAD_ANSWER,
        /** A file's size or hash is not what the hub says, even when fetched anew. */
        CORRUPT,
        /** The disk of the cache has no room for it. */
        NO_SPACE
    }

    /** What kept a file from being had. */
    private final Reason reason;

    HubException(Reason reason, String message) {
        this(reason, message, null);
    }

    HubException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    /**
     * The same with something to be said first, such as why a hub was asked at all.
     *
     * @param before what stands before the message
     * @return an exception of the same reason, with this one as its cause
     */
    public HubException precededBy(String before) {
        return new HubException(reason, before + getMessage(), this);
    }

    /**
     * What kept the file from being had.
     *
     * @return the reason
     */
    public Reason reason() {
        return reason;
    }
}
