package io.modscan.core.prompt;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.intervention.Intervention;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * A set of prompts in the caller's order: at least one, each with an id of its own. Immutable.
 *
 * <p>Files are UTF-8 (a byte order mark is skipped), or UTF-16 with a byte order mark, which the log says: CSV with a header that names {@code id} and {@code text}, every
 * further column being a label (an empty cell is none); JSON lines with the keys {@code id} and one of {@code text},
 * {@code ids} (ready token ids) and {@code inputs} (files of ready tensors), every further key being a label (null or a blank
 * string is none; blanks around it don't count); or plain text, a prompt a line.
 */
public final class Prompts implements Iterable<Prompt> {

    private final List<Prompt> list;

    private Prompts(List<Prompt> list) {
        this.list = Collections.unmodifiableList(list);
    }

    /**
     * The given prompts.
     *
     * @param prompts at least one, with different ids
     * @return the set
     * @throws ModscanException if there are none or two share an id
     */
    public static Prompts of(Collection<Prompt> prompts) {
        List<Prompt> list = new ArrayList<>(prompts);
        if (list.isEmpty()) {
            throw new ModscanException("the prompt set is empty; at least one prompt is needed");
        }
        Set<String> ids = new HashSet<>();
        for (Prompt prompt : list) {
            if (!ids.add(prompt.id())) {
                throw new ModscanException("two prompts have the id '" + prompt.id() + "'; ids must be unique");
            }
        }
        return new Prompts(list);
    }

    /**
     * Texts without labels, with the ids 0, 1, ….
     *
     * @param texts at least one
     * @return the set
     * @throws ModscanException if there are none
     */
    public static Prompts of(String... texts) {
        return of(IntStream.range(0, texts.length)
                .mapToObj(i -> Prompt.of(Integer.toString(i), texts[i]))
                .toList());
    }

    /**
     * Reads a CSV file (RFC 4180). Without an {@code id} column the ids are 0, 1, …. More than the standard knows is read,
     * and said in the log: columns that semicolons, tabs or {@code |} divide, if the header makes sense with them only, or if a
     * first line such as {@code sep=;} says so; a first column without a name, which is taken for the id; rows without any
     * value, which are left out. Blanks around an id, a label or a quote don't count; nor does one at the beginning of a
     * text, if the header or another cell of its row has blanks behind the separators too.
     *
     * <p>A column {@code span:LABEL} holds spans of the text: {@code 4:11}, the index of the first character and the one behind the last,
     * or several of these with blanks between. Characters are counted as Unicode and Python count them: an emoji is one.
     *
     * @param file the file
     * @return its prompts
     * @throws MalformedFileException if a line is malformed (it is named), an id comes twice, it is not UTF-8, or there is
     *                                no prompt
     * @throws ModscanException       if there is no such file
     * @throws UncheckedIOException   if the file cannot be read
     */
    public static Prompts csv(Path file) {
        return PromptFile.read(file, PromptFormat.CSV);
    }

    /**
     * Reads a file of JSON objects, one a line, each with a {@code text}, with {@code ids}, or with {@code inputs}. Without an
     * {@code id} the ids are 0, 1, ….
     *
     * <p>{@code spans} is a list of {@code {"label": "subject", "start": 4, "end": 11}}: of a text the characters from the first to the
     * one behind the last, counted as Unicode and Python count them (an emoji is one); of ids the tokens.
     *
     * <p>{@code inputs} has a file for each of the model's inputs, which is read when the prompt is run: its path from the
     * folder of the file that names it, such as {@code {"inputs": {"pixel_values": "cat.npy"}}}, or an object with the path and
     * what else there is to say of it. A {@code .npy} file of NumPy's holds one sample, without the batch axis. So does a tensor
     * of a {@code .safetensors} file: the only one, the one with the input's name, or the {@code "tensor"} that is named. A
     * picture, {@code .png} or {@code .jpg}, becomes float32 {@code [3, height, width]}, red, green and blue from 0 to 1; with
     * {@code "layout": "hwc"} {@code [height, width, 3]}; with lists of three numbers, {@code "mean"} and {@code "std"},
     * (value − mean) / std. It is not resized. Reading a picture takes the module {@code java.desktop}.
     *
     * @param file the file
     * @return its prompts
     * @throws MalformedFileException if a line is malformed (it is named), an id comes twice, it is not UTF-8, or there is
     *                                no prompt
     * @throws ModscanException       if there is no such file
     * @throws UncheckedIOException   if the file cannot be read
     */
    public static Prompts jsonl(Path file) {
        return PromptFile.read(file, PromptFormat.JSON_LINES);
    }

    /**
     * Reads a text file, a prompt a line; blank lines are skipped. Ids are 0, 1, ….
     *
     * @param file the file
     * @return its prompts
     * @throws MalformedFileException if it is not UTF-8 or has no prompt
     * @throws ModscanException       if there is no such file
     * @throws UncheckedIOException   if the file cannot be read
     */
    public static Prompts text(Path file) {
        return PromptFile.read(file, PromptFormat.TEXT);
    }

    /**
     * Reads a file by its name's ending: {@code .csv}, {@code .jsonl} or {@code .txt}.
     *
     * @param file the file
     * @return its prompts
     * @throws ModscanException     if the ending is another, or as the reader of the format throws
     * @throws UncheckedIOException if the file cannot be read
     */
    public static Prompts read(Path file) {
        return PromptFile.read(file, PromptFormat.of(file));
    }

    /**
     * The prompts of a file that need not fit in memory: they stay on disk, and each iterator reads them anew, one at a
     * time. The format is told by the name's ending, {@code .csv}, {@code .jsonl} or {@code .txt}.
     *
     * <p>The file is read through once before this method returns, so that a malformed last line is an error now and not
     * after hours of work. The number of prompts is known from then on: the iterable's spliterator is
     * {@linkplain Spliterator#SIZED sized}. The file must stay as it is. A pass over a file that has another
     * size or time of modification than at first, or another number of prompts, fails with a {@link ModscanException}.
     *
     * <p>An iterator or spliterator opens the file at its first step and closes it behind the last prompt or at an error. It
     * is also an {@link AutoCloseable}; close it if you leave it halfway, or the file stays open until it is garbage.
     *
     * <p>To tell whether an id comes twice, the first pass keeps 64 bits of a hash of each id, which takes 11 to 21 bytes a
     * prompt; ids that are running numbers from 0 take nothing. Two different ids are held to be the same, and the file
     * refused, with a chance of n² / 2⁶⁵ for n prompts: 3 in a million for ten million prompts.
     *
     * @param file the file; it is read more than once, so it cannot be a pipe
     * @return its prompts, in order
     * @throws MalformedFileException if a line is malformed (it is named), an id comes twice, it is not UTF-8, or there is
     *                                no prompt
     * @throws ModscanException       if there is no such file, or its name ends otherwise
     * @throws CancellationException  if the thread is interrupted meanwhile; its interrupt status stays set
     * @throws UncheckedIOException   if the file cannot be read
     */
    public static Iterable<Prompt> onDisk(Path file) {
        return PromptFile.check(file, PromptFormat.of(file));
    }

    /**
     * The same prompts with spans that stand in another file.
     *
     * @param file the spans
     * @return a copy
     * @throws ModscanException if a span does not lie within its prompt, or spans are of an id that none of them has
     */
    public Prompts withSpans(SpanFile file) {
        List<Prompt> with = new ArrayList<>();
        file.onto(list).forEach(with::add);
        return of(with);
    }

    /**
     * How many there are.
     *
     * @return the number of prompts, at least 1
     */
    public int size() {
        return list.size();
    }

    /**
     * The prompt at an index.
     *
     * @param index from 0
     * @return the prompt
     * @throws IndexOutOfBoundsException if the index is not below {@link #size()}
     */
    public Prompt get(int index) {
        return list.get(index);
    }

    /**
     * The prompts of an index range.
     *
     * @param from the first
     * @param to   behind the last
     * @return those prompts
     * @throws IndexOutOfBoundsException if the range is not within the set
     * @throws ModscanException          if it is empty
     */
    public Prompts slice(int from, int to) {
        Objects.checkFromToIndex(from, to, list.size());
        return of(list.subList(from, to));
    }

    /**
     * The prompts for which a test holds.
     *
     * @param test the test
     * @return those prompts, in the same order
     * @throws ModscanException if it holds for none
     */
    public Prompts filter(Predicate<Prompt> test) {
        return of(list.stream().filter(test).toList());
    }

    /**
     * Each prompt under each of some interventions; the untouched prompts are not among them.
     *
     * @param interventions at least one
     * @return the first intervention's prompts, then the next one's, each in the order of these
     * @throws IllegalArgumentException if a prompt is under an intervention already
     * @throws ModscanException         if there is no intervention, or two have the same name
     */
    public Prompts under(Intervention... interventions) {
        return of(Arrays.stream(interventions)
                .flatMap(intervention -> list.stream().map(prompt -> prompt.under(intervention)))
                .toList());
    }

    /**
     * Each prompt with what its attributions put in place of values.
     *
     * @param intervention what would be changed, see {@link Prompt#toward(Intervention)}
     * @return prompts with the same ids
     */
    public Prompts toward(Intervention intervention) {
        return of(list.stream().map(prompt -> prompt.toward(intervention)).toList());
    }

    /**
     * The same where each prompt has its own, such as another prompt's values, position by position (attribution patching).
     *
     * @param interventions tells a prompt's
     * @return prompts with the same ids
     */
    public Prompts toward(Function<Prompt, Intervention> interventions) {
        return of(list.stream()
                .map(prompt -> prompt.toward(interventions.apply(prompt)))
                .toList());
    }

    /**
     * The keys that any prompt has a label for.
     *
     * @return the keys, in order of first appearance
     */
    public Set<String> labelKeys() {
        Set<String> keys = new LinkedHashSet<>();
        list.forEach(prompt -> keys.addAll(prompt.labels().keySet()));
        return keys;
    }

    /**
     * Each prompt's label for a key.
     *
     * @param key what the label is of, such as {@code topic}
     * @return the labels, one a prompt, in order of the prompts
     * @throws ModscanException if a prompt has no such label
     */
    public List<String> labels(String key) {
        List<String> labels = new ArrayList<>(list.size());
        for (Prompt prompt : list) {
            String label = prompt.labels().get(key);
            if (label == null) {
                throw without(key, prompt);
            }
            labels.add(label);
        }
        return labels;
    }

    private ModscanException without(String key, Prompt first) {
        long count = list.stream()
                .filter(prompt -> !prompt.labels().containsKey(key))
                .count();
        String those = count == 1 ? "" : ", nor have " + (count - 1) + " of the others";
        return new ModscanException("prompt '" + first.id() + "' has no label '" + key + "'" + those
                + "; the labels of this set are " + labelKeys()
                + (count < size()
                        ? " (an empty cell or null is none: give each prompt one, or leave out those without)"
                        : ""));
    }

    /**
     * The prompts as a stream.
     *
     * @return the prompts in order
     */
    public Stream<Prompt> stream() {
        return StreamSupport.stream(spliterator(), false);
    }

    @Override
    public Iterator<Prompt> iterator() {
        return list.iterator();
    }

    @Override
    public Spliterator<Prompt> spliterator() {
        return Spliterators.spliterator(
                list, Spliterator.ORDERED | Spliterator.DISTINCT | Spliterator.NONNULL | Spliterator.IMMUTABLE);
    }

    @Override
    public boolean equals(@Nullable Object o) {
        return o instanceof Prompts other && list.equals(other.list);
    }

    @Override
    public int hashCode() {
        return list.hashCode();
    }

    @Override
    public String toString() {
        return "Prompts[" + size() + "]";
    }
}
