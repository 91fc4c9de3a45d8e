package io.modscan.openblas;

import static org.bytedeco.openblas.global.openblas.LAPACKE_dsyevd_work;
import static org.bytedeco.openblas.global.openblas.LAPACKE_dsyevr_work;
import static org.bytedeco.openblas.global.openblas.LAPACK_COL_MAJOR;

import java.nio.DoubleBuffer;
import java.nio.IntBuffer;

/**
 * Eigenvalues of a large symmetric matrix. All that LAPACK works on lies in direct memory, since arrays are copied at each call, there and
 * back, which took a third of the time at 768 coordinates.
 */
final class LargeEigen {

    /** Values of the workspace for some eigenvalues, in rows: enough for its blocks of 32 columns. */
    private static final int WORK_ROWS = 40;

    private final double[] matrix;
    private final int width;
    private final double[] values;
    private final double[] vectors;

    /** Takes what {@link io.modscan.core.model.LinearAlgebra#symmetricEigen} is given. */
    LargeEigen(double[] matrix, int width, double[] values, double[] vectors) {
        this.matrix = matrix;
        this.width = width;
        this.values = values;
        this.vectors = vectors;
    }

    private byte job() {
        return Lapack.job(vectors.length > 0 ? 'V' : 'N');
    }

    /** Finds all, of which the largest are wanted. */
    void all() {
        long work = 1 + 6L * width + (vectors.length > 0 ? 2L * width * width : 0);
        int ints = 3 + 5 * width;
        Kept memory = Kept.of((long) width * width + width + work, ints);
        DoubleBuffer own = memory.doubles(matrix.length).put(0, matrix);
        DoubleBuffer found = memory.doubles(width);
        DoubleBuffer workspace = memory.doubles(Math.toIntExact(work));
        IntBuffer more = memory.ints(ints);
        byte job = job();
        int info = Waiting.call(() -> LAPACKE_dsyevd_work(
                LAPACK_COL_MAJOR,
                job,
                Lapack.job('L'),
                width,
                own,
                width,
                found,
                workspace,
                workspace.capacity(),
                more,
                ints));
        Lapack.check(info, "eigendecomposition", width, width);
        hand(found, own, width - 1);
        memory.giveBack();
    }

    /** Finds those that are wanted by themselves; false where the library does not find all of these, as may be where many are equal. */
    boolean largest() {
        int count = values.length;
        int ints = 12 * width + 1;
        Kept memory = Kept.of((long) width * width + width + (long) count * width + (long) WORK_ROWS * width, ints);
        DoubleBuffer own = memory.doubles(matrix.length).put(0, matrix);
        DoubleBuffer found = memory.doubles(width);
        DoubleBuffer ofThese = memory.doubles(count * width);
        DoubleBuffer workspace = memory.doubles(WORK_ROWS * width);
        IntBuffer support = memory.ints(2 * width);
        IntBuffer more = memory.ints(10 * width);
        IntBuffer foundCount = memory.ints(1);
        byte job = job();
        int info = Waiting.call(() -> LAPACKE_dsyevr_work(
                LAPACK_COL_MAJOR,
                job,
                Lapack.job('I'),
                Lapack.job('L'),
                width,
                own,
                width,
                0,
                0,
                width - count + 1,
                width,
                0,
                foundCount,
                found,
                ofThese,
                width,
                support,
                workspace,
                workspace.capacity(),
                more,
                more.capacity()));
        boolean complete = info == 0 && foundCount.get(0) == count;
        if (complete) {
            hand(found, ofThese, count - 1);
        }
        memory.giveBack();
        return complete;
    }

    /** Hands on what was found in ascending order, from the last one down. */
    private void hand(DoubleBuffer found, DoubleBuffer rows, int last) {
        for (int i = 0; i < values.length; i++) {
            values[i] = found.get(last - i);
            if (vectors.length > 0) {
                rows.get((last - i) * width, vectors, i * width, width);
            }
        }
    }
}
