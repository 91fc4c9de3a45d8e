package io.modscan.core;

import static io.modscan.core.RecordedCapture.floats;
import static io.modscan.core.RecordedCapture.longs;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.RecordedCapture.Tensor;
import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.internal.recording.Keys;
import io.modscan.core.prompt.Prompt;
import io.modscan.core.prompt.Prompts;
import io.modscan.core.site.Pooling;
import io.modscan.core.site.Reading;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Capture files that are not what they ought to be: each is refused with its name, what is wrong and what would be right. */
class RecordingHostileTest {

    private static final String SITES =
            "[{\"name\":\"hook_embed\",\"axes\":[\"position\",\"unit 4\"],\"pooling\":\"none\"},"
                    + "{\"name\":\"loss\",\"axes\":[\"position\"],\"pooling\":\"mean\"},"
                    + "{\"name\":\"blocks.1.map\",\"layer\":1,\"axes\":[\"query\",\"key\"],\"pooling\":\"none\"}]";
    private static final List<Reading> READINGS = List.of(
            new Reading(FakeModel.EMBED, Pooling.none()),
            new Reading(FakeModel.LOSS, Pooling.mean()),
            new Reading(FakeModel.MAP, Pooling.none()));
    private static final Prompts PROMPTS = Prompts.of(
            List.of(Prompt.ofTokens("a", 2, 11, 12), Prompt.ofTokens("b", 21, 22), Prompt.ofTokens("c", 31)));

    @TempDir
    Path folder;

    private final RecordedCapture capture = new RecordedCapture(PROMPTS, SITES, READINGS);

    private Path file() {
        return folder.resolve("acts.safetensors");
    }

    private Path index() {
        return folder.resolve("acts.safetensors.index.json");
    }

