package io.modscan.onnx.hub;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A server that behaves as the Hugging Face hub does, with one model: plain files come from the hub itself and large ones
 * from a store of another address. Answers can be scripted, by method and file: {@code "HEAD config.json"},
 * {@code "GET config.json"} from the hub, {@code "STORE model.safetensors"}, and {@code "API"} for the model's listing.
 */
final class LocalHub implements AutoCloseable {

    static final String MODEL = "acme/tiny-opt";
    static final String FORMER = "acme/former-name";
    static final String GATED = "acme/gated";
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    private static final int CHUNK = 1 << 16;

    static final String TOKEN = "hf_goodToken";

    /** How a request is answered. */
    interface Answer {
        void send(HttpExchange exchange, byte[] content) throws IOException, InterruptedException;
    }

    /** A request that came. */
    record Seen(
            String key,
            @Nullable String range,
            @Nullable String authorization,
            @Nullable String agent) {}

    private final HttpServer hub = server();
    private final HttpServer store = server();
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "local-hub");
        thread.setDaemon(true);
        return thread;
    });
    private final Map<String, byte[]> files = new TreeMap<>();
    private final Set<String> large = new HashSet<>();
    private final Map<String, Deque<Answer>> scripts = new ConcurrentHashMap<>();
    private final AtomicLong sent = new AtomicLong();
    private volatile boolean ranges = true;
    private final List<Seen> seen = new CopyOnWriteArrayList<>();

    LocalHub() {
        start(hub, this::answerHub);
        start(store, this::answerStore);
    }

    LocalHub plain(String name, byte[] content) {
        files.put(name, content);
        return this;
    }

    LocalHub large(String name, byte[] content) {
        files.put(name, content);
        large.add(name);
        return this;
    }

    /** Forgets its files. */
    void clear() {
        files.clear();
        large.clear();
    }

    /** Answers the next requests of a kind in these ways; after that, as the hub does. */
    LocalHub script(String key, Answer... answers) {
        scripts.computeIfAbsent(key, any -> new ArrayDeque<>()).addAll(Arrays.asList(answers));
        return this;
    }

    /** Sends all of a file whatever part is asked for. */
    LocalHub withoutRanges() {
        ranges = false;
        return this;
    }

    /** Bytes of files that were sent so far. */
    long sent() {
        return sent.get();
    }

    URI endpoint() {
        return URI.create("http://localhost:" + hub.getAddress().getPort());
    }

    /** Another name of the same machine: Python tells hosts apart by name only, not by port. */
    URI storeAddress() {
        return URI.create("http://127.0.0.1:" + store.getAddress().getPort());
    }

    List<Seen> seen() {
        return List.copyOf(seen);
    }

    List<Seen> seen(String key) {
        return seen.stream().filter(one -> one.key().equals(key)).toList();
    }

    static Answer status(int status, String... headers) {
        return (exchange, content) -> {
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
            }
            exchange.sendResponseHeaders(status, -1);
        };
    }

    /** The facts of a plain file, with some headers changed. */
    static Answer facts(String... headers) {
        return (exchange, content) -> {
            Headers response = exchange.getResponseHeaders();
            response.set("X-Repo-Commit", COMMIT);
            response.set("ETag", '"' + gitHash(content) + '"');
            response.set("Content-Length", String.valueOf(content.length));
            status(200, headers).send(exchange, content);
        };
    }

    /** The right answer, but the connection ends after some bytes of it. */
    Answer cut(int bytes) {
        return (exchange, content) -> part(exchange, content, bytes, null);
    }

    /** The right answer, but after some bytes nothing more comes until the latch opens. */
    Answer stall(int bytes, CountDownLatch latch) {
        return (exchange, content) -> part(exchange, content, bytes, latch);
    }

    /** Other bytes than the right ones; a range is not heeded. */
    static Answer bytes(byte[] wrong) {
        return (exchange, content) -> {
            exchange.sendResponseHeaders(200, wrong.length);
            exchange.getResponseBody().write(wrong);
        };
    }

    /** A range that is said to start elsewhere. */
    static Answer contentRange(String range) {
        return (exchange, content) -> {
            exchange.getResponseHeaders().set("Content-Range", range);
            exchange.sendResponseHeaders(206, content.length);
            exchange.getResponseBody().write(content);
        };
    }

    static String gitHash(byte[] content) {
        MessageDigest digest = digest("SHA-1");
        digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest.digest(content));
    }

    static String sha256(byte[] content) {
        return HexFormat.of().formatHex(digest("SHA-256").digest(content));
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static HttpServer server() {
        try {
            return HttpServer.create(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void start(HttpServer server, Answer answer) {
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try (exchange) {
                answer.send(exchange, new byte[0]);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
    }

    private void answerHub(HttpExchange exchange, byte[] none) throws IOException, InterruptedException {
        String raw = exchange.getRequestURI().getRawPath();
        String path = exchange.getRequestURI().getPath();
        boolean api = path.startsWith("/api/models/");
        String[] parts = path.substring(api ? "/api/models/".length() : 1).split(api ? "/revision/" : "/resolve/", 2);
        String model = parts[0];
        String file = api ? "" : parts[1].substring(parts[1].indexOf('/') + 1);
        String revision = api ? parts[1] : parts[1].substring(0, parts[1].indexOf('/'));
        String key = api ? "API" : exchange.getRequestMethod() + " " + file;
        note(key, exchange);
        byte[] content = files.getOrDefault(file, none);
        if (scripted(key, exchange, content)) {
            return;
        }
        String authorization = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
        boolean known = authorization.equals("Bearer " + TOKEN);
        if (model.equals(FORMER)) {
            status(307, "Location", raw.replace(FORMER, MODEL)).send(exchange, content);
        } else if (model.equals(GATED) && !known) {
            status(authorization.equals("null") ? 401 : 403, "X-Error-Code", "GatedRepo")
                    .send(exchange, content);
        } else if (!model.equals(MODEL) && !model.equals(GATED)) {
            status(known ? 404 : 401, "X-Error-Code", "RepoNotFound").send(exchange, content);
        } else if (!List.of("main", "refs/pr/1", COMMIT).contains(revision)) {
            status(404, "X-Error-Code", "RevisionNotFound").send(exchange, content);
        } else if (api) {
            listing(exchange);
        } else if (!files.containsKey(file)) {
            status(404, "X-Error-Code", "EntryNotFound", "X-Repo-Commit", COMMIT)
                    .send(exchange, content);
        } else {
            resolve(exchange, raw.substring(raw.lastIndexOf("/resolve/") + 9), large.contains(file), content);
        }
    }

    private void listing(HttpExchange exchange) throws IOException, InterruptedException {
        String siblings = files.keySet().stream()
                .map(name -> "{\"rfilename\":\"" + name.replace("\\", "\\\\") + "\"}")
                .collect(Collectors.joining(","));
        bytes(("{\"id\":\"" + MODEL + "\",\"sha\":\"" + COMMIT + "\",\"siblings\":[" + siblings + "]}")
                        .getBytes(StandardCharsets.UTF_8))
                .send(exchange, new byte[0]);
    }

    private void resolve(HttpExchange exchange, String raw, boolean elsewhere, byte[] content)
            throws IOException, InterruptedException {
        Headers headers = exchange.getResponseHeaders();
        headers.set("X-Repo-Commit", COMMIT);
        if (elsewhere) {
            headers.set("X-Linked-ETag", '"' + sha256(content) + '"');
            headers.set("X-Linked-Size", String.valueOf(content.length));
            status(302, "Location", storeAddress() + "/" + raw.substring(raw.indexOf('/') + 1) + "?signed=yes")
                    .send(exchange, content);
        } else if (exchange.getRequestMethod().equals("HEAD")) {
            facts("ETag", "W/\"" + gitHash(content) + '"').send(exchange, content);
        } else {
            part(exchange, content, Integer.MAX_VALUE, null);
        }
    }

    private void answerStore(HttpExchange exchange, byte[] none) throws IOException, InterruptedException {
        String file = exchange.getRequestURI().getPath().substring(1);
        String key = "STORE " + file;
        note(key, exchange);
        byte[] content = files.getOrDefault(file, none);
        if (!scripted(key, exchange, content)) {
            part(exchange, content, Integer.MAX_VALUE, null);
        }
    }

    private void note(String key, HttpExchange exchange) {
        Headers headers = exchange.getRequestHeaders();
        seen.add(new Seen(
                key, headers.getFirst("Range"), headers.getFirst("Authorization"), headers.getFirst("User-Agent")));
    }

    private boolean scripted(String key, HttpExchange exchange, byte[] content)
            throws IOException, InterruptedException {
        Deque<Answer> script = scripts.get(key);
        Answer answer = null;
        if (script != null) {
            synchronized (script) {
                answer = script.poll();
            }
        }
        if (answer == null) {
            return false;
        }
        answer.send(exchange, content);
        return true;
    }

    private void part(HttpExchange exchange, byte[] content, int most, @Nullable CountDownLatch latch)
            throws IOException, InterruptedException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            status(200, "Content-Length", String.valueOf(content.length)).send(exchange, content);
            return;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        if (!ranges) {
            range = null;
        }
        int dash = range == null ? 0 : range.indexOf('-');
        int from = range == null ? 0 : Integer.parseInt(range.substring("bytes=".length(), dash));
        if (from > 0 && from >= content.length) {
            status(416).send(exchange, content);
            return;
        }
        int to = range == null || range.endsWith("-")
                ? content.length - 1
                : Math.min(content.length - 1, Integer.parseInt(range.substring(dash + 1)));
        if (range != null) {
            exchange.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + to + "/" + content.length);
        }
        int length = to + 1 - from;
        exchange.sendResponseHeaders(range == null ? 200 : 206, length);
        OutputStream out = exchange.getResponseBody();
        int first = Math.min(most, length);
        for (int at = 0; at < first; at += CHUNK) {
            out.write(content, from + at, Math.min(CHUNK, first - at));
            sent.addAndGet(Math.min(CHUNK, first - at));
        }
        out.flush();
        if (latch != null) {
            latch.await();
            out.write(content, from + first, length - first);
        }
    }
}
