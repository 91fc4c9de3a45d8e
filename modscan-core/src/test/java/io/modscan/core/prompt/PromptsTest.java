package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PromptsTest {

    @TempDir
    Path folder;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    private static List<String> ids(Prompts prompts) {
        return prompts.stream().map(Prompt::id).toList();
    }

    private static List<String> texts(Prompts prompts) {
        return prompts.stream().map(prompt -> prompt.text().orElseThrow()).toList();
    }

    @Nested
    class Csv {

        private Prompts csv(String content) throws IOException {
            return Prompts.csv(file("p.csv", content));
        }

        private void refused(String content, String... parts) {
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> csv(content))
                    .withMessageContainingAll(parts)
                    .withMessageContaining("p.csv");
        }

        @Test
        void readsIdTopicAndText() throws IOException {
            Prompts prompts = csv("id,topic,text\na,cooking,Boil the rice\nb,sport,Kick it\n");
            assertThat(prompts)
                    .containsExactly(
                            Prompt.of("a", "Boil the rice").withLabel("topic", "cooking"),
                            Prompt.of("b", "Kick it").withLabel("topic", "sport"));
        }

        @Test
        void keepsLineBreaksCommasAndDoubledQuotesInsideQuotes() throws IOException {
            Prompts prompts = csv("id,topic,text\r\na,x,\"one,\r\n\"\"two\"\"\"\r\nb,x,three\r\n");
            assertThat(texts(prompts)).containsExactly("one,\r\n\"two\"", "three");
        }

        @Test
        void skipsAByteOrderMark() throws IOException {
            assertThat(ids(csv("\uFEFFid,text\na,hello\n"))).containsExactly("a");
        }

        @Test
        void keepsAByteOrderMarkThatIsNotAtTheBeginning() throws IOException {
            assertThat(texts(csv("id,text\na,\uFEFFhello\n"))).containsExactly("\uFEFFhello");
        }

        @Test
        void needsNoLineBreakAtTheEnd() throws IOException {
            assertThat(texts(csv("id,text\na,hello"))).containsExactly("hello");
        }

        @Test
        void keepsSurroundingBlanksAndTextBeyondAscii() throws IOException {
            assertThat(texts(csv("id,text\na, héllo 😀 \n"))).containsExactly(" héllo 😀 ");
        }

        @Test
        void takesColumnsInAnyOrderAndFurtherOnesAsLabels() throws IOException {
            Prompt prompt = csv("text,language,id,topic\nhello,en,a,chat\n").get(0);
            assertThat(prompt.id()).isEqualTo("a");
            assertThat(prompt.labels()).containsExactly(Map.entry("language", "en"), Map.entry("topic", "chat"));
        }

        @Test
        void numbersPromptsFromZeroWithoutAnIdColumn() throws IOException {
            assertThat(ids(csv("topic,text\nx,a\nx,b\n"))).containsExactly("0", "1");
        }

        @Test
        void skipsEmptyLines() throws IOException {
            assertThat(ids(csv("id,text\n\na,hello\n\n"))).containsExactly("a");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "id, topic, text\n1, law, \"one two\"\n2,law,three\n",
                    "id,topic,text\n1, law, \"one two\"\n2,law,three\n",
                    "id,topic,text\n1,law, \"one two\"\n2,\"law\",three\n",
                    "id, topic, text\n 1 , \"law\" , one two\n2,  law,  three\n",
                    "id , topic , text\n1 , law , \"one two\" \n2 , law , three\n",
                    "id, \"topic\", \"text\"\n1, law, one two\n2, law , three\n",
                    "id,topic,text\n1, law, one two\n2, law, three\n",
                    "id,topic,text\n1,\u00A0law,one two\n2,law\u2003,three\n",
                    "id,\u00A0topic,\u00A0text\n1,\u00A0law,\u00A0one two\n2,law,\u00A0three\n\u00A0,\u00A0,\n",
                    "id,\ttopic,\ttext\n1,\tlaw,\t\"one two\"\n2,\tlaw,\tthree\n",
                    "id;topic;text\n1;law;one two\n2;law;three\n",
                    "id; topic; text\r\n1; law; \"one two\"\r\n2; law; three",
                    "id\ttopic\ttext\n1\tlaw\tone two\n2\tlaw\tthree\n",
                    "id|topic|text\n1|law|one two\n2|law|three\n",
                    "sep=;\nid;topic;text\n1;law;one two\n2;law;three\n",
                    "sep=,\r\nid,topic,text\r\n1,law,one two\r\n2,law,three\r\n",
                    "\uFEFFid;topic;text\n1;law;one two\n2;law;three\n",
                    ",topic,text\n1,law,one two\n2,law,three\n",
                    "\"\",\"topic\",\"text\"\n1,law,one two\n2,law,three\n",
                    ";topic;text\n1;law;one two\n2;law;three\n",
                    "id,topic,text,,\n1,law,one two,,\n2,law,three,,\n,,,,\n",
                    ",id,topic,text\n0,1,law,one two\n1,2,law,three\n",
                    "\n\nid,topic,text\n,,\n1,law,one two\n, ,\n2,law,three\n,,\n,\n"
                })
        void readsRowsAsTheHeaderIsWritten(String content) throws IOException {
            Prompts prompts = csv(content);
            assertThat(ids(prompts)).containsExactly("1", "2");
            assertThat(prompts.labels("topic")).containsExactly("law", "law");
            assertThat(prompts.labelKeys()).containsExactly("topic");
            assertThat(texts(prompts).stream().map(String::stripTrailing)).containsExactly("one two", "three");
            assertThat(Prompts.onDisk(folder.resolve("p.csv"))).containsExactlyElementsOf(prompts);
        }

        @Test
        void keepsBlanksThatAProperWriterLeavesUnquoted() throws IOException {
            // As Python's csv module writes it: a token's leading blank is part of it.
            assertThat(texts(csv("id,topic,text\na,x, the\nb,x,\"  of, \"\n"))).containsExactly(" the", "  of, ");
            assertThat(texts(csv("text,topic\n the, x\n"))).containsExactly(" the");
            assertThat(texts(csv("id, text\na, \" the\"\n"))).containsExactly(" the");
            assertThat(texts(csv("id\ttext\na\t the\n"))).containsExactly(" the");
        }

        @Test
        void leavesOutRowsWithoutAnyValueAndNumbersTheOthersOn() throws IOException {
            assertThat(ids(csv("topic,text\n,\nlaw,one\n,\n , \n\"\",\nlaw,two\n")))
                    .containsExactly("0", "1");
            refused("topic,text\n,\n,\n", "no prompt");
            refused("id,topic,text\n1,law,one\n,,\n2,law\n", "line 4", "2 fields");
        }

        @Test
        void namesTheLineOfARowWithoutAnId() {
            refused("id,topic,text\n1,law,one\n,law,two\n", "line 3", "no id");
            refused(",topic,text\n1,law,one\n ,law,two\n", "line 3", "no id");
        }

        @Test
        void namesTheColumnOfAValueThatHasNoName() {
            refused("id,topic,text,\n1,law,one,\n2,law,two,three\n", "line 3", "column 4");
        }

        @Test
        void countsTheLineThatSaysWhatDivides() {
            refused("sep=;\nid;text\n1;one\n2\n", "line 4", "1 fields");
            refused("sep=;\nid;text\n1;one\n2;\"two\n", "line 4", "nclosed quote");
        }

        @Test
        void doesNotTakeASemicolonForASeparatorWhereCommasMakeSense() throws IOException {
            assertThat(csv("a;b,text\nx,one; two | three\n").get(0))
                    .isEqualTo(Prompt.of("0", "one; two | three").withLabel("a;b", "x"));
            assertThat(texts(csv("text\none; two\n"))).containsExactly("one; two");
        }

        @ParameterizedTest
        @ValueSource(strings = {"UTF-16LE", "UTF-16BE"})
        void readsUtf16AsItsByteOrderMarkSays(String charset) throws IOException {
            Map<String, String> contents = Map.of(
                    "wide.csv", "id;topic;text\r\na;\u6cd5;caf\u00e9 \ud83d\ude00\r\n",
                    "wide.jsonl", "{\"id\": \"a\", \"topic\": \"\u6cd5\", \"text\": \"caf\u00e9 \ud83d\ude00\"}\n",
                    "wide.txt", "caf\u00e9 \ud83d\ude00");
            for (Map.Entry<String, String> content : contents.entrySet()) {
                Path wide = Files.write(
                        folder.resolve(content.getKey()), ("\uFEFF" + content.getValue()).getBytes(charset));
                assertThat(texts(Prompts.read(wide))).containsExactly("caf\u00e9 \ud83d\ude00");
                Path narrow = file("narrow-" + content.getKey(), content.getValue());
                assertThat(Prompts.read(wide)).containsExactlyElementsOf(Prompts.read(narrow));
                Iterable<Prompt> onDisk = Prompts.onDisk(wide);
                for (int pass = 0; pass < 2; pass++) {
                    assertThat(onDisk).containsExactlyElementsOf(Prompts.read(narrow));
                }
            }
        }

        @ParameterizedTest
        @ValueSource(strings = {"UTF-16LE", "UTF-16BE"})
        void refusesUtf16ThatIsNone(String charset) throws IOException {
            for (String wrong : List.of("half a character", "half a pair")) {
                byte[] bytes = ("\uFEFFid,text\na," + wrong).getBytes(charset);
                byte[] cut = Arrays.copyOf(bytes, bytes.length + 1);
                byte[] high = charset.endsWith("LE") ? new byte[] {0, (byte) 0xD8} : new byte[] {(byte) 0xD8, 0};
                byte[] halved = Arrays.copyOf(bytes, bytes.length + 2);
                System.arraycopy(high, 0, halved, bytes.length, 2);
                Path wide = Files.write(folder.resolve("wide.csv"), wrong.equals("half a pair") ? halved : cut);
                assertThatExceptionOfType(MalformedFileException.class)
                        .isThrownBy(() -> Prompts.read(wide))
                        .withMessageContainingAll("wide.csv", "is not " + charset);
            }
        }

        @ParameterizedTest
        @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE", "X-UTF-32LE-BOM", "X-UTF-32BE-BOM"})
        void saysThatAFileIsOfWideCharacters(String charset) throws IOException {
            for (String name : List.of("wide.csv", "wide.jsonl", "wide.txt")) {
                Path wide = Files.write(folder.resolve(name), "id,text\na,caf\u00e9\n".getBytes(charset));
                assertThatExceptionOfType(MalformedFileException.class)
                        .isThrownBy(() -> Prompts.read(wide))
                        .withMessageContainingAll(name, "UTF-16", "save it as UTF-8");
            }
        }

        @Test
        void saysWhatItShowsOfAFileInBoundsAndWithoutWhatSteersATerminal() {
            String steering = "\u001b[31mred\u0000\u202Eback\u2028\uD83D";
            for (String content : List.of(
                    "id,topic," + steering + "]".repeat(70_000),
                    "i" + "\uFFFF".repeat(70_000) + ",topic\nx,y",
                    steering.repeat(9000).replace("\uD83D", "") + ";a\n",
                    "id,text\n\u001b[31m" + "a".repeat(70_000) + ",x\n\u001b[31m" + "a".repeat(70_000) + ",y\n",
                    "text,\u202Ex,\u202Ex" + "\u0007".repeat(70_000) + "\na,b\n")) {
                assertThatExceptionOfType(MalformedFileException.class)
                        .isThrownBy(() -> csv(content.replace("\uD83D", "")))
                        .withMessageContaining("p.csv")
                        .satisfies(e -> assertThat(e.getMessage())
                                .hasSizeLessThanOrEqualTo(800)
                                .doesNotContainPattern("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]"));
            }
        }

        @Test
        void takesAnEmptyText() throws IOException {
            assertThat(texts(csv("id,text\na,\n"))).containsExactly("");
        }

        @Test
        void namesTheLineOfTooFewFields() {
            refused("id,topic,text\na,x,one\nb,x\n", "line 3", "2 fields", "3 [id, topic, text]");
        }

        @Test
        void namesTheLineOfTooManyFields() {
            refused("id,topic,text\na,x,one, two\n", "line 2", "4 fields");
        }

        @Test
        void countsTheLinesInsideQuotedText() {
            refused("id,text\r\na,\"one\r\ntwo\r\nthree\"\r\nb\r\n", "line 5", "1 fields");
        }

        @Test
        void namesTheLineOfAnUnclosedQuote() {
            refused("id,text\na,one\nb,\"two\nc,three\n", "line 3", "nclosed quote");
        }

        @Test
        void namesTheLineOfTextBehindAClosingQuote() {
            refused("id,text\na,\"one\" two\n", "line 2", "after closing quote");
        }

        @Test
        void saysThatTheTextColumnIsMissing() {
            refused("id,topic,prompt\na,x,one\n", "line 1", "[id, topic, prompt]", "no column 'text'");
        }

        @Test
        void refusesAColumnThatComesTwice() {
            refused("id,text,topic,topic\na,one,x,y\n", "line 1", "twice");
        }

        @Test
        void namesTheLineOfAnIdThatComesTwice() {
            refused("id,text\na,one\nb,two\na,three\n", "line 4", "'a'");
        }

        @ParameterizedTest
        @ValueSource(strings = {"", "\uFEFF", "id,text\n", "\n\n"})
        void refusesAFileWithoutPrompts(String content) {
            refused(content, "no prompt", "at least one");
        }

        @Test
        void refusesAFileThatIsNotUtf8() throws IOException {
            Path latin1 = Files.write(
                    folder.resolve("latin1.csv"), "id,text\na,caf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> Prompts.csv(latin1))
                    .withMessageContainingAll("latin1.csv", "not UTF-8")
                    .satisfies(e -> assertThat(e.file()).isEqualTo(latin1));
        }
    }

    @Nested
    class Jsonl {

        private Prompts jsonl(String content) throws IOException {
            return Prompts.jsonl(file("p.jsonl", content));
        }

        private void refused(String content, String... parts) {
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> jsonl(content))
                    .withMessageContainingAll(parts)
                    .withMessageContaining("p.jsonl");
        }

        @Test
        void readsTextsWithLabels() throws IOException {
            assertThat(jsonl("{\"id\": \"a\", \"topic\": \"x\", \"text\": \"one\\ntwo\"}\n"))
                    .containsExactly(Prompt.of("a", "one\ntwo").withLabel("topic", "x"));
        }

        @Test
        void takesANullOrEmptyLabelForNone() throws IOException {
            Prompt prompt = jsonl(
                            "{\"text\": \"a\", \"topic\": null, \"language\": \"\", \"other\": \" \", \"rare\": false}")
                    .get(0);
            assertThat(prompt.labels()).containsExactly(Map.entry("rare", "false"));
        }

        @Test
        void blanksAroundALabelDoNotCount() throws IOException {
            Prompts prompts =
                    jsonl("{\"text\": \" a\", \"topic\": \" law\"}\n{\"text\": \"b\", \"topic\": \"law\u00A0\"}");
            assertThat(prompts.labels("topic")).containsExactly("law", "law");
            assertThat(texts(prompts)).containsExactly(" a", "b");
        }

        @Test
        void namesTheLineOfAnEmptyId() {
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> jsonl("{\"id\": 1, \"text\": \"a\"}\n{\"id\": \" \", \"text\": \"b\"}"))
                    .withMessageContainingAll("p.jsonl", "line 2", "empty 'id'");
        }

        @Test
        void saysWhatIsWrongInWordsThatAreNotTheParsers() {
            for (String line : List.of(
                    "{\"text\": " + "[".repeat(100_000),
                    "{\"text\": NaN}",
                    "{\"text\": \"b\"",
                    "{'text': 1}",
                    "{\"text\": 1" + "0".repeat(5000) + "}",
                    "{\"text\": \"\u0001\"}",
                    "\u001b[31m{}")) {
                assertThatExceptionOfType(MalformedFileException.class)
                        .isThrownBy(() -> jsonl(line))
                        .withMessageContainingAll("p.jsonl", "line 1")
                        .satisfies(e -> assertThat(e.getMessage())
                                .hasSizeLessThanOrEqualTo(800)
                                .doesNotContain("StreamRead", "JsonRead", "ALLOW_", "get", "Source:", "CTRL-CHAR"));
            }
        }

        @Test
        void readsReadyTokenIds() throws IOException {
            assertThat(jsonl("{\"id\": \"a\", \"ids\": [2, 31414, 0]}\n"))
                    .containsExactly(Prompt.ofTokens("a", 2, 31414, 0));
        }

        @Test
        void takesNumbersAndBooleansAsLabelsAndIds() throws IOException {
            Prompt prompt = jsonl("{\"id\": 7, \"text\": \"t\", \"year\": 1999, \"rare\": true}")
                    .get(0);
            assertThat(prompt.id()).isEqualTo("7");
            assertThat(prompt.labels()).containsExactly(Map.entry("year", "1999"), Map.entry("rare", "true"));
        }

        @Test
        void numbersPromptsWithoutAnId() throws IOException {
            assertThat(ids(jsonl("{\"text\": \"a\"}\n{\"id\": null, \"text\": \"b\"}\n")))
                    .containsExactly("0", "1");
        }

        @Test
        void skipsAByteOrderMarkAndBlankLines() throws IOException {
            assertThat(texts(jsonl("\uFEFF{\"text\": \"a\"}\r\n  \r\n{\"text\": \"b\"}")))
                    .containsExactly("a", "b");
        }

        @Test
        void doesNotTakeTheLineSeparatorCharacterForALineBreak() throws IOException {
            assertThat(texts(jsonl("{\"text\": \"a\u2028b\u0085c\"}"))).containsExactly("a\u2028b\u0085c");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{\"text\": \"b\"",
                    "{\"text\": \"b\\",
                    "null",
                    "[1, 2]",
                    "7",
                    "hello",
                    "{\"text\": \"b\"} {\"text\": \"c\"}",
                    "{\"text\": \"b\"}]",
                    "{\"text\": \"b\", \"text\": \"c\"}",
                    "{\"text\": \"b\", \"x\": NaN}"
                })
        void namesTheLineOfWhatIsNotOneJsonObject(String second) {
            refused("{\"text\": \"a\"}\n" + second + "\n", "line 2", "JSON");
        }

        @Test
        void refusesDeeplyNestedJson() {
            refused("{\"text\": " + "[".repeat(100_000), "line 1", "depth");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "{\"id\": \"a\"}",
                    "{\"text\": 5}",
                    "{\"text\": null}",
                    "{\"ids\": []}",
                    "{\"ids\": \"2 5\"}",
                    "{\"ids\": [2], \"text\": \"both\"}"
                })
        void saysThatEitherTextOrIdsAreNeeded(String line) {
            refused(line, "line 1", "'text'", "'ids'");
        }

        @ParameterizedTest
        @ValueSource(strings = {"-1", "1.5", "\"2\"", "null", "4294967296", "true"})
        void namesWhatIsNoTokenId(String id) {
            refused("{\"ids\": [2, " + id + "]}", "line 1", id.replace("\"", ""), "no token id");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {"topic | [1]", "topic | {\"a\": 1}", "id | [1]", "id | {\"a\": 1}"})
        void namesALabelOrIdThatIsNoScalar(String key, String value) {
            refused("{\"text\": \"a\", \"" + key + "\": " + value + "}", "line 1", "'" + key + "'");
        }

        @Test
        void namesTheLineOfAnIdThatComesTwice() {
            refused("{\"id\": 1, \"text\": \"a\"}\n\n{\"id\": \"1\", \"text\": \"b\"}", "line 3", "'1'");
        }

        @ParameterizedTest
        @ValueSource(strings = {"", "\n \n"})
        void refusesAFileWithoutPrompts(String content) {
            refused(content, "no prompt");
        }
    }

    @Nested
    class PlainText {

        @Test
        void takesEachLineAsAPrompt() throws IOException {
            Prompts prompts = Prompts.text(file("p.txt", "\uFEFFone, \"two\"\r\n\n  \n three\nfour"));
            assertThat(texts(prompts)).containsExactly("one, \"two\"", " three", "four");
            assertThat(ids(prompts)).containsExactly("0", "1", "2");
            assertThat(prompts.labelKeys()).isEmpty();
        }

        @Test
        void refusesAFileWithoutPrompts() throws IOException {
            Path blank = file("blank.txt", "\n  \n");
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> Prompts.text(blank))
                    .withMessageContainingAll("blank.txt", "no prompt");
        }
    }

    @Nested
    class Read {

        @Test
        void goesByTheEndingOfTheName() throws IOException {
            assertThat(texts(Prompts.read(file("a.csv", "text\none\n")))).containsExactly("one");
            assertThat(texts(Prompts.read(file("a.jsonl", "{\"text\": \"two\"}"))))
                    .containsExactly("two");
            assertThat(texts(Prompts.read(file("a.txt", "three")))).containsExactly("three");
        }

        @Test
        void listsTheEndingsThatItKnows() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Prompts.read(Path.of("prompts.tsv")))
                    .withMessageContainingAll("prompts.tsv", ".csv", ".jsonl", ".txt");
        }

        @ParameterizedTest
        @ValueSource(strings = {"none.csv", "none.jsonl", "none.txt"})
        void saysThatThereIsNoSuchFile(String name) {
            Path missing = folder.resolve(name);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Prompts.read(missing))
                    .withMessageContainingAll(missing.toString(), "no such file");
        }

        @Test
        void namesAFolderThatCannotBeRead() throws IOException {
            Path directory = Files.createDirectory(folder.resolve("d.csv"));
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> Prompts.read(directory))
                    .withMessageContaining(directory.toString());
        }
    }

    @Nested
    class InMemory {

        private final Prompts prompts = Prompts.of(List.of(
                Prompt.of("a", "one").withLabel("topic", "x").withLabel("language", "en"),
                Prompt.of("b", "two").withLabel("topic", "y"),
                Prompt.of("c", "three").withLabel("topic", "x")));

        @Test
        void numbersTexts() {
            assertThat(Prompts.of("one", "two")).containsExactly(Prompt.of("0", "one"), Prompt.of("1", "two"));
        }

        @Test
        void refusesAnEmptySet() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Prompts.of(List.of()))
                    .withMessageContaining("at least one");
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Prompts.of(new String[0]))
                    .withMessageContaining("at least one");
        }

        @Test
        void namesAnIdThatComesTwice() {
            List<Prompt> twice = List.of(Prompt.of("a", "one"), Prompt.of("a", "two"));
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Prompts.of(twice))
                    .withMessageContaining("'a'");
        }

        @Test
        void givesTheLabelsInOrder() {
            assertThat(prompts.labels("topic")).containsExactly("x", "y", "x");
            assertThat(prompts.labelKeys()).containsExactly("topic", "language");
        }

        @Test
        void listsTheKnownLabelsWhenOneIsUnknown() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> prompts.labels("subject"))
                    .withMessageContainingAll("'a'", "'subject'", "topic", "language");
        }

        @Test
        void namesThePromptThatLacksALabel() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> prompts.labels("language"))
                    .withMessageContaining("'b'");
        }

        @Test
        void slices() {
            assertThat(ids(prompts.slice(1, 3))).containsExactly("b", "c");
        }

        @ParameterizedTest
        @CsvSource({"-1, 2", "0, 4", "2, 1"})
        void refusesASliceOutOfRange(int from, int to) {
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> prompts.slice(from, to));
        }

        @Test
        void refusesAnEmptySlice() {
            assertThatExceptionOfType(ModscanException.class).isThrownBy(() -> prompts.slice(1, 1));
        }

        @Test
        void filters() {
            assertThat(ids(prompts.filter(p -> "x".equals(p.labels().get("topic")))))
                    .containsExactly("a", "c");
        }

        @Test
        void refusesAFilterThatLeavesNothing() {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> prompts.filter(p -> false))
                    .withMessageContaining("at least one");
        }

        @Test
        void isEqualByContent() {
            assertThat(prompts.slice(0, 3)).isEqualTo(prompts).hasSameHashCodeAs(prompts);
            assertThat(prompts.slice(0, 2)).isNotEqualTo(prompts);
        }
    }

    @Nested
    class Immutability {

        @Test
        void changingTheGivenListChangesNothing() {
            List<Prompt> list = new ArrayList<>(List.of(Prompt.of("a", "one")));
            Prompts prompts = Prompts.of(list);
            list.add(Prompt.of("b", "two"));
            assertThat(prompts.size()).isEqualTo(1);
        }

        @Test
        void theIteratorDoesNotRemove() {
            Iterator<Prompt> iterator = Prompts.of("one", "two").iterator();
            iterator.next();
            assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(iterator::remove);
        }

        @Test
        void tokenIdsAreCopiedInAndOut() {
            int[] given = {2, 5};
            Prompt prompt = Prompt.ofTokens("a", given);
            given[0] = 9;
            prompt.tokenIds().orElseThrow()[1] = 9;
            assertThat(prompt.tokenIds())
                    .hasValueSatisfying(ids -> assertThat(ids).containsExactly(2, 5));
        }

        @Test
        void addingALabelMakesAnotherPrompt() {
            Prompt plain = Prompt.of("a", "one");
            Prompt labelled = plain.withLabel("topic", "x").withLabel("topic", "y");
            assertThat(plain.labels()).isEmpty();
            assertThat(labelled.labels()).containsExactly(Map.entry("topic", "y"));
        }

        @Test
        void labelsCannotBeChanged() {
            Map<String, String> labels =
                    Prompt.of("a", "one").withLabel("topic", "x").labels();
            assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(() -> labels.put("topic", "y"));
        }

        @Test
        void idsThatAreReadWhenAskedForAreReadEachTime() {
            int[] calls = {0};
            Map<String, String> labels = new LinkedHashMap<>(Map.of("topic", "x"));
            labels.put("language", "y");
            Prompt prompt = Prompt.ofTokens("a", labels, () -> {
                calls[0]++;
                return new int[] {2, 7};
            });
            labels.clear();
            assertThat(calls).containsExactly(0);
            assertThat(prompt.tokenIds().orElseThrow()).containsExactly(2, 7);
            assertThat(prompt.tokenIds().orElseThrow()).containsExactly(2, 7);
            assertThat(calls).containsExactly(2);
            Prompt ready = Prompt.ofTokens("a", 2, 7).withLabel("topic", "x").withLabel("language", "y");
            assertThat(prompt).isEqualTo(ready).hasSameHashCodeAs(ready).hasToString(ready.toString());
            assertThat(prompt.labels()).containsExactlyEntriesOf(ready.labels()).isUnmodifiable();
            assertThat(prompt.text()).isEmpty();
        }

        @Test
        void aPromptOfNoTokenIdsIsRefused() {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> Prompt.ofTokens("a"))
                    .withMessageContainingAll("'a'", "at least one");
        }
    }
}
