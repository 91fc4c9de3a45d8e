#!/usr/bin/env python3
"""Writes the reference values that the tests of io.modscan.metrics.subspace compare with.

    python tools/subspace_golden.py

needs numpy and scipy; their versions go into the file. Vectors and weights are float32, written as the decimal that reads
back as the same number; directions whose angles are compared are float64. Principal angles are compared with
scipy.linalg.subspace_angles, and with planted angles. Shares of weights are computed in float64 with the D × D products written
out, their spread over random subspaces by drawing those. What is drawn comes with its standard error ("…Error").
"""

import itertools
import json
import math
import pathlib
import platform

import numpy as np
import scipy
import scipy.linalg

TARGET = (
    pathlib.Path(__file__).parent.parent
    / "modscan-metrics/src/test/resources/io/modscan/metrics/subspace.json"
)
rng = np.random.default_rng(20261125)

DRAWS = 100_000


def floats(array):
    """Float32 values as short decimals."""
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [float(str(v)) for v in array]


def rounded(array):
    return np.asarray(array, np.float32).astype(np.float64)


def ascending_angles(a, b):
    """Of subspaces given by rows.

    SciPy 1.17 takes the sine for the large angles and the cosine for the small ones where there are both (it compares the
    cosines in one order and gives the angles in the other), so that its small angles are exact to 1e-8 only. Here each angle
    comes from what is exact for it.
    """
    if not len(a) or not len(b):
        return []
    qa, qb = scipy.linalg.orth(a.T), scipy.linalg.orth(b.T)
    if qa.shape[1] < qb.shape[1]:
        qa, qb = qb, qa
    cosines = scipy.linalg.svdvals(qa.T @ qb)
    sines = scipy.linalg.svdvals(qb - qa @ (qa.T @ qb))[::-1]
    found = np.where(cosines**2 >= 0.5, np.arcsin(np.clip(sines, 0, 1)), np.arccos(np.clip(cosines, 0, 1)))
    assert np.abs(found - scipy.linalg.subspace_angles(a.T, b.T)[::-1]).max() < 5e-8
    return found.tolist()


# --- angles -----------------------------------------------------------------------------------------------------------


def angle_case(name, a, b, truth=None):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    angles = ascending_angles(a, b)
    assert truth is None or np.abs(angles - np.asarray(truth)).max() < 2e-15, name
    rank_a, rank_b = np.linalg.matrix_rank(a), np.linalg.matrix_rank(b)
    qa, qb = scipy.linalg.orth(a.T), scipy.linalg.orth(b.T)
    overlap = float(np.sum((qa.T @ qb) ** 2) / min(rank_a, rank_b))
    assert abs(overlap - np.mean(np.cos(angles) ** 2)) < 1e-12, name
    return {
        "name": name, "a": a.tolist(), "b": b.tolist(), "rankA": int(rank_a), "rankB": int(rank_b),
        "angles": angles, "overlap": overlap, "expected": max(rank_a, rank_b) / a.shape[1],
    }


def turned(rows, angles):
    """The basis rows, each turned by an angle towards a direction perpendicular to all of them and to each other's."""
    k, d = rows.shape
    full = scipy.linalg.null_space(rows).T[:k]
    return np.cos(angles)[:, None] * rows + np.sin(angles)[:, None] * full


def angles():
    normal = lambda k, d: rng.normal(size=(k, d))
    q = scipy.linalg.orth(normal(9, 9)).T
    small = np.array([1e-12, 1e-8, 1e-4])
    mixed = np.array([1e-10, 0.3, np.pi / 4, 1.2, np.pi / 2 - 1e-9])
    big = scipy.linalg.orth(normal(16, 16)).T
    a3 = normal(3, 9)
    return [
        angle_case("two lines", [[1, 0]], [[1, 1]]),
        angle_case("one coordinate", [[2]], [[-3]]),
        angle_case("perpendicular", q[:3], q[3:5]),
        angle_case("the same", a3, np.array([[1, 2, 3], [0, 1, 5], [2, 0, 1]]) @ a3),
        angle_case("one within the other", a3[:2], a3),
        angle_case("everything", normal(2, 5), normal(5, 5)),
        angle_case("random", normal(3, 12), normal(4, 12)),
        angle_case("random, wide", normal(5, 200), normal(2, 200)),
        angle_case("random, must meet", normal(6, 8), normal(5, 8)),
        angle_case("small angles", q[:3], turned(q[:3], small), small),
        angle_case("all kinds of angles", big[:5], turned(big[:5], mixed), mixed),
        angle_case("dependent directions", np.vstack([a3, a3[0] + a3[1], np.zeros(9)]), normal(2, 9)),
        angle_case("tiny", normal(2, 6) * 1e-30, normal(3, 6) * 1e-30),
        angle_case("huge", normal(2, 6) * 1e30, normal(3, 6) * 1e30),
    ]


# --- leading directions -----------------------------------------------------------------------------------------------


