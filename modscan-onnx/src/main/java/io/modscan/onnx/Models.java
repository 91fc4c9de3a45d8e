package io.modscan.onnx;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.foreign.OnnxModel;
import io.modscan.onnx.foreign.OnnxOpening;
import io.modscan.onnx.hub.HubException;
import io.modscan.onnx.opt.OptModel;
import io.modscan.onnx.runtime.Allow;
import io.modscan.onnx.runtime.RuntimeModel;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Set;

/**
 * Opens a model of whichever kind it is. What can be said of ONNX models alone, such as to try a stranger's file in a process of
 * its own first, takes {@link OnnxModel#open(Path, OnnxOpening)}.
 */
public final class Models {

    private Models() {}

    /**
     * Opens a model by what it is called: a path, as {@link #open(Path)} does, or else a name on the Hugging Face hub.
     *
     * @param model a path, or a name such as {@code facebook/opt-125m}
     * @return the model, to be run on the CPU
     * @throws HubException         if the model has to be fetched and cannot be; its reason tells why
     * @throws ModscanException     as {@link OptModel#open(String)} or {@link OnnxModel#open(Path)} throws
     * @throws UncheckedIOException if a file cannot be read
     */
    public static RuntimeModel open(String model) {
        return open(model, Set.of());
    }

    /**
     * Opens a model as {@link #open(String)} does, with leave for what is refused else.
     *
     * @param model   a path, or a name such as {@code facebook/opt-125m}
     * @param allowed what is allowed
     * @return the model, to be run on the CPU
     * @throws HubException         if the model has to be fetched and cannot be; its reason tells why
     * @throws ModscanException     as {@link OptModel#open(String)} or {@link OnnxModel#open(Path)} throws
     * @throws UncheckedIOException if a file cannot be read
     */
    public static RuntimeModel open(String model, Set<Allow> allowed) {
        return isOther(model)
                ? OnnxModel.open(Path.of(model), OnnxOpening.usual().allowing(allowed))
                : OptModel.open(model, allowed);
    }

    /**
     * Opens a model from its files: a checkpoint's folder or what modscan exported of one as an {@link OptModel}, any other ONNX
     * file as an {@link OnnxModel}, which takes more to be said of it.
     *
     * @param path a folder, or an ONNX file, {@code NAME.onnx}
     * @return the model, to be run on the CPU
     * @throws ModscanException     as {@link OptModel#open(Path)} or {@link OnnxModel#open(Path)} throws
     * @throws UncheckedIOException if a file cannot be read
     */
    public static RuntimeModel open(Path path) {
        return open(path, Set.of());
    }

    /**
     * Opens a model as {@link #open(Path)} does, with leave for what is refused else.
     *
     * @param path    a folder, or an ONNX file, {@code NAME.onnx}
     * @param allowed what is allowed
     * @return the model, to be run on the CPU
     * @throws ModscanException     as {@link OptModel#open(Path)} or {@link OnnxModel#open(Path)} throws
     * @throws UncheckedIOException if a file cannot be read
     */
    public static RuntimeModel open(Path path, Set<Allow> allowed) {
        return isOther(path)
                ? OnnxModel.open(path, OnnxOpening.usual().allowing(allowed))
                : OptModel.open(path, allowed);
    }

    /**
     * Whether what {@link #open(String)} opens is an {@link OnnxModel}: an ONNX file, there or not, that modscan did not export.
     *
     * @param model a path or a name
     * @return whether it is
     * @throws UncheckedIOException if the file cannot be read
     */
    public static boolean isOther(String model) {
        try {
            return isOther(Path.of(model));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static boolean isOther(Path path) {
        return path.toString().endsWith(".onnx") && !Files.isDirectory(path) && !OptModel.isExport(path);
    }
}
