package io.modscan.core.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {

    @TempDir
    Path folder;

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("t.safetensors");
    }

    /** A file with a header length that is right for the header, and as many zero bytes as data. */
    private void write(String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        Files.write(file, file(json.length, json, dataBytes));
    }

    private static byte[] file(long headerLength, byte[] header, int dataBytes) {
        return ByteBuffer.allocate(8 + header.length + dataBytes)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerLength)
                .put(header)
                .array();
    }

    private static String tensor(String name, String dtype, String shape, String offsets) {
        return "\"" + name + "\": {\"dtype\": \"" + dtype + "\", \"shape\": " + shape + ", \"data_offsets\": " + offsets
                + "}";
    }

    private byte[] valid() throws IOException {
        write(
                "{\"__metadata__\": {\"k\": \"v\"}, " + tensor("a", "F32", "[2, 1]", "[0, 8]") + ", "
                        + tensor("b", "U8", "[3]", "[8, 11]") + "}",
                11);
        return Files.readAllBytes(file);
    }

    private void refused(String... parts) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> SafetensorsFile.open(file))
                .withMessageContainingAll(parts)
                .withMessageStartingWith(file + ": ")
                .satisfies(e -> assertThat(e.file()).isEqualTo(file));
    }

    @Nested
    class Valid {

        @Test
        void aHeaderIsReadThroughAChannelOfAFileThatIsNotThere() throws IOException {
            valid();
            Path absent = folder.resolve("absent.safetensors");
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                SafetensorsFile read = SafetensorsFile.open(absent, channel);
                assertThat(channel.isOpen()).isTrue();
                assertThat(read.path()).isEqualTo(absent);
                assertThat(read.tensors()).containsOnlyKeys("a", "b");
                assertThat(read.tensors().values())
                        .allSatisfy(tensor -> assertThat(tensor.file()).isEqualTo(absent));
            }
        }

        @Test
        void givesTensorsInOrderOfTheHeader() throws IOException {
            write("{" + tensor("b", "U8", "[3]", "[4, 7]") + "," + tensor("a", "F32", "[]", "[0, 4]") + "}  ", 7);
            SafetensorsFile read = SafetensorsFile.open(file);
            assertThat(read.path()).isEqualTo(file);
            assertThat(read.tensors().keySet()).containsExactly("b", "a");
            long data = Files.size(file) - 7;
            assertThat(read.tensors().get("b"))
                    .isEqualTo(new StoredTensor("b", DType.U8, List.of(3L), file, data + 4, 3));
        }

        @Test
        void readsTheHeadersMetadata() throws IOException {
            valid();
            assertThat(SafetensorsFile.open(file).metadata()).containsOnly(Map.entry("k", "v"));
        }

        @Test
        void takesEmptyTensorsAnywhereOnABoundary() throws IOException {
            write(
                    "{" + tensor("a", "F32", "[1]", "[0, 4]") + "," + tensor("e", "F32", "[0, 9]", "[4, 4]") + ","
                            + tensor("f", "F32", "[9, 0]", "[0, 0]") + "," + tensor("b", "F32", "[1]", "[4, 8]") + "}",
                    8);
            assertThat(SafetensorsFile.open(file).tensors()).hasSize(4);
        }

        @Test
        void mapsATensorsBytesReadOnly() throws IOException {
            byte[] bytes = valid();
            bytes[bytes.length - 2] = 7;
            Files.write(file, bytes);
            ByteBuffer mapped = SafetensorsFile.open(file).map("b");
            assertThat(mapped.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
            assertThat(mapped.remaining()).isEqualTo(3);
            assertThat(mapped.get(1)).isEqualTo((byte) 7);
            assertThatExceptionOfType(ReadOnlyBufferException.class).isThrownBy(() -> mapped.put(0, (byte) 1));
        }

        @Test
        void listsTheTensorsWhenOneIsUnknown() throws IOException {
            valid();
            SafetensorsFile read = SafetensorsFile.open(file);
            assertThatExceptionOfType(ModscanException.class)
                    .isThrownBy(() -> read.map("c"))
                    .withMessageContainingAll(file.toString(), "'c'", "[a, b]");
        }

        @Test
        void saysSoWhenTheFileShrankAfterItWasOpened() throws IOException {
            byte[] bytes = valid();
            SafetensorsFile read = SafetensorsFile.open(file);
            Files.write(file, Arrays.copyOf(bytes, 20));
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> read.map("b"))
                    .withMessageContaining(file.toString());
        }

        @Test
        void cannotBeChanged() throws IOException {
            valid();
            SafetensorsFile read = SafetensorsFile.open(file);
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(() -> read.tensors().clear());
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(() -> read.metadata().clear());
        }

        @Test
        void namesAFileThatIsNotThere() {
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> SafetensorsFile.open(file))
                    .withMessageContainingAll(file.toString(), "NoSuchFile");
        }
    }

    @Nested
    class Hostile {

        @Test
        void refusesAFileThatIsCutAnywhere() throws IOException {
            byte[] whole = valid();
            for (int length = 0; length < whole.length; length++) {
                Files.write(file, Arrays.copyOf(whole, length));
                refused("bytes");
            }
            Files.write(file, Arrays.copyOf(whole, whole.length + 1));
            refused("1 bytes that belong to no tensor");
        }

        @ParameterizedTest
        @ValueSource(longs = {0, 1, 3, 100_000_001, 1L << 32, (1L << 32) + 2, Long.MAX_VALUE, Long.MIN_VALUE, -1})
        void refusesAHeaderLengthOutOfRange(long length) throws IOException {
            Files.write(file, file(length, new byte[] {'{', '}'}, 0));
            refused("header length " + Long.toUnsignedString(length), "out of range");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "null",
                    "[]",
                    "17",
                    "\"a\"",
                    "{]",
                    "{\"a\"",
                    "    ",
                    "{}{}",
                    "{} x",
                    "\u0080\u0002}q",
                    "{\"a\": NaN}",
                    "{'a': {}}",
                    "{\"a\": {},}"
                })
        void refusesAHeaderThatIsNotAJsonObject(String header) throws IOException {
            write(header, 0);
            refused("header is not", "JSON object");
        }

        @Test
        void refusesAHeaderThatIsNotUtf8() throws IOException {
            byte[] header = "{\"caf\u00e9\": {}}".getBytes(StandardCharsets.ISO_8859_1);
            Files.write(file, file(header.length, header, 0));
            refused("not UTF-8");
        }

        @ParameterizedTest
        @ValueSource(strings = {"[", "{\"a\":"})
        void refusesDeeplyNestedJson(String opening) throws IOException {
            write("{\"a\": " + opening.repeat(200_000), 0);
            refused("header", "nested more than 64 deep");
        }

        @Test
        void refusesATensorThatComesTwice() throws IOException {
            write("{" + tensor("a", "U8", "[1]", "[0, 1]") + "," + tensor("a", "U8", "[1]", "[1, 2]") + "}", 2);
            refused("'a'", "uplicate");
        }

        @Test
        void refusesAKeyThatComesTwiceInATensor() throws IOException {
            write("{\"a\": {\"dtype\": \"U8\", \"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 1]}}", 1);
            refused("dtype", "uplicate");
        }

        @ParameterizedTest
        @ValueSource(strings = {"5", "null", "[]", "\"x\""})
        void namesAnEntryThatIsNoObject(String value) throws IOException {
            write("{\"a\": " + value + "}", 0);
            refused("'a'", "not a JSON object");
        }

        /** As the format's own library does; so are those of the next test refused by it. */
        @ParameterizedTest
        @ValueSource(strings = {"", "\"__metadata__\": null, ", "\"__metadata__\": {}, "})
        void metadataMayBeMissingNullOrEmpty(String metadata) throws IOException {
            write("{" + metadata + tensor("a", "F32", "[1]", "[0, 4]") + "}", 4);
            assertThat(SafetensorsFile.open(file).metadata()).isEmpty();
            assertThat(SafetensorsFile.open(file).tensors()).containsOnlyKeys("a");
            if (!metadata.isEmpty()) {
                write("{" + tensor("a", "F32", "[1]", "[0, 4]") + ", " + metadata.replace(", ", "") + "}", 4);
                assertThat(SafetensorsFile.open(file).tensors()).containsOnlyKeys("a");
            }
        }

        @ParameterizedTest
        @ValueSource(strings = {"[]", "\"\"", "\"x\"", "0", "false", "[[\"k\", \"v\"]]"})
        void refusesMetadataThatAreNoObject(String metadata) throws IOException {
            write("{\"__metadata__\": " + metadata + "}", 0);
            refused("'__metadata__'");
        }

        @ParameterizedTest
        @ValueSource(strings = {"1", "null", "{}", "[\"a\"]", "true"})
        void namesMetadataThatAreNoStrings(String value) throws IOException {
            write("{\"__metadata__\": {\"ok\": \"\", \"k\": " + value + "}}", 0);
            refused("'__metadata__'", "'k'", "must be strings");
        }

        @Test
        void nullIsMetadataOnlyUnderTheirOwnName() throws IOException {
            write("{\"__metadata\": null}", 0);
            refused("'__metadata'", "not a JSON object");
        }

        @ParameterizedTest
        @ValueSource(strings = {"\"F31\"", "\"f32\"", "\"\"", "5", "null", "[\"F32\"]"})
        void namesATensorOfUnknownTypeAndListsTheKnown(String dtype) throws IOException {
            write("{\"a\": {\"dtype\": " + dtype + ", \"shape\": [1], \"data_offsets\": [0, 4]}}", 4);
            refused("'a'", "dtype", "known are", "F32");
        }

        @ParameterizedTest
        @ValueSource(strings = {"dtype", "shape", "data_offsets"})
        void namesATensorThatLacksAField(String missing) throws IOException {
            write("{" + tensor("a", "U8", "[1]", "[0, 1]").replace(missing, "other") + "}", 1);
            refused("'a'", missing);
        }

        @ParameterizedTest
        @ValueSource(strings = {"5", "{}", "\"[1]\"", "[1.0]", "[\"1\"]", "[null]", "[[1]]", "[true]", "[1e3]"})
        void namesATensorWhoseShapeIsNotMadeOfIntegers(String shape) throws IOException {
            write("{" + tensor("a", "U8", shape, "[0, 1]") + "}", 1);
            refused("'a'", "shape", "integer");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "[-1]                                         | negative",
                    "[-1, -1]                                     | negative",
                    "[-9223372036854775808]                       | negative",
                    "[9223372036854775807]                        | larger than any file",
                    "[4294967296, 4294967296]                     | larger than any file",
                    "[2147483648, 2147483648, 4]                  | larger than any file",
                    "[4611686018427387905]                        | larger than any file",
                    "[9223372036854775808]                        | not an integer of 64 bits",
                    "[99999999999999999999999999999999999999999]  | not an integer of 64 bits",
                    "[2]                                          | takes 8 bytes, not 4",
                    "[0]                                          | takes 0 bytes, not 4"
                })
        void namesATensorOfImpossibleShape(String shape, String problem) throws IOException {
            write("{" + tensor("a", "F32", shape, "[0, 4]") + "}", 4);
            refused("'a'", problem);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "[]",
                    "[0]",
                    "[0, 2, 4]",
                    "[-4, 0]",
                    "[4, 0]",
                    "[0, -4]",
                    "[0, 5]",
                    "[4, 8]",
                    "[9223372036854775803, 9223372036854775807]",
                    "[-9223372036854775808, 9223372036854775807]",
                    "[0, 9223372036854775807]",
                    "[0, 18446744073709551620]",
                    "[0, 4.0]",
                    "null",
                    "\"0, 4\""
                })
        void namesATensorWhoseOffsetsAreOutOfRange(String offsets) throws IOException {
            write("{" + tensor("a", "F32", "[1]", offsets) + "}", 4);
            refused("'a'", "data_offsets");
        }

        @ParameterizedTest
        @ValueSource(strings = {"[0, 4]", "[1, 5]", "[3, 7]"})
        void namesATensorThatOverlapsAnother(String offsets) throws IOException {
            write("{" + tensor("a", "F32", "[1]", "[0, 4]") + "," + tensor("b", "F32", "[1]", offsets) + "}", 8);
            refused("'b'", "inside its predecessor");
        }

        @Test
        void namesAnEmptyTensorInsideAnother() throws IOException {
            write("{" + tensor("a", "F32", "[1]", "[0, 4]") + "," + tensor("e", "F32", "[0]", "[2, 2]") + "}", 4);
            refused("'e'", "inside its predecessor");
        }

        @Test
        void namesATensorBehindAGap() throws IOException {
            write("{" + tensor("a", "U8", "[1]", "[0, 1]") + "," + tensor("b", "U8", "[1]", "[2, 3]") + "}", 3);
            refused("'b'", "gap");
        }

        @Test
        void namesATensorBehindAGapAtTheBeginning() throws IOException {
            write("{" + tensor("a", "U8", "[1]", "[1, 2]") + "}", 2);
            refused("'a'", "gap");
        }

        @Test
        void flippedBytesNeverLeadToAnUnexpectedException() throws IOException {
            byte[] whole = valid();
            Random random = new Random(17);
            int refused = 0;
            for (int round = 0; round < 5_000; round++) {
                byte[] bytes = whole.clone();
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
                }
                Files.write(file, bytes);
                Throwable thrown = catchThrowable(this::readAll);
                if (thrown != null) {
                    assertThat(thrown)
                            .as(new String(bytes, StandardCharsets.ISO_8859_1))
                            .isInstanceOfAny(ModscanException.class, UncheckedIOException.class)
                            .hasMessageContaining(file.toString());
                    refused++;
                }
            }
            assertThat(refused).isGreaterThan(2_500);
        }

        private void readAll() {
            SafetensorsFile read = SafetensorsFile.open(file);
            for (StoredTensor tensor : read.tensors().values()) {
                assertThat(read.map(tensor.name()).remaining()).isEqualTo((int) tensor.length());
            }
        }
    }
}
