package io.modscan.onnx.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.DType;
import io.modscan.core.safetensors.StoredTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that torch 2.13 wrote ({@code tools/torch_fixtures.py}), whole, damaged and packed anew. */
class TorchFileTest {

    @TempDir
    private Path folder;

    private static byte[] fixture(String name) throws IOException {
        try (InputStream in =
                Objects.requireNonNull(TorchFileTest.class.getResourceAsStream("torch/" + name + ".bin"), name)) {
            return in.readAllBytes();
        }
    }

    private Path file(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("pytorch_model.bin"), bytes);
    }

    private Map<String, StoredTensor> read(byte[] bytes) throws IOException {
        return TorchFile.read(file(bytes));
    }

    private static StoredTensor get(Map<String, StoredTensor> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    /** The tensor's elements, as the file has them at its offset. */
    private static double[] values(StoredTensor tensor) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(
                        Files.readAllBytes(tensor.file()), (int) tensor.offset(), (int) tensor.length())
                .order(ByteOrder.LITTLE_ENDIAN);
        double[] values = new double[(int) tensor.length() / tensor.dtype().bytes()];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (tensor.dtype()) {
                case F64 -> bytes.getDouble();
                case F32 -> bytes.getFloat();
                case F16 -> half(bytes.getShort());
                case BF16 -> Float.intBitsToFloat(bytes.getShort() << 16);
                case I64 -> bytes.getLong();
                case I32 -> bytes.getInt();
                case I16 -> bytes.getShort();
                case I8, U8, BOOL -> bytes.get();
                case U64, U32, U16, F8_E4M3, F8_E5M2 -> throw new AssertionError("torch writes no " + tensor);
            };
        }
        return values;
    }

    /** Zero and normal numbers, which is what the fixtures hold. */
    private static double half(short bits) {
        return bits == 0 ? 0 : Math.scalb(1 + (bits & 0x3ff) / 1024.0, (bits >> 10 & 0x1f) - 15);
    }

    /** Packs a torch file anew, stored, after its entries have been changed. */
    private byte[] repack(byte[] file, int method, Consumer<Map<String, byte[]>> change) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(file(file).toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                try (InputStream in = zip.getInputStream(entry)) {
                    entries.put(entry.getName(), in.readAllBytes());
                }
            }
        }
        change.accept(entries);
        return pack(entries, method);
    }

    private static byte[] pack(Map<String, byte[]> entries, int method) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                ZipEntry zipped = new ZipEntry(entry.getKey());
                CRC32 crc = new CRC32();
                crc.update(entry.getValue());
                zipped.setMethod(method);
                zipped.setCrc(crc.getValue());
                zipped.setSize(entry.getValue().length);
                out.putNextEntry(zipped);
                out.write(entry.getValue());
            }
        }
        return bytes.toByteArray();
    }

    /** Changes a number in an entry's directory record: at 20 its packed size, at 24 the unpacked, at 42 its place. */
    private static byte[] poke(byte[] zip, String entry, int field, int value) {
        byte[] changed = zip.clone();
        ByteBuffer buffer = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putInt(record(zip, entry) + field, value);
        return changed;
    }

    private static int record(byte[] zip, String entry) {
        int name = new String(zip, StandardCharsets.ISO_8859_1).lastIndexOf(entry);
        assertThat(zip[name - 46]).isEqualTo((byte) 'P');
        return name - 46;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 5})
    void findsEveryTypeByEveryProtocol(int protocol) throws IOException {
        Map<String, StoredTensor> tensors = read(fixture("types_protocol" + protocol));

        assertThat(tensors.keySet())
                .containsExactly("f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "bool");
        for (StoredTensor tensor : tensors.values()) {
            assertThat(tensor.shape()).containsExactly(2L, 3L);
            assertThat(tensor.file()).isEqualTo(folder.resolve("pytorch_model.bin"));
            assertThat(values(tensor))
                    .as(tensor.name())
                    .containsExactly(
                            tensor.dtype() == DType.BOOL
                                    ? new double[] {0, 1, 1, 1, 1, 1}
                                    : new double[] {0, 1, 2, 3, 4, 5});
        }
        assertThat(tensors.values())
                .extracting(StoredTensor::dtype)
                .containsExactly(
                        DType.F64,
                        DType.F32,
                        DType.F16,
                        DType.BF16,
                        DType.I64,
                        DType.I32,
                        DType.I16,
                        DType.I8,
                        DType.U8,
                        DType.BOOL);
    }

    @Test
    void readsAModulesStateDictInItsOrder() throws IOException {
        Map<String, StoredTensor> tensors = read(fixture("module"));

        assertThat(tensors.keySet()).containsExactly("fc.weight", "fc.bias", "norm.weight", "norm.bias");
        assertThat(values(get(tensors, "fc.weight"))).containsExactly(0, 1, 2, 3, 4, 5);
        assertThat(values(get(tensors, "norm.bias"))).containsExactly(0, 1);
        assertThatThrownBy(tensors::clear).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void readsParameters() throws IOException {
        Map<String, StoredTensor> tensors = read(fixture("parameters"));

        assertThat(get(tensors, "p").shape()).containsExactly(2L, 2L);
        assertThat(values(get(tensors, "p"))).containsExactly(0, 1, 2, 3);
        assertThat(values(get(tensors, "frozen"))).containsExactly(0, 1);
    }

    @Test
    void readsSharedStoragesAndContiguousViews() throws IOException {
        Map<String, StoredTensor> tensors = read(fixture("views"));

        StoredTensor whole = get(tensors, "whole");
        assertThat(whole.offset() % 64).isZero();
        assertThat(get(tensors, "tied").offset()).isEqualTo(whole.offset());
        assertThat(get(tensors, "rows").offset()).isEqualTo(whole.offset() + 3 * 4);
        assertThat(values(get(tensors, "rows"))).containsExactly(3, 4, 5, 6, 7, 8);
        assertThat(get(tensors, "scalar").shape()).isEmpty();
        assertThat(values(get(tensors, "scalar"))).containsExactly(7);
        assertThat(get(tensors, "empty").shape()).containsExactly(0L, 3L);
        assertThat(get(tensors, "column_of_one").shape()).containsExactly(3L, 1L);
        assertThat(values(get(tensors, "column_of_one"))).containsExactly(0, 1, 2);
        assertThat(values(get(tensors, "single"))).containsExactly(4);
        assertThat(get(tensors, "own_empty").shape()).containsExactly(0L, 5L);
    }

    @Test
    void readsAnEmptyStateDict() throws IOException {
        assertThat(read(fixture("empty"))).isEmpty();
    }

    @Test
    void readsAFileFromBeforeTheByteOrderWasWritten() throws IOException {
        byte[] old = repack(fixture("module"), ZipEntry.STORED, entries -> entries.remove("module/byteorder"));

        assertThat(values(get(read(old), "fc.bias"))).containsExactly(0, 1);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            delimiter = '|',
            value = {
                "transposed | tensor 'turned' of shape [3, 2] has the strides [1, 3]",
                "sliced | tensor 'columns' of shape [2, 2] has the strides [4, 1]",
                "legacy | before version 1.6",
                "legacy_protocol4 | before version 1.6",
                "training_checkpoint | a dict with 2 keys at the key 'model'; right is a state dict",
                "list | holds a list; right is a state dict",
                "integer_keys | of which 1 are not texts",
                "negated | negated or conjugated",
                "float8 | names the class 'torch._utils._rebuild_tensor_v3'",
                "complex | names the class 'torch.ComplexFloatStorage'",
                "whole_module | names the class 'torch.nn.modules.linear.Linear'",
                "torchscript | is a TorchScript program"
            })
    void saysWhatItDoesNotRead(String fixture, String problem) throws IOException {
        byte[] bytes = fixture(fixture);

        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(bytes))
                .withMessageStartingWith(folder.resolve("pytorch_model.bin") + ": ")
                .withMessageContaining(problem);
    }

    @ParameterizedTest
    @ValueSource(strings = {"transposed", "sliced", "legacy"})
    void givesTheCommandThatConverts(String fixture) throws IOException {
        byte[] bytes = fixture(fixture);

        assertThatThrownBy(() -> read(bytes)).hasMessageContaining("python -c \"import sys, torch; ");
    }

    @Test
    void refusesOtherByteOrders() throws IOException {
        byte[] big =
                repack(fixture("module"), ZipEntry.STORED, entries -> entries.put("module/byteorder", ascii("big")));
        byte[] middle =
                repack(fixture("module"), ZipEntry.STORED, entries -> entries.put("module/byteorder", ascii("middle")));

        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(big))
                .withMessageContaining("big-endian");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(middle))
                .withMessageContaining("says 'middle'; right is 'little'");
    }

    @Test
    void refusesCompressedEntries() throws IOException {
        byte[] deflated = repack(fixture("module"), ZipEntry.DEFLATED, entries -> entries.remove("module/byteorder"));

        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(deflated))
                .withMessageContaining(
                        "entry 'module/data.pkl', which holds the state dict, is compressed or encrypted");

        byte[] encrypted = fixture("module");
        encrypted[record(encrypted, "module/data/0") + 8] |= 1;

        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(encrypted))
                .withMessageContaining(
                        "entry 'module/data/0', which holds tensor 'fc.weight', is compressed or encrypted");
    }

    @Test
    void refusesStoragesThatAreMissingOrOfAnotherSize() throws IOException {
        byte[] missing = repack(fixture("module"), ZipEntry.STORED, entries -> entries.remove("module/data/1"));
        byte[] shortened =
                repack(fixture("module"), ZipEntry.STORED, entries -> entries.put("module/data/1", new byte[7]));
        byte[] lengthened =
                repack(fixture("module"), ZipEntry.STORED, entries -> entries.put("module/data/1", new byte[12]));

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(missing))
                .withMessageContaining("has no entry 'module/data/1', which should hold tensor 'fc.bias'");
        for (byte[] wrong : List.of(shortened, lengthened)) {
            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> read(wrong))
                    .withMessageContaining("tensor 'fc.bias' is in entry 'module/data/1'")
                    .withMessageContaining("2 elements of F32");
        }
    }

    @Test
    void refusesAViewBeyondItsStorage() throws IOException {
        // BININT1 2, BININT1 3 is the shape [2, 3] of the first tensor, then TUPLE2; made larger in either dimension.
        for (byte[] shape :
                List.of(new byte[] {'K', 3, 'K', 3, (byte) 0x86}, new byte[] {'K', 2, 'K', 4, (byte) 0x86})) {
            byte[] changed = repack(fixture("module"), ZipEntry.STORED, entries -> {
                byte[] pickle = entries.get("module/data.pkl");
                int at = new String(pickle, StandardCharsets.ISO_8859_1).indexOf("K\2K\3\u0086");
                System.arraycopy(shape, 0, pickle, at, shape.length);
            });

            assertThatExceptionOfType(MalformedFileException.class)
                    .isThrownBy(() -> read(changed))
                    .withMessageContaining("tensor 'fc.weight' of shape [")
                    .withMessageContaining("which has 6 elements");
        }
    }

    @Test
    void refusesEntriesThatOverlapOrLeaveTheFile() throws IOException {
        byte[] whole = fixture("module");
        int first = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getInt(record(whole, "module/data/0") + 42);

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(poke(whole, "module/data/1", 42, first)))
                .withMessageContaining("inside entry 'module/data/");
        for (int size : new int[] {1 << 20, Integer.MAX_VALUE, -2}) {
            assertThatThrownBy(() -> read(poke(poke(whole, "module/data/1", 20, size), "module/data/1", 24, size)))
                    .isInstanceOf(MalformedFileException.class);
            assertThatThrownBy(() -> read(poke(whole, "module/data/1", 42, size)))
                    .isInstanceOf(MalformedFileException.class);
        }
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(poke(whole, "module/data/1", 24, 4)))
                .withMessageContaining("is not compressed, yet has 8 bytes here and 4 unpacked");
    }

    @Test
    void refusesEntriesOfTheSameName() throws IOException {
        byte[] twice = fixture("module");
        twice[record(twice, "module/data/1") + 46 + "module/data/".length()] = '0';

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(twice))
                .withMessageContaining("entry 'module/data/0' is there twice");
    }

    @Test
    void refusesZipsOfSomethingElse() throws IOException {
        byte[] none = pack(Map.of("word/document.xml", ascii("<w/>")), ZipEntry.STORED);
        byte[] two = pack(Map.of("a/data.pkl", ascii("}."), "b/data.pkl", ascii("}.")), ZipEntry.STORED);

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(none))
                .withMessageContaining("a zip with 0 entries named NAME/data.pkl");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(two))
                .withMessageContaining("a zip with 2 entries named NAME/data.pkl");
    }

    @Test
    void refusesAPickleThatNoStateDictNeeds() throws IOException {
        byte[] huge = pack(Map.of("a/data.pkl", new byte[(32 << 20) + 1]), ZipEntry.STORED);

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(huge))
                .withMessageContaining("has 33554433 bytes; a state dict's has at most 33554432");
    }

    @Test
    void refusesADirectoryThatNoStateDictNeeds() throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        for (int i = 0; i < 150; i++) {
            entries.put(i + "x".repeat(65_000), new byte[0]);
        }
        byte[] huge = pack(entries, ZipEntry.STORED);

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(huge))
                .withMessageContaining("directory takes more than 8388608 bytes");
    }

    @Test
    void refusesWhatIsNoZip() throws IOException {
        byte[] tar = new byte[1024];
        System.arraycopy(ascii("ustar"), 0, tar, 257, 5);

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(new byte[0]))
                .withMessageContaining("is no torch file: it has 0 bytes");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(ascii("<!DOCTYPE html>")))
                .withMessageContaining("is no torch file");
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(ascii("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")))
                .withMessageContaining("is a Git LFS pointer");
        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(tar))
                .withMessageContaining("before version 1.6");
    }

    @Test
    void namesAFileThatCannotBeRead() {
        Path missing = folder.resolve("missing.bin");

        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> TorchFile.read(missing))
                .withMessageContaining(missing.toString())
                .withCauseInstanceOf(NoSuchFileException.class);
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> TorchFile.read(folder))
                .withMessageContaining(folder.toString());
    }

    @Test
    void truncationIsRefusedWhereverItFalls() throws IOException {
        byte[] whole = fixture("parameters");
        // Every third length, to be quick; all of them were tried once.
        for (int length = 0; length < whole.length; length += 3) {
            byte[] part = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> read(part)).as("%d bytes", length).isInstanceOf(MalformedFileException.class);
        }
        assertThatThrownBy(() -> read(Arrays.copyOf(whole, whole.length / 2))).hasMessageContaining("truncated");
    }

    @Test
    void randomDamageBringsNothingButOurExceptions() throws IOException {
        Random random = new Random(20240607);
        int refused = 0;
        for (String fixture : List.of("module", "views", "types_protocol4")) {
            byte[] whole = fixture(fixture);
            for (int round = 0; round < 300; round++) {
                byte[] damaged = whole.clone();
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
                }
                try {
                    for (StoredTensor tensor : read(damaged).values()) {
                        assertThat(tensor.offset() + tensor.length()).isLessThanOrEqualTo(damaged.length);
                    }
                } catch (ModscanException expected) {
                    refused++;
                }
            }
        }
        assertThat(refused).isGreaterThan(50);
    }
}
