package io.modscan.onednn.internal;

import io.modscan.onednn.internal.Workspace.Slot;

/** A computation of oneDNN for given layouts. Safe for use by many threads; closed when no thread uses it any more. */
final class Primitive implements AutoCloseable {

    private final long handle;
    private final long scratchBytes;
    private final Layout scratchLayout;
    private final Layout weights;

    private Primitive(long description) {
        long[] created = new long[1];
        try {
            this.weights = Layout.copy(Dnnl.dnnl_primitive_desc_query_md(description, Dnnl.WEIGHTS_LAYOUT, 0));
            this.scratchLayout = Layout.copy(Dnnl.dnnl_primitive_desc_query_md(description, Dnnl.SCRATCHPAD_LAYOUT, 0));
            this.scratchBytes = scratchLayout.bytes();
            Dnnl.check(Dnnl.dnnl_primitive_create(created, description), "make a kernel");
        } finally {
            Dnnl.dnnl_primitive_desc_destroy(description);
        }
        this.handle = created[0];
    }

    /** What goes behind a primitive. */
    interface Behind {
        /**
         * Appends it.
         *
         * @param operations a list to append to
         */
        void append(long operations);
    }

    /** Makes a description in an array of one, with given attributes, and returns a status. */
    interface Description {
        int make(long[] description, long attributes);
    }

    static Primitive of(String what, Behind behind, Description description) {
        long[] operations = new long[1];
        long[] attributes = new long[1];
        Dnnl.check(Dnnl.dnnl_post_ops_create(operations), "make a list");
        Dnnl.check(Dnnl.dnnl_primitive_attr_create(attributes), "make attributes");
        try {
            behind.append(operations[0]);
            Dnnl.check(Dnnl.dnnl_primitive_attr_set_post_ops(attributes[0], operations[0]), "set attributes");
            Dnnl.check(
                    Dnnl.dnnl_primitive_attr_set_scratchpad_mode(attributes[0], Dnnl.SCRATCHPAD_OF_USER),
                    "set attributes");
            long[] made = new long[1];
            Dnnl.check(description.make(made, attributes[0]), "compute " + what);
            return new Primitive(made[0]);
        } finally {
            Dnnl.dnnl_primitive_attr_destroy(attributes[0]);
            Dnnl.dnnl_post_ops_destroy(operations[0]);
        }
    }

    static Primitive reorder(Layout from, Layout to) {
        long engine = DnnlLibrary.get().engine();
        return of(
                "a conversion",
                none -> {},
                (made, attributes) -> Dnnl.dnnl_reorder_primitive_desc_create(
                        made, from.handle, engine, to.handle, engine, attributes));
    }

    /** The layout that it wants its second factor in. */
    Layout weights() {
        return weights;
    }

    /** Computes with the arguments of an {@link Arguments}. */
    void run(Workspace workspace, Arguments arguments) {
        arguments.add(Dnnl.SCRATCHPAD, scratchLayout, workspace.scratch(Slot.PRIMITIVE, scratchBytes));
        Dnnl.check(
                Dnnl.dnnl_primitive_execute(handle, workspace.stream, arguments.count(), workspace.arguments),
                "compute");
        Dnnl.check(Dnnl.dnnl_stream_wait(workspace.stream), "compute");
    }

    @Override
    public void close() {
        Dnnl.dnnl_primitive_destroy(handle);
        scratchLayout.close();
        weights.close();
    }
}
