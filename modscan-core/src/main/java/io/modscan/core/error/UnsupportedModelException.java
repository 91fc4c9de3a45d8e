package io.modscan.core.error;

/** A model that is well formed but of a kind, or with a setting, that modscan does not handle. */
public final class UnsupportedModelException extends ModscanException {

    private static final long serialVersionUID = 1L;

    /**
     * With a message only.
     *
     * @param message which model, which setting, and what is handled
     */
    public UnsupportedModelException(String message) {
        super(message);
    }
}
