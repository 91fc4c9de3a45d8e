package io.modscan.onnx.hub;

import io.modscan.core.error.ModscanException;
import io.modscan.onnx.hub.HubClient.Revision;
import io.modscan.onnx.hub.HubClient.Wanted;
import io.modscan.onnx.hub.HubException.Reason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A model at one commit: which files it has, and those of them that one needs. It is safe for use by many threads. */
public final class HubSnapshot {

    private static final Logger LOG = LoggerFactory.getLogger(Hub.class);

    private static final int QUESTIONS = 4;

    private final HubSettings settings;
    private final HubClient client;
    private final ModelCache cache;
    private final String model;
    private final String revision;
    private final String commit;
    private volatile @Nullable Set<String> files;
    private volatile boolean listed;

    private HubSnapshot(
            HubSettings settings,
            String model,
            String revision,
            String commit,
            @Nullable Set<String> files,
            boolean listed) {
        this.settings = settings;
        this.client = new HubClient(settings);
        this.cache = new ModelCache(settings, model);
        this.model = model;
        this.revision = revision;
        this.commit = commit;
        this.files = files;
        this.listed = listed;
    }

    static HubSnapshot find(HubSettings settings, String model, String revision) {
        ModelCache cache = new ModelCache(settings, model);
        String cached = cache.commit(revision);
        if (settings.offline()) {
            if (cached == null) {
                throw new HubException(
                        Reason.OFFLINE,
                        model + " (" + revision + "): is not in the cache " + settings.cache() + ", and the network is"
                                + " switched off (HF_HUB_OFFLINE); fetch it once with the network, or set HF_HUB_CACHE to"
                                + " the cache that has it");
            }
            return new HubSnapshot(settings, model, revision, cached, null, false);
        }
        if (HubNames.isCommit(revision)) {
            return new HubSnapshot(settings, model, revision, revision, null, false);
        }
        Revision found = ask(new HubClient(settings), model, revision, cached);
        if (found != null) {
            return new HubSnapshot(settings, model, revision, found.commit(), found.files(), true);
        }
        String commit = Objects.requireNonNull(cached, "without a server and a cache, asking throws");
        return new HubSnapshot(settings, model, revision, commit, cache.files(commit), false);
    }

    /** What the server says of a revision, or null if it says nothing and the cache will have to do. */
    private static @Nullable Revision ask(HubClient client, String model, String revision, @Nullable String cached) {
        try {
            return client.revision(model, revision, cached != null);
        } catch (HubException e) {
            if (cached == null || e.reason() == Reason.REVISION_NOT_FOUND) {
                throw e;
            }
            LOG.warn("Going on with what the cache has of {} ({}): {}", model, revision, e.getMessage());
            return null;
        } catch (InterruptedException e) {
            throw interrupted(model + ": asking for it was interrupted", e);
        }
    }

    static ModscanException interrupted(String message, InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new ModscanException(message, cause);
    }

    /**
     * The model's name.
     *
     * @return the name as it was asked for: {@code facebook/opt-125m}
     */
    public String model() {
        return model;
    }

    /**
     * The commit that this is.
     *
     * @return 40 hex digits
     */
    public String commit() {
        return commit;
    }

    /**
     * The files that the model has at this commit, in the cache or not. Where only the cache could be asked, because the
     * network is switched off or the server does not answer, these are the files that it has. If the snapshot was asked for by
     * its commit, the first call asks the server.
     *
     * @return their names, sorted, with '/' between folders; unmodifiable. Names that lead out of a folder are left out
     * @throws HubException     if neither the server nor the cache can tell
     * @throws ModscanException if the thread is interrupted, or the cache cannot be read
     */
    public Set<String> files() {
        Set<String> known = files;
        if (known != null) {
            return known;
        }
        Revision found = settings.offline() ? null : ask(client, model, commit, cache.commit(commit));
        known = found == null ? cache.files(commit) : found.files();
        listed = found != null;
        files = known;
        return known;
    }

    /**
     * Whether {@link #files()} are all that the model has, as the hub lists them, and not only those that the cache has.
     *
     * @return whether it has been asked and the hub has answered
     */
    public boolean isListed() {
        return listed;
    }

