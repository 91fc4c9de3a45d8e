package io.modscan.onnx.internal.runtime;

import io.modscan.core.error.ModscanException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of a chain, of which there are as many at a time as memory for weights allows. A thread of its own opens them, the
 * next one while another computes. Those that nobody uses stay until their room is needed. Safe for use by many threads.
 */
public final class Sessions implements AutoCloseable {

    private static final long SECONDS_BEFORE_LEAVING = 5;

    private final List<Part> parts;
    private final long room;
    private final @Nullable Entry[] entries;
    /** Bytes of the sessions that are open or being opened. */
    private long taken;

    private long clock;
    private boolean closed;
    private final Set<Thread> holders = new HashSet<>();
    /** Threads that hold a session, and wait for another one within a run of it: for them there is always room. */
    private int innerWaiting;

    private final ThreadPoolExecutor opener = new ThreadPoolExecutor(
            1, 1, SECONDS_BEFORE_LEAVING, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
                Thread thread = new Thread(work, "modscan-blocks");
                thread.setDaemon(true);
                return thread;
            });

    /**
     * A session that can be opened.
     *
     * @param bytes  of its weights
     * @param opener opens it
     */
    public record Part(long bytes, Supplier<OrtRuntime> opener) {}

    private static final class Entry {
        private final CompletableFuture<OrtRuntime> session = new CompletableFuture<>();
        private int users;
        private long lastUse;

        private boolean isIdle() {
            return users == 0 && session.isDone();
        }
    }

    /** @param room bytes that all sessions may take together; one that alone takes more is opened by itself */
    public Sessions(List<Part> parts, long room) {
        this.parts = List.copyOf(parts);
        this.room = room;
        this.entries = new Entry[parts.size()];
        opener.allowCoreThreadTimeOut(true);
    }

    /** A session in use, which is not closed meanwhile. */
    public final class Lease implements AutoCloseable {
        private final Entry entry;
        private final boolean outer;
        private boolean given;

        private Lease(Entry entry, boolean outer) {
            this.entry = entry;
            this.outer = outer;
        }

        public OrtRuntime session() {
            return entry.session.join();
        }

        @Override
        public void close() {
            if (!given) {
                given = true;
                giveBack(entry, outer);
            }
        }
    }

    /**
     * Waits until a session is open, and has the next one opened meanwhile, if there is room for it.
     *
     * @throws CancellationException if the thread is interrupted
     * @throws IllegalStateException if this is closed
     */
    public Lease take(int part) {
        Entry entry;
        boolean outer;
        synchronized (this) {
            checkOpen();
            entry = entry(part);
            entry.users++;
            // A run within another one of the thread can't wait for the room that this one has.
            outer = holders.add(Thread.currentThread());
            innerWaiting += outer ? 0 : 1;
            notifyAll();
        }
        boolean ready = false;
        try {
            await(entry);
            prepare(part + 1);
            ready = true;
            return new Lease(entry, outer);
        } finally {
            synchronized (this) {
                innerWaiting -= outer ? 0 : 1;
            }
            if (!ready) {
                giveBack(entry, outer);
            }
        }
    }

    /** Has a session opened, if there is such a one, and room for it. */
    public synchronized void prepare(int part) {
        if (part < parts.size()
                && entries[part] == null
                && !closed
                && hasRoom(parts.get(part).bytes())) {
            entry(part);
        }
    }

    private void checkOpen() {
        if (closed) {
            throw closed();
        }
    }

    private static IllegalStateException closed() {
        return new IllegalStateException("the source is closed");
    }

    private Entry entry(int part) {
        Entry there = entries[part];
        if (there != null) {
            return there;
        }
        Entry entry = new Entry();
        opener.execute(() -> open(part, entry));
        entries[part] = entry;
        return entry;
    }

    private void open(int part, Entry entry) {
        long bytes = parts.get(part).bytes();
        boolean counted = false;
        try {
            takeRoom(bytes);
            counted = true;
            OrtRuntime session = parts.get(part).opener().get();
            synchronized (this) {
                if (!closed) {
                    entry.session.complete(session);
                    notifyAll();
                    return;
                }
            }
            session.close();
            throw closed();
        } catch (Throwable e) {
            synchronized (this) {
                entries[part] = null;
                taken -= counted ? bytes : 0;
                entry.session.completeExceptionally(e);
                notifyAll();
            }
        }
    }

    private synchronized void takeRoom(long bytes) throws InterruptedException {
        while (!closed && !makeRoom(bytes) && innerWaiting == 0) {
            wait();
        }
        checkOpen();
        taken += bytes;
    }

    private boolean hasRoom(long bytes) {
        long needed = 0;
        for (int part = 0; part < entries.length; part++) {
            Entry entry = entries[part];
            needed += entry != null && !entry.isIdle() ? parts.get(part).bytes() : 0;
        }
        return needed + bytes <= room;
    }

    /**
     * Closes what nobody uses, as far as the room is needed: the one that was used last first, since windows go through the chain from its
     * beginning again, and will come to that one last.
     */
    private boolean makeRoom(long bytes) {
        while (taken > 0 && taken + bytes > room) {
            int last = -1;
            for (int part = 0; part < entries.length; part++) {
                Entry entry = entries[part];
                if (entry != null && entry.isIdle() && (last < 0 || entry.lastUse > lastUse(last))) {
                    last = part;
                }
            }
            if (last < 0) {
                return false;
            }
            close(last);
        }
        return true;
    }

    private long lastUse(int part) {
        Entry entry = entries[part];
        return entry == null ? 0 : entry.lastUse;
    }

    private void close(int part) {
        Entry entry = entries[part];
        entries[part] = null;
        if (entry != null) {
            taken -= parts.get(part).bytes();
            entry.session.join().close();
        }
    }

    private synchronized void giveBack(Entry entry, boolean outer) {
        entry.users--;
        entry.lastUse = ++clock;
        if (outer) {
            holders.remove(Thread.currentThread());
        }
        notifyAll();
    }

    private static void await(Entry entry) {
        try {
            entry.session.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while weights were read");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new ModscanException("the weights could not be read: " + e.getCause(), e);
        }
    }

    /** Waits for runs, but not for a session that is being opened: it is closed as soon as it is open. */
    @Override
    public void close() {
        Set<OrtRuntime> open = new HashSet<>();
        synchronized (this) {
            closed = true;
            for (int part = 0; part < entries.length; part++) {
                Entry entry = entries[part];
                // One that isn't open yet will find that it is not wanted any more.
                if (entry != null && !entry.session.completeExceptionally(closed())) {
                    open.add(entry.session.join());
                }
                entries[part] = null;
            }
            notifyAll();
        }
        opener.shutdownNow(); // It may wait for a file to be fetched.
        open.forEach(OrtRuntime::close);
    }
}
