package io.modscan.onnx.foreign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import io.modscan.core.error.ModscanException;
import io.modscan.core.prompt.Prompt;
import io.modscan.onnx.Forked;
import io.modscan.onnx.runtime.RuntimeOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Graphs that are tried in a process of their own. What would end it is given to it as nobody has looked at it before. */
class OnnxTrialTest {

    private static final OnnxTrial PATIENT = new OnnxTrial(Duration.ofMinutes(2), 64L << 30);

    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("model.onnx");
    }

    /** A file without harm, for the messages. */
    private OnnxFile harmless() {
        return OnnxFile.read(HandGraph.text(17, false).write(file()));
    }

    /** Ends the process when its constants are folded. */
    private static List<byte[]> deadly() {
        return graph(HandGraph.opset(17)
                .input("x", DataType.INT64, "1")
                .list("a", Long.MIN_VALUE)
                .list("b", -1)
                .node("Div", "a b", "q")
                .node("Add", "x q", "y"));
    }

    /** Fills the memory while shapes are inferred. */
    private static List<byte[]> endless() {
        return graph(
                HandGraph.opset(17).input("s", DataType.INT64, "1099511627776").node("ConstantOfShape", "s", "y"));
    }

    private static List<byte[]> graph(HandGraph graph) {
        return List.of(graph.output("y").model().build().toByteArray());
    }

    private static Set<Long> children() {
        return ProcessHandle.current().children().map(ProcessHandle::pid).collect(Collectors.toSet());
    }

    @Test
    void whatOpensDoesTheSame() {
        HandGraph.text(17, false).node("Relu", "hidden", "y").write(file());
        OnnxModel tried = OnnxModel.open(file(), OnnxOpening.usual().triedFirst());
        OnnxModel model = OnnxModel.open(file());
        assertThat(tried.tensors()).isEqualTo(model.tensors());
        Prompt prompt = Prompt.ofTokens("p", 3, 5, 1);
        assertThat(HandGraph.values(tried, "y", prompt)).isEqualTo(HandGraph.values(model, "y", prompt));
        assertThat(tried.withMaxTokens(8)
                        .withInput("input_ids", InputRole.TOKEN_IDS)
                        .sites())
                .isEqualTo(model.sites());
    }

    @Test
    void whatEndsTheProcessIsAMessage() {
        assertThatThrownBy(() -> PATIENT.infer(harmless(), RuntimeOptions.cpu(), deadly()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(file().toString(), "ended the process in which it was tried", "status");
    }

    @Test
    void whatIsNoModelIsRefusedAsEver() throws IOException {
        Files.writeString(file(), "no model");
        assertThatThrownBy(() -> OnnxModel.open(file(), OnnxOpening.usual().triedFirst()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("no ONNX model");
        HandGraph.opset(17)
                .input("x", DataType.FLOAT, "4")
                .node("Frobnicate", "x", "y")
                .write(file());
        assertThatThrownBy(() -> OnnxModel.open(file(), OnnxOpening.usual().triedFirst()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("Frobnicate");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void whatFillsTheMemoryIsEnded() {
        Set<Long> before = children();
        OnnxTrial trial = new OnnxTrial(Duration.ofMinutes(2), 400L << 20);
        assertThatThrownBy(() -> trial.infer(harmless(), RuntimeOptions.cpu(), endless()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(file().toString(), "more than 400 MiB of memory");
        assertThat(before).containsAll(children());
    }

    @Test
    void whatTakesTooLongIsEnded() {
        Set<Long> before = children();
        OnnxTrial trial = new OnnxTrial(Duration.ofSeconds(3), 64L << 30);
        assertThatThrownBy(() -> trial.infer(harmless(), RuntimeOptions.cpu(), endless()))
                .isInstanceOf(ModscanException.class)
                .hasMessageContainingAll(file().toString(), "more than 3 s");
        assertThat(before).containsAll(children());
    }

    @Test
    void aSessionIsTriedToo() {
        assertThatThrownBy(() -> PATIENT.open(harmless(), RuntimeOptions.cpu(), deadly().get(0)))
                .isInstanceOf(ModscanException.class)
                .hasMessageContaining("ended the process in which it was tried");
        PATIENT.open(harmless(), RuntimeOptions.cpu(), harmless().model().toByteArray());
    }

    @Test
    void limitsArePositive() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OnnxOpening.usual().triedFirst(Duration.ZERO, 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OnnxOpening.usual().triedFirst(Duration.ofSeconds(1), 0));
    }

    @Test
    void aTrialCanBeInterrupted() throws InterruptedException {
        Set<Long> before = children();
        OnnxFile file = harmless();
        Throwable[] thrown = new Throwable[1];
        boolean[] interrupted = new boolean[1];
        Thread thread = new Thread(() -> {
            try {
                PATIENT.infer(file, RuntimeOptions.cpu(), endless());
            } catch (RuntimeException e) {
                thrown[0] = e;
                interrupted[0] = Thread.currentThread().isInterrupted();
            }
        });
        thread.start();
        while (before.containsAll(children())) {
            Thread.sleep(1);
        }
        thread.interrupt();
        thread.join(60_000);
        assertThat(thrown[0]).isInstanceOf(CancellationException.class);
        assertThat(interrupted[0]).isTrue();
        assertThat(before).containsAll(children());
    }

    /** Changes a property of the system and opens a model. */
    static final class Without {
        public static void main(String[] arguments) {
            OnnxModel.open(Path.of(arguments[2]));
            System.setProperty(arguments[0], arguments[1]);
            try {
                OnnxModel.open(Path.of(arguments[2]), OnnxOpening.usual().triedFirst());
            } catch (ModscanException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void whereNoProcessCanBeBegunItIsSaid() {
        HandGraph.text(17, false).write(file());
        Stream.of("java.home", "java.class.path").forEach(property -> {
            Forked forked = Forked.run(Without.class, property, folder.resolve("nowhere"), file());
            assertThat(forked.status()).as(forked.output()).isZero();
            assertThat(forked.output())
                    .contains(file().toString(), "cannot be tried in a process of its own", "--trust");
        });
    }
}
