package io.modscan.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import picocli.CommandLine.ExitCode;

/**
 * Ends a command at a signal without pulling the ground from under it. Java answers a signal by its shutdown hooks, and
 * one of ONNX Runtime's frees what a run in another thread still uses, which crashes the process. So the first signal
 * only interrupts the command, until it heeds that, and shutdown begins when the command has ended; a second one ends the process at once.
 *
 * <p>{@code sun.misc.Signal} is the one way to handle a signal in Java. It is used by reflection, because the compiler's
 * warning about it cannot be switched off and a Java without it does not matter: signals then do what they always do.
 */
final class Signals implements AutoCloseable {

    /** Ctrl-C, {@code kill}, and the end of the terminal. */
    private static final List<String> NAMES = List.of("INT", "TERM", "HUP");

    /** What a shell adds to a signal's number for the status of what it ended. */
    private static final int KILLED = 128;

    /** Of two looks at whether the command still knows that it is interrupted. */
    private static final long MILLIS_BETWEEN = 100;

    private final Thread command;
    private volatile boolean over;
    private final AtomicInteger status = new AtomicInteger();
    private final Map<Object, Object> replaced = new LinkedHashMap<>();

    private Signals(Thread command) {
        this.command = command;
    }

    /**
     * Runs a command in this thread, which a signal interrupts.
     *
     * @param command gives its exit status
     * @return that status; or 130 after Ctrl-C, 143 after {@code kill}, and so on, if it failed after a signal
     */
    static int around(IntSupplier command) {
        try (Signals signals = new Signals(Thread.currentThread())) {
            signals.install();
            int status = command.getAsInt();
            int signalled = signals.status.get();
            return status == ExitCode.OK || signalled == 0 ? status : signalled;
        }
    }

    private void install() {
        for (String name : NAMES) {
            try {
                Class<?> type = Class.forName("sun.misc.Signal");
                Object signal = type.getConstructor(String.class).newInstance(name);
                int number = (int) type.getMethod("getNumber").invoke(signal);
                InvocationHandler ours = (proxy, method, args) -> {
                    received(number);
                    return null;
                };
                replaced.put(
                        signal,
                        handle(
                                signal,
                                Proxy.newProxyInstance(
                                        Signals.class.getClassLoader(), new Class<?>[] {handler()}, ours)));
            } catch (ReflectiveOperationException e) {
                // There is no such class or no such signal, or Java was told to leave signals alone (-Xrs).
            }
        }
    }

    private static Class<?> handler() throws ClassNotFoundException {
        return Class.forName("sun.misc.SignalHandler");
    }

    private static Object handle(Object signal, Object handler) throws ReflectiveOperationException {
        return signal.getClass()
                .getMethod("handle", signal.getClass(), handler())
                .invoke(null, signal, handler);
    }

    private void received(int number) {
        if (status.compareAndSet(0, KILLED + number)) {
            Thread insisting = new Thread(this::insist, "modscan-signal");
            insisting.setDaemon(true);
            insisting.start();
        } else {
            Runtime.getRuntime().halt(KILLED + number);
        }
    }

    /** Java's own drawing, for one, swallows an interrupt that comes while it waits. */
    private void insist() {
        try {
            while (!over) {
                if (!command.isInterrupted()) {
                    command.interrupt();
                }
                Thread.sleep(MILLIS_BETWEEN);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // by nobody
        }
    }

    @Override
    public void close() {
        over = true;
        replaced.forEach((signal, handler) -> {
            try {
                handle(signal, handler);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("a handler that was taken cannot be given back", e);
            }
        });
    }
}
