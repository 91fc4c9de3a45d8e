package io.modscan.onnx.runtime;

import java.util.Locale;

/**
 * What is refused when a model is opened unless the user allows it, knowing the files. On the command line it is
 * {@code --allow links,settings,tensors}.
 */
public enum Allow {
    /**
     * Links that lead out of the model's folder, as in a folder of {@code ln -s}. They can lead to any file that this process
     * may read. Names within the model's files still can't leave the folder, and the links of the hub's cache are followed
     * without being allowed.
     */
    LINKS,
    /**
     * Settings in {@code config.json} that are not known. They are passed over, with a line in the log; those that are known to
     * change what is computed are refused all the same.
     */
    SETTINGS,
    /**
     * Tensors that a model of this config does not have. They are passed over, with a line in the log; what is known to change
     * the others, such as the weights of LoRA, is refused all the same.
     */
    TENSORS;

    /**
     * How it is allowed, for a message.
     *
     * @return the option in Java and on the command line
     */
    public String option() {
        return "Allow." + name() + ", on the command line --allow " + name().toLowerCase(Locale.ROOT);
    }
}
