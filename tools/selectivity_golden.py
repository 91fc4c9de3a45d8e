#!/usr/bin/env python3
"""Writes the reference values that the tests of io.modscan.metrics.selectivity compare with, beyond those of
metrics_golden.py.

    python tools/selectivity_golden.py

needs numpy, scipy and mpmath; their versions go into the file. Values are float32, written as the decimal that reads back as the
same number; null stands for NaN, and the strings "inf" and "-inf" for what JSON lacks. References are computed in float64
from those float32 values, sums by math.fsum. The tests hold themselves to a relative error of 1e-11.

P-values of rank-sum tests are SciPy's, except where values are equal and few, or all equal but a few: there SciPy approximates,
the library doesn't, and what is expected is the exact p-value given the ties, by tied_rank_sum.py.
"""

import json
import math
import pathlib
import platform

import mpmath
import numpy as np
import scipy
import scipy.special
import scipy.stats

import tied_rank_sum

TARGET = (
    pathlib.Path(__file__).parent.parent
    / "modscan-metrics/src/test/resources/io/modscan/metrics/selectivity.json"
)
rng = np.random.default_rng(20261124)


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def floats(array):
    """Float32 values as short decimals."""
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [None if np.isnan(v) else float(str(v)) for v in array]


def mean(x):
    return math.fsum(x) / len(x) if len(x) else math.nan


def squares(x):
    m = mean(x)
    return math.fsum((v - m) ** 2 for v in x)


# --- Hedges' g --------------------------------------------------------------------------------------------------------


def correction(freedom):
    """J, with more digits than a double's: in those, logarithms of Γ lose some as ν grows, and so does scipy's poch."""
    with mpmath.workdps(40):
        half = mpmath.mpf(freedom) / 2
        j = float(mpmath.exp(mpmath.loggamma(half) - mpmath.loggamma(half - mpmath.mpf(1) / 2)) / mpmath.sqrt(half))
    by_logs = math.exp(scipy.special.gammaln(freedom / 2) - scipy.special.gammaln((freedom - 1) / 2)) / math.sqrt(
        freedom / 2
    )
    assert abs(j - by_logs) < 1e-15 * max(10, freedom) * math.log(freedom + 10), freedom
    assert freedom < 20 or abs(j - (1 - 3 / (4 * freedom - 1))) < 1e-3
    return j


def hedges_g(x, y):
    freedom = len(x) + len(y) - 2
    if freedom < 2 or not len(x) or not len(y):
        return math.nan
    difference = mean(x) - mean(y)
    pooled = math.sqrt((squares(x) + squares(y)) / freedom)
    if pooled == 0:
        return 0.0 if difference == 0 else math.copysign(math.inf, difference)
    return correction(freedom) * difference / pooled


# --- a whole scan -----------------------------------------------------------------------------------------------------


def kruskal(groups):
    everything = np.concatenate(groups)
    if (everything == everything[0]).all():
        return 1.0
    return float(scipy.stats.kruskal(*groups).pvalue)


def adjusted(p):
    p = np.array(p, float)
    q = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        q[known] = scipy.stats.false_discovery_control(p[known])
    return q.tolist()


def scan(name, labels, values):
    """Rows of unit, label, means, g, AUROC, p, q, Kruskal–Wallis p and q."""
    labels, values = np.array(list(labels)), np.asarray(values, np.float32)
    names = sorted(set(labels.tolist()))
    rows, unit_p = [], []
    for unit in range(values.shape[1]):
        column = values[:, unit].astype(np.float64)
        missing = np.isnan(column).any()
        unit_p.append(math.nan if missing else kruskal([column[labels == label] for label in names]))
        for label in names:
            x, y = column[labels == label], column[labels != label]
            if missing:
                rows.append([unit, label] + [math.nan] * 6)
                continue
            result = scipy.stats.mannwhitneyu(x, y)
            auroc = float(result.statistic) / (len(x) * len(y))
            p = tied_rank_sum.p_value(x, y) if tied_rank_sum.is_tabulated(x, y) else float(result.pvalue)
            rows.append([unit, label, mean(x), mean(y), hedges_g(x, y), auroc, p, 0.0])
    for row, q in zip(rows, adjusted([row[6] for row in rows])):
        row[7] = q
    unit_q = adjusted(unit_p)
    for row in rows:
        row += [unit_p[row[0]], unit_q[row[0]]]
    return {"name": name, "labels": labels.tolist(), "values": floats(values), "rows": plain(rows)}


