package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubClient.FileFacts;
import io.modscan.onnx.hub.HubClient.Wanted;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Callable;

/**
 * A file of a hub's model, of which parts can be had before it is fetched, as {@link HubSnapshot#ask} finds it. Parts are
 * not checked by a hash, which only a whole file has. It is safe for use by many threads.
 */
public final class HubFile {

    private static final int AT_ONCE = 8;

    private final HubClient client;
    private final Wanted wanted;
    private final FileFacts facts;
    private final Path path;
    private final boolean cached;

    /**
     * Some bytes of a file.
     *
     * @param from   where they begin
     * @param length how many they are, at least one
     */
    public record Part(long from, int length) {}

    HubFile(HubClient client, ModelCache cache, Wanted wanted, FileFacts facts) {
        this.client = client;
        this.wanted = wanted;
        this.facts = facts;
        this.path = cache.place(wanted.revision(), name(), facts.etag());
        this.cached = cache.has(facts.etag(), facts.size());
    }

    /**
     * Its name.
     *
     * @return the name in the repository
     */
    public String name() {
        return String.valueOf(wanted.file());
    }

    /**
     * How long it is.
     *
     * @return its bytes; empty if the hub does not say
     */
    public OptionalLong size() {
        return facts.size() < 0 ? OptionalLong.empty() : OptionalLong.of(facts.size());
    }

    /**
     * Where it will lie once it is fetched.
     *
     * @return its place in the cache, links followed
     */
    public Path path() {
        return path;
    }

    /**
     * Whether its bytes were in the cache when the server was asked, be it under another name or for another commit, so that
     * fetching it downloads nothing.
     *
     * @return whether they were
     */
    public boolean isCached() {
        return cached;
    }

    /**
     * Has parts of it sent, several at once.
     *
     * @param parts parts that lie within it
     * @return their bytes, in this order
     * @throws HubException     if the server sends no parts, or sends others, or fails; or the file's size is not known
     * @throws ModscanException if the thread is interrupted (its interrupt flag is then set)
     */
    public List<byte[]> read(List<Part> parts) {
        long size = size().orElseThrow(() -> new HubException(
                HubException.Reason.BAD_ANSWER,
                wanted + ": the hub does not say its size, so no parts of it can be had"));
        List<Callable<byte[]>> requests = new ArrayList<>();
        for (Part part : parts) {
            requests.add(() -> client.part(wanted, size, part.from(), part.length()));
        }
        try (AtOnce threads = new AtOnce(AT_ONCE)) {
            return threads.all(requests);
        } catch (InterruptedException e) {
            throw HubSnapshot.interrupted(wanted + ": reading of it was interrupted", e);
        }
    }

    /** The model, the commit and the name. */
    @Override
    public String toString() {
        return wanted.toString();
    }
}
