package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubClient.FileFacts;
import io.modscan.onnx.hub.HubClient.Wanted;
import io.modscan.onnx.hub.HubException.Reason;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Flow;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Fetches one file into the cache: what has come is kept, and moved into place once it is whole and right. */
final class Download {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-\\d{1,18}/(\\d{1,18}|\\*)");
    private static final Pattern FULL = Pattern.compile("no space left|not enough space|disk quota");

    /** The most bytes of a file of which neither the hub's facts nor the answer tell the size. */
    static final long MOST_UNKNOWN = 256L << 20;

    /** Fewer bytes than these before a connection breaks off are no progress: one byte each time would have no end. */
    private static final int PROGRESS = 1 << 16;

    private final HubClient client;
    private final ModelCache cache;
    private final Wanted wanted;
    private final FileFacts facts;
    private final LongConsumer progress;

    /** Takes, besides what to fetch, who is told how many of the file's bytes are there. */
    Download(HubClient client, ModelCache cache, Wanted wanted, FileFacts facts, LongConsumer progress) {
        this.client = client;
        this.cache = cache;
        this.wanted = wanted;
        this.facts = facts;
        this.progress = progress;
    }

    void run() throws InterruptedException {
        String name = String.valueOf(wanted.file());
        ModelCache.Held held = cache.hold(facts.etag());
        try {
            if (!Files.isRegularFile(cache.file(wanted.revision(), name))) {
                boolean there = cache.has(facts.etag(), facts.size());
                if (!there) {
                    fetch();
                }
                cache.link(wanted.revision(), name, facts.etag(), !there);
            }
        } finally {
            held.close();
        }
    }

    private void fetch() throws InterruptedException {
        Path partial = cache.partial(facts.etag());
        try {
            for (boolean again = false; ; again = true) {
                receive();
                String problem = problem(partial);
                if (problem == null) {
                    break;
                }
                Files.delete(partial);
                progress.accept(0);
                if (again) {
                    throw new HubException(
                            Reason.CORRUPT,
                            wanted + ": came damaged twice, last time " + problem
                                    + "; the server, or a proxy between, sends wrong bytes");
                }
                LOG.warn("{} came damaged, {}; fetching it anew", wanted, problem);
            }
            cache.keep(facts.etag());
        } catch (ClosedByInterruptException e) {
            throw ModelCache.interrupted(e);
        } catch (IOException e) {
            throw diskFailure(partial, e);
        }
    }

    private HubException full(Path partial, IOException cause) {
        return new HubException(
                Reason.NO_SPACE,
                wanted + ": the disk of " + partial.getParent()
                        + " is full; what has come is kept, so make room and call"
                        + " again, or set HF_HUB_CACHE to a folder on another disk",
                cause);
    }

    ModscanException diskFailure(Path partial, IOException failure) {
        String message = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
        if (FULL.matcher(message).find()) {
            return full(partial, failure);
        }
        return new ModscanException(partial + ": cannot be written: " + failure, failure);
    }

    /** Goes on with a partial file until it has all its bytes, or nothing more comes. */
    private void receive() throws IOException, InterruptedException {
        try (FileChannel out = cache.openPartial(facts.etag())) {
            // Without its size it cannot be told whether what is there is a part of it.
            if (facts.size() < 0 || out.size() > facts.size()) {
                out.truncate(0);
            }
            long most = out.size();
            int failures = 0;
            boolean whole = facts.size() >= 0 && out.size() == facts.size();
            while (!whole) {
                IOException failure = transfer(out);
                whole = failure == null;
                if (failure != null) {
                    // Only bytes beyond those that had come count as progress, or a server that always starts anew,
                    // and always breaks off, would never be given up.
                    boolean progress = out.position() >= most + PROGRESS && !(failure instanceof Body.TooSlow);
                    failures = progress ? 1 : failures + 1;
                    most = Math.max(most, out.position());
                    client.pause(wanted, failures, Timing.TRIES, failure);
                }
            }
            out.force(true);
        }
    }