    private static void refused(Path path, Path culprit, String... message) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> Recording.open(path))
                .satisfies(e -> assertThat(e.file()).isEqualTo(culprit))
                .withMessageContainingAll(message);
    }

    private void refused(String... message) {
        refused(capture.writeTo(file()), file(), message);
    }

    @Test
    void theCaptureIsGoodUntilItIsSpoiled() {
        assertThat(Recording.open(capture.writeTo(file())).activations().sites())
                .hasSize(3);
        capture.writeShards(folder.resolve("more.safetensors"), 1, 3);
        assertThat(Recording.open(folder.resolve("more.safetensors")).prompts()).hasSize(3);
    }

    @Nested
    class Metadata {

        @ParameterizedTest
        @ValueSource(strings = {Keys.SITES, Keys.PROMPTS})
        void mustBeThere(String key) {
            capture.metadata(key, null);
            refused("has no metadata '" + key + "'");
        }

        /** What the model did not tell, the file does not. */
        @ParameterizedTest
        @ValueSource(strings = {Keys.BOS_TOKEN_ID, Keys.MAX_TOKENS, Keys.VOCABULARY_SIZE})
        void mayBeUnknown(String key) {
            capture.metadata(key, null);
            Recording recording = Recording.open(capture.writeTo(file()));
            assertThat(Stream.of(recording.bosTokenId(), recording.maxTokens(), recording.vocabularySize())
                            .filter(OptionalInt::isEmpty))
                    .hasSize(1);
        }

        @ParameterizedTest
        @CsvSource({
            "model.max_tokens, many",
            "model.vocabulary_size, 1e3",
            "model.bos_token_id, 99999999999",
            "model.max_tokens, ''"
        })
        void mustBeNumbers(String key, String value) {
            capture.metadata(key, value);
            refused("'" + key + "' is '" + value + "', not a decimal number");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "[]                                                  | lists no prompt",
                    "{}                                                  | not one JSON list of objects",
                    "[1, 2, 3]                                           | not one JSON list of objects",
                    "[{\"id\": \"a\", \"labels\": {}}                    | is not JSON",
                    "[{\"labels\": {}}]                                  | entry 0 has no string 'id' or no object 'labels'",
                    "[{\"id\": 1, \"labels\": {}}]                       | entry 0 has no string 'id' or no object 'labels'",
                    "[{\"id\": \"a\", \"labels\": [{\"t\": [1]}]}]        | entry 0 has no string 'id' or no object 'labels'",
                    "[{\"id\": \"a\", \"labels\": {\"t\": {\"x\": 1}}}]   | entry 0 has the label 't' {, not a string",
                    "[{\"id\": \"a\"}]                                   | entry 0 has no string 'id' or no object 'labels'",
                    "[{\"id\": \"a\", \"labels\": {\"topic\": 1}}]       | entry 0 has the label 'topic' 1, not a string",
                    "[{\"id\": \"a\", \"labels\": {\"t\": \"\", \"t\": \"\"}}] | duplicate key 't'",
                })
        void mustTellThePrompts(String json, String message) {
            capture.metadata(Keys.PROMPTS, json);
            refused("metadata 'modscan.prompts'", message);
        }

        @Test
        void mustTellAsManyPromptsAsThereAre() {
            capture.metadata(Keys.PROMPTS, "[{\"id\":\"a\",\"labels\":{}},{\"id\":\"b\",\"labels\":{}}]");
            refused("tensor 'prompt_offsets' is I64 [4]; it must be I64 [3]");
        }

        @Test
        void mustTellPromptsApart() {
            String entry = "{\"id\":\"a\",\"labels\":{}}";
            capture.metadata(Keys.PROMPTS, "[" + String.join(",", entry, entry, entry) + "]");
            refused(Keys.PROMPTS, "two prompts have the id 'a'");
        }

        @Test
        void mustCountThePromptsRightly() {
            capture.metadata(Keys.PROMPT_COUNT, "4");
            refused("'modscan.prompt_count' is 4; there are 3 prompts");
        }

        @Test
        void mustTellTheSites() {
            capture.metadata(Keys.SITES, "[{\"name\": \"loss\"}]");
            refused(Keys.SITES, "axes of loss are null");
        }

        @Test
        void mayHaveVeryLongLabels() {
            String label = "x".repeat(100_000);
            Prompts prompts = Prompts.of(List.of(Prompt.ofTokens("a", 11).withLabel(label, label)));
            Path file = new RecordedCapture(prompts, SITES, READINGS).writeTo(file());
            assertThat(Recording.open(file).prompts().get(0).labels()).containsEntry(label, label);
        }
    }

    @Nested
    class Tensors {

        @ParameterizedTest
        @ValueSource(
                strings = {"input_ids", "prompt_offsets", "hook_embed", "loss", "blocks.1.map/0", "blocks.1.map/2"})
        void mustBeThere(String name) {
            capture.tensor(name, null);
            refused("has no tensor '" + name + "'; it must be there");
        }

        @Test
        void mustHaveTheirShape() {
            for (Tensor wrong : List.of(
                    floats(List.of(5L, 4L), new float[20]),
                    floats(List.of(6L, 3L), new float[18]),
                    floats(List.of(24L), new float[24]),
                    floats(List.of(6L, 4L, 1L), new float[24]),
                    longs(new long[24]))) {
                capture.tensor("hook_embed", wrong);
                refused("tensor 'hook_embed' is " + wrong.dtype() + " " + wrong.shape() + "; it must be F32 [6, 4]");
            }
        }

        @Test
        void mustHaveARowAPromptWherePooled() {
            capture.tensor("loss", floats(List.of(6L), new float[6]));
            refused("tensor 'loss' is F32 [6]; it must be F32 [3]");
        }

        @Test
        void mustBeSquaresOfThePromptWhereOfPairs() {
            capture.tensor("blocks.1.map/1", floats(List.of(1L, 4L), new float[4]));
            refused("tensor 'blocks.1.map/1' is F32 [1, 4]; it must be F32 [2, 2]");
        }

        @Test
        void mustHaveAsManyIdsAsTheOffsetsEnd() {
            capture.tensor("input_ids", longs(1, 2, 3));
            refused("tensor 'input_ids' is I64 [3]; it must be I64 [6]");
        }

        @ParameterizedTest
        @CsvSource({
            "1 3 5 6, begins with 1",
            "0 3 3 6, goes from 3 to 3 at prompt 1",
            "0 5 3 6, goes from 5 to 3 at prompt 1",
            "0 3 20 21, goes from 3 to 20 at prompt 1; a prompt has 1 to 12 tokens",
            "0 9223372036854775807 -9223372036854775808 6, at prompt 0",
            "0 -9223372036854775808 5 6, at prompt 0",
            "0 3 5 7, must be I64 [7]",
        })
        void mustHaveAscendingOffsets(String offsets, String message) {
            capture.tensor(
                    "prompt_offsets",
                    longs(Arrays.stream(offsets.split(" "))
                            .mapToLong(Long::parseLong)
                            .toArray()));
            refused(message);
        }

        @ParameterizedTest
        @ValueSource(longs = {-1, 100, 1L << 32, Long.MIN_VALUE})
        void mustHoldIdsOfTheVocabulary(long id) {
            capture.tensor("input_ids", longs(2, 11, 12, 21, id, 31));
            Recording recording = Recording.open(capture.writeTo(file()));
            assertThat(recording.activations().tokenIds(0)).containsExactly(2, 11, 12);
            for (int i = 0; i < 2; i++) {
                boolean ofPrompt = i == 0;
                assertThatExceptionOfType(MalformedFileException.class)
                        .isThrownBy(() -> {
                            if (ofPrompt) {
                                recording.prompts().get(1).tokenIds();
                            } else {
                                recording.activations().tokenIds(1);
                            }
                        })
                        .withMessageContainingAll("input_ids", "id " + id + " at position 1 of prompt 1", "0 to 99");
            }
        }

        @Test
        void mayBeMoreThanAreKnown() {
            capture.tensor("later", longs(1, 2, 3));
            assertThat(Recording.open(capture.writeTo(file())).activations().sites())
                    .hasSize(3);
        }

        @Test
        void mustNotClaimSizesBeyondAllMeasure() {
            capture.metadata(
                    Keys.SITES,
                    "[{\"name\":\"x\",\"axes\":[\"position\",\"head 999999999\",\"unit 999999999\"],\"pooling\":\"none\"}]");
            refused("has no tensor 'x'; it must be there, F32 [6, 999999999, 999999999]");
            capture.tensor("x", floats(List.of(0L, 999999999L, 999999999L)));
            refused("tensor 'x' is F32 [0, 999999999, 999999999]; it must be F32 [6, 999999999, 999999999]");
        }

        @Test
        void mustBeInASafetensorsFile() throws IOException {
            Files.writeString(file(), "no safetensors file by any means");
            refused(file(), file(), "header length");
        }

        @Test
        void mustBeWhole() throws IOException {
            byte[] bytes = Files.readAllBytes(capture.writeTo(file()));
            for (int length = 0; length < bytes.length; length += 97) {
                Files.write(file(), Arrays.copyOf(bytes, length));
                assertThatExceptionOfType(MalformedFileException.class).isThrownBy(() -> Recording.open(file()));
            }
        }
    }

    @Nested
    class Shards {

        @Test
        void mustAllBeThere() throws IOException {
            capture.writeShards(file(), 1, 2, 3);
            Files.delete(folder.resolve("acts-00002.safetensors"));
            refused(file(), index(), "names the file 'acts-00002.safetensors', which is not beside it");
        }

        @Test
        void mustFollowEachOther() throws IOException {
            capture.writeShards(file(), 1, 2, 3);
            Files.writeString(
                    index(), Files.readString(index()).replace("acts-00002.safetensors", "acts-00001.safetensors"));
            refused(
                    file(),
                    folder.resolve("acts-00003.safetensors"),
                    "begins with prompt 2; the files of " + index() + " before it end at 1");
            Files.writeString(
                    index(), Files.readString(index()).replace("acts-00001.safetensors", "acts-00003.safetensors"));
            refused(file(), folder.resolve("acts-00003.safetensors"), "begins with prompt 2", "end at 0");
        }

        @Test
        void mustNotOverlap() throws IOException {
            capture.writeShards(file(), 1, 2, 3);
            capture.writeShards(folder.resolve("other.safetensors"), 2, 3);
            Files.copy(folder.resolve("other-00001.safetensors"), folder.resolve("acts-00009.safetensors"));
            Files.writeString(
                    index(), Files.readString(index()).replace("acts-00001.safetensors", "acts-00009.safetensors"));
            refused(file(), folder.resolve("acts-00002.safetensors"), "begins with prompt 1", "end at 2");
        }

        @Test
        void mustBeOfOneModel() throws IOException {
            mixWith("model.fingerprint", "other");
            refused(
                    file(),
                    folder.resolve("acts-00002.safetensors"),
                    "'model.fingerprint' is fake, and other in",
                    "acts-00001.safetensors",
                    "files of one capture have the same");
        }

        @Test
        void mustHaveTheSameFacts() throws IOException {
            mixWith("modscan.more", "1");
            refused(file(), folder.resolve("acts-00002.safetensors"), "'modscan.more' is null, and 1 in");
        }

        @Test
        void mustHaveTheSameSites() throws IOException {
            mixWith(Keys.SITES, SITES.replace("{\"name\":\"loss\",\"axes\":[\"position\"],\"pooling\":\"mean\"},", ""));
            refused(file(), folder.resolve("acts-00002.safetensors"), "'modscan.sites' differs from that in");
        }

        /** Puts a first shard of another capture before the rest of a good one. */
        private void mixWith(String key, String value) throws IOException {
            capture.writeShards(file(), 1, 3);
            new RecordedCapture(PROMPTS, SITES, READINGS)
                    .metadata(key, value)
                    .writeShards(folder.resolve("other.safetensors"), 1, 3);
            Files.move(
                    folder.resolve("other-00001.safetensors"),
                    folder.resolve("acts-00001.safetensors"),
                    StandardCopyOption.REPLACE_EXISTING);
        }

        @Test
        void mustHavePromptsOfTheirOwn() {
            capture.metadata(Keys.PROMPTS, "[{\"id\":\"a\",\"labels\":{}}]");
            refused(capture.writeShards(file(), 1, 2, 3), index(), "two prompts have the id 'a'");
        }

        @ParameterizedTest
        @ValueSource(strings = {"", "0", "0-1-2", "-1-0", "0-99999999999", "a-b", "1-0"})
        void mustTellTheirRange(String range) {
            capture.metadata(Keys.SHARD, range);
            refused(
                    capture.writeShards(file(), 1, 3),
                    folder.resolve("acts-00001.safetensors"),
                    "modscan.shard' is " + range);
        }

        @Test
        void mustTellTheRangeThatTheirPromptsAreOf() {
            capture.metadata(Keys.SHARD, "0-2");
            refused(
                    capture.writeShards(file(), 1, 3),
                    folder.resolve("acts-00001.safetensors"),
                    "'modscan.shard' is 0-2; 'modscan.prompts' lists 1 prompts");
        }

        @Test
        void areNotOpenedByThemselves() {
            capture.writeShards(file(), 1, 3);
            Path second = folder.resolve("acts-00002.safetensors");
            refused(second, second, "holds only the prompts 1-3 of a capture", "'.index.json'");
        }

        @Test
        void areNotMadeOfAWholeFile() throws IOException {
            capture.writeTo(folder.resolve("whole.safetensors"));
            Files.writeString(index(), "{\"weight_map\": {\"loss\": \"whole.safetensors\"}}");
            refused(index(), folder.resolve("whole.safetensors"), "'modscan.shard' is null", "FROM-TO");
        }

        @Test
        void haveTensorsWithTheirRangeBehind() {
            capture.tensor("loss/1-3", null);
            refused(
                    capture.writeShards(file(), 1, 3),
                    folder.resolve("acts-00002.safetensors"),
                    "has no tensor 'loss/1-3'; it must be there, F32 [2]");
        }
    }

    @Nested
    class TheIndex {

        private void refusedIndex(String json, String... message) throws IOException {
            Files.writeString(index(), json);
            refused(file(), index(), message);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "../acts-00001.safetensors",
                    "/etc/passwd",
                    "sub/acts-00001.safetensors",
                    "..\\acts-00001.safetensors",
                    "..",
                    ".",
                    "",
                    "./acts-00001.safetensors",
                    "a/",
                })
        void namesNothingOutsideItsFolder(String name) throws IOException {
            capture.writeShards(file(), 1, 3);
            refusedIndex(
                    "{\"weight_map\": {\"x\": \"" + name.replace("\\", "\\\\") + "\"}}",
                    "weight_map names the file '" + name + "'; it must be the name of one beside the index");
        }

        @Test
        void namesNoImpossibleFile() throws IOException {
            refusedIndex("{\"weight_map\": {\"x\": \"a\\u0000b\"}}", "weight_map names the file 'a");
        }

        @Test
        void namesNoFolder() throws IOException {
            Files.createDirectory(folder.resolve("deeper"));
            refusedIndex("{\"weight_map\": {\"x\": \"deeper\"}}", "names the file 'deeper', which is not beside it");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                quoteCharacter = '`',
                value = {
                    "``                          | not one JSON object",
                    "[]                          | not one JSON object",
                    "{} {}                       | not one JSON object",
                    "{                           | not JSON",
                    "{\"weight_map\": {\"x\"     | not JSON",
                    "{\"weight_map\": {\"x\": \"y | not JSON",
                    "{}                          | no 'weight_map'",
                    "{\"weight_map\": {}}        | no 'weight_map'",
                    "{\"weight_map\": []}        | no 'weight_map'",
                    "{\"weight_map\": {\"x\": 3}} | weight_map of tensor 'x' is not a string",
                    "{\"weight_map\": {\"x\": {\"y\": \"z\"}}} | weight_map of tensor 'x' is not a string",
                })
        void mustBeAnIndex(String json, String message) throws IOException {
            refusedIndex(json, message);
        }

        @Test
        void mustNotTellOtherwiseThanItsShards() throws IOException {
            capture.writeShards(file(), 1, 3);
            Files.writeString(
                    index(),
                    Files.readString(index())
                            .replace("\"total_size\"", "\"model.fingerprint\":\"other\",\"total_size\""));
            refused(
                    file(),
                    folder.resolve("acts-00001.safetensors"),
                    "'model.fingerprint' is fake, and other in " + index());
        }

        @Test
        void addsItsFacts() throws IOException {
            capture.writeShards(file(), 1, 3);
            Files.writeString(
                    index(),
                    Files.readString(index())
                            .replace(
                                    "\"total_size\"",
                                    "\"modscan.shard\":\"x\",\"more\":\"1\",\"less\":[{}],\"total_size\""));
            assertThat(Recording.open(file()).provenance())
                    .containsEntry("more", "1")
                    .doesNotContainKeys("less", Keys.SHARD, "total_size");
        }

        @Test
        void mustCountThePromptsRightly() throws IOException {
            capture.writeShards(file(), 1, 3);
            Files.writeString(
                    index(),
                    Files.readString(index())
                            .replace("\"total_size\"", "\"modscan.prompt_count\":\"2\",\"total_size\""));
            refused(file(), index(), "'modscan.prompt_count' is 2; there are 3 prompts");
        }

        @Test
        void isReadWithoutKeepingItsNames() throws IOException {
            capture.writeShards(file(), 1, 3);
            StringBuilder names = new StringBuilder("\"weight_map\":{");
            for (int i = 0; i < 1_000_000; i++) {
                names.append("\"blocks.0.attn.hook_pattern/").append(i).append("\":\"acts-00002.safetensors\",");
            }
            Files.writeString(index(), Files.readString(index()).replace("\"weight_map\":{", names));
            assertThat(Recording.open(file()).prompts()).hasSize(3);
        }
    }

    @Nested
    class WhatIsNotThere {

        private void refusedPath(Path path, String... message) {
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> Recording.open(path))
                    .withMessageContaining(path.toString())
                    .withMessageContainingAll(message);
        }

        @Test
        void isSaidNotToBe() {
            refusedPath(file(), "no such capture file", "acts.safetensors.index.json");
            refusedPath(folder.resolve("not/there/acts.safetensors"), "no such capture file");
            refusedPath(index(), "no such capture file");
            refusedPath(Path.of("not-there.safetensors"), "no such capture file");
        }

        @Test
        void isAFolder() {
            refusedPath(folder, "is a folder");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "acts.safetensors.part",
                    "acts.safetensors.123-1.part",
                    "acts-00001.safetensors",
                    "acts-00001.safetensors.part",
                    "acts.part",
                    "acts.safetensors.index.json.77-3.part",
                })
        void isSaidToBeUnfinished(String beside) throws IOException {
            Files.createFile(folder.resolve(beside));
            for (Path path : List.of(file(), index())) {
                refusedPath(path, "unfinished", "make the same capture again to go on");
            }
        }

        @ParameterizedTest
        @ValueSource(strings = {"other.safetensors.part", "acts2.safetensors", "acts-x.safetensors", "xacts.part"})
        void isNotUnfinishedForOthersSake(String beside) throws IOException {
            Files.createFile(folder.resolve(beside));
            refusedPath(file(), "no such capture file");
        }

        @Test
        void matchesNoPatternInItsName() throws IOException {
            Files.createFile(folder.resolve("acts.safetensors.part"));
            List<String> names = List.of("a.*.safetensors", "(acts.safetensors", "\\E.safetensors");
            for (String name : names) {
                refusedPath(folder.resolve(name), "no such capture file");
            }
        }
    }
}
