package io.modscan.onednn.internal;

/** The arguments of one run of a primitive, which lie in the thread's workspace meanwhile. */
final class Arguments implements AutoCloseable {

    private static final int SIZE = 16;
    private static final int MEMORY = 8;

    private final Workspace workspace;
    private final long[] created = new long[1];
    private int count;

    Arguments(Workspace workspace) {
        this.workspace = workspace;
    }

    /** @param address of the values; nothing is added if there are none */
    Arguments add(int argument, Layout layout, long address) {
        if (address != 0) {
            Dnnl.check(
                    Dnnl.dnnl_memory_create(
                            created, layout.handle, DnnlLibrary.get().engine(), address),
                    "take a tensor");
            workspace.arguments.setInt((long) count * SIZE, argument);
            workspace.arguments.setLong((long) count * SIZE + MEMORY, created[0]);
            count++;
        }
        return this;
    }

    int count() {
        return count;
    }

    @Override
    public void close() {
        for (int i = 0; i < count; i++) {
            Dnnl.dnnl_memory_destroy(workspace.arguments.getLong((long) i * SIZE + MEMORY));
        }
    }
}