def scans():
    n = 40
    labels = rng.permutation(list("a" * 12 + "b" * 12 + "c" * 10 + "d" * 5 + "e"))
    normal = rng.normal(size=(n, 8))
    normal[:, 1] += 2 * (labels == "a")
    normal[:, 2] -= 3 * (labels == "c")
    relu = np.maximum(rng.normal(size=(n, 6)), 0)
    relu[:, 0] = 0
    relu[:, 1] = 0.1
    relu[:, 2] = np.where(labels == "b", 0.3, 0.1)
    relu[:, 3] = np.where(labels == "e", 7, 0)
    relu[7, 4] = np.nan
    sizes = np.array([1e-30, 1e30, 1e-44, 3e38, 1, 1]) * np.clip(rng.normal(size=(n, 6)), -1, 1)
    sizes[:, 4] = np.where(labels == "a", 1e30 * sizes[:, 4], 1e-30 * sizes[:, 4])
    sizes[:, 5] = 1e6 + sizes[:, 5]
    pairs = [[1, 2, 3], [2, 2, 3]]
    return [
        scan("normal", labels, normal),
        scan("rectified, constants, a NaN", labels, relu),
        scan("rounded", labels, np.round(rng.normal(size=(n, 5)), 1)),
        scan("tiny and huge", labels, sizes),
        scan("two prompts", "ab", pairs),
        scan("three prompts", "aab", pairs + [[1, 4, 3]]),
        scan("four prompts", "abab", pairs + [[1, 4, 3], [0.5, 2, 3]]),
        scan("one against five", "baaaaa", np.round(rng.normal(size=(6, 4)), 1)),
        scan("all labels different", "abcde", rng.normal(size=(5, 4))),
        scan("20 topics' share", "a" * 10 + "b" * 190, rng.normal(size=(200, 3))),
    ]


# --- the rank-sum test given the ties ---------------------------------------------------------------------------------


def every_sum(name, values, n):
    """The p-value of every attainable sum of n ranks, doubled."""
    values = np.asarray(values, np.float32)
    p = tied_rank_sum.p_values(tied_rank_sum.doubled_ranks(values), n)
    return {"name": name, "values": floats(values), "n": n, "sums": list(p), "p": list(p.values())}


def some_sums(name, values, n):
    """The same for few sums, over all orders of magnitude."""
    case = every_sum(name, values, n)
    pairs = list(zip(case["sums"], case["p"]))
    middle = case["p"].index(max(case["p"]))
    kept = []
    for outward in (pairs[middle:], pairs[middle::-1]):
        wanted = 1.0
        for total, p in outward:
            if p <= wanted:
                kept.append((total, p))
                wanted = p / 3
    return {**case, "sums": [total for total, _ in kept], "p": [p for _, p in kept]}


def between(below, equal, above):
    """Different values on either side of zeros."""
    return np.r_[np.arange(-below, 0), np.zeros(equal), np.arange(1, above + 1)]


def tied_rank_sums():
    own = np.random.default_rng(20261125)
    rounded = lambda n: np.round(own.normal(size=n), 1)
    cases = [
        ("two values", [1, 1], 1),
        ("three values, two equal", [1, 1, 2], 1),
        ("zero and one", [0] * 5 + [1] * 4, 3),
        ("zero and one, half", [0] * 7 + [1] * 7, 7),
        ("one that is not zero", between(0, 9, 1), 4),
        ("few above zero", between(0, 8, 4), 5),
        ("few below zero", between(4, 8, 0), 5),
        ("few on either side", between(3, 8, 2), 6),
        ("one on either side", between(1, 6, 1), 3),
        ("pairs", [1, 1, 2, 2, 3, 3, 4, 4, 5, 5], 4),
        ("two large groups", [0] * 5 + [3] * 5 + [1, 2, 4], 6),
        ("rounded", rounded(14), 6),
        ("three levels", [0] * 5 + [1] * 6 + [2] * 4, 7),
        ("tiny and huge", [0, 0, 0, 1e-30, -1e-30, 1e30, 1e30, -1e30, 0, -0.0, 2], 5),
        ("mostly zero, 40", between(0, 30, 10), 10),
        ("mostly zero, 200", between(0, 187, 13), 20),
        ("mostly zero, some equal", np.r_[np.zeros(187), [1, 1, 2, 3, 3, 3, 4, 5, 6, 6, 7, 8, 9]], 20),
        ("mostly zero, either side", between(6, 187, 7), 20),
        ("few drawn", between(0, 140, 60), 3),
        ("zero and one, 1000", [0] * 900 + [1] * 100, 50),
    ]
    return [every_sum(*case) for case in cases]


