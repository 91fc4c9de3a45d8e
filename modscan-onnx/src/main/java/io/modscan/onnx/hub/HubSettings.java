package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a {@link Hub} goes by.
 *
 * @param cache    the folder that holds {@code models--…}, absolute
 * @param endpoint the hub's address, without a slash at the end
 * @param token    sent to the endpoint, and to no other host
 * @param clear    whether the token may be sent over http
 * @param offline  whether the network is not to be used
 * @param links    whether a snapshot's files may be symbolic links
 * @param progress hears how downloads get on
 * @param timing   how long to wait for what
 */
record HubSettings(
        Path cache,
        URI endpoint,
        @Nullable String token,
        boolean clear,
        boolean offline,
        boolean links,
        HubProgress progress,
        Timing timing) {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
    private static final String TOKEN_OVER_HTTP = "MODSCAN_HUB_TOKEN_OVER_HTTP";

    /** This machine by a name or address that no name server is asked for. */
    private static final Pattern LOOPBACK = Pattern.compile("localhost|127(\\.\\d{1,3}){3}|\\[(::1|0:0:0:0:0:0:0:1)]");

    private static final Pattern VARIABLE = Pattern.compile("\\$(?:(\\w+)|\\{([^}]*)})");
    private static final Pattern VISIBLE = Pattern.compile("[\\x21-\\x7e]+");

    static HubSettings of(Map<String, String> environment, Path home) {
        Environment env = new Environment(environment, home);
        String base = env.path("HF_HOME", env.get("XDG_CACHE_HOME", "~/.cache") + "/huggingface");
        String cache = env.path("HF_HUB_CACHE", env.get("HUGGINGFACE_HUB_CACHE", base + "/hub"));
        String endpoint = env.get("HF_ENDPOINT", "https://huggingface.co");
        // As in Python, a "0" in the first hides a "1" in the second.
        String offline = env.get("HF_HUB_OFFLINE", env.get("TRANSFORMERS_OFFLINE", ""));
        try {
            return new HubSettings(
                    Path.of(cache).toAbsolutePath().normalize(),
                    endpoint(URI.create(endpoint)),
                    env.flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? null : env.token(base),
                    env.flag(TOKEN_OVER_HTTP),
                    isTrue(offline),
                    !env.flag("HF_HUB_DISABLE_SYMLINKS"),
                    (file, done, total) -> {},
                    new Timing(
                            env.seconds("HF_HUB_ETAG_TIMEOUT"),
                            env.seconds("HF_HUB_DOWNLOAD_TIMEOUT"),
                            Duration.ofSeconds(1),
                            Duration.ofSeconds(60)));
        } catch (InvalidPathException e) {
            throw new ModscanException(
                    "the hub cache '" + HubNames.printable(cache) + "' (from HF_HUB_CACHE or HF_HOME) is no path: "
                            + e.getMessage(),
                    e);
        } catch (IllegalArgumentException e) {
            throw new ModscanException(
                    "HF_ENDPOINT is '" + HubNames.printable(endpoint) + "'; it must be an address like"
                            + " https://huggingface.co",
                    e);
        }
    }

    static URI endpoint(URI endpoint) {
        String scheme = endpoint.getScheme();
        if (!("https".equalsIgnoreCase(scheme) || "http".equalsIgnoreCase(scheme))
                || endpoint.getHost() == null
                || endpoint.getRawUserInfo() != null
                || endpoint.getRawQuery() != null
                || endpoint.getRawFragment() != null) {
            throw new ModscanException("the hub's endpoint is '"
                    + (endpoint.toString().contains("@") ? "(not shown)" : HubNames.printable(endpoint.toString()))
                    + "'; it must be"
                    + " an http or https address with a host and without user, query and fragment, like"
                    + " https://huggingface.co");
        }
        return URI.create(endpoint.toString().replaceAll("/+$", ""));
    }

    /** The token without the white space that files and shells leave at its ends, or null if nothing is left. */
    static @Nullable String token(@Nullable String token) {
        String bare = token == null ? "" : token.replaceAll("[\\r\\n]", "").strip();
        if (bare.isEmpty()) {
            return null;
        }
        if (!VISIBLE.matcher(bare).matches()) {
            throw new ModscanException(
                    "the hub token (not shown) holds characters that no token has; it must be one word of"
                            + " ASCII letters, digits and signs, like hf_…");
        }
        return bare;
    }

    /** Refuses to send the token where others can read it on the way, unless the user has allowed it. */
    void checkTokenIsSafe() {
        boolean safe = "https".equalsIgnoreCase(endpoint.getScheme())
                || LOOPBACK.matcher(endpoint.getHost().toLowerCase(Locale.ROOT)).matches();
        if (!safe && !clear) {
            throw new HubException(
                    HubException.Reason.INSECURE,
                    "the hub's endpoint " + endpoint
                            + " is not https, so everyone on the way could read the access token"
                            + " (not shown); use an https address in HF_ENDPOINT, or go without a token"
                            + " (HF_HUB_DISABLE_IMPLICIT_TOKEN=1), or allow it (" + TOKEN_OVER_HTTP
                            + "=1, in Java Hub.withTokenOverHttp())");
        }
    }

    HubSettings withCache(Path folder) {
        return new HubSettings(
                folder.toAbsolutePath().normalize(), endpoint, token, clear, offline, links, progress, timing);
    }

    HubSettings withEndpoint(URI address) {
        return new HubSettings(cache, endpoint(address), token, clear, offline, links, progress, timing);
    }

    HubSettings withToken(String secret) {
        return new HubSettings(cache, endpoint, token(secret), clear, offline, links, progress, timing);
    }

    HubSettings withTokenOverHttp() {
        return new HubSettings(cache, endpoint, token, true, offline, links, progress, timing);
    }

    HubSettings withOffline() {
        return new HubSettings(cache, endpoint, token, clear, true, links, progress, timing);
    }

    HubSettings withProgress(HubProgress listener) {
        return new HubSettings(cache, endpoint, token, clear, offline, links, listener, timing);
    }

    HubSettings withTiming(Timing times) {
        return new HubSettings(cache, endpoint, token, clear, offline, links, progress, times);
    }

    @Override
    public String toString() {
        return "Hub[cache=" + cache + ", endpoint=" + endpoint + ", token=" + (token == null ? "none" : "(not shown)")
                + (offline ? ", offline" : "") + "]";
    }

    private static boolean isTrue(String value) {
        return TRUE.contains(value.toUpperCase(Locale.ROOT));
    }

    /** Environment variables, read as Python reads them, but for empty ones, which count as not set. */
    private record Environment(Map<String, String> values, Path home) {

        String get(String name, String otherwise) {
            String value = values.get(name);
            return value == null || value.isEmpty() ? otherwise : value;
        }

        boolean flag(String name) {
            return isTrue(get(name, ""));
        }

        String path(String name, String otherwise) {
            String path = get(name, otherwise);
            if (path.startsWith("~")) {
                if (path.length() > 1 && path.charAt(1) != '/' && path.charAt(1) != File.separatorChar) {
                    throw new ModscanException(name + " is '" + HubNames.printable(path)
                            + "'; of paths with ~ only those in one's own home, like ~/cache, can be read");
                }
                path = home + path.substring(1);
            }
            return VARIABLE.matcher(path).replaceAll(match -> {
                String variable = match.group(1) == null ? match.group(2) : match.group(1);
                return Matcher.quoteReplacement(values.getOrDefault(variable, match.group()));
            });
        }

        Duration seconds(String name) {
            String value = get(name, "10").strip();
            try {
                int seconds = Integer.parseInt(value);
                if (seconds >= 0) {
                    return Duration.ofSeconds(seconds == 0 ? 10 : seconds);
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new ModscanException(
                    name + " is '" + HubNames.printable(value) + "'; it must be a whole number of seconds");
        }

        @Nullable
        String token(String base) {
            String token = HubSettings.token(get("HF_TOKEN", get("HUGGING_FACE_HUB_TOKEN", "")));
            if (token != null) {
                return token;
            }
            Path file = Path.of(path("HF_TOKEN_PATH", base + "/token"));
            try {
                return HubSettings.token(Files.readString(file));
            } catch (NoSuchFileException e) {
                return null;
            } catch (IOException e) {
                LOG.warn("The hub token in {} cannot be read; going on without one: {}", file, e.toString());
                return null;
            }
        }
    }
}
