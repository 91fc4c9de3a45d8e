package io.modscan.core.prompt;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.json.JsonProblem;
import io.modscan.core.token.Span;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Spans of prompts that stand in another file, such as annotations that were made apart. A line is {@code {"id": "p1", "spans": [{"label":
 * "subject", "start": 4, "end": 11}]}}; of a text they are counted in characters as Unicode and Python count them (an emoji is one), of
 * ready ids in tokens. Immutable.
 */
public final class SpanFile {

    private final Path file;
    private final Map<String, List<Span>> spans;

    private SpanFile(Path file, Map<String, List<Span>> spans) {
        this.file = file;
        this.spans = spans;
    }

    /**
     * Reads a file, all of it.
     *
     * @param file JSON objects, one a line
     * @return the spans by the ids of their prompts
     * @throws MalformedFileException if a line is something else (it is named), an id comes twice, or it is not UTF-8
     * @throws ModscanException       if there is no such file
     * @throws java.io.UncheckedIOException if it cannot be read
     */
    public static SpanFile read(Path file) {
        Map<String, List<Span>> spans = new HashMap<>();
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            int number = 1;
            for (String line = lines.readLine(); line != null; line = lines.readLine(), number++) {
                if (!line.isBlank()) {
                    add(file, number, line, spans);
                }
            }
        } catch (CharacterCodingException e) {
            throw new MalformedFileException(file, "is not UTF-8", e);
        } catch (NoSuchFileException e) {
            throw new ModscanException(file + ": no such file", e);
        } catch (IOException e) {
            throw PromptIterator.unreadable(file, e);
        }
        return new SpanFile(file, spans);
    }

    private static void add(Path file, int number, String line, Map<String, List<Span>> all) throws IOException {
        try {
            Map<String, @Nullable Object> fields = JSON.std.mapFrom(line);
            @Nullable Object id = fields.get("id");
            if (fields.size() != 2 || id == null || !(fields.get(Spans.KEY) instanceof List<?> list)) {
                throw new ModscanException(
                        "is not like {\"id\": \"p1\", \"spans\": [{\"label\": \"subject\", \"start\": 4, \"end\": 11}]}");
            }
            if (all.put(id.toString(), Spans.of(list)) != null) {
                throw new ModscanException(
                        "the id '" + id + "' comes a second time; give all spans of a prompt in one line");
            }
        } catch (JsonProcessingException e) {
            throw new MalformedFileException(
                    file, "line " + number + ": is not a JSON object: " + JsonProblem.of(e), e);
        } catch (ModscanException | IllegalArgumentException e) {
            throw new MalformedFileException(file, "line " + number + ": " + e.getMessage(), e);
        }
    }

    /**
     * A prompt with its spans of this file, behind those that it has.
     *
     * @param prompt the prompt
     * @return a copy; the prompt itself if the file has none of its id
     * @throws ModscanException if a span does not lie within it
     */
    public Prompt onto(Prompt prompt) {
        List<Span> own = spans.get(prompt.id());
        if (own == null) {
            return prompt;
        }
        try {
            return Spans.onto(prompt, own);
        } catch (ModscanException | IllegalArgumentException e) {
            throw new ModscanException(file + ": prompt '" + prompt.id() + "': " + e.getMessage(), e);
        }
    }

    /**
     * Prompts with their spans of this file. They are gone through once before this returns, so that what does not fit is an error now.
     *
     * @param prompts any number, each time the same, such as those {@linkplain Prompts#onDisk on disk}
     * @return the same number, in the same order
     * @throws ModscanException if a span does not lie within its prompt, or spans are of an id that none of them has
     */
    public Iterable<Prompt> onto(Iterable<Prompt> prompts) {
        Set<String> left = new HashSet<>(spans.keySet());
        for (Prompt prompt : prompts) {
            onto(prompt);
            left.remove(prompt.id());
        }
        if (!left.isEmpty()) {
            throw new ModscanException(file + ": has spans of '"
                    + left.stream().sorted().findFirst().orElseThrow() + "', which is the id of none of the prompts"
                    + (left.size() > 1 ? ", and of " + (left.size() - 1) + " more such" : ""));
        }
        return new Iterable<>() {
            @Override
            public Iterator<Prompt> iterator() {
                return Spliterators.iterator(spliterator());
            }

            @Override
            public Spliterator<Prompt> spliterator() {
                return new Mapped(prompts.spliterator());
            }
        };
    }

    private final class Mapped extends Spliterators.AbstractSpliterator<Prompt> implements AutoCloseable {
        private final Spliterator<Prompt> prompts;

        Mapped(Spliterator<Prompt> prompts) {
            super(prompts.estimateSize(), prompts.characteristics() & ~Spliterator.SORTED);
            this.prompts = prompts;
        }

        @Override
        public boolean tryAdvance(Consumer<? super Prompt> action) {
            return prompts.tryAdvance(prompt -> action.accept(onto(prompt)));
        }

        @Override
        public void close() {
            if (prompts instanceof AutoCloseable closeable) {
                try {
                    closeable.close();
                } catch (RuntimeException e) {
                    throw e;
                } catch (Exception e) {
                    throw new ModscanException("what the prompts came from cannot be closed: " + e, e);
                }
            }
        }
    }

    @Override
    public String toString() {
        return "SpanFile[" + file + ", " + spans.size() + " prompts]";
    }
}
