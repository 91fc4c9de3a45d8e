package io.modscan.openblas;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.LinearAlgebra;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A process may end while the library works. */
class ExitTest {

    /** Interrupts a decomposition, and ends while the library goes on with it. */
    static final class Main {
        public static void main(String[] args) throws InterruptedException {
            LinearAlgebra algebra = LinearAlgebra.installed();
            double[] matrix = new double[2000 * 2000];
            Arrays.setAll(matrix, i -> Math.sin(i));
            Thread asking =
                    new Thread(() -> algebra.symmetricEigen(matrix, 2000, new double[2000], new double[2000 * 2000]));
            asking.setUncaughtExceptionHandler((thread, e) -> System.out.println(e));
            asking.start();
            while (Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().equals("modscan-openblas"))) {
                Thread.sleep(1);
            }
            asking.interrupt();
            asking.join();
            System.exit(7);
        }
    }

    @Test
    void endsWithoutACrash() throws Exception {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx300m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName()))
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isEqualTo(7);
        assertThat(said).contains("CancellationException");
    }
}
