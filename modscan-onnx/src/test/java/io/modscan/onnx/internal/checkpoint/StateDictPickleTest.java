package io.modscan.onnx.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.error.UnsupportedModelException;
import io.modscan.core.safetensors.DType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pickles put together by hand: what torch writes, and what an attacker or a broken disk would. */
class StateDictPickleTest {

    private static final Path FILE = Path.of("model.bin");

    /** Writes opcodes; each Java character below 256 of a piece is one byte. */
    private static byte[] pickle(String... pieces) {
        return String.join("", pieces).getBytes(StandardCharsets.ISO_8859_1);
    }

    private static String text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return "X" + uint32(utf8.length) + new String(utf8, StandardCharsets.ISO_8859_1);
    }

    private static String uint32(long value) {
        return new String(new char[] {
            (char) (value & 0xff), (char) (value >> 8 & 0xff), (char) (value >> 16 & 0xff), (char) (value >> 24 & 0xff)
        });
    }

    private static String storage(String type, String key, String elements) {
        return "(" + text("storage") + "ctorch\n" + type + "\n" + text(key) + text("cpu") + elements + "tQ";
    }

    /** A float32 tensor [2, 3] at element 1 of storage 0. */
    private static String tensor() {
        return tensor(storage("FloatStorage", "0", "K\7") + "K\1" + "K\2K\3\u0086" + "K\3K\1\u0086"
                + "\u0089ccollections\nOrderedDict\n)R");
    }

    private static String tensor(String arguments) {
        return "ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + "tR";
    }

    private static Map<String, PickleValue.Tensor> read(String... pieces) {
        return StateDictPickle.read(FILE, "data.pkl", pickle(pieces));
    }

    private static final String START = "\u0080\2";

    @Test
    void readsADictOfTensors() {
        Map<String, PickleValue.Tensor> tensors = read(START, "}(", text("b"), tensor(), text("a"), tensor(), "u.");

        assertThat(tensors.keySet()).containsExactly("b", "a");
        PickleValue.Tensor tensor = tensors.values().iterator().next();
        assertThat(tensor.storage().dtype()).isEqualTo(DType.F32);
        assertThat(tensor.storage().key()).isEqualTo("0");
        assertThat(tensor.storage().elements()).isEqualTo(7);
        assertThat(tensor.offset()).isEqualTo(1);
        assertThat(tensor.shape()).containsExactly(2L, 3L);
        assertThat(tensor.strides()).containsExactly(3L, 1L);
    }

    @Test
    void readsAnOrderedDictWithAttributes() {
        assertThat(read(
                        START,
                        "ccollections\nOrderedDict\n)Rq\0(",
                        text("w"),
                        tensor(),
                        "u}",
                        text("_metadata"),
                        "}sb."))
                .containsOnlyKeys("w");
    }

    @Test
    void readsProtocol4WithFramesAndTheMemo() {
        assertThat(read(
                        "\u0080\4\u0095",
                        uint32(5),
                        uint32(0),
                        "}\u0094\u008c\1w\u0094\u008c\14torch._utils\u008c\22_rebuild_tensor_v2\u0093\u0094(",
                        storage("FloatStorage", "0", "K\7"),
                        "\u008a\1\1K\7\u0085K\1\u0085\u0089}NtRr",
                        uint32(3),
                        "s."))
                .containsOnlyKeys("w");
    }

    private static Stream<Arguments> integers() {
        return Stream.of(
                arguments("\u008a\0", 0L),
                arguments("\u008a\1\u007f", 127L),
                arguments("\u008a\1\u00ff", -1L),
                arguments("\u008a\3\0\0\u0080", -8388608L),
                arguments("\u008a\10\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f", 9223372036854775807L),
                arguments("J\u00fe\u00ff\u00ff\u00ff", -2L),
                arguments("M\u00ff\u00ff", 65535L),
                arguments("K\u00ff", 255L));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("integers")
    void readsIntegers(String opcodes, long value) {
        String tensor = tensor(storage("LongStorage", "k", "K\1") + opcodes + "))\u0089}");

        assertThat(read(START, "}", text("w"), tensor, "s.")
                        .values()
                        .iterator()
                        .next()
                        .offset())
                .isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({
        "os, system",
        "builtins, eval",
        "__builtin__, getattr",
        "collections, deque",
        "torch, load",
        "torch._utils, _rebuild_sparse_tensor",
        "torch, QInt8Storage",
        "numpy.core.multiarray, scalar"
    })
    void refusesEveryOtherNameBeforeAnythingIsDone(String module, String name) {
        String global = "c" + module + "\n" + name + "\n(" + text("touch /tmp/owned") + "tR.";
        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(START, global))
                .withMessageStartingWith(
                        "model.bin: data.pkl, byte 2: names the class '" + module + "." + name + "'; only")
                .withMessageContaining("torch._utils._rebuild_tensor_v2")
                .withMessageContaining("nothing was run");

        String stackGlobal = text(module) + text(name) + "\u0093)R.";
        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(START, stackGlobal))
                .withMessageContaining("'" + module + "." + name + "'");
    }

    @Test
    void aRefusedNameBringsNoControlCharacterIntoALog() {
        assertThatThrownBy(() -> read(START, "c\u001b[2Jos\nsystem" + "m".repeat(5000) + "\n."))
                .isInstanceOf(UnsupportedModelException.class)
                .extracting(Throwable::getMessage)
                .satisfies(message -> assertThat(message)
                        .contains("'?[2Jos.systemmm")
                        .doesNotContain("\u001b")
                        .hasSizeLessThan(1000));
    }

    /** INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, BINBYTES, BYTEARRAY8, POP, DUP, GET and what is no opcode at all. */
    @ParameterizedTest(name = "{index}")
    @ValueSource(strings = {"i", "o", "\u0081", "\u0092", "\u0082", "P", "B", "\u0096", "0", "2", "g", "\u00ff", "\0"})
    void refusesEveryOtherOpcode(String opcode) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(START, "})", opcode, "."))
                .withMessageContaining("data.pkl, byte 4: opcode 0x%02x", (int) opcode.charAt(0))
                .withMessageContaining("nothing was run");
    }

    @ParameterizedTest(name = "{index}")
    @ValueSource(strings = {"", "\u0080", "\u0080\1.", "\u0080\6.", "(dp0\n.", "PK\3\4"})
    void refusesWhatIsNoPickleOfProtocol2To5(String bytes) {
        assertThatThrownBy(() -> read(bytes)).isInstanceOf(MalformedFileException.class);
    }

    /** Machine states that torch.save cannot bring about; each would be some RuntimeException in a careless reader. */
    private static Stream<Arguments> machineStates() {
        return Stream.of(
                arguments(".", "empty stack"),
                arguments("t.", "mark"),
                arguments("(u.", "empty stack"),
                arguments("}(.", "empty stack"),
                arguments("}}.", "left over"),
                arguments("}..", "left over"),
                arguments("}(K\1u.", "even number"),
                arguments("}K\1K\1K\1u.", "mark"),
                arguments("K\1K\1K\1s.", "in the integer 1"),
                arguments(")K\1a.", "right is a list"),
                arguments("](K\1K\1s.", "empty stack"),
                arguments("q\0.", "empty stack"),
                arguments("}q\1.", "next free one is 0"),
                arguments("}r\u00ff\u00ff\u00ff\u00ff.", "4294967295"),
                arguments("h\0.", "there are 0"),
                arguments("j\u00ff\u00ff\u00ff\u00ff.", "there are 0"),
                arguments("\u0094.", "empty stack"),
                arguments("K\1\u0086.", "empty stack"),
                arguments("(K\1\u0086.", "empty stack"),
                arguments("}Q.", "right is ('storage'"),
                arguments(")Q.", "right is ('storage'"),
                arguments("(((((tQ.", "right is ('storage'"),
                arguments("})R.", "right is one of torch's functions"),
                arguments("ccollections\nOrderedDict\nNR.", "with None"),
                arguments(
                        "ccollections\nOrderedDict\n}\u0085R.",
                        "calls collections.OrderedDict with (a dict with 0 keys)"),
                arguments("ctorch\nFloatStorage\n)R.", "calls torch.FloatStorage"),
                arguments("ctorch._utils\n_rebuild_parameter\n)R.", "_rebuild_parameter with a tensor"),
                arguments("ctorch._utils\n_rebuild_parameter\nN\u0085R.", "with (None)"),
                arguments("ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR.", "(None, None, None, None, None, None)"),
                arguments("ctorch._utils\n_rebuild_tensor_v2\n)R.", "with ()"),
                arguments("]}b.", "attributes of a list"),
                arguments("}Nb.", "from None"),
                arguments("}b.", "empty stack"),
                arguments("K\1K\2\u0093.", "right are two texts"),
                arguments("ctorch", "does not end"),
                arguments("c", "does not end"),
                arguments("X\u00ff\u00ff\u00ff\u00ff", "4294967295 bytes"),
                arguments("X\1\0.", "needs 4 bytes; 3 are left"),
                arguments("X\1\0\0\0\u00ff.", "not UTF-8"),
                arguments("\u008c\2a", "1 are left"),
                arguments("\u0095\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff.", "18446744073709551615"),
                arguments("\u0095\1\0.", "truncated"),
                arguments("\u008a\11\0\0\0\0\0\0\0\0\0.", "at most 8"),
                arguments("\u008a\u00ff.", "truncated"),
                arguments("G\0\0.", "truncated"),
                arguments("J\0.", "truncated"),
                arguments("}", "truncated"),
                arguments("\u0080\2}.", "opcode 0x80"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("machineStates")
    void refusesMachineStatesThatTorchNeverReaches(String program, String problem) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(START, program))
                .withMessageStartingWith("model.bin: data.pkl, byte ")
                .withMessageContaining(problem);
    }

    private static Stream<Arguments> shapes() {
        return Stream.of(
                arguments("K\1K\2\u0086)", "2 sizes and 0 strides"),
                arguments("N\u0085K\1\u0085", "hold None"),
                arguments("K\1\u0085}\u0085", "hold a dict"));
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource("shapes")
    void refusesShapesThatAreNone(String shapeAndStrides, String problem) {
        String tensor = tensor(storage("FloatStorage", "0", "K\7") + "K\0" + shapeAndStrides + "\u0089}");

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(START, "}", text("w"), tensor, "s."))
                .withMessageContaining(problem);
    }

    @Test
    void refusesMoreDimensionsThanTorchHas() {
        String ones = "(" + "K\1".repeat(65) + "t";
        String tensor = tensor(storage("FloatStorage", "0", "K\7") + "K\0" + ones + ones + "\u0089}");

        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(START, "}", text("w"), tensor, "s."))
                .withMessageContaining("at most 64");
    }

    @ParameterizedTest(name = "{index}")
    @ValueSource(strings = {"J\u00ff\u00ff\u00ff\u00ff", "N", "}"})
    void refusesAStorageWithoutASize(String elements) {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(START, storage("FloatStorage", "0", elements), "."))
                .withMessageContaining("a storage is given as (the text 'storage', torch.FloatStorage, the text '0'");
    }

    @Test
    void refusesAKeyThatIsThereTwice() {
        assertThatExceptionOfType(MalformedFileException.class)
                .isThrownBy(() -> read(START, "}(", text("w"), tensor(), text("w"), tensor(), "u."))
                .withMessageContaining("the key 'w' is twice");
    }

    @Test
    void saysWhatIsAtAKeyThatHoldsNoTensor() {
        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(START, "}(", text("w"), tensor(), text("epoch"), "K\3u."))
                .withMessageContaining("the integer 3 at the key 'epoch'")
                .withMessageContaining("torch.save(checkpoint['model']");
    }

    @Test
    void refusesWhatIsNoDict() {
        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(START, "]."))
                .withMessageContaining("holds a list; right is a state dict");
        assertThatExceptionOfType(UnsupportedModelException.class)
                .isThrownBy(() -> read(START, "}K\1Ns."))
                .withMessageContaining("a dict with 1 keys, of which 1 are not texts");
    }

    @Test
    void depthCyclesAndWidthDoNoHarm() {
        int many = StateDictPickle.MAX_OPCODES - 100;
        // A tuple in a tuple in a tuple, as the value and as the key; a list in itself; a million marks; a million
        // dicts.
        for (String program : List.of(
                "}" + text("w") + ")" + "\u0085".repeat(many) + "s.",
                "})" + "\u0085".repeat(many) + "Ns.",
                "}" + text("w") + "]q\0h\0as.",
                "}q\0" + text("w") + "h\0s.",
                "(".repeat(many) + ".",
                "}".repeat(many) + ".",
                ")" + "\u0094".repeat(many) + ".",
                "(" + "N".repeat(many) + "tQ.",
                "(" + text("w") + "N".repeat(many) + "t)R.")) {
            assertThatThrownBy(() -> read(START, program)).isInstanceOf(ModscanException.class);
        }
        assertThatThrownBy(() -> read(START, "N".repeat(StateDictPickle.MAX_OPCODES + 1)))
                .isInstanceOf(MalformedFileException.class)
                .hasMessageContaining("more than any state dict needs");
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] whole = pickle(START, "}(", text("a"), tensor(), text("b"), tensor(), "u.");
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> StateDictPickle.read(FILE, "data.pkl", part))
                    .isInstanceOf(ModscanException.class)
                    .hasMessageStartingWith("model.bin: ");
        }
    }

    @Test
    void randomBytesAndRandomDamageBringNothingButOurExceptions() {
        Random random = new Random(20240607);
        byte[] whole = pickle(START, "}q\0(", text("a"), tensor(), text("b"), tensor(), "u}", text("m"), "Nsb.");
        byte[] opcodes =
                pickle("(.GJKMNQRX]abcehjqrstu})\u0085\u0086\u0087\u0088\u0089\u008a\u008c\u0093\u0094\u0095\0\1\2");
        for (int round = 0; round < 200_000; round++) {
            byte[] damaged;
            if (round % 2 == 0) {
                damaged = whole.clone();
                for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                    damaged[random.nextInt(damaged.length)] =
                            random.nextBoolean() ? (byte) random.nextInt(256) : opcodes[random.nextInt(opcodes.length)];
                }
            } else {
                ByteArrayOutputStream program = new ByteArrayOutputStream();
                program.writeBytes(pickle(START));
                for (int length = random.nextInt(40); length > 0; length--) {
                    program.write(opcodes[random.nextInt(opcodes.length)]);
                }
                damaged = program.toByteArray();
            }
            try {
                StateDictPickle.read(FILE, "data.pkl", damaged);
            } catch (ModscanException expected) {
                assertThat(expected).hasMessageStartingWith("model.bin: ");
            }
        }
    }
}