    /**
     * Whether only the cache is used, and no network.
     *
     * @return whether the hub that this is of is {@linkplain Hub#offline() offline}
     */
    public boolean isOffline() {
        return settings.offline();
    }

    /**
     * The same snapshot as if it had been asked for by its commit: fetching from it notes no branch or tag in the cache. So
     * some files can be fetched to see which others are needed, and the branch be noted when all are there.
     *
     * @return a snapshot of the same commit
     */
    public HubSnapshot atCommit() {
        return new HubSnapshot(settings, model, commit, commit, files, listed);
    }

    /**
     * The files of this commit that are in the cache. No server is asked: a caller who gave a commit, and finds here all that
     * it needs, needs no network.
     *
     * @return their names, sorted, with '/' between folders; unmodifiable
     * @throws ModscanException if the cache cannot be read
     */
    public Set<String> cached() {
        return cache.files(commit);
    }

    /**
     * Sees to it that files are in the cache: those that are there are left as they are, the others are downloaded, several at
     * once, each checked by its size and hash and there only when it is whole. A download that broke off, in this call or an
     * earlier one, goes on where it ended. Of several processes that want one file, one downloads it and the others wait.
     *
     * <p>If this fails or the thread is interrupted, files that were finished stay, and so do the parts of those that
     * were not. Only once all is there is the branch or tag that this snapshot was asked for by noted in the cache.
     *
     * @param names names of files as {@link #files()} has them
     * @return the snapshot's folder, which has them under these names; most are symbolic links
     * @throws HubException     if a file cannot be had, for one of the reasons that it names
     * @throws ModscanException if a name is none that a file in a repository can have, the cache cannot be written to, or the
     *                          thread is interrupted (its interrupt flag is then set)
     */
    public Path fetch(Collection<String> names) {
        names.forEach(HubNames::checkFile);
        List<Wanted> missing = names.stream()
                .distinct()
                .filter(name -> !Files.isRegularFile(cache.file(commit, name)))
                .map(name -> new Wanted(model, commit, name))
                .toList();
        refuseOffline(missing);
        try {
            if (!missing.isEmpty()) {
                new Fetch(settings, client, cache).run(missing);
            }
        } catch (InterruptedException e) {
            throw interrupted(
                    model + ": its download was interrupted; what has come is kept, and used the next time", e);
        }
        if (!settings.offline() && Files.isDirectory(cache.snapshot(commit))) {
            cache.note(revision, commit);
        }
        return cache.snapshot(commit);
    }

    private void refuseOffline(List<Wanted> missing) {
        if (settings.offline() && !missing.isEmpty()) {
            throw new HubException(
                    Reason.OFFLINE,
                    model + " (" + revision + "): the cache " + cache.snapshot(commit) + " lacks "
                            + missing.stream().map(Wanted::file).toList() + ", and the network is switched off"
                            + " (HF_HUB_OFFLINE); fetch them once with the network");
        }
    }

    /**
     * What the server says of files, in the cache or not; none is fetched.
     *
     * @param names names of files as {@link #files()} has them
     * @return the files, in this order
     * @throws HubException     if the server cannot be asked, or has no such file, for one of the reasons that it names
     * @throws ModscanException as {@link #fetch} throws
     */
    public List<HubFile> ask(Collection<String> names) {
        names.forEach(HubNames::checkFile);
        List<Wanted> wanted =
                names.stream().map(name -> new Wanted(model, commit, name)).toList();
        refuseOffline(wanted);
        List<Callable<HubFile>> questions = new ArrayList<>();
        for (Wanted file : wanted) {
            questions.add(() -> new HubFile(client, cache, file, client.file(file)));
        }
        try (AtOnce threads = new AtOnce(QUESTIONS)) {
            return threads.all(questions);
        } catch (InterruptedException e) {
            throw interrupted(model + ": asking for its files was interrupted", e);
        }
    }

    /** The model, its commit and the hub; no token is shown. */
    @Override
    public String toString() {
        return model + "@" + commit + " of " + settings;
    }
}