def leading_case(name, vectors, k):
    vectors = rounded(vectors)
    result = {"name": name, "vectors": floats(vectors), "k": k}
    for key, rows in [("centred", vectors - vectors.mean(0)), ("uncentred", vectors)]:
        u, s, vt = np.linalg.svd(rows, full_matrices=False)
        kept = int(np.sum(s > max(1e-6 * s[0], 1e-12 * np.linalg.norm(vectors, axis=1).max())))
        assert kept <= k or s[k] < 0.95 * s[k - 1], (name, s)
        basis = vt[: min(k, kept)]
        result[key] = {"dimension": len(basis), "projector": (basis.T @ basis).tolist()}
    return result


def leading():
    normal = lambda n, d: rng.normal(size=(n, d))
    graded = normal(40, 6) * [9, 5, 3, 1, 0.3, 0.1]
    constant = graded.copy()
    constant[:, 2] = 0.1
    low = normal(30, 2) @ normal(2, 7)
    outlier = normal(25, 5) * [1, 1e3, 2, 0.2, 3]
    return [
        leading_case("one prompt", normal(1, 4), 2),
        leading_case("two prompts", normal(2, 4), 3),
        leading_case("two equal prompts", np.ones((2, 3)) * 0.1, 2),
        leading_case("all zero", np.zeros((4, 3)), 2),
        leading_case("one coordinate", normal(5, 1), 1),
        leading_case("tall", graded, 3),
        leading_case("wide", normal(5, 20), 3),
        leading_case("square", normal(6, 6), 2),
        leading_case("more than there are", graded, 9),
        leading_case("a constant column", constant, 4),
        leading_case("of rank two up to rounding", low, 5),
        leading_case("far from the origin", graded + 1000, 3),
        leading_case("an outlier dimension", outlier, 2),
        leading_case("tiny", graded * 1e-30, 3),
        leading_case("huge", graded * 1e30, 3),
    ]


def label_means():
    cases = []
    for name, n, d, labels in [
        ("three labels", 30, 6, "abc"),
        ("two labels", 9, 4, "ab"),
        ("one label", 5, 3, "a"),
        ("more labels than coordinates", 40, 3, "abcdef"),
    ]:
        given = [labels[i % len(labels)] for i in range(n - 2)] + [labels[0]] * 2
        vectors = rounded(rng.normal(size=(n, d)) + 5)
        means = np.array([vectors[[l == g for g in given]].mean(0) for l in labels])
        rows = means - means.mean(0)
        dimension = min(len(labels) - 1, d)
        basis = np.linalg.svd(rows, full_matrices=False)[2][:dimension]
        # The grand mean of prompts spans the same.
        other = scipy.linalg.orth((means - vectors.mean(0)).T, rcond=1e-10).T
        assert len(other) == dimension
        assert not dimension or max(scipy.linalg.subspace_angles(basis.T, other.T)) < 1e-9
        cases.append({
            "name": name, "vectors": floats(vectors), "labels": given,
            "dimension": dimension, "projector": (basis.T @ basis).tolist(),
        })
    return cases


# --- overlap of labels ------------------------------------------------------------------------------------------------


def directions(rows, k):
    rows = rows - rows.mean(0)
    s, vt = np.linalg.svd(rows, full_matrices=False)[1:]
    return vt[: min(k, int(np.sum(s > 1e-6 * s[0])) if s[0] > 0 else 0)]


def overlap(a, b):
    return float(np.sum((a @ b.T) ** 2) / min(len(a), len(b)))


def uncentred(rows, k):
    """The leading directions of unit vectors around the origin."""
    s, vt = np.linalg.svd(rows, full_matrices=False)[1:]
    return vt[: min(k, int(np.sum(s > 1e-6 * s[0])))]


def every_split(a, b, k):
    """The overlap for each way to deal out the differences of two labels."""
    rows = np.vstack([a, b])
    n = len(rows)
    found = []
    for first in itertools.combinations(range(n), len(a)):
        second = [i for i in range(n) if i not in first]
        found.append(overlap(uncentred(rows[list(first)], k), uncentred(rows[second], k)))
    return np.array(found)


def shuffled_differences():
    """Unit differences of two labels, their overlap, and that of all shuffles."""
    own = np.random.default_rng(20261128)
    cases = []
    for name, sizes, d, k in [("alike", (5, 4), 6, 2), ("wide", (4, 5), 30, 3), ("few", (2, 3), 5, 2), ("one", (5, 6), 8, 1)]:
        groups = []
        for size in sizes:
            rows = own.normal(size=(size, d)) * own.permutation(np.linspace(0.2, 3, d))
            groups.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
        splits = every_split(*groups, k)
        observed = overlap(uncentred(groups[0], k), uncentred(groups[1], k))
        cases.append({
            "name": name, "k": k, "first": groups[0].tolist(), "second": groups[1].tolist(), "overlap": observed,
            "splitMean": float(splits.mean()), "splitSd": float(splits.std()),
            "splitShare": float(np.mean(splits <= observed + 1e-9)),
        })
    return cases