def mostly_equal():
    """Too large to be tabulated; the tests allow for what the normal approximation given the counts may be off."""
    own = np.random.default_rng(20261126)
    return [
        some_sums("60 of 200", between(0, 140, 60), 20),
        some_sums("95 of 200", between(0, 105, 95), 20),
        some_sums("60 of 200, half drawn", between(0, 140, 60), 100),
        some_sums("60 below of 200", between(60, 140, 0), 20),
        some_sums("20 and 30 of 200", between(20, 150, 30), 20),
        some_sums("4 and 50 of 200", between(4, 146, 50), 20),
        some_sums("rounded, 80 of 200", np.r_[np.zeros(120), np.round(np.abs(own.normal(size=80)), 1) + 1], 20),
        some_sums("100 of 600, 60 drawn", between(0, 500, 100), 60),
    ]


# --- importance -------------------------------------------------------------------------------------------------------

SHARE_EPSILON, EPSILON = 1e-3, 1e-6
BOS = 2


def scores(x, threshold):
    if not len(x) or np.isnan(x).any():
        return [math.nan] * 4
    return [
        float(np.mean(x > threshold)),
        mean(np.abs(x)),
        math.sqrt(math.fsum(x * x) / len(x)),
        math.sqrt(squares(x) / len(x)),
    ]


def importance(name, labels, tokens, values, threshold, without_bos):
    """Values of each prompt are [tokens, units]; rows of unit, label, then in, out and ratio, four numbers each."""
    names = sorted(set(labels))
    values = [np.asarray(v, np.float32) for v in values]
    kept = [v[1:] if without_bos and t[0] == BOS else v for v, t in zip(values, tokens)]
    rows = []
    for unit in range(values[0].shape[1]):
        for label in names:
            side = lambda inside: np.concatenate(
                [v[:, unit].astype(np.float64) for v, of in zip(kept, labels) if (of == label) == inside]
            )
            within, without = scores(side(True), threshold), scores(side(False), threshold)
            epsilons = [SHARE_EPSILON] + 3 * [EPSILON]
            rows.append([unit, label, within, without, [i / (o + e) for i, o, e in zip(within, without, epsilons)]])
    return {
        "name": name,
        "labels": list(labels),
        "tokens": [list(map(int, t)) for t in tokens],
        "values": [floats(v) for v in values],
        "threshold": threshold,
        "withoutBos": without_bos,
        "rows": plain(rows),
    }


def importances():
    labels = "abcabcabca"
    tokens = [[BOS] * (i != 4) + rng.integers(3, 99, size=1 + i % 4).tolist() for i in range(len(labels))]
    gelu = lambda shape: np.maximum(rng.normal(size=shape), -0.1)
    values = [gelu((len(t), 6)) for t in tokens]
    for v, of in zip(values, labels):
        v[0] *= 50
        v[:, 1] = 0
        v[:, 2] = 0.1
        v[:, 3] *= 1e-30
        v[:, 4] *= 1e30 if of == "a" else 1e-3
    missing = [v.copy() for v in values]
    missing[1][-1, 0] = np.nan
    lone = [[[BOS], [BOS, 5]], [rng.normal(size=(1, 2)), rng.normal(size=(2, 2))]]
    return [
        importance("with BOS", labels, tokens, values, 0.0, False),
        importance("without BOS", labels, tokens, values, 0.0, True),
        importance("above a half", labels, tokens, values, 0.5, True),
        importance("a NaN", labels, tokens, missing, 0.0, True),
        importance("nothing but BOS", "ab", *lone, 0.0, True),
    ]


def main():
    golden = {
        "made": {
            "by": "tools/selectivity_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "mpmath": mpmath.__version__,
            "tolerance": "relative 1e-11",
        },
        "corrections": [[n, correction(n)] for n in [2, 3, 4, 5, 10, 38, 198, 1000, 99_998, 10_000_000]],
        "scans": scans(),
        "tiedRankSums": tied_rank_sums(),
        "mostlyEqual": mostly_equal(),
        "importances": importances(),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
