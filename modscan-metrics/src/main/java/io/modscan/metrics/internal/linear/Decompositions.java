package io.modscan.metrics.internal.linear;

import io.modscan.core.error.ModscanException;
import io.modscan.metrics.internal.thread.Interrupt;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.decomposition.bidiagonal.BidiagonalDecompositionRow_DDRM;
import org.ejml.dense.row.decomposition.eig.symm.SymmetricQREigenHelper_DDRM;
import org.ejml.dense.row.decomposition.eig.symm.SymmetricQrAlgorithm_DDRM;
import org.ejml.dense.row.decomposition.hessenberg.TridiagonalDecompositionHouseholder_DDRM;
import org.ejml.dense.row.decomposition.qr.QRDecompositionHouseholderColumn_DDRM;
import org.ejml.dense.row.decomposition.qr.QrHelperFunctions_DDRM;
import org.ejml.dense.row.decomposition.svd.SvdImplicitQrDecompose_DDRM;
import org.ejml.dense.row.decomposition.svd.implicitqr.SvdImplicitQrAlgorithm_DDRM;
import org.ejml.interfaces.decomposition.QRDecomposition;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;
import org.jspecify.annotations.Nullable;

/**
 * EJML's decompositions, which take minutes for thousands of coordinates and know nothing of interrupts. Each looks at the
 * interrupt before each of its steps, of which none takes long.
 */
final class Decompositions {

    private Decompositions() {}

    /**
     * The eigenvalues of a symmetric matrix, in any order, and their eigenvectors.
     *
     * @param vectors a row each, or empty
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Eigen(double[] values, double[] vectors) {}

    /**
     * Decomposes a symmetric matrix.
     *
     * @param matrix  width × width, used up
     * @param vectors whether eigenvectors are wanted
     * @throws ModscanException if it does not converge
     */
    static Eigen symmetric(double[] matrix, int width, boolean vectors) {
        Tridiagonal tridiagonal = new Tridiagonal();
        Rotations rotations = new Rotations();
        SymmetricQrAlgorithm_DDRM algorithm = new SymmetricQrAlgorithm_DDRM(rotations);
        double[] diagonal = new double[width];
        double[] beside = new double[Math.max(0, width - 1)];
        boolean converged = tridiagonal.decompose(DMatrixRMaj.wrap(width, width, matrix));
        if (converged) {
            tridiagonal.getDiagonal(diagonal, beside);
            rotations.init(diagonal.clone(), beside.clone(), width);
            algorithm.setFastEigenvalues(true);
            converged = algorithm.process(-1, null, null);
        }
        if (converged) {
            // Known eigenvalues make for exact shifts, by which the vectors' rotations are fewest.
            double[] values = rotations.copyEigenvalues(null);
            if (!vectors) {
                return new Eigen(values, new double[0]);
            }
            rotations.reset(width);
            rotations.swapDiag(diagonal);
            rotations.swapOff(beside);
            DMatrixRMaj rows = tridiagonal.getQ(null, true);
            algorithm.setQ(rows);
            if (algorithm.process(-1, null, null, values)) {
                return new Eigen(rotations.copyEigenvalues(null), rows.data);
            }
        }
        throw new ModscanException(
                "the eigendecomposition of a matrix of " + width + " × " + width + " did not converge");
    }

    /** A QR decomposition to be made. */
    static QRDecomposition<DMatrixRMaj> qr() {
        return new Qr();
    }

    /**
     * A compact SVD.
     *
     * @param matrix used up
     * @param u      whether left singular vectors are wanted
     * @param v      whether right ones are
     * @throws ModscanException if it does not converge
     */
    static SingularValueDecomposition_F64<DMatrixRMaj> svd(DMatrixRMaj matrix, boolean u, boolean v) {
        SingularValueDecomposition_F64<DMatrixRMaj> svd = new Svds(u, v);
        if (!svd.decompose(matrix)) {
            throw new ModscanException("the singular value decomposition of a matrix of " + matrix.numRows + " × "
                    + matrix.numCols + " did not converge");
        }
        return svd;
    }

    private static final class Tridiagonal extends TridiagonalDecompositionHouseholder_DDRM {
        @Override
        public void householderSymmetric(int row, double gamma) {
            Interrupt.checkThisThread();
            super.householderSymmetric(row, gamma);
        }

        @Override
        protected void rank1UpdateMultL(DMatrixRMaj a, double gamma, int first, int from, int to) {
            Interrupt.checkThisThread();
            super.rank1UpdateMultL(a, gamma, first, from, to);
        }

        @Override
        protected void rank1UpdateMultR(DMatrixRMaj a, double gamma, int first, int from, int to) {
            Interrupt.checkThisThread();
            super.rank1UpdateMultR(a, gamma, first, from, to);
        }
    }

    private static final class Rotations extends SymmetricQREigenHelper_DDRM {
        @Override
        public void incrementSteps() {
            Interrupt.checkThisThread();
            super.incrementSteps();
        }
    }

    private static final class Qr extends QRDecompositionHouseholderColumn_DDRM {
        @Override
        protected void householder(int column) {
            Interrupt.checkThisThread();
            super.householder(column);
        }

        @Override
        public DMatrixRMaj getQ(@Nullable DMatrixRMaj unused, boolean compact) {
            int columns = compact ? minLength : numRows;
            DMatrixRMaj q = CommonOps_DDRM.identity(numRows, columns);
            for (int j = minLength - 1; j >= 0; j--) {
                Interrupt.checkThisThread();
                QrHelperFunctions_DDRM.rank1UpdateMultR_u0(q, dataQR[j], 1, gammas[j], j, j, numRows, v);
            }
            return q;
        }
    }

    private static final class Svds extends SvdImplicitQrDecompose_DDRM {

        Svds(boolean u, boolean v) {
            super(true, u, v, false);
            this.qralg = new SvdSteps();
        }

        @Override
        protected void declareBidiagonalDecomposition() {
            bidiag = new Bidiagonal();
        }
    }

    private static final class SvdSteps extends SvdImplicitQrAlgorithm_DDRM {
        @Override
        public void incrementSteps() {
            Interrupt.checkThisThread();
            super.incrementSteps();
        }
    }

    private static final class Bidiagonal extends BidiagonalDecompositionRow_DDRM {
        @Override
        protected void computeU(int column) {
            Interrupt.checkThisThread();
            super.computeU(column);
        }

        @Override
        protected void rank1UpdateMultL(DMatrixRMaj a, double gamma, int first, int from, int to) {
            Interrupt.checkThisThread();
            super.rank1UpdateMultL(a, gamma, first, from, to);
        }

        @Override
        protected void rank1UpdateMultR(DMatrixRMaj a, double gamma, int first, int from, int to) {
            Interrupt.checkThisThread();
            super.rank1UpdateMultR(a, gamma, first, from, to);
        }
    }
}
