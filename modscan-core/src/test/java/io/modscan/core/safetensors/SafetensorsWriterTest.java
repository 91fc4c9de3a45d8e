package io.modscan.core.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.SafetensorsWriter.TensorData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsWriterTest {

    @TempDir
    Path folder;

    private Path file = Path.of("");

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("t.safetensors");
    }

    private static TensorData bytes(int... values) {
        ByteBuffer buffer = ByteBuffer.allocate(values.length);
        for (int value : values) {
            buffer.put((byte) value);
        }
        return channel -> channel.write(buffer.flip());
    }

    private static TensorData floats(float... values) {
        return channel -> {
            ByteBuffer buffer = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            buffer.asFloatBuffer().put(values);
            channel.write(buffer);
        };
    }

    private String header() throws IOException {
        byte[] all = Files.readAllBytes(file);
        int length = (int) ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong();
        return new String(all, 8, length, StandardCharsets.UTF_8);
    }

    private void assertOldFileOnly(String content) throws IOException {
        assertThat(file).hasContent(content);
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void whatIsWrittenIsReadBack() {
        new SafetensorsWriter()
                .add("x", DType.F32, List.of(2L, 2L), floats(1, -2.5f, Float.NaN, Float.NEGATIVE_INFINITY))
                .add("u", DType.U8, List.of(3L), bytes(0, 127, 255))
                .write(file);
        SafetensorsFile read = SafetensorsFile.open(file);
        assertThat(read.tensors()).containsOnlyKeys("x", "u");
        assertThat(read.tensors().get("x"))
                .extracting(StoredTensor::dtype, StoredTensor::shape, StoredTensor::length)
                .containsExactly(DType.F32, List.of(2L, 2L), 16L);
        float[] values = new float[4];
        read.map("x").asFloatBuffer().get(values);
        assertThat(values).containsExactly(1, -2.5f, Float.NaN, Float.NEGATIVE_INFINITY);
        byte[] bytes = new byte[3];
        read.map("u").get(bytes);
        assertThat(bytes).containsExactly(0, 127, -1);
    }

    @Test
    void metadataAreReadBack() {
        Map<String, String> metadata = Map.of("model", "opt", "odd \"key\" é😀\n", "\u0000 \\ \u2028", "empty", "");
        SafetensorsWriter writer = new SafetensorsWriter();
        metadata.forEach(writer::metadata);
        writer.write(file);
        assertThat(SafetensorsFile.open(file).metadata()).isEqualTo(metadata);
    }

    @Test
    void aFileWithoutTensorsAndMetadataIsValid() {
        new SafetensorsWriter().write(file);
        SafetensorsFile read = SafetensorsFile.open(file);
        assertThat(read.tensors()).isEmpty();
        assertThat(read.metadata()).isEmpty();
    }

    @Test
    void scalarsAndEmptyTensorsAreReadBack() {
        new SafetensorsWriter()
                .add("scalar", DType.F32, List.of(), floats(3))
                .add("empty", DType.F32, List.of(0L, 7L), floats())
                .write(file);
        SafetensorsFile read = SafetensorsFile.open(file);
        assertThat(read.map("scalar").getFloat()).isEqualTo(3);
        assertThat(read.map("empty").remaining()).isZero();
    }

    @Test
    void everyTensorIsAlignedToItsElements() {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("k", "v");
        for (DType dtype : DType.values()) {
            writer.add("t" + dtype, dtype, List.of(3L), bytes(new int[3 * dtype.bytes()]));
        }
        writer.write(file);
        assertThat(SafetensorsFile.open(file).tensors().values())
                .hasSize(DType.values().length)
                .allSatisfy(tensor ->
                        assertThat(tensor.offset() % tensor.dtype().bytes()).isZero());
    }

    @ParameterizedTest
    @EnumSource
    void dataBeginAtAMultipleOfEightWhateverTheNameIsLong(DType dtype) {
        for (int length = 1; length <= 8; length++) {
            new SafetensorsWriter()
                    .add("n".repeat(length), dtype, List.of(1L), bytes(new int[dtype.bytes()]))
                    .write(file);
            assertThat(SafetensorsFile.open(file).tensors().values())
                    .allSatisfy(tensor -> assertThat(tensor.offset() % 8).isZero());
        }
    }

    @Test
    void equalTensorsGiveEqualFiles() throws IOException {
        new SafetensorsWriter()
                .metadata("k", "v")
                .add("b", DType.U8, List.of(1L), bytes(1))
                .add("a", DType.F32, List.of(2L), floats(1, 2))
                .write(file);
        assertThat(header().strip())
                .isEqualTo("{\"__metadata__\":{\"k\":\"v\"},"
                        + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[8,9]}}");
    }

    @Test
    void anExistingFileIsReplaced() throws IOException {
        Files.writeString(file, "old and longer than what comes".repeat(100));
        new SafetensorsWriter().add("a", DType.U8, List.of(1L), bytes(1)).write(file);
        assertThat(SafetensorsFile.open(file).tensors()).containsOnlyKeys("a");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void theOldFileStaysWhileTheNewOneIsWritten() throws IOException {
        Files.writeString(file, "old");
        new SafetensorsWriter()
                .add("a", DType.U8, List.of(1L), channel -> {
                    assertThat(file).hasContent("old");
                    bytes(1).writeTo(channel);
                })
                .write(file);
        assertThat(SafetensorsFile.open(file).tensors()).containsOnlyKeys("a");
    }

    @Test
    void aTensorThatCannotBeReadLeavesTheOldFile() throws IOException {
        Files.writeString(file, "old");
        SafetensorsWriter writer = new SafetensorsWriter()
                .add("a", DType.F32, List.of(1L), floats(1))
                .add("b", DType.U8, List.of(1L), channel -> {
                    throw new IOException("disk on fire");
                });
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> writer.write(file))
                .withMessageContainingAll(file.toString(), "disk on fire");
        assertOldFileOnly("old");
    }

    @Test
    void aTensorThatFailsUnexpectedlyLeavesTheOldFile() throws IOException {
        Files.writeString(file, "old");
        SafetensorsWriter writer = new SafetensorsWriter().add("a", DType.U8, List.of(1L), channel -> {
            throw new ArithmeticException("surprise");
        });
        assertThatExceptionOfType(ArithmeticException.class).isThrownBy(() -> writer.write(file));
        assertOldFileOnly("old");
    }

    @Test
    void aTensorOfTheWrongLengthIsNamedAndLeavesTheOldFile() throws IOException {
        Files.writeString(file, "old");
        SafetensorsWriter writer = new SafetensorsWriter().add("a", DType.F32, List.of(2L), floats(1));
        assertThatIllegalStateException()
                .isThrownBy(() -> writer.write(file))
                .withMessageContainingAll("'a'", "4 bytes", "8");
        assertOldFileOnly("old");
    }

    @Test
    void aHeaderLargerThanTheFormatAllowsIsRefused() throws IOException {
        Files.writeString(file, "old");
        SafetensorsWriter writer = new SafetensorsWriter().metadata("k", "\u0001".repeat(17_000_000));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> writer.write(file))
                .withMessageContainingAll(file.toString(), "100000000");
        assertOldFileOnly("old");
    }

    @Test
    void metadataOfAnyAllowedLengthAreReadBack() {
        String large = "x".repeat(21_000_000);
        new SafetensorsWriter().metadata("k", large).write(file);
        assertThat(SafetensorsFile.open(file).metadata().get("k")).hasSameSizeAs(large);
    }

    @Test
    void aFolderIsNotReplaced() throws IOException {
        Files.createDirectory(file);
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> new SafetensorsWriter().write(file))
                .withMessageContainingAll(file.toString(), "is a folder");
        assertThat(file).isEmptyDirectory();
    }

    @Test
    void aNameThatIsTakenIsRefused() {
        SafetensorsWriter writer = new SafetensorsWriter().add("a", DType.U8, List.of(1L), bytes(1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> writer.add("a", DType.F32, List.of(1L), floats(1)))
                .withMessageContaining("'a'");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> writer.add("__metadata__", DType.F32, List.of(1L), floats(1)));
        writer.write(file);
        assertThat(SafetensorsFile.open(file).tensors().values())
                .extracting(StoredTensor::dtype)
                .containsExactly(DType.U8);
    }

    @Test
    void anImpossibleShapeIsRefusedWithTheTensorsName() {
        SafetensorsWriter writer = new SafetensorsWriter();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> writer.add("a", DType.U8, List.of(2L, -1L), bytes()))
                .withMessageContainingAll("'a'", "[2, -1]", "negative");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> writer.add("a", DType.F64, List.of(1L << 31, 1L << 31), bytes()))
                .withMessageContainingAll("'a'", "larger than any file");
    }
}
