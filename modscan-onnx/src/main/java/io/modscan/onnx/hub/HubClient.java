package io.modscan.onnx.hub;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.jr.ob.JSON;
import io.modscan.core.model.ModscanVersion;
import io.modscan.onnx.hub.HubException.Reason;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks a hub about models and files. Its token goes to the endpoint and nowhere else. */
final class HubClient {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    private static final int REDIRECTS = 10;
    private static final int LISTING = 64 << 20;
    private static final Set<Integer> MOVED = Set.of(301, 302, 303, 307, 308);

    /** HTTP/1.1, so that each download has a connection of its own, which is closed when it is given up. */
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    private static final Flow.Publisher<List<ByteBuffer>> NOTHING = subscriber -> {
        throw new IllegalStateException("an answer without a body");
    };

    /**
     * What is asked for, as messages name it.
     *
     * @param model    the model
     * @param revision its revision
     * @param file     a file of it, or null if the revision as a whole is asked about
     */
    record Wanted(String model, String revision, @Nullable String file) {

        @Override
        public String toString() {
            return model + " (" + revision + ")" + (file == null ? "" : ": " + file);
        }
    }

    /**
     * What a hub says of a revision.
     *
     * @param commit the commit that it stands for
     * @param files  the files that the commit has
     */
    record Revision(String commit, Set<String> files) {}

    /**
     * What a hub says of a file.
     *
     * @param etag the name of its content: a SHA-256, or a git hash, or anything else
     * @param size its bytes, or -1 if the hub does not say
     */
    record FileFacts(String etag, long size) {}

    /** An answer that says, or lets hope, that the next try may do better. */
    static final class TryAgain extends IOException {

        private static final long serialVersionUID = 1L;

        private final long seconds;

        TryAgain(String message, long seconds) {
            super(message);
            this.seconds = seconds;
        }
    }

    private interface Call<T> {
        T make() throws IOException, InterruptedException;
    }

    private final HubSettings settings;

    HubClient(HubSettings settings) {
        this.settings = settings;
    }

    /** Which commit a revision stands for, and its files; asked once only if there is something to fall back on. */
    Revision revision(String model, String revision, boolean once) throws InterruptedException {
        Wanted wanted = new Wanted(model, revision, null);
        URI uri = URI.create(settings.endpoint() + "/api/models/" + model + "/revision/" + encoded(revision));
        byte[] answer = patiently(wanted, once ? 1 : Timing.TRIES, () -> {
            HttpResponse<Flow.Publisher<List<ByteBuffer>>> response =
                    accepted(send("GET", uri, null, settings.timing().answer()), wanted);
            try (Body body = new Body(response.body(), settings.timing().answer())) {
                return body.all(LISTING);
            }
        });
        Map<String, Object> facts;
        try {
            facts = JSON.std.mapFrom(answer);
        } catch (JacksonException e) {
            throw badAnswer(wanted, "sends what is not a JSON object", e);
        } catch (IOException e) {
            throw badAnswer(wanted, "sends what cannot be read", e);
        }
        if (facts == null
                || !(facts.get("sha") instanceof String commit)
                || !HubNames.isCommit(commit)
                || !(facts.get("siblings") instanceof List<?> siblings)) {
            throw badAnswer(wanted, "does not say its commit ('sha', 40 hex digits) and files ('siblings')", null);
        }
        if (HubNames.isCommit(revision) && !commit.equals(revision)) {
            throw badAnswer(wanted, "answers for the commit " + commit, null);
        }
        Set<String> files = new TreeSet<>();
        for (Object sibling : siblings) {
            if (sibling instanceof Map<?, ?> entry && entry.get("rfilename") instanceof String file) {
                if (HubNames.isFile(file)) {
                    files.add(file);
                } else {
                    LOG.warn(
                            "{} lists '{}', which is no name of a file; it is left out",
                            wanted,
                            HubNames.printable(file));
                }
            }
        }
        return new Revision(commit, Collections.unmodifiableSet(files));
    }

