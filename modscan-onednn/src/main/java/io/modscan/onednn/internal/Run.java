package io.modscan.onednn.internal;

import java.util.ArrayList;
import java.util.List;

/** One run of an operator: its inputs and its output. */
final class Run {

    private final OrtApi api;
    private final long context;
    private final int inputs;
    final Workspace workspace;

    Run(OrtApi api, long context, int inputs, Workspace workspace) {
        this.inputs = inputs;
        this.api = api;
        this.context = context;
        this.workspace = workspace;
    }

    /** The address of an input's values, or 0 if it is left out. */
    long input(int index) {
        if (index >= inputs) {
            return 0;
        }
        long tensor = api.input(context, index, workspace.out);
        return tensor == 0 ? 0 : api.data(tensor, workspace.out);
    }

    OrtApi.Shape shape(int index) {
        return api.shape(api.input(context, index, workspace.out), workspace.out);
    }

    /** The address of the output's values, which has the axes of an input, but for the last. */
    long output(List<Long> axes, long last) {
        List<Long> shape = new ArrayList<>(axes);
        shape.set(shape.size() - 1, last);
        return api.data(api.output(context, 0, shape, workspace.out), workspace.out);
    }

    /** How many vectors lie along all axes but the last. */
    static long rows(List<Long> axes) {
        return axes.subList(0, axes.size() - 1).stream().reduce(1L, Math::multiplyExact);
    }
}
