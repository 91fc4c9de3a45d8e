package io.modscan.core.internal.recording;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.modscan.core.error.ModscanException;
import io.modscan.core.file.WholeFile;
import io.modscan.core.safetensors.SafetensorsFile;
import io.modscan.core.safetensors.StoredTensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one capture while they come about: one, or several and an index of them, laid out as the hub does with
 * large checkpoints.
 */
public final class CaptureWriter implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CaptureWriter.class);

    private static final String ENDING = ".safetensors";

    private final Path target;
    private final CaptureLock lock;
    private final Rounding rounding;
    private final List<Path> files = new ArrayList<>();
    private boolean several;

    private CaptureWriter(Path target, CaptureLock lock, Rounding rounding) {
        this.target = target;
        this.lock = lock;
        this.rounding = rounding;
    }

    /**
     * Begins, unless somebody else is at it.
     *
     * @param rounding to the type that values are stored as; what that cannot hold is told when all is done
     */
    public static CaptureWriter open(Path target, Rounding rounding) {
        WholeFile.prepare(target);
        CaptureFile.checkReplaceable(target);
        return new CaptureWriter(target, CaptureLock.take(target), rounding);
    }

    /** The file that lists the others, where there are several. */
    static Path index(Path target) {
        return target.resolveSibling(target.getFileName() + RecordedFiles.INDEX_ENDING);
    }

    private static Path numbered(Path target, int number) {
        String name = String.valueOf(target.getFileName());
        boolean ends = name.endsWith(ENDING);
        String stem = ends ? name.substring(0, name.length() - ENDING.length()) : name;
        return target.resolveSibling(String.format(Locale.ROOT, "%s-%05d%s", stem, number, ends ? ENDING : ""));
    }

    /** The file for the next prompts: the only one, or one of several. */
    public Path next(boolean only) {
        several = several || !only;
        Path next = several ? numbered(target, files.size() + 1) : target;
        files.add(next);
        if (several && files.size() == 1) {
            refuse(target, "a capture in one file; this one takes several");
            refuse(PartFile.of(target), "the beginning of another capture");
        } else if (!several) {
            refuse(index(target), "the index of a capture in several files; this one takes one");
        }
        return next;
    }

    private static void refuse(Path file, String what) {
        if (Files.exists(file)) {
            throw new ModscanException(file + ": is " + what + ". Delete it, or give another name");
        }
    }

    /**
     * Whether a file is there already, finished by an earlier call. What is left of one counts for nothing.
     *
     * @throws ModscanException if it is one of several and of another capture, or no capture
     */
    public boolean isThere(Path file, CaptureLayout layout) {
        if (!Files.exists(file)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(file)) {
            ByteBuffer header = layout.header();
            if (Files.size(file) == layout.size()
                    && ByteBuffer.wrap(in.readNBytes(header.remaining())).equals(header)) {
                return true;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
        if (CaptureFile.isTorn(file, layout)) {
            LOG.warn("{}: this capture was finished, and has been cut short since; it is made again", file);
        } else if (several) {
            refuse(file, "of another capture (" + layout.otherThan(CaptureFile.headOf(file, layout.headBytes())) + ")");
        } else {
            CaptureFile.checkReplaceable(file, layout);
            LOG.warn(
                    "{}: holds another capture ({}), which this one replaces when it is complete",
                    file,
                    layout.otherThan(CaptureFile.headOf(file, layout.headBytes())));
        }
        return false;
    }

    /**
     * Writes the index, where there are several files.
     *
     * @param facts what is to be said of all of them
     */
    public void finish(Map<String, String> facts) {
        if (several) {
            WholeFile.write(index(target), aside -> writeIndex(aside, facts));
        }
    }

    /** One header after the other, since all of them may be more than memory holds. */
    private void writeIndex(Path aside, Map<String, String> facts) throws IOException {
        try (JsonGenerator json = new JsonFactory().createGenerator(aside.toFile(), JsonEncoding.UTF8)) {
            json.useDefaultPrettyPrinter();
            json.writeStartObject();
            json.writeObjectFieldStart("weight_map");
            long size = 0;
            for (Path file : files) {
                for (StoredTensor tensor : SafetensorsFile.open(file).tensors().values()) {
                    json.writeStringField(tensor.name(), String.valueOf(file.getFileName()));
                    size += tensor.length();
                }
            }
            json.writeEndObject();
            json.writeObjectFieldStart("metadata");
            json.writeNumberField("total_size", size);
            for (Map.Entry<String, String> fact : new TreeMap<>(facts).entrySet()) {
                json.writeStringField(fact.getKey(), fact.getValue());
            }
            json.writeEndObject();
            json.writeEndObject();
        }
    }

    @Override
    public void close() {
        rounding.tell();
        lock.close();
    }
}