    /** What a file is called in the cache, and its size. */
    FileFacts file(Wanted wanted) throws InterruptedException {
        HttpResponse<?> response = patiently(
                wanted,
                Timing.TRIES,
                () -> accepted(
                        send("HEAD", address(wanted), null, settings.timing().answer()), wanted));
        String commit = header(response, "X-Repo-Commit");
        if (!wanted.revision().equals(commit)) {
            throw badAnswer(
                    wanted,
                    "does not confirm the commit (X-Repo-Commit is "
                            + (commit == null ? "not there" : "'" + HubNames.printable(commit) + "'") + ")",
                    null);
        }
        String linked = header(response, "X-Linked-ETag");
        String etag = linked == null ? header(response, "ETag") : linked;
        String name = etag == null ? "" : etag.replaceFirst("^W/", "").replaceAll("^\"|\"$", "");
        if (!HubNames.isEtag(name)) {
            throw badAnswer(
                    wanted,
                    etag == null ? "has no ETag" : "has the ETag '" + HubNames.printable(etag) + "', which is no name",
                    null);
        }
        try {
            OptionalLong size = response.headers().firstValueAsLong("X-Linked-Size");
            if (size.isEmpty() && !MOVED.contains(response.statusCode())) {
                size = response.headers().firstValueAsLong("Content-Length");
            }
            if (size.isEmpty() || size.getAsLong() >= 0) {
                return new FileFacts(name, size.orElse(-1));
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw badAnswer(wanted, "has a size that is no number of bytes", null);
    }

    /**
     * Starts a download: an answer with the status 200 (all of it), 206 (from the byte asked for) or 416 (there is nothing
     * from there).
     */
    HttpResponse<Flow.Publisher<List<ByteBuffer>>> download(Wanted wanted, long from)
            throws IOException, InterruptedException {
        HttpResponse<Flow.Publisher<List<ByteBuffer>>> response = send(
                "GET",
                address(wanted),
                from > 0 ? from + "-" : null,
                settings.timing().data());
        return response.statusCode() == 416 && from > 0 ? response : accepted(response, wanted);
    }

    /** Some bytes of a file of a known size. A server that sends something else than was asked for is not asked again. */
    byte[] part(Wanted wanted, long size, long from, int length) throws InterruptedException {
        String range = from + "-" + (from + length - 1);
        Set<String> right = Set.of("bytes " + range + "/" + size, "bytes " + range + "/*");
        return patiently(wanted, Timing.TRIES, () -> {
            HttpResponse<Flow.Publisher<List<ByteBuffer>>> response =
                    send("GET", address(wanted), range, settings.timing().data());
            String sent = String.valueOf(header(response, "Content-Range"));
            if (response.statusCode() == 416) {
                throw badAnswer(wanted, "has no bytes " + range, null);
            }
            try (Body body = new Body(accepted(response, wanted).body(), patience())) {
                if (response.statusCode() != 206 || !right.contains(sent)) {
                    throw badAnswer(wanted, "does not send the bytes " + range + " alone, as it was asked to", null);
                }
                byte[] bytes = body.all(length);
                if (bytes.length < length) {
                    throw new IOException("the server ends after " + bytes.length + " of " + length + " bytes");
                }
                return bytes;
            }
        });
    }

    /** Waits before another try, or, if there have been enough, says why there is no more. */
    void pause(Wanted wanted, int failures, int tries, IOException failure) throws InterruptedException {
        if (failures >= tries) {
            throw givenUp(wanted, failure);
        }
        Duration pause = settings.timing().after(failures, failure instanceof TryAgain again ? again.seconds : -1);
        LOG.warn("{}: {}; trying again in {} ms", wanted, message(failure), pause.toMillis());
        Thread.sleep(pause.toMillis());
    }

    Duration patience() {
        return settings.timing().data();
    }

    private <T> T patiently(Wanted wanted, int tries, Call<T> call) throws InterruptedException {
        for (int failures = 1; ; failures++) {
            try {
                return call.make();
            } catch (IOException e) {
                // Who has no network is to hear so soon.
                pause(wanted, failures, notReached(e) ? Math.min(2, tries) : tries, e);
            }
        }
    }

    private HubException givenUp(Wanted wanted, IOException failure) {
        if (notReached(failure)) {
            return new HubException(
                    Reason.OFFLINE,
                    wanted + ": " + settings.endpoint() + " cannot be reached (" + message(failure)
                            + "), and without it there is only what the cache " + settings.cache()
                            + " has; check the network, or the address in HF_ENDPOINT",
                    failure);
        }
        return new HubException(
                Reason.UNAVAILABLE,
                wanted + ": " + settings.endpoint() + " does not deliver it (" + message(failure)
                        + "); try again later: what has come is kept",
                failure);
    }

    private static boolean notReached(IOException failure) {
        return failure instanceof ConnectException || failure instanceof HttpTimeoutException;
    }

    private static String message(IOException failure) {
        String message = failure.getMessage();
        return message == null ? failure.getClass().getSimpleName() : message;
    }

    private URI address(Wanted wanted) {
        String file = Arrays.stream(String.valueOf(wanted.file()).split("/"))
                .map(HubClient::encoded)
                .collect(Collectors.joining("/"));
        return URI.create(
                settings.endpoint() + "/" + wanted.model() + "/resolve/" + encoded(wanted.revision()) + "/" + file);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("*", "%2A")
                .replace("%7E", "~");
    }

    /**
     * Sends a request and follows redirects. A HEAD is followed on the hub's own host only, or where the redirect itself does
     * not yet tell the file's name: a redirect to a store of large files carries the facts that the store does not know.
     */
    private HttpResponse<Flow.Publisher<List<ByteBuffer>>> send(
            String method, URI uri, @Nullable String range, Duration patience)
            throws IOException, InterruptedException {
        URI next = uri;
        for (int hops = 0; hops <= REDIRECTS; hops++) {
            HttpResponse<Flow.Publisher<List<ByteBuffer>>> response = exchange(method, next, range, patience);
            String location = header(response, "Location");
            if (!MOVED.contains(response.statusCode()) || location == null) {
                return response;
            }
            URI target = target(next, location);
            if (method.equals("HEAD") && !isEndpoint(target) && hasFacts(response)) {
                return response;
            }
            next = target;
        }
        throw new HubException(
                Reason.BAD_ANSWER, uri + ": is redirected more than " + REDIRECTS + " times; is HF_ENDPOINT a hub?");
    }

    private static boolean hasFacts(HttpResponse<?> response) {
        return header(response, "X-Linked-ETag") != null
                || (header(response, "X-Repo-Commit") != null && header(response, "ETag") != null);
    }

    private static URI target(URI from, String location) {
        URI target;
        try {
            target = from.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new HubException(
                    Reason.BAD_ANSWER,
                    from + ": is redirected to '" + HubNames.printable(location) + "', no address",
                    e);
        }
        boolean secure = "https".equalsIgnoreCase(target.getScheme());
        if (target.getHost() == null || !(secure || from.getScheme().equalsIgnoreCase(target.getScheme()))) {
            throw new HubException(
                    Reason.BAD_ANSWER,
                    from + ": is redirected to '" + HubNames.printable(location)
                            + "'; only https is followed, and http where the endpoint has it itself");
        }
        return target;
    }

    private HttpResponse<Flow.Publisher<List<ByteBuffer>>> exchange(
            String method, URI uri, @Nullable String range, Duration patience)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .header("User-Agent", "modscan/" + ModscanVersion.current())
                .header("Accept-Encoding", "identity");
        if (range != null) {
            request.header("Range", "bytes=" + range);
        }
        String token = settings.token();
        if (token != null && isEndpoint(uri)) {
            settings.checkTokenIsSafe();
            request.header("Authorization", "Bearer " + token);
        }
        // Not the request's own timeout: it ends with the answer's head, and a body that is thrown away may stall too.
        CompletableFuture<HttpResponse<Flow.Publisher<List<ByteBuffer>>>> answer = HTTP.sendAsync(
                request.build(),
                info -> method.equals("GET") && (info.statusCode() == 200 || info.statusCode() == 206)
                        ? BodySubscribers.ofPublisher()
                        : BodySubscribers.replacing(NOTHING));
        boolean answered = false;
        try {
            HttpResponse<Flow.Publisher<List<ByteBuffer>>> response =
                    answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
            answered = true;
            return response;
        } catch (TimeoutException e) {
            throw new HttpTimeoutException("no answer within " + patience.toSeconds() + " s");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException failure) {
                throw failure;
            }
            throw new IOException(e.getCause());
        } finally {
            if (!answered) {
                answer.cancel(true);
            }
        }
    }

