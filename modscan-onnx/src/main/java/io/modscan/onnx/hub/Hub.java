package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import java.io.File;
import java.net.URI;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;

/**
 * A Hugging Face hub and its cache on this machine, by the rules of Python's {@code huggingface_hub} and in its layout: what
 * Python has fetched is found, and what is fetched here Python finds. It is immutable and safe for use by many threads.
 *
 * <p>Connections go through the proxy that the JVM is told of ({@code -Dhttps.proxyHost}, say), not that of
 * {@code HTTPS_PROXY}.
 */
public final class Hub {

    private final HubSettings settings;

    private Hub(HubSettings settings) {
        this.settings = settings;
    }

    /**
     * The hub that the environment names. The variables, with their meaning in Python: {@code HF_HUB_CACHE},
     * {@code HUGGINGFACE_HUB_CACHE}, {@code HF_HOME}, {@code XDG_CACHE_HOME} (otherwise the cache is
     * {@code ~/.cache/huggingface/hub}); {@code HF_ENDPOINT}; {@code HF_TOKEN}, {@code HUGGING_FACE_HUB_TOKEN},
     * {@code HF_TOKEN_PATH} (otherwise the token is that in the file {@code token} in {@code HF_HOME}, if there is one),
     * {@code HF_HUB_DISABLE_IMPLICIT_TOKEN}; {@code HF_HUB_OFFLINE}, {@code TRANSFORMERS_OFFLINE};
     * {@code HF_HUB_ETAG_TIMEOUT}, {@code HF_HUB_DOWNLOAD_TIMEOUT} (seconds); {@code HF_HUB_DISABLE_SYMLINKS}. An empty one
     * counts as not set. One is modscan's own: {@code MODSCAN_HUB_TOKEN_OVER_HTTP}, see {@link #withTokenOverHttp()}.
     *
     * @return the hub
     * @throws ModscanException if a variable's value is none that it can have
     */
    public static Hub fromEnvironment() {
        Map<String, String> environment = System.getenv();
        String home = System.getProperty("user.home", ".");
        return fromEnvironment(
                environment, Path.of(File.separatorChar == '/' ? environment.getOrDefault("HOME", home) : home));
    }

    static Hub fromEnvironment(Map<String, String> environment, Path home) {
        return new Hub(HubSettings.of(environment, home));
    }

    /**
     * This hub with another cache.
     *
     * @param folder the folder that holds, or will hold, {@code models--…}; it need not be there yet
     * @return a new hub
     */
    public Hub withCache(Path folder) {
        return new Hub(settings.withCache(folder));
    }

    /**
     * Another server, with this hub's cache and token.
     *
     * @param endpoint its address, {@code https://huggingface.co} or a mirror
     * @return a new hub
     * @throws ModscanException if the address is not of http or https or has no host
     */
    public Hub withEndpoint(URI endpoint) {
        return new Hub(settings.withEndpoint(endpoint));
    }

    /**
     * This hub with another access token. It is sent to the endpoint only: not to the hosts that the endpoint redirects
     * downloads to; and over {@code http} only if that is {@linkplain #withTokenOverHttp() allowed}.
     *
     * @param token the token; white space at its ends is left out, and an empty one stands for no token
     * @return a new hub
     * @throws ModscanException if it holds what no token can hold; the message does not show it
     */
    public Hub withToken(String token) {
        return new Hub(settings.withToken(Objects.requireNonNull(token, "token")));
    }

    /**
     * This hub with leave to send the token to an endpoint of {@code http}, where everyone on the way can read it. Without it
     * that is refused, unless the endpoint is this machine itself ({@code localhost}, {@code 127.0.0.1}, {@code [::1]}). In the
     * environment it is {@code MODSCAN_HUB_TOKEN_OVER_HTTP=1}.
     *
     * @return a new hub
     */
    public Hub withTokenOverHttp() {
        return new Hub(settings.withTokenOverHttp());
    }

    /**
     * This hub without the network: only what is in the cache is found.
     *
     * @return a new hub
     */
    public Hub offline() {
        return new Hub(settings.withOffline());
    }

    /**
     * This hub with a listener to its downloads.
     *
     * @param listener hears how they get on, in place of one given before
     * @return a new hub
     */
    public Hub withProgress(HubProgress listener) {
        Objects.requireNonNull(listener, "listener");
        Object one = new Object();
        // Two fetches may go on at a time.
        return new Hub(settings.withProgress((file, done, total) -> {
            synchronized (one) {
                listener.update(file, done, total);
            }
        }));
    }

    Hub withTiming(Timing timing) {
        return new Hub(settings.withTiming(timing));
    }

    /**
     * A model as its branch {@code main} has it.
     *
     * @param model the model's name: {@code facebook/opt-125m}
     * @return the snapshot
     * @throws ModscanException as {@link #snapshot(String, String)} throws
     */
    public HubSnapshot snapshot(String model) {
        return snapshot(model, "main");
    }

    /**
     * A model as a revision has it. A commit's full name is taken as it stands, without asking anyone. For a branch or tag
     * the server says which commit it is; where the server cannot be reached, fails or refuses, the commit that the cache
     * has for it is taken, if any, and a warning logged. Only a server's answer that the model has no such revision counts
     * more than the cache. No file is fetched yet.
     *
     * @param model    the model's name: {@code facebook/opt-125m}
     * @param revision a branch, a tag, or a commit
     * @return the snapshot
     * @throws HubException     if neither the server nor the cache has it
     * @throws ModscanException if a name is none that a model or revision can have, or the thread is interrupted
     */
    public HubSnapshot snapshot(String model, String revision) {
        HubNames.checkModel(model);
        HubNames.checkRevision(revision);
        return HubSnapshot.find(settings, model, revision);
    }

    /** The cache's folder and the endpoint; the token is not shown. */
    @Override
    public String toString() {
        return settings.toString();
    }
}
