#!/usr/bin/env python3
"""Writes the reference values that the tests of modscan-metrics compare with.

    python tools/metrics_golden.py

needs numpy, scipy and scikit-learn; their versions go into the file. Values are float32, written as the decimal that
reads back as the same number; null stands for NaN. References are computed in float64 from those float32 values. The
tests hold themselves to a relative error of 1e-12 (similarities: absolute 1e-14).

P-values of rank tests are SciPy's, except where values are equal and few, or all equal but a few: there SciPy approximates, the
library doesn't, and what is expected is the exact p-value given the ties, by tied_rank_sum.py.
"""

import json
import math
import pathlib
import platform

import numpy as np
import scipy
import scipy.stats
import sklearn
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

import tied_rank_sum

TARGET = (
    pathlib.Path(__file__).parent.parent
    / "modscan-metrics/src/test/resources/io/modscan/metrics/golden.json"
)
rng = np.random.default_rng(20261123)


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def floats(array):
    """Float32 values as short decimals."""
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [None if np.isnan(v) else float(str(v)) for v in array]


def rank_sum_p(x, y, scipys):
    return tied_rank_sum.p_value(x, y) if tied_rank_sum.is_tabulated(x, y) else float(scipys)


# --- rank tests -------------------------------------------------------------------------------------------------------


def rank_test(name, x, y):
    x, y = np.asarray(x, np.float32), np.asarray(y, np.float32)
    result = scipy.stats.mannwhitneyu(
        x.astype(np.float64), y.astype(np.float64), alternative="two-sided", method="auto"
    )
    auroc = float(result.statistic) / (len(x) * len(y))
    truth = np.r_[np.ones(len(x)), np.zeros(len(y))]
    assert abs(auroc - roc_auc_score(truth, np.r_[x, y].astype(np.float64))) < 1e-12, name
    p = rank_sum_p(x, y, result.pvalue)
    return {"name": name, "in": floats(x), "out": floats(y), "auroc": auroc, "p": p}


def rank_tests():
    normal = lambda n, shift=0.0: rng.normal(shift, 1, n)
    rounded = lambda n, shift=0.0: np.round(rng.normal(shift, 1, n), 1)
    cases = [
        rank_test("one against one", [1], [2]),
        rank_test("one against one, equal", [1], [1]),
        rank_test("one against two", [3], [1, 2]),
        rank_test("two against two", [1, 2], [3, 4]),
        rank_test("one in the middle", [3], [1, 2, 4, 5]),
        rank_test("all equal", [2.5] * 6, [2.5] * 14),
        rank_test("all zero but one", [0] * 11 + [1], [0] * 12),
        rank_test("zeros of both signs", [0.0, -0.0, 1, -1], [-0.0, 0.0, 2, -2]),
        rank_test("half of them zero", np.maximum(normal(12, 0.5), 0), np.maximum(normal(40), 0)),
        rank_test("tied, small", rounded(5), rounded(7)),
        rank_test("tied across only", [1, 2, 3], [3, 4, 5, 6]),
        rank_test("tiny", normal(9) * 1e-30, normal(11) * 1e-30),
        rank_test("smallest floats", np.arange(-4, 5) * 1.4e-45, np.arange(-2, 9) * 1.4e-45),
        rank_test("huge", normal(9) * 1e30, normal(11, 1) * 1e30),
        rank_test("tiny and huge", np.r_[normal(5) * 1e-30, normal(5) * 1e30], normal(12)),
        rank_test("separated, exact", np.arange(100, 108), np.arange(30)),
        rank_test("separated, asymptotic", np.arange(100, 120), np.arange(40)),
        rank_test("20 topics' share", normal(20, 0.8), normal(180)),
        rank_test("20 topics' share, tied", rounded(20, 0.8), rounded(180)),
    ]
    for n1, n2 in [(1, 19), (2, 40), (3, 3), (7, 9), (8, 8), (8, 9), (9, 8), (9, 9), (8, 120), (120, 8), (5, 300)]:
        cases.append(rank_test(f"{n1} against {n2}", normal(n1, 0.7), normal(n2)))
    return cases


def exact_tables():
    """P-values for every U of a few sizes: the statistic alone decides."""
    tables = []
    for n1, n2 in [(1, 6), (2, 7), (4, 5), (8, 13), (6, 40)]:
        # x takes the places that give U = u: start from the lowest and move values up one by one.
        ps = []
        for u in range(n1 * n2 + 1):
            moved = [min(n2, max(0, u - i * n2)) for i in range(n1)]
            places = [n1 - 1 - i + moved[i] for i in range(n1)]
            x = np.array(places, float)
            y = np.array(sorted(set(range(n1 + n2)) - set(places)), float)
            result = scipy.stats.mannwhitneyu(x, y, method="exact")
            assert result.statistic == u
            ps.append(float(result.pvalue))
        tables.append({"n1": n1, "n2": n2, "p": ps})
    return tables


def separations():
    """Two samples 0 … n−1 and n … 2n−1: p-values down to the smallest doubles."""
    return [
        {"n": n, "p": float(scipy.stats.mannwhitneyu(np.arange(n), np.arange(n, 2 * n)).pvalue)}
        for n in (9, 50, 200, 500, 900, 1000)
    ]


def false_discovery():
    cases = [
        [0.5],
        [0.0, 1.0],
        [0.01, 0.02, 0.03, 0.04, 0.05],
        [0.04, 0.04, 0.04, 0.2, 0.2],
        [1.0] * 4,
        [1e-300, 5e-324, 0.9, 0.3],
        rng.uniform(size=100).tolist(),
        np.r_[rng.uniform(size=60), rng.uniform(size=20) ** 8].tolist(),
        np.round(rng.uniform(size=80), 1).tolist(),
    ]
    return [{"p": p, "q": plain(scipy.stats.false_discovery_control(p))} for p in cases]