    private boolean isEndpoint(URI uri) {
        URI endpoint = settings.endpoint();
        return endpoint.getScheme().equalsIgnoreCase(uri.getScheme())
                && endpoint.getHost().equalsIgnoreCase(uri.getHost())
                && port(endpoint) == port(uri);
    }

    private static int port(URI uri) {
        if (uri.getPort() >= 0) {
            return uri.getPort();
        }
        return "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
    }

    private <T> HttpResponse<T> accepted(HttpResponse<T> response, Wanted wanted) throws TryAgain {
        int status = response.statusCode();
        boolean facts = response.request().method().equals("HEAD") && MOVED.contains(status);
        if (status == 200 || status == 206 || facts) {
            return response;
        }
        // A store's link is signed for some minutes; the next try starts at the hub and gets a new one.
        boolean store = !isEndpoint(response.uri());
        if (status >= 500 || status == 429 || status == 408 || (store && status >= 400)) {
            throw new TryAgain(
                    response.uri().getHost() + " answers with the status " + status + said(response),
                    retryAfter(response));
        }
        throw refusal(response, wanted);
    }

    private static long retryAfter(HttpResponse<?> response) {
        String seconds = header(response, "Retry-After");
        return seconds != null && seconds.matches("\\d{1,9}") ? Long.parseLong(seconds) : -1;
    }