def label_overlaps():
    cases = []
    for name, sizes, d, k, shift in [
        ("two labels", (5, 4), 6, 2, 0),
        ("three labels, wide", (4, 5, 4), 30, 2, 3),
        ("few prompts", (2, 3), 5, 3, 0),
        ("one dimension", (5, 5), 8, 1, 1),
    ]:
        labels = "abc"[: len(sizes)]
        groups = []
        for label, size in zip(labels, sizes):
            scale = rng.permutation(np.linspace(0.2, 3, d))
            groups.append(rounded(rng.normal(size=(size, d)) * scale + shift * rng.normal(size=d)))
        pairs = []
        for (i, a), (j, b) in itertools.combinations(enumerate(groups), 2):
            va, vb = directions(a, k), directions(b, k)
            pairs.append({
                "a": labels[i], "b": labels[j], "dimensionA": len(va), "dimensionB": len(vb),
                "overlap": overlap(va, vb), "angles": ascending_angles(va, vb), "expected": max(len(va), len(vb)) / d,
            })
        cases.append({
            "name": name, "k": k, "labels": [l for l, size in zip(labels, sizes) for _ in range(size)],
            "vectors": floats(np.vstack(groups)), "pairs": pairs,
        })
    return cases


# --- weights ----------------------------------------------------------------------------------------------------------


def random_subspaces(count, k, d):
    """Orthonormal rows of random orientation."""
    return np.linalg.qr(rng.normal(size=(count, d, k)))[0].transpose(0, 2, 1)


def share_row(name, head, square, s, drawn):
    """Of A [D, D], whose part in S is tr(S A Sᵀ)."""
    total = np.trace(square)
    share = float(np.trace(s @ square @ s.T) / total)
    chance = np.einsum("nki,ij,nkj->n", drawn, square, drawn, optimize=True) / total
    sd = float(chance.std())
    # A number near 1 counted DRAWS times has this standard error; that of a standard deviation by the fourth moment.
    sd_error = float(np.sqrt(np.var((chance - chance.mean()) ** 2) / DRAWS) / (2 * sd))
    tail = float(np.mean(chance >= share))
    return {
        "name": name, "head": head, "share": share, "sd": sd, "sdError": sd_error, "tail": tail,
        "tailError": math.sqrt(tail * (1 - tail) / DRAWS),
    }


def weights():
    cases = []
    for name, heads, d, width, neurons, k, scale in [
        ("a small model", 3, 4, 12, 20, 3, 1.0),
        ("one direction", 2, 3, 6, 5, 1, 1.0),
        ("tiny", 2, 2, 4, 8, 2, 1e-30),
        ("huge", 2, 2, 4, 8, 2, 1e30),
    ]:
        # Singular values that differ, as those of a trained model do.
        uneven = lambda *shape: rng.normal(size=shape) * np.exp(rng.normal(size=shape[-1])) * scale
        w_q, w_k, w_v = (rounded(uneven(heads, width, d)) for _ in range(3))
        w_o = rounded(uneven(heads, d, width))
        w_in, w_out = rounded(uneven(width, neurons)), rounded(uneven(neurons, width))
        s = scipy.linalg.orth(rng.normal(size=(width, k))).T
        drawn = random_subspaces(DRAWS, k, width)
        rows = []
        for h in range(heads):
            q, key, v, o = (w[h] / scale for w in (w_q, w_k, w_v, w_o))
            qk, ov = q @ key.T, v @ o
            for side, square in [
                ("W_Q", q @ q.T), ("W_K", key @ key.T), ("W_V", v @ v.T),
                ("W_QK_QUERY", qk @ qk.T), ("W_QK_KEY", qk.T @ qk),
                ("W_OV_READ", ov @ ov.T), ("W_OV_WRITE", ov.T @ ov), ("W_O", o.T @ o),
            ]:
                rows.append(share_row(side, h, square, s, drawn))
        into, out = w_in / scale, w_out / scale
        rows.append(share_row("W_IN", None, into @ into.T, s, drawn))
        rows.append(share_row("W_OUT", None, out.T @ out, s, drawn))
        flat = lambda w: floats(w.ravel())
        cases.append({
            "name": name, "heads": heads, "d": d, "width": width, "neurons": neurons, "k": k, "basis": s.tolist(),
            "W_Q": flat(w_q), "W_K": flat(w_k), "W_V": flat(w_v), "W_O": flat(w_o), "W_in": flat(w_in),
            "W_out": flat(w_out), "rows": rows,
        })
    return cases


def main():
    golden = {
        "made": {
            "by": "tools/subspace_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "draws": DRAWS,
            "tolerance": "absolute 1e-12; angles 2e-15 + 1e-12 of their size; projectors 1e-9; drawn values 5 standard"
            " errors; the beta approximation of a tail 0.05, and a third of a tail that is at least 0.01",
        },
        "angles": angles(),
        "leading": leading(),
        "labelMeans": label_means(),
        "labelOverlaps": label_overlaps(),
        "shuffledDifferences": shuffled_differences(),
        "weights": weights(),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