# --- a whole scan -----------------------------------------------------------------------------------------------------


def scan():
    labels = ["b"] * 9 + ["a"] * 14 + ["c"] * 4 + ["d"]
    labels = np.array([labels[i] for i in rng.permutation(len(labels))])
    n = len(labels)
    first = rng.normal(size=(n, 6)).astype(np.float32)  # 2 heads × 3
    first[:, 1] += 2 * (labels == "a")
    first[:, 2] *= np.float32(1e30)
    first[:, 3] *= np.float32(1e-30)
    first[:, 4] = 0.25
    second = np.maximum(rng.normal(size=(n, 5)), 0).astype(np.float32)
    second[:, 1] = 0
    second[3, 2] = np.nan
    second[:, 3] = np.round(second[:, 3], 1)
    second[:, 4] = np.where(labels == "c", 1e30, second[:, 4])
    rows = []
    for s, site in enumerate([first, second]):
        for unit in range(site.shape[1]):
            values = site[:, unit].astype(np.float64)
            for label in sorted(set(labels.tolist())):
                x, y = values[labels == label], values[labels != label]
                if np.isnan(values).any():
                    rows.append([s, unit, label] + [math.nan] * 6)
                    continue
                # fsum: numpy's own sum loses 1e-30 beside 1e30 in another order than ours.
                mean_in, mean_out = math.fsum(x) / len(x), math.fsum(y) / len(y)
                both = abs(mean_in) + abs(mean_out)
                result = scipy.stats.mannwhitneyu(x, y)
                rows.append([
                    s, unit, label, mean_in, mean_out, (mean_in - mean_out) / both if both else 0.0,
                    float(result.statistic) / (len(x) * len(y)), rank_sum_p(x, y, result.pvalue), 0.0,
                ])
    p = np.array([row[7] for row in rows])
    q = np.full(len(p), np.nan)
    q[~np.isnan(p)] = scipy.stats.false_discovery_control(p[~np.isnan(p)])
    for row, value in zip(rows, q):
        row[8] = float(value)
    return {"labels": labels.tolist(), "first": floats(first), "second": floats(second), "rows": plain(rows)}


# --- similarity -------------------------------------------------------------------------------------------------------


def similarity(name, vectors, labels):
    vectors = np.asarray(vectors, np.float32)
    wide = vectors.astype(np.float64)
    n = len(wide)
    dots = np.array([[math.fsum(a * b) for b in wide] for a in wide])
    squares = np.diag(dots)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = dots / np.sqrt(np.outer(squares, squares))
        scaled = dots / squares.max()
    finite = squares > 0
    # scikit-learn takes shorter vectors than this for zeros.
    long = squares > 1e-20
    if long.any():
        known = cosine_similarity(wide[long])
        assert np.allclose(cosine[np.ix_(long, long)], known, rtol=0, atol=1e-12), name
    cosine = np.clip(cosine, -1, 1)
    keys = sorted(set(labels))
    by = {
        (a, b): [
            cosine[i, j]
            for i in range(n)
            for j in range(n)
            if i != j and labels[i] == a and labels[j] == b and finite[i] and finite[j]
        ]
        for a in keys
        for b in keys
    }
    mean = lambda values: math.fsum(values) / len(values) if len(values) else math.nan
    return {
        "name": name,
        "vectors": floats(vectors),
        "labels": list(labels),
        "cosine": plain(cosine),
        "scaledCosine": plain(scaled),
        "leftOut": int((~finite).sum()),
        "means": plain([[mean(by[a, b]) for b in keys] for a in keys]),
        "within": plain(mean([v for (a, b), vs in by.items() if a == b for v in vs])),
        "between": plain(mean([v for (a, b), vs in by.items() if a != b for v in vs])),
    }


def similarities():
    normal = rng.normal(size=(12, 7))
    apart = rng.normal(size=(15, 6)) + np.repeat(3 * rng.normal(size=(3, 6)), 5, axis=0)
    zeros = normal[:6].copy()
    zeros[[1, 4]] = 0
    missing = normal[:5].copy()
    missing[2, 3] = np.nan
    return [
        similarity("one prompt", [[3, 4]], "a"),
        similarity("two prompts", [[3, 4], [4, -3]], "ab"),
        similarity("opposite and alike", [[1, 2, 3], [-2, -4, -6], [3, 6, 9]], "aab"),
        similarity("normal", normal, "abcabcabcabc"),
        similarity("apart", apart, "a" * 5 + "b" * 5 + "c" * 5),
        similarity("some zero", zeros, "aabbbc"),
        similarity("all zero", np.zeros((3, 4)), "aab"),
        similarity("one width", [[2], [-1], [0.5]], "aab"),
        similarity("tiny", normal[:5] * 1e-30, "aabbb"),
        similarity("smallest floats", [[1.4e-45, 0], [1.4e-45, 1.4e-45], [0, -2.8e-45]], "aab"),
        similarity("huge", normal[:5] * 1e30, "aabbb"),
        similarity("largest floats", [[3.4e38, 3.4e38], [-3.4e38, 3.4e38], [3.4e38, 0]], "aab"),
        similarity("tiny beside huge", np.r_[normal[:3] * 1e-30, normal[3:6] * 1e30], "aabbab"),
        similarity("a NaN", missing, "aabbb"),
    ]


def main():
    golden = {
        "made": {
            "by": "tools/metrics_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "tolerance": "relative 1e-12; similarities absolute 1e-14",
        },
        "rankTests": rank_tests(),
        "exactTables": exact_tables(),
        "separations": separations(),
        "falseDiscovery": false_discovery(),
        "scan": scan(),
        "similarities": similarities(),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
