package io.modscan.openblas;

import static org.assertj.core.api.Assertions.assertThat;

import io.modscan.core.model.LinearAlgebra;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
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

    /** Ends while many threads are in the library. */
    static final class InTheMiddle {
        private static final int THREADS = 9;
        private static final int WIDTH = 400;

        public static void main(String[] args) throws InterruptedException {
            LinearAlgebra algebra = LinearAlgebra.installed();
            CountDownLatch begun = new CountDownLatch(THREADS);
            for (int i = 0; i < THREADS; i++) {
                Thread thread = new Thread(() -> {
                    begun.countDown();
                    while (true) {
                        double[] matrix = new double[WIDTH * WIDTH];
                        Arrays.setAll(matrix, k -> Math.sin(k / WIDTH + k % WIDTH));
                        try {
                            algebra.symmetricEigen(matrix, WIDTH, new double[WIDTH], new double[WIDTH * WIDTH]);
                        } catch (CancellationException e) {
                            return;
                        }
                    }
                });
                thread.setDaemon(true);
                thread.start();
            }
            begun.await();
            Thread.sleep(200 + 20 * Long.parseLong(args[0]));
            System.exit(7);
        }
    }

    @Test
    void endsWithoutACrash() throws Exception {
        assertThat(end(Main.class, 0)).contains("CancellationException");
    }

    /** A chance of one in twelve was seen, so that a process that hangs shows itself sooner or later. */
    @Test
    void endsInTheMiddleOfItsWork() throws Exception {
        for (int i = 0; i < Integer.getInteger("modscan.ends", 5); i++) {
            end(InTheMiddle.class, i);
        }
    }

    private static String end(Class<?> main, int argument) throws Exception {
        Path said = Files.createTempFile("exit", ".txt");
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx300m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        main.getName(),
                        Integer.toString(argument)))
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("it ends").isTrue();
            String text = Files.readString(said);
            assertThat(process.exitValue()).as(text).isEqualTo(7);
            return text;
        } finally {
            process.destroyForcibly();
            Files.deleteIfExists(said);
        }
    }
}
