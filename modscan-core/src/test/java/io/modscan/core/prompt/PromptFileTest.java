package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptFileTest {

    @TempDir
    Path folder;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    private Path numbered(int prompts) throws IOException {
        return file(
                "many.csv",
                IntStream.range(0, prompts)
                        .mapToObj(i -> "p" + i + ",topic " + i % 7 + ",text of " + i + "\n")
                        .collect(Collectors.joining("", "id,topic,text\n", "")));
    }

    /** The iterator, as what has to be closed if it is left halfway. */
    private static AutoCloseable closeable(Iterator<Prompt> iterator) {
        return (AutoCloseable) iterator;
    }

    @ParameterizedTest
    @ValueSource(strings = {"p.csv", "p.jsonl", "p.txt", "P.TXT"})
    void givesWhatTheReaderIntoMemoryGives(String name) throws IOException {
        Path file = switch (name) {
            case "p.csv" -> file(name, "\uFEFFid,topic,text\r\na,x,\"one,\r\ntwo\"\r\n\r\nb,,héllo 😀\r\n");
            case "p.jsonl" ->
                file(name, "{\"text\": \"a\", \"year\": 7}\n\n{\"id\": \"x\", \"ids\": [2, 5]}\r\n{\"text\": \"b\"}");
            default -> file(name, "\uFEFFone\r\ntwo\u2028\rthree \n\n \nfour");
        };
        assertThat(Prompts.onDisk(file)).containsExactlyElementsOf(Prompts.read(file));
        assertThat(Prompts.onDisk(file)).hasSizeGreaterThan(1);
    }

    @Test
    void eachIteratorReadsAnew() throws IOException {
        Iterable<Prompt> prompts = Prompts.onDisk(numbered(20_000));
        Iterator<Prompt> first = prompts.iterator();
        Iterator<Prompt> second = prompts.iterator();
        first.next();
        for (int i = 0; i < 20_000; i++) {
            assertThat(second.next().id()).isEqualTo("p" + i);
        }
        assertThat(second.hasNext()).isFalse();
        assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(second::next);
        assertThat(first.next().text()).contains("text of 1");
    }

    @Test
    void theNumberIsKnown() throws Exception {
        Iterable<Prompt> prompts = Prompts.onDisk(numbered(5000));
        Spliterator<Prompt> spliterator = prompts.spliterator();
        assertThat(spliterator.getExactSizeIfKnown()).isEqualTo(5000);
        assertThat(spliterator.hasCharacteristics(Spliterator.ORDERED)).isTrue();
        assertThat(StreamSupport.stream(spliterator, false).map(Prompt::id).toList())
                .hasSize(5000)
                .startsWith("p0")
                .endsWith("p4999");
        assertThat(StreamSupport.stream(prompts.spliterator(), true)
                        .filter(prompt -> prompt.labels().containsValue("topic 3")))
                .hasSize(714);
        assertThat(prompts).hasToString("Prompts[5000 of " + folder.resolve("many.csv") + "]");
    }

    @Test
    void promptsInMemoryAreSizedToo() {
        Prompts prompts = Prompts.of("one", "two", "three");
        assertThat(prompts.spliterator().getExactSizeIfKnown()).isEqualTo(3);
        assertThat(prompts.stream().skip(1).spliterator().getExactSizeIfKnown()).isEqualTo(2);
    }

    @Test
    void longLinesAreFine() throws IOException {
        String text = "x".repeat(3_000_000);
        for (Path file : List.of(
                file("l.csv", "text\n" + text + "\n"),
                file("l.jsonl", "{\"text\": \"" + text + "\"}\n"),
                file("l.txt", text))) {
            assertThat(Prompts.onDisk(file).iterator().next().text()).contains(text);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "p.csv   | id,text~a,one~b              | line 3: has 1 fields",
                "p.csv   | id,text~a,one~b,two~a,three  | line 4: the id 'a' comes a second time",
                "p.csv   | text,id~one,0~two,1~three,0  | line 4: the id '0' comes a second time",
                "p.csv   | id,text~a,'two               | line 2",
                "p.csv   | id,text                      | holds no prompt",
                "p.jsonl | {'text': 'a'}~{'text': 'b'   | line 2: is not a JSON object",
                "p.jsonl | {'text': 'a'}~~{'id': 0, 'text': 'b'} | line 3: the id '0' comes a second time",
                "p.jsonl | {'id': 1, 'text': 'a'}~{'text': 'b'}  | line 2: the id '1' comes a second time",
                "p.txt   | ' '                          | holds no prompt"
            },
            quoteCharacter = '`')
    void whatIsWrongIsSaidBeforeTheFirstPrompt(String name, String content, String problem) throws IOException {
        String text = content.replace('~', '\n').replace('\'', '"').replace("\" \"", " ");
        Path file = file(name, text);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Prompts.onDisk(file))
                .withMessageStartingWith(file + ": ")
                .withMessageContaining(problem);
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Prompts.read(file))
                .withMessageContaining(problem);
    }

    /** Behind the first buffers, and as the last bytes, where a character may be cut off. */
    @ParameterizedTest
    @ValueSource(ints = {0xE9, 0xF0, 0x80, 0xFF})
    void refusesWhatIsNotUtf8AtTheEnd(int lastByte) throws IOException {
        byte[] bytes = ("text\n" + "hello\n".repeat(100_000) + "caf?").getBytes(StandardCharsets.UTF_8);
        bytes[bytes.length - 1] = (byte) lastByte;
        for (String name : List.of("latin1.csv", "latin1.txt")) {
            Path file = Files.write(folder.resolve(name), bytes);
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> Prompts.onDisk(file))
                    .withMessage(file + ": is not UTF-8");
        }
    }

    @Test
    void saysThatThereIsNoSuchFileOrItCannotBeRead() throws IOException {
        Path missing = folder.resolve("none.csv");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Prompts.onDisk(missing))
                .withMessage(missing + ": no such file");
        Path directory = Files.createDirectory(folder.resolve("d.csv"));
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> Prompts.onDisk(directory))
                .withMessageContaining(directory.toString());
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Prompts.onDisk(Path.of("prompts.tsv")))
                .withMessageContaining(".jsonl");
    }

    @Test
    void refusesAPipe() throws IOException {
        Path device = Path.of("/dev/null");
        assumeThat(device).as("this system has no /dev/null").exists();
        Path pipe = Files.createSymbolicLink(folder.resolve("pipe.csv"), device);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> Prompts.onDisk(pipe))
                .withMessageContaining("pipe");
        Files.delete(pipe);
    }

    @Test
    void aFileThatIsChangedLaterIsRefused() throws IOException {
        Path file = file("p.txt", "one\ntwo\n");
        Iterable<Prompt> prompts = Prompts.onDisk(file);
        Iterator<Prompt> early = prompts.iterator();
        Files.writeString(file, "one\ntwo\nthree\n");
        for (Iterator<Prompt> iterator : List.of(early, prompts.iterator())) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(iterator::hasNext)
                    .withMessageContainingAll("p.txt", "was changed");
            assertThat(iterator.hasNext()).isFalse();
        }
    }

    /** Of the same size and time, so that only the number tells. */
    @ParameterizedTest
    @CsvSource({"1.2.3.4.5.6, has more now", "1.2.33333333, has 3 now", "............, holds no prompt"})
    void aFileWithAnotherNumberOfPromptsIsRefused(String content, String problem) throws IOException {
        Path file = file("p.txt", "1\n2\n3\n4\n5555");
        FileTime modified = Files.getLastModifiedTime(file);
        Iterable<Prompt> prompts = Prompts.onDisk(file);
        Files.writeString(file, (content + "\n").replace('.', '\n').substring(0, 12));
        Files.setLastModifiedTime(file, modified);
        Iterator<Prompt> iterator = prompts.iterator();
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> iterator.forEachRemaining(prompt -> {}))
                .withMessageContainingAll("p.txt", problem);
        assertThat(iterator.hasNext()).isFalse();
    }

    @Test
    void anInterruptEndsTheCheckButNotAPass() throws IOException {
        Path file = numbered(100);
        Iterable<Prompt> prompts = Prompts.onDisk(file);
        Thread.currentThread().interrupt();
        try {
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> Prompts.onDisk(file))
                    .withMessageContaining("many.csv");
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
            assertThat(prompts).hasSize(100);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void filesAreClosedAtTheEndAtAnErrorAndOnDemand() throws Exception {
        Path file = numbered(5000);
        long before = open(file);
        Iterable<Prompt> prompts = Prompts.onDisk(file);
        assertThat(prompts.spliterator().getExactSizeIfKnown()).isEqualTo(5000);
        Iterator<Prompt> untouched = prompts.iterator();
        assertThat(open(file)).isEqualTo(before);

        Iterator<Prompt> halfway = prompts.iterator();
        halfway.next();
        assertThat(open(file)).isEqualTo(before + 1);
        closeable(halfway).close();
        closeable(halfway).close();
        assertThat(halfway.hasNext()).isFalse();
        closeable(untouched).close();
        assertThat(untouched.hasNext()).isFalse();
        prompts.forEach(prompt -> {});
        assertThat(open(file)).isEqualTo(before);

        Path malformed = file("bad.csv", "id,text\na,one\nb\n");
        assertThatExceptionOfType(MalformedFileException.class).isThrownBy(() -> Prompts.onDisk(malformed));
        assertThatExceptionOfType(MalformedFileException.class).isThrownBy(() -> Prompts.csv(malformed));
        assertThat(open(malformed)).isZero();
    }

    /** How often this process has a file open, as far as the operating system tells. */
    private static long open(Path file) throws IOException {
        Path descriptors = Path.of("/proc/self/fd");
        assumeThat(descriptors).as("only Linux tells which files are open").exists();
        Path real = file.toRealPath();
        try (Stream<Path> all = Files.list(descriptors)) {
            return all.filter(link -> {
                        try {
                            return Files.readSymbolicLink(link).equals(real);
                        } catch (IOException e) {
                            return false;
                        }
                    })
                    .count();
        }
    }
}
