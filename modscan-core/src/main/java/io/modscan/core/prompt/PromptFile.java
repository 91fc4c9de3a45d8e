package io.modscan.core.prompt;

import io.modscan.core.error.ModscanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A prompt file that was read through once and found in order; each iterator reads it anew. */
final class PromptFile implements Iterable<Prompt> {

    private static final Logger LOG = LoggerFactory.getLogger(PromptFile.class);

    private final Path file;
    private final PromptFormat format;
    private final Stamp stamp;
    private final long count;

    private PromptFile(Path file, PromptFormat format, Stamp stamp, long count) {
        this.file = file;
        this.format = format;
        this.stamp = stamp;
        this.count = count;
    }

    /** All prompts of a file, in memory. */
    static Prompts read(Path file, PromptFormat format) {
        List<Prompt> list = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        try (PromptIterator prompts = new PromptIterator(file, format, ids::add)) {
            while (prompts.hasNext()) {
                list.add(prompts.next());
                checkInterrupt(file, list.size());
            }
            say(file, prompts);
        }
        return Prompts.of(list);
    }

    /** Reads a file through, keeping nothing but what tells ids apart. */
    static PromptFile check(Path file, PromptFormat format) {
        // Before the pass, so that what changes during it is seen by the next one.
        Stamp stamp = Stamp.of(file);
        long count = 0;
        try (PromptIterator prompts = new PromptIterator(file, format, new IdSet()::add)) {
            for (; prompts.hasNext(); prompts.next()) {
                count++;
                checkInterrupt(file, count);
            }
            say(file, prompts);
        }
        return new PromptFile(file, format, stamp, count);
    }

    /** Of the first pass only: the others find the same. */
    private static void say(Path file, PromptIterator prompts) {
        prompts.remarks().forEach(remark -> LOG.warn("{}: {}", file, ModscanException.printable(remark)));
    }

    private static void checkInterrupt(Path file, long count) {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException(file + ": was interrupted while it was read, after " + count + " prompts");
        }
    }

    @Override
    public Iterator<Prompt> iterator() {
        return new Pass();
    }

    @Override
    public Spliterator<Prompt> spliterator() {
        return new Steps(new Pass(), count);
    }

    @Override
    public String toString() {
        return "Prompts[" + count + " of " + file + "]";
    }

    /** A pass whose length is known. */
    private static final class Steps extends Spliterators.AbstractSpliterator<Prompt> implements AutoCloseable {
        private final Pass pass;

        Steps(Pass pass, long count) {
            super(count, Spliterator.ORDERED | Spliterator.DISTINCT | Spliterator.NONNULL | Spliterator.SIZED);
            this.pass = pass;
        }

        @Override
        public boolean tryAdvance(Consumer<? super Prompt> action) {
            if (!pass.hasNext()) {
                return false;
            }
            action.accept(pass.next());
            return true;
        }

        @Override
        public void close() {
            pass.close();
        }
    }

    /** What shows without reading that a file was changed. */
    private record Stamp(long bytes, FileTime modified) {
        static Stamp of(Path file) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                if (attributes.isOther()) {
                    throw new ModscanException(file
                            + ": is a pipe or device, and the prompts are read more than once; write them to a file");
                }
                return new Stamp(attributes.size(), attributes.lastModifiedTime());
            } catch (NoSuchFileException e) {
                throw new ModscanException(file + ": no such file", e);
            } catch (IOException e) {
                throw PromptIterator.unreadable(file, e);
            }
        }
    }

    /** Ids are not compared again: the first pass did. */
    private final class Pass implements Iterator<Prompt>, AutoCloseable {
        private final PromptIterator prompts = new PromptIterator(file, format, id -> true);
        private long given;
        private boolean ended;

        @Override
        public boolean hasNext() {
            if (ended) {
                return false;
            }
            if (given == 0 && !stamp.equals(Stamp.of(file))) {
                throw changed("its size or its time of modification is another");
            }
            // Should this throw, nothing more is to come.
            ended = true;
            boolean more = prompts.hasNext();
            if (more == (given == count)) {
                throw changed("it had " + count + " prompts, and has " + (more ? "more" : given) + " now");
            }
            ended = !more;
            return more;
        }

        private ModscanException changed(String how) {
            close();
            return new ModscanException(file + ": was changed after it had been checked (" + how
                    + "); leave the file alone while it is used, and start anew");
        }

        @Override
        public Prompt next() {
            if (!hasNext()) {
                throw new NoSuchElementException(file + ": no prompt is left");
            }
            given++;
            return prompts.next();
        }

        @Override
        public void close() {
            ended = true;
            prompts.close();
        }
    }
}
