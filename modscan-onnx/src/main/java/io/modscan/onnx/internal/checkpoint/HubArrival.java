package io.modscan.onnx.internal.checkpoint;

import io.modscan.core.error.MalformedFileException;
import io.modscan.core.error.ModscanException;
import io.modscan.core.safetensors.StoredTensor;
import io.modscan.onnx.hub.HubException;
import io.modscan.onnx.hub.HubFile;
import io.modscan.onnx.hub.HubSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Weights in several files of a hub's model, of which only what describes their tensors is fetched at first. Where that
 * can't be done, because a server sends no parts of files, say, the files are fetched whole at once.
 */
public final class HubArrival implements Arrival, WeightFiles.Absent {

    private static final Logger LOG = LoggerFactory.getLogger(HubArrival.class);

    private final HubSnapshot snapshot;
    private final HubSnapshot parts;
    private final Set<String> wanted;
    private final int sample;
    private final Map<String, HubFile> undescribed = new LinkedHashMap<>();
    private final Map<Path, Shard> shards = new ConcurrentHashMap<>();
    private final Deque<Shard> line = new ArrayDeque<>();
    private @Nullable Thread worker;

    /** A file that was described before it was there. */
    private static final class Shard {

        final HubFile file;
        private final Path named;
        private volatile @Nullable Excerpt excerpt;

        Shard(HubFile file, Path named, Excerpt excerpt) {
            this.file = file;
            this.named = named;
            this.excerpt = excerpt;
        }

        /** What was read of the file before it is there; null once it is. */
        @Nullable
        Excerpt excerpt() {
            return excerpt;
        }

        /** Takes the file that has come for the one that was described, if it is. */
        void arrived() {
            Excerpt before = excerpt;
            if (before == null) {
                return;
            }
            if (!Files.isRegularFile(file.path()) || !before.isOf(file.path())) {
                throw new ModscanException(
                        named + ": is not the file that it was when the model was opened: the hub, or"
                                + " its cache, has changed; open the model again");
            }
            excerpt = null;
        }
    }

    /**
     * Nothing is fetched yet.
     *
     * @param snapshot the model
     * @param files    the files of weights that are not there
     * @param wanted   the names of all files of the model: once all are there, its branch is noted in the cache
     * @param sample   how many bytes of each tensor {@link #first} will be asked for at most
     */
    public HubArrival(HubSnapshot snapshot, Collection<HubFile> files, Collection<String> wanted, int sample) {
        this.snapshot = snapshot;
        this.parts = snapshot.atCommit();
        this.wanted = Set.copyOf(wanted);
        this.sample = sample;
        files.forEach(file -> undescribed.put(file.name(), file));
    }

    /** {@inheritDoc} To be called by one thread, before the weights are used. */
    @Override
    public Optional<Map<String, StoredTensor>> tensors(String name) {
        HubFile file = undescribed.remove(name);
        if (file == null) {
            return Optional.empty();
        }
        String reason = "too much of it is needed";
        try {
            Path named = parts.fetch(Set.of()).resolve(name);
            Excerpt excerpt = new Excerpt(file);
            Optional<Map<String, StoredTensor>> tensors = excerpt.read(channel -> {
                Map<String, StoredTensor> described = WeightFiles.describe(named, file.path(), channel);
                for (StoredTensor tensor : described.values()) {
                    channel.position(tensor.offset())
                            .read(ByteBuffer.allocate((int) Math.min(sample, tensor.length())));
                }
                return described;
            });
            if (tensors.isPresent()) {
                shards.put(file.path(), new Shard(file, named, excerpt));
                return tensors;
            }
        } catch (MalformedFileException e) {
            // Whether it is the file that is damaged, or what was sent of it, tells its hash.
            reason = e.getMessage();
        } catch (HubException e) {
            if (e.reason() != HubException.Reason.BAD_ANSWER) {
                throw e; // Whoever can't be had parts of for now is not to be asked for all.
            }
            // Where one has no parts, the others have none; and whole files come several at once.
            LOG.info("{}: weights are fetched before the model is opened: {}", parts.model(), e.getMessage());
            parts.fetch(with(name));
            undescribed.clear();
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e, e);
        }
        LOG.info("{} is fetched before the model is opened: {}", file, reason);
        parts.fetch(Set.of(name));
        return Optional.empty();
    }

    private Set<String> with(String name) {
        Set<String> names = new LinkedHashSet<>(undescribed.keySet());
        names.add(name);
        return names;
    }

    /** Notes the branch in the cache if all is there, also where no file was left to await. */
    public void noteIfWhole() {
        if (shards.values().stream().allMatch(shard -> shard.excerpt() == null)) {
            snapshot.fetch(wanted);
        }
    }

    @Override
    public void await(Collection<StoredTensor> tensors) {
        fetch(absent(tensors));
    }

    private Set<Shard> absent(Collection<StoredTensor> tensors) {
        Set<Shard> absent = new LinkedHashSet<>();
        for (StoredTensor tensor : tensors) {
            Shard shard = shards.get(tensor.file());
            if (shard != null && shard.excerpt() != null) {
                absent.add(shard);
            }
        }
        return absent;
    }

    private void fetch(Collection<Shard> absent) {
        if (absent.isEmpty()) {
            return;
        }
        List<String> names = absent.stream().map(shard -> shard.file.name()).toList();
        try {
            parts.fetch(names);
            absent.forEach(Shard::arrived);
            noteIfWhole();
        } catch (HubException e) {
            throw e;
        } catch (ModscanException | UncheckedIOException e) {
            if (Thread.currentThread().isInterrupted()) {
                CancellationException cancelled = new CancellationException(
                        parts.model() + ": the thread was interrupted while weights were fetched: " + names);
                cancelled.initCause(e);
                throw cancelled;
            }
            throw e;
        }
    }

    @Override
    public void begin(Collection<StoredTensor> tensors) {
        Set<Shard> absent = absent(tensors);
        synchronized (line) {
            absent.removeAll(line);
            line.addAll(absent);
            if (worker == null && !line.isEmpty()) {
                worker = new Thread(this::work, "modscan-arrival");
                worker.setDaemon(true);
                worker.start();
            }
        }
    }

    private void work() {
        for (Shard next = next(); next != null; next = next()) {
            try {
                if (next.excerpt() != null) {
                    fetch(Set.of(next));
                }
            } catch (CancellationException e) {
                LOG.debug("{}: {} is no longer fetched ahead", parts.model(), next.file.name());
            } catch (RuntimeException e) {
                LOG.warn("{}: {} could not be fetched ahead: {}", parts.model(), next.file.name(), e.getMessage());
                stop();
            }
        }
    }

    private @Nullable Shard next() {
        synchronized (line) {
            // An interrupt was meant for what came before.
            Thread.interrupted();
            Shard next = line.poll();
            if (next == null) {
                worker = null;
            }
            return next;
        }
    }

    @Override
    public void stop() {
        synchronized (line) {
            line.clear();
            if (worker != null) {
                worker.interrupt();
            }
        }
    }

    @Override
    public ByteBuffer first(StoredTensor tensor, int most) {
        Shard shard = shards.get(tensor.file());
        Excerpt excerpt = shard == null ? null : shard.excerpt();
        if (excerpt == null) {
            return HERE.first(tensor, most);
        }
        if (most > sample) {
            throw new IllegalArgumentException("at most " + sample + " bytes can be had, not " + most);
        }
        try {
            return excerpt.bytes(tensor.offset(), (int) Math.min(most, tensor.length()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String toString() {
        return "HubArrival[" + parts + "]";
    }
}
