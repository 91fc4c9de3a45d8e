package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubClient.FileFacts;
import io.modscan.onnx.hub.HubClient.Wanted;
import io.modscan.onnx.hub.HubException.Reason;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** Fetches several files at once; if one fails, the others stop, and keep what they have. */
final class Fetch {

    private static final int AT_ONCE = 4;

    private final HubSettings settings;
    private final HubClient client;
    private final ModelCache cache;

    Fetch(HubSettings settings, HubClient client, ModelCache cache) {
        this.settings = settings;
        this.client = client;
        this.cache = cache;
    }

    void run(List<Wanted> files) throws InterruptedException {
        Map<Wanted, FileFacts> facts = new LinkedHashMap<>();
        try (AtOnce threads = new AtOnce(Math.min(AT_ONCE, files.size()))) {
            List<Callable<Map.Entry<Wanted, FileFacts>>> questions = new ArrayList<>();
            for (Wanted file : files) {
                questions.add(() -> Map.entry(file, client.file(file)));
            }
            for (Map.Entry<Wanted, FileFacts> answer : threads.all(questions)) {
                facts.put(answer.getKey(), answer.getValue());
            }
            cache.prepare();
            checkSpace(facts);
            Tally tally = new Tally(settings.progress(), facts);
            List<Callable<Boolean>> downloads = new ArrayList<>();
            facts.forEach((file, fact) -> downloads.add(() -> {
                new Download(client, cache, file, fact, bytes -> tally.at(file, bytes)).run();
                tally.finished(file);
                return true;
            }));
            threads.all(downloads);
        }
    }

    private void checkSpace(Map<Wanted, FileFacts> facts) {
        Map<String, Long> missing = new TreeMap<>();
        try {
            for (FileFacts fact : facts.values()) {
                if (fact.size() > 0 && !cache.has(fact.etag(), fact.size())) {
                    Path partial = cache.partial(fact.etag());
                    long there = Files.isRegularFile(partial) ? Files.size(partial) : 0;
                    missing.put(fact.etag(), Math.max(0, fact.size() - there));
                }
            }
            // As a floating point number, since sizes from a server may overflow the sum.
            double need =
                    missing.values().stream().mapToDouble(Long::doubleValue).sum();
            FileStore disk = Files.getFileStore(cache.folder());
            if (disk.getTotalSpace() > 0 && disk.getUsableSpace() < need) {
                throw new HubException(
                        Reason.NO_SPACE,
                        String.format(
                                "%s: %d files need %.1f MB more, and the disk of %s has %.1f MB left; make room, or set"
                                        + " HF_HUB_CACHE to a folder on another disk",
                                facts.keySet().iterator().next().model(),
                                missing.size(),
                                need / 1e6,
                                cache.folder(),
                                disk.getUsableSpace() / 1e6));
            }
        } catch (IOException e) {
            throw new ModscanException(cache.folder() + ": its disk cannot be asked for its space: " + e, e);
        }
    }

    /** Adds up what the downloads have, and tells the listener, one thread at a time. */
    private static final class Tally {

        private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(200);

        private final HubProgress listener;
        private final Map<Wanted, Long> bytes = new LinkedHashMap<>();
        private final Map<Wanted, Long> sizes = new LinkedHashMap<>();
        private int unfinished;
        private long told = System.nanoTime() - PAUSE;

        Tally(HubProgress listener, Map<Wanted, FileFacts> facts) {
            this.listener = listener;
            this.unfinished = facts.size();
            facts.forEach((file, fact) -> sizes.put(file, Math.max(0, fact.size())));
        }

        synchronized void at(Wanted file, long done) {
            bytes.put(file, done);
            // A file whose size was not known beforehand.
            sizes.merge(file, done, Math::max);
            long now = System.nanoTime();
            if (now - told >= PAUSE) {
                told = now;
                tell(file);
            }
        }

        synchronized void finished(Wanted file) {
            bytes.put(file, sizes.getOrDefault(file, 0L));
            if (--unfinished == 0) {
                tell(file);
            }
        }

        private void tell(Wanted file) {
            listener.update(String.valueOf(file.file()), sum(bytes), sum(sizes));
        }

        private static long sum(Map<Wanted, Long> values) {
            return values.values().stream().mapToLong(Long::longValue).sum();
        }
    }
}