    private HubException refusal(HttpResponse<?> response, Wanted wanted) {
        int status = response.statusCode();
        String code = String.valueOf(header(response, "X-Error-Code"));
        boolean token = settings.token() != null;
        String give = "set HF_TOKEN to a token from " + settings.endpoint() + "/settings/tokens";
        String who = wanted + ": " + settings.endpoint();
        if (code.equals("GatedRepo")) {
            return new HubException(
                    Reason.GATED,
                    who + " gives this model on request only; ask for access at " + settings.endpoint() + "/"
                            + wanted.model() + ", and " + (token ? "use a token of the account that has it: " : "then ")
                            + give + said(response));
        }
        if (code.equals("RevisionNotFound")) {
            return new HubException(
                    Reason.REVISION_NOT_FOUND,
                    who + " has the model, but no branch, tag or commit '" + wanted.revision() + "'" + said(response));
        }
        if (code.equals("EntryNotFound") || (status == 404 && wanted.file() != null && !code.equals("RepoNotFound"))) {
            return new HubException(Reason.FILE_NOT_FOUND, who + " has no such file at this revision" + said(response));
        }
        if (code.equals("RepoNotFound") || status == 404 || (status == 401 && !token)) {
            return new HubException(
                    Reason.MODEL_NOT_FOUND,
                    who + " has no model '" + wanted.model() + "', or it is private and "
                            + (token ? "the token given has no access to it" : "no token was given: " + give)
                            + said(response));
        }
        if (status == 401 || status == 403) {
            return new HubException(
                    Reason.UNAUTHORIZED,
                    who + " refuses access " + (token ? "with the token given" : "without a token") + " (status "
                            + status + "); " + give + said(response));
        }
        return badAnswer(wanted, "answers with the status " + status + said(response), null);
    }

    private static String said(HttpResponse<?> response) {
        String message = header(response, "X-Error-Message");
        return message == null ? "" : " (it says: " + HubNames.printable(message) + ")";
    }

    private HubException badAnswer(Wanted wanted, String problem, @Nullable Throwable cause) {
        return new HubException(
                Reason.BAD_ANSWER,
                wanted + ": " + settings.endpoint() + " " + problem
                        + "; check that it is a hub (HF_ENDPOINT) and that no proxy or login page answers in its place",
                cause);
    }

    private static @Nullable String header(HttpResponse<?> response, String name) {
        return response.headers().firstValue(name).orElse(null);
    }
}
