"""Measures what modscan's metrics cost in NumPy, SciPy and scikit-learn, a run at a request.

    pip install numpy scipy scikit-learn
    python tools/metrics_speed.py [THREADS]

THREADS is 2 unless given. The first line printed says which versions are used; then comes the line "ready". Each line read
from standard input names one of the functions below, and is answered by a line with a number: the least of three runs, in
seconds. benchmarks' MetricsSpeed asks in turn with its own. Data are normal float32 numbers.
"""

import os
import sys

THREADS = sys.argv[1] if len(sys.argv) > 1 else "2"
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = THREADS

import platform
import time

import numpy as np
import scipy
import scipy.linalg
import scipy.stats
import sklearn
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity

rng = np.random.default_rng(1)
vectors = rng.normal(size=(10_000, 768)).astype(np.float32)
units = np.maximum(rng.normal(size=(200, 36_864)), -0.5).astype(np.float32)
few = rng.normal(size=(1_000, 768)).astype(np.float32)
sites = [rng.normal(size=(2_000, 768)).astype(np.float32) for _ in range(4)]
labels = np.arange(200) % 10
one_hot = np.eye(10, dtype=np.float64)[labels]


def cosine(values):
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def cosine_numpy_single():
    cosine(vectors)


def cosine_numpy_double():
    cosine(vectors.astype(np.float64))


def cosine_sklearn():
    cosine_similarity(vectors)


def auroc_scipy():
    """AUROC of each unit and label from midranks, nothing else."""
    ranks = scipy.stats.rankdata(units, axis=0)
    sums = one_hot.T @ ranks
    n = one_hot.sum(axis=0)[:, None]
    return (sums - n * (n + 1) / 2) / (n * (len(units) - n))


def mannwhitney_scipy():
    """AUROC and p-value, label by label."""
    for label in range(10):
        scipy.stats.mannwhitneyu(units[labels == label], units[labels != label], axis=0, method="asymptotic")


def pca_numpy_single():
    centred = vectors - vectors.mean(axis=0)
    np.linalg.eigh(centred.T @ centred / len(vectors))


def pca_numpy_double():
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    np.linalg.eigh(centred.T @ centred / len(vectors))


def pca_sklearn():
    PCA(svd_solver="covariance_eigh").fit(vectors)


def top_sklearn_randomized():
    PCA(10, svd_solver="randomized", random_state=0).fit(vectors)


def top_sklearn_covariance():
    PCA(10, svd_solver="covariance_eigh").fit(vectors)


def top_scipy():
    """In double precision, by the solver for some eigenvalues."""
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    scipy.linalg.eigh(centred.T @ centred / len(vectors), subset_by_index=[758, 767], overwrite_a=True, check_finite=False)


def whitened_numpy_double():
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    variances, components = np.linalg.eigh(centred.T @ centred / len(vectors))
    (centred @ (components / np.sqrt(variances))).astype(np.float32)


def whitened_sklearn():
    PCA(svd_solver="covariance_eigh", whiten=True).fit_transform(vectors)


def alignment_numpy():
    """Debiased linear CKA of all pairs of sites, by U-centred matrices."""
    centred = []
    for site in sites:
        values = site.astype(np.float64)
        values -= values.mean(axis=0)
        products = values @ values.T
        np.fill_diagonal(products, 0)
        n = len(products)
        means = products.sum(axis=0) / (n - 2)
        means -= means.sum() / (2 * (n - 1))
        products -= means[:, None]
        products -= means[None, :]
        np.fill_diagonal(products, 0)
        centred.append(products.ravel())
    stacked = np.array(centred)
    stacked @ stacked.T


def subspace_numpy():
    values = few.astype(np.float64)
    np.linalg.svd(values - values.mean(axis=0), full_matrices=False)[2][:5]


def subspace_sklearn():
    PCA(5).fit(few.astype(np.float64))


def main():
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__},"
        f" scikit-learn {sklearn.__version__}, {THREADS} threads"
    )
    print("ready", flush=True)
    for line in sys.stdin:
        run = globals()[line.strip()]
        times = []
        for _ in range(3):
            begin = time.perf_counter()
            run()
            times.append(time.perf_counter() - begin)
        print(min(times), flush=True)


if __name__ == "__main__":
    main()