    /** One connection's worth; what it broke off with, or null if all has come. Throws only what is the disk's fault. */
    private @Nullable IOException transfer(FileChannel out) throws IOException, InterruptedException {
        long from = facts.size() < 0 ? 0 : out.size();
        HttpResponse<Flow.Publisher<List<ByteBuffer>>> response;
        try {
            response = client.download(wanted, from);
        } catch (IOException e) {
            out.position(from);
            return e;
        }
        if (response.statusCode() == 416) {
            restart(out);
            return new IOException("the server has nothing from byte " + from + " on");
        }
        long size = size(response);
        try (Body body = new Body(response.body(), client.patience())) {
            long start = response.statusCode() == 206 ? start(response, from) : 0;
            if (start <= 0) {
                restart(out);
            }
            if (start < 0) {
                return new IOException("the server goes on elsewhere than at byte " + from);
            }
            out.position(start);
            while (true) {
                List<ByteBuffer> piece;
                try {
                    piece = body.next();
                } catch (IOException e) {
                    return e;
                }
                if (piece == null) {
                    break;
                }
                for (ByteBuffer buffer : piece) {
                    while (buffer.hasRemaining()) {
                        out.write(buffer);
                    }
                }
                if (size >= 0 && out.position() > size) {
                    break;
                }
                if (out.position() > MOST_UNKNOWN && size < 0) {
                    out.truncate(0);
                    throw new HubException(
                            Reason.BAD_ANSWER,
                            wanted + ": the server does not say its size, and has sent " + MOST_UNKNOWN
                                    + " bytes without coming to an end; so large a file is taken only where Content-Length or"
                                    + " X-Linked-Size tells its size");
                }
                progress.accept(out.position());
            }
        }
        return out.position() < size
                ? new IOException("the server ends after " + out.position() + " of " + size + " bytes")
                : null;
    }

    /** What the hub says, else what the answer says, else -1. */
    private long size(HttpResponse<?> response) {
        return facts.size() >= 0 || response.statusCode() != 200
                ? facts.size()
                : response.headers().firstValueAsLong("Content-Length").orElse(-1);
    }

    private void restart(FileChannel out) throws IOException {
        out.truncate(0);
        out.position(0);
        progress.accept(0);
    }

    /** Where a partial answer starts, or -1 if not where it was asked to. */
    private long start(HttpResponse<?> response, long from) {
        Matcher range = CONTENT_RANGE.matcher(
                response.headers().firstValue("Content-Range").orElse(""));
        boolean fits = range.matches()
                && Long.parseLong(range.group(1)) == from
                && (range.group(2).equals("*") || facts.size() < 0 || Long.parseLong(range.group(2)) == facts.size());
        return fits ? from : -1;
    }

    /** What is wrong with the bytes that have come, or null. */
    private @Nullable String problem(Path partial) throws IOException {
        long size = Files.size(partial);
        if (facts.size() >= 0 && size != facts.size()) {
            return "with " + (size > facts.size() ? "more than " : "") + Math.min(size, facts.size())
                    + " bytes in place of " + facts.size();
        }
        String etag = facts.etag();
        boolean git = etag.matches("[0-9a-f]{40}");
        if (!git && !etag.matches("[0-9a-f]{64}")) {
            return null;
        }
        MessageDigest digest = digest(git ? "SHA-1" : "SHA-256");
        if (git) {
            digest.update(("blob " + size + "\0").getBytes(StandardCharsets.UTF_8));
        }
        try (FileChannel in = FileChannel.open(partial, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
            ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
            while (in.read(buffer.clear()) >= 0) {
                digest.update(buffer.flip());
            }
        }
        String hash = HexFormat.of().formatHex(digest.digest());
        return hash.equals(etag) ? null : "with the hash " + hash + " in place of " + etag;
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has " + algorithm, e);
        }
    }
}
