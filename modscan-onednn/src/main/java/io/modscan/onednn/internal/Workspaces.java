package io.modscan.onednn.internal;

import java.util.concurrent.ConcurrentLinkedDeque;

/** As many workspaces as there are runs at a time, whatever threads these are of. They are kept as long as the process lives. */
final class Workspaces {

    private final int threads;
    private final ConcurrentLinkedDeque<Workspace> idle = new ConcurrentLinkedDeque<>();

    /** @param threads how many threads each computation uses */
    Workspaces(int threads) {
        this.threads = threads;
    }

    /** One for the current thread, until it is given back. */
    Workspace take() {
        // Of the current thread, which others may have set otherwise.
        DnnlLibrary.get().useThreads(threads);
        Workspace workspace = idle.pollFirst();
        return workspace == null ? new Workspace() : workspace;
    }

    void giveBack(Workspace workspace) {
        workspace.tidy();
        idle.addFirst(workspace);
    }
}
