package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A folder with a model's files, out of which nothing is opened; a snapshot in the hub's cache excepted, whose files are
 * links into the cache's {@code blobs}.
 */
public final class ModelFolder {

    /** The file in which transformers keeps a model's settings. */
    public static final String CONFIG = "config.json";

    private static final String REPOSITORY = "models--";

    private final Path folder;
    private final Path real;
    /** The folder of a model in the hub's cache, if this is a snapshot in one. */
    private final Optional<Path> repository;

    private final List<Path> roots = new ArrayList<>();

    private ModelFolder(Path folder, Path real) {
        this.folder = folder;
        this.real = real;
        this.repository = repository(real);
        roots.add(real);
        repository.ifPresent(cached -> {
            roots.add(cached.resolve("blobs"));
            // Where newer releases of the hub's tools keep what several models share.
            roots.add(cached.resolveSibling("blobs"));
        });
    }

    private static Optional<Path> repository(Path real) {
        Path snapshots = real.getParent();
        if (snapshots == null || !snapshots.endsWith("snapshots")) {
            return Optional.empty();
        }
        return Optional.ofNullable(snapshots.getParent())
                .filter(parent -> String.valueOf(parent.getFileName()).startsWith(REPOSITORY));
    }

    public static ModelFolder open(Path folder) {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new ModscanException(
                    folder + ": is a file, and no model: expected is a folder with config.json and the"
                            + " weights, an ONNX file (NAME.onnx), or a model's name on the hub, such as facebook/opt-125m");
        }
        if (!Files.isDirectory(folder)) {
            throw new ModscanException(folder + ": no such folder; expected is one with config.json and the weights, an"
                    + " export (NAME.onnx), or a model's name on the hub, such as facebook/opt-125m");
        }
        try {
            return new ModelFolder(folder, folder.toRealPath());
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be read: " + e, e);
        }
    }

    public Path path() {
        return folder;
    }

    /** What the model is called: the hub's name in the hub's cache, else the folder's. */
    public String modelName() {
        return repository
                .map(cached -> String.valueOf(cached.getFileName()))
                .map(name -> name.substring(REPOSITORY.length()).replace("--", "/"))
                .orElse(String.valueOf(real.getFileName()));
    }

    /** The commit that a snapshot in the hub's cache is of. */
    public Optional<String> revision() {
        return repository.map(cached -> String.valueOf(real.getFileName()));
    }

    /** Whether there is a file, or a link, of this name. */
    public boolean has(String name) {
        return Files.exists(folder.resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * The file itself behind a name, links followed: ONNX Runtime refuses external data behind a link that leaves its
     * folder.
     */
    public Path resolve(String name) {
        Path file = folder.resolve(name);
        if (!has(name)) {
            throw new ModscanException(file + ": no such file");
        }
        Path target;
        try {
            target = file.toRealPath();
        } catch (NoSuchFileException e) {
            throw new ModscanException(
                    file + ": is a link to " + linkTarget(file)
                            + ", which is not there (an unfinished download?); fetch the model again",
                    e);
        } catch (FileSystemException e) {
            throw new ModscanException(
                    file + ": cannot be followed to a file (links in a circle?): " + e.getReason(), e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
        if (roots.stream().noneMatch(target::startsWith)) {
            throw new ModscanException(file + ": lies at " + target + ", outside of the model's folder " + real
                    + ", where nothing is opened; put the file itself there, or give the folder where it lies");
        }
        if (!Files.isRegularFile(target)) {
            throw new ModscanException(file + ": is no plain file");
        }
        return target;
    }

    /** Files that are there, links followed. */
    public static Set<Path> real(Collection<Path> files) {
        return files.stream().map(ModelFolder::real).collect(Collectors.toUnmodifiableSet());
    }

    private static Path real(Path file) {
        try {
            return file.toRealPath();
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be followed: " + e, e);
        }
    }

    private static String linkTarget(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return "a file";
        }
    }
}
