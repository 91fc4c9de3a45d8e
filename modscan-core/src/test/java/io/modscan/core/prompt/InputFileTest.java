package io.modscan.core.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.DType;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InputFileTest {

    @TempDir
    Path folder;

    private Prompts prompts(String... lines) throws IOException {
        return Prompts.jsonl(Files.write(folder.resolve("p.jsonl"), List.of(lines)));
    }

    /** The tensor that a line's only input, x, is given. */
    private InputTensor read(String value) throws IOException {
        Prompt prompt =
                prompts("{\"id\": \"a\", \"inputs\": {\"x\": " + value + "}}").get(0);
        return Objects.requireNonNull(prompt.tensors().orElseThrow().get("x"));
    }

    /** As numpy.save writes it. */
    private static byte[] npy(int version, String header, ByteBuffer values) {
        byte[] text = header.getBytes(StandardCharsets.US_ASCII);
        ByteBuffer file = ByteBuffer.allocate(8 + (version == 1 ? 2 : 4) + text.length + values.remaining())
                .order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            file.putShort((short) text.length);
        } else {
            file.putInt(text.length);
        }
        return file.put(text).put(values.duplicate()).array();
    }

    private static ByteBuffer floats(ByteOrder order, float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(order);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }

    private static String header(String descr, String shape) {
        return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }      \n";
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void readsWhatNumpySaves(int version) throws IOException {
        Files.write(
                folder.resolve("x.npy"),
                npy(version, header("<f4", "(2, 3)"), floats(ByteOrder.LITTLE_ENDIAN, 1, 2, 3, 4, 5, 6)));
        assertThat(read("\"x.npy\"")).isEqualTo(InputTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
        assertThat(read("{\"file\": \"x.npy\"}").shape()).containsExactly(2L, 3L);
    }

    @ParameterizedTest
    @CsvSource({
        "<f8, F64, 8",
        "<f4, F32, 4",
        "<f2, F16, 2",
        "<i8, I64, 8",
        "<i4, I32, 4",
        "<i2, I16, 2",
        "|i1, I8, 1",
        "<u8, U64, 8",
        "<u4, U32, 4",
        "<u2, U16, 2",
        "|u1, U8, 1",
        "|b1, BOOL, 1"
    })
    void readsEachTypeOfNumber(String descr, DType type, int bytes) throws IOException {
        Files.write(folder.resolve("x.npy"), npy(1, header(descr, "(3,)"), ByteBuffer.allocate(3 * bytes)));
        assertThat(read("\"x.npy\"").type()).isEqualTo(type);
        Files.write(folder.resolve("x.npy"), npy(1, header(descr, "()"), ByteBuffer.allocate(bytes)));
        assertThat(read("\"x.npy\"").shape()).isEmpty();
    }

    @Test
    void turnsBigEndianValues() throws IOException {
        Files.write(folder.resolve("x.npy"), npy(1, header(">f4", "(2,)"), floats(ByteOrder.BIG_ENDIAN, 1.5f, -2)));
        assertThat(read("\"x.npy\"")).isEqualTo(InputTensor.of(new float[] {1.5f, -2}, 2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), } | Fortran",
                "{'descr': '<O8', 'fortran_order': False, 'shape': (2, 3), } | 'O8'",
                "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 3), } | 'c8'",
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), } | descr",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), } | takes 32",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), } | takes 16",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 999999999, 999999999), } | larger",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999), } | 2 GiB",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3), } | shape",
                "{'descr': '<f4', 'fortran_order': False} | shape",
                "{'descr': '<f4', 'shape': (6,)} | fortran_order"
            })
    void refusesAHeaderThatIsNot(String header, String says) throws IOException {
        Files.write(folder.resolve("x.npy"), npy(1, header, floats(ByteOrder.LITTLE_ENDIAN, 1, 2, 3, 4, 5, 6)));
        Prompts prompts = prompts("{\"inputs\": {\"x\": \"x.npy\"}}");
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> prompts.get(0).tensors())
                .withMessageContainingAll("x.npy", says);
    }

    /** Mutants of a good file: either the tensor or a refusal. */
    @Test
    void anotherFileIsReadOrRefusedAndNothingElse() throws IOException {
        byte[] good = npy(1, header("<f4", "(2, 3)"), floats(ByteOrder.LITTLE_ENDIAN, 1, 2, 3, 4, 5, 6));
        BufferedImage image = new BufferedImage(5, 4, BufferedImage.TYPE_INT_RGB);
        ImageIO.write(image, "png", folder.resolve("good.png").toFile());
        byte[] png = Files.readAllBytes(folder.resolve("good.png"));
        ImageIO.write(image, "jpg", folder.resolve("good.jpg").toFile());
        byte[] jpg = Files.readAllBytes(folder.resolve("good.jpg"));
        Files.write(folder.resolve("x.npy"), good);
        Files.write(folder.resolve("x.png"), png);
        Files.write(folder.resolve("x.jpg"), jpg);
        Random random = new Random(7);
        for (String name : List.of("x.npy", "x.png", "x.jpg")) {
            byte[] whole = Files.readAllBytes(folder.resolve(name));
            Prompt prompt = prompts("{\"inputs\": {\"x\": \"" + name + "\"}}").get(0);
            for (int i = 0; i < 300; i++) {
                byte[] mutant = i % 3 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
                for (int j = 0; j < 1 + i % 4 && mutant.length > 0; j++) {
                    mutant[random.nextInt(mutant.length)] = (byte) random.nextInt(256);
                }
                Files.write(folder.resolve(name), mutant);
                try {
                    prompts("{\"inputs\": {\"x\": \"" + name + "\"}}").get(0).tensors();
                } catch (ModscanException e) {
                    assertThat(e).hasMessageContaining(name);
                }
            }
            assertThat(prompt.id()).isEqualTo("0");
        }
    }

    @Test
    void takesATensorOfASafetensorsFile() throws IOException {
        Path file = folder.resolve("x.safetensors");
        write(file, Map.of("x", floats(ByteOrder.LITTLE_ENDIAN, 1, 2), "y", floats(ByteOrder.LITTLE_ENDIAN, 3, 4)));
        assertThat(read("\"x.safetensors\"")).isEqualTo(InputTensor.of(new float[] {1, 2}, 2));
        assertThat(read("{\"file\": \"x.safetensors\", \"tensor\": \"y\"}"))
                .isEqualTo(InputTensor.of(new float[] {3, 4}, 2));
        assertThatExceptionOfType(ModscanException.class)
                .isThrownBy(() -> read("{\"file\": \"x.safetensors\", \"tensor\": \"z\"}"))
                .withMessageContainingAll("no tensor 'z'", "[x, y]");
        write(file, Map.of("only", floats(ByteOrder.LITTLE_ENDIAN, 5, 6)));
        assertThat(read("\"x.safetensors\"")).isEqualTo(InputTensor.of(new float[] {5, 6}, 2));
    }

    private static void write(Path file, Map<String, ByteBuffer> tensors) throws IOException {
        StringBuilder header = new StringBuilder("{");
        int at = 0;
        for (String name : tensors.keySet().stream().sorted().toList()) {
            header.append(at == 0 ? "" : ",")
                    .append("\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + at + "," + (at + 8)
                            + "]}");
            at += 8;
        }
        byte[] text = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer whole = ByteBuffer.allocate(8 + text.length + at).order(ByteOrder.LITTLE_ENDIAN);
        whole.putLong(text.length).put(text);
        new TreeMap<>(tensors).values().forEach(values -> whole.put(values.duplicate()));
        Files.write(file, whole.array());
    }

    @Test
    void takesAPicture() throws IOException {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_RGB);
        image.setRGB(0, 0, 0xFF8000);
        image.setRGB(1, 0, 0x0000FF);
        ImageIO.write(image, "png", folder.resolve("x.png").toFile());
        float half = 128 / 255f;
        assertThat(read("\"x.png\"")).isEqualTo(InputTensor.of(new float[] {1, 0, half, 0, 0, 1}, 3, 1, 2));
        assertThat(read("{\"file\": \"x.png\", \"layout\": \"hwc\"}"))
                .isEqualTo(InputTensor.of(new float[] {1, half, 0, 0, 0, 1}, 1, 2, 3));
        assertThat(read("{\"file\": \"x.png\", \"mean\": [0.5, 0, 1], \"std\": [0.5, 1, 2]}"))
                .isEqualTo(InputTensor.of(new float[] {1, -1, half, 0, -0.5f, 0}, 3, 1, 2));
    }

    /** Java's own conversions would brighten grey, and take 16 bits for 8. */
    @ParameterizedTest
    @ValueSource(
            ints = {
                BufferedImage.TYPE_BYTE_GRAY,
                BufferedImage.TYPE_USHORT_GRAY,
                BufferedImage.TYPE_3BYTE_BGR,
                BufferedImage.TYPE_4BYTE_ABGR,
                BufferedImage.TYPE_INT_ARGB,
                BufferedImage.TYPE_BYTE_INDEXED
            })
    void aGreyOfTwoFifthsIsTwoFifthsInEachKindOfPicture(int type) throws IOException {
        BufferedImage image = new BufferedImage(1, 1, type);
        if (type == BufferedImage.TYPE_BYTE_GRAY) {
            image.getRaster().setSample(0, 0, 0, 102);
        } else if (type == BufferedImage.TYPE_USHORT_GRAY) {
            image.getRaster().setSample(0, 0, 0, 26_214);
        } else {
            image.setRGB(0, 0, 0xFF666666);
        }
        ImageIO.write(image, "png", folder.resolve("x.png").toFile());
        assertThat(read("\"x.png\"")).isEqualTo(InputTensor.of(new float[] {0.4f, 0.4f, 0.4f}, 3, 1, 1));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"x\": \"none.npy\"} | no such file",
                "{\"x\": \"p.jsonl\"} | .npy, .safetensors",
                "{\"x\": \"x.wav\"} | .npy, .safetensors",
                "{\"x\": 7} | 'file'",
                "{\"x\": null} | 'file'",
                "{\"x\": {\"tensor\": \"y\"}} | 'file'",
                "{\"x\": {\"file\": \"x.npy\", \"tensor\": \"y\"}} | 'tensor' says nothing",
                "{\"x\": {\"file\": \"x.png\", \"layout\": \"nchw\"}} | 'layout' is nchw",
                "{\"x\": {\"file\": \"x.png\", \"mean\": [1, 2]}} | three numbers",
                "{\"x\": {\"file\": \"x.png\", \"std\": [1, 0, 1]}} | divided",
                "{\"x\": \"\\u0000.npy\"} | path"
            })
    void namesTheLineOfAnInputThatIsNoFile(String inputs, String says) throws IOException {
        Files.createFile(folder.resolve("x.npy"));
        Files.createFile(folder.resolve("x.png"));
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> prompts("{\"text\": \"a\"}", "{\"inputs\": " + inputs + "}"))
                .withMessageContainingAll("p.jsonl: line 2", says);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"inputs\": {}}",
                "{\"inputs\": [1]}",
                "{\"inputs\": {\"x\": \"x.npy\"}, \"text\": \"a\"}",
                "{\"inputs\": {\"x\": \"x.npy\"}, \"ids\": [1]}"
            })
    void saysThatOneOfThreeIsNeeded(String line) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> prompts(line))
                .withMessageContainingAll("line 1", "'text'", "'ids'", "'inputs'");
    }

    @Test
    void aPromptOfFilesHasLabelsAndHoldsNothing() throws IOException {
        Files.createDirectory(folder.resolve("pictures"));
        Files.write(
                folder.resolve("pictures/x.npy"), npy(1, header("<f4", "(2,)"), floats(ByteOrder.LITTLE_ENDIAN, 1, 2)));
        Prompt prompt = prompts(
                        "{\"id\": \"a\", \"topic\": \"cat\", \"inputs\": {\"x\": \"pictures/x.npy\", \"y\": \"pictures/x.npy\"}}")
                .get(0);
        assertThat(prompt.labels()).containsExactly(Map.entry("topic", "cat"));
        assertThat(prompt.heldBytes()).isZero();
        assertThat(prompt.tensors().orElseThrow()).containsOnlyKeys("x", "y");
        assertThat(prompt)
                .isEqualTo(Prompt.ofTensors(
                                "a",
                                Map.of(
                                        "x", InputTensor.of(new float[] {1, 2}, 2),
                                        "y", InputTensor.of(new float[] {1, 2}, 2)))
                        .withLabel("topic", "cat"));
    }
}
