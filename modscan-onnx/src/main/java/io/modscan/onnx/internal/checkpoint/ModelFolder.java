package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.runtime.Allow;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder with a model's files, out of which nothing is opened; a snapshot in the hub's cache excepted, whose files are
 * links into the cache's {@code blobs}, and links that the user allows.
 */
public final class ModelFolder {

    /** The file in which transformers keeps a model's settings. */
    public static final String CONFIG = "config.json";

    private static final Logger LOG = LoggerFactory.getLogger(ModelFolder.class);

    private static final String REPOSITORY = "models--";
    private static final String SNAPSHOTS = "snapshots";

    /** Where repositories keep their models in ONNX. */
    private static final String ONNX = "onnx";

    private static final Pattern COMMIT = Pattern.compile("\\w[\\w.-]{0,99}");

    private final Path folder;
    private final Path real;
    private final boolean links;
    private final Optional<Snapshot> snapshot;

    private final List<Path> roots = new ArrayList<>();

    /**
     * A snapshot in the hub's cache.
     *
     * @param path       its folder
     * @param repository the folder of its model, {@code models--org--name}
     */
    private record Snapshot(Path path, Path repository) {

        /** The one that a folder is or lies in. */
        static Optional<Snapshot> of(Path folder) {
            for (Path at = folder; at != null; at = at.getParent()) {
                Path snapshots = at.getParent();
                if (snapshots != null && snapshots.endsWith(SNAPSHOTS)) {
                    Path repository = snapshots.getParent();
                    if (repository != null && isRepository(repository)) {
                        return Optional.of(new Snapshot(at, repository));
                    }
                }
            }
            return Optional.empty();
        }
    }

    private ModelFolder(Path folder, boolean links) throws IOException {
        this.folder = folder;
        this.real = folder.toRealPath();
        this.links = links;
        Path named = folder.toAbsolutePath().normalize();
        // By its name, too: who has moved a model to another disk, and left a link, may call it there what he likes.
        this.snapshot = Snapshot.of(real)
                .or(() -> Snapshot.of(named).filter(found -> real.startsWith(realOrSame(found.path()))));
        roots.add(real);
        snapshot.ifPresent(found -> {
            Path repository = realOrSame(found.repository());
            roots.add(realOrSame(repository.resolve("blobs")));
            // Where newer releases of the hub's tools keep what several models share.
            roots.add(realOrSame(repository.resolveSibling("blobs")));
            roots.add(realOrSame(found.repository().resolveSibling("blobs")));
        });
    }

    private static boolean isRepository(Path folder) {
        return String.valueOf(folder.getFileName()).startsWith(REPOSITORY);
    }

    private static Path realOrSame(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path;
        }
    }

    public static ModelFolder open(Path folder) {
        return open(folder, false);
    }

    /**
     * Opens a folder.
     *
     * @param links whether links may lead out of it
     */
    public static ModelFolder open(Path folder, boolean links) {
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
            return new ModelFolder(folder, links);
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be read: " + e, e);
        }
    }

    /**
     * Where a model's files lie: for the folder of a model in the hub's cache, {@code models--org--name}, the snapshot that its
     * branch {@code main} stands for, or the only one; for any other folder itself.
     */
    public static Path latest(Path folder) {
        Path real = realOrSame(folder);
        Path repository = real.endsWith(SNAPSHOTS) ? Objects.requireNonNullElse(real.getParent(), real) : real;
        Path snapshots = repository.resolve(SNAPSHOTS);
        boolean named =
                isRepository(repository) || isRepository(folder.toAbsolutePath().normalize());
        if (!named || !Files.isDirectory(snapshots) || Files.exists(repository.resolve(CONFIG))) {
            return folder;
        }
        List<Path> all;
        try (Stream<Path> list = Files.list(snapshots)) {
            all = list.filter(Files::isDirectory).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(snapshots + ": cannot be read: " + e, e);
        }
        Optional<Path> main = main(repository)
                .map(snapshots::resolve)
                .filter(all::contains)
                .or(() -> all.size() == 1 ? Optional.of(all.get(0)) : Optional.empty());
        Path found = main.orElseThrow(() -> new ModscanException(folder
                + (all.isEmpty()
                        ? ": holds no snapshot of the model (an unfinished download?); fetch it again"
                        : ": holds " + all.size() + " snapshots of the model, and refs/main is none of them; give one: "
                                + few(all))));
        LOG.info("{} is a model in the hub's cache; opening its snapshot {}", folder, found.getFileName());
        // By the name that was given, from which the model's own name is taken.
        return (folder.endsWith(SNAPSHOTS) ? folder : folder.resolve(SNAPSHOTS))
                .resolve(String.valueOf(found.getFileName()));
    }

    private static List<String> few(List<Path> all) {
        return all.stream().limit(8).map(Path::toString).toList();
    }

    /** The commit that the branch main stands for. */
    private static Optional<String> main(Path repository) {
        try (InputStream in = Files.newInputStream(repository.resolve("refs").resolve("main"))) {
            String commit = new String(in.readNBytes(200), StandardCharsets.UTF_8).strip();
            return Optional.of(commit).filter(text -> COMMIT.matcher(text).matches());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    public Path path() {
        return folder;
    }

    /**
     * The folder and those above it that hold the same model: up to the snapshot in the hub's cache, and elsewhere the one
     * that holds a folder {@code onnx}, as repositories are laid out.
     */
    public List<Path> ofModel() {
        List<Path> folders = new ArrayList<>(List.of(folder));
        Path top = snapshot.map(Snapshot::path)
                .map(ModelFolder::realOrSame)
                .orElseGet(() -> real.endsWith(ONNX) ? Objects.requireNonNullElse(real.getParent(), real) : real);
        for (Path at = real; at != null && !at.equals(top); ) {
            at = at.getParent();
            if (at != null) {
                folders.add(at);
            }
        }
        return folders;
    }

    /** What the model is called: the hub's name in the hub's cache, else the folder's. */
    public String modelName() {
        return snapshot.map(found -> String.valueOf(found.repository().getFileName()))
                .map(name -> name.substring(REPOSITORY.length()).replace("--", "/"))
                .orElse(String.valueOf(real.getFileName()));
    }

    /** The commit that a snapshot in the hub's cache is of. */
    public Optional<String> revision() {
        return snapshot.map(found -> String.valueOf(found.path().getFileName()));
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
        Path file = folder.resolve(links ? inner(name) : Path.of(name));
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
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
        if (!links && roots.stream().noneMatch(target::startsWith)) {
            throw new ModscanException(file + ": lies at " + target + ", outside of the model's folder " + real
                    + ", where nothing is opened; put the file itself there, or give the folder where it lies"
                    + (isInner(name)
                            ? ", or allow links that lead out of the folder (" + Allow.LINKS.option() + ")"
                            : ""));
        }
        if (!Files.isRegularFile(target)) {
            throw new ModscanException(file + ": is no plain file");
        }
        return target;
    }

    /** Whether a name stays within the folder, links aside. */
    private static boolean isInner(String name) {
        Path path = Path.of(name).normalize();
        return !path.isAbsolute() && !path.startsWith("..") && path.getRoot() == null;
    }

    /** With links allowed, what a file of the model's names must still stay within the folder by its name. */
    private Path inner(String name) {
        if (!isInner(name)) {
            throw new ModscanException(folder.resolve(name) + ": is outside of the model's folder " + real
                    + ", where nothing is opened but through links that lie in it");
        }
        return Path.of(name).normalize();
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
