package io.modscan.onnx.hub;

/** Hears how a download gets on. */
@FunctionalInterface
public interface HubProgress {
    /**
     * Called now and then while files are downloaded: never twice at once, though from threads of the download, at most
     * some times a second, and at the end with {@code done == total}. It is not called where nothing has to be
     * downloaded. What it throws ends the download and is thrown on.
     *
     * @param file  the file that has just got on, by its name in the repository
     * @param done  the bytes that are there, over all files of this {@link HubSnapshot#fetch fetch} that were missing, those
     *              left by an earlier attempt included; it falls only if a file turns out to be damaged and is fetched anew
     * @param total the bytes of all these files
     */
    void update(String file, long done, long total);
}
