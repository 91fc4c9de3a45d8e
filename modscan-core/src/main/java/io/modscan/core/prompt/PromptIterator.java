package io.modscan.core.prompt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * One pass over a prompt file. The file is opened when the first prompt is asked for and closed behind the last one, at
 * an error, and by {@link #close()}.
 */
final class PromptIterator implements Iterator<Prompt>, AutoCloseable {

    private final Path file;
    private final PromptFormat format;
    private final Predicate<String> isNewId;
    private Charset encoding = StandardCharsets.UTF_8;
    private @Nullable Reader text;
    private @Nullable PromptParser parser;
    private @Nullable Prompt next;
    private List<String> remarks = List.of();
    private boolean ended;

    /** A pass that refuses a prompt whose id is not new. */
    PromptIterator(Path file, PromptFormat format, Predicate<String> isNewId) {
        this.file = file;
        this.format = format;
        this.isNewId = isNewId;
    }

    @Override
    public boolean hasNext() {
        if (next == null && !ended) {
            try {
                next = read();
            } finally {
                // Also where reading failed: a second try would go on behind what could not be read.
                if (next == null) {
                    close();
                }
            }
        }
        return next != null;
    }

    @Override
    public Prompt next() {
        if (!hasNext() || next == null) {
            throw new NoSuchElementException(file + ": no prompt is left");
        }
        Prompt prompt = next;
        next = null;
        return prompt;
    }

    private @Nullable Prompt read() {
        try {
            PromptParser from = parser;
            if (from == null) {
                text = open();
                from = format.parser(file, text);
                if (!encoding.equals(StandardCharsets.UTF_8)) {
                    from.remark("is " + encoding + ", as its byte order mark says");
                }
                parser = from;
            }
            Prompt prompt = from.next();
            if (prompt == null) {
                remarks = from.remarks();
            }
            if (prompt != null && !isNewId.test(prompt.id())) {
                throw from.malformed("the id '" + prompt.id() + "' comes a second time; ids must be unique");
            }
            if (from.count() == 0) {
                throw new MalformedFileException(file, "holds no prompt; at least one is needed");
            }
            return prompt;
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, "is not " + encoding, e);
        } catch (NoSuchFileException e) {
            throw new ModscanException(file + ": no such file", e);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** What was taken for granted of the file so far, and should be said. */
    List<String> remarks() {
        return remarks;
    }

    /** Decodes strictly: a wrong encoding would otherwise reach the tokenizer as replacement characters. */
    private Reader open() throws IOException {
        BufferedInputStream bytes = new BufferedInputStream(Files.newInputStream(file));
        try {
            encoding = encoding(bytes);
            Reader decoded = new BufferedReader(new InputStreamReader(bytes, encoding.newDecoder()));
            decoded.mark(1);
            if (decoded.read() != '\uFEFF') {
                decoded.reset();
            }
            return decoded;
        } catch (IOException | ModscanException e) {
            bytes.close();
            throw e;
        }
    }

    /** As the byte order mark says. Without one, UTF-16 of plain letters is UTF-8, too: of twice as many, each second a NUL. */
    private Charset encoding(BufferedInputStream bytes) throws IOException {
        bytes.mark(4);
        byte[] first = bytes.readNBytes(4);
        bytes.reset();
        if (first.length < 2) {
            return StandardCharsets.UTF_8;
        }
        int mark = ((first[0] & 0xFF) << 8) | (first[1] & 0xFF);
        if (mark == 0xFEFF) {
            return StandardCharsets.UTF_16BE;
        }
        boolean wider = first.length == 4 && first[2] == 0 && first[3] == 0;
        if (mark == 0xFFFE && !wider) {
            return StandardCharsets.UTF_16LE;
        }
        if (mark == 0xFFFE || first[0] == 0 || first[1] == 0) {
            throw new MalformedFileException(
                    file, "is UTF-32, or UTF-16 without a byte order mark at its beginning; save it as UTF-8");
        }
        return StandardCharsets.UTF_8;
    }

    static UncheckedIOException unreadable(Path file, IOException e) {
        return new UncheckedIOException(file + ": cannot be read: " + e, e);
    }

    @Override
    public void close() {
        ended = true;
        next = null;
        parser = null;
        if (text != null) {
            try {
                text.close();
            } catch (IOException e) {
                // What was read is sound, and an error that is on its way says more.
            }
            text = null;
        }
    }
}
