#!/usr/bin/env python3
"""Writes the reference values for closeness, label means, separation and linear CKA.

    python tools/similarity_golden.py

needs numpy and scikit-learn, and two minutes; their versions go into the file. Values are float32, written as the decimal that reads back
as the same number; null stands for NaN. Closeness is computed in exact fractions, CKA by its explicit formula in long
doubles, silhouettes and leave-one-out predictions by scikit-learn, p-values over all permutations. The tests hold
themselves to the tolerances in the file.
"""

import itertools
import json
import math
import pathlib
import platform
from fractions import Fraction

import numpy as np
import sklearn
from sklearn.metrics import silhouette_score
from sklearn.model_selection import LeaveOneOut
from sklearn.neighbors import NearestCentroid

TARGET = (
    pathlib.Path(__file__).parent.parent
    / "modscan-metrics/src/test/resources/io/modscan/metrics/similarity.json"
)
rng = np.random.default_rng(20261124)


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, (list, tuple)):
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


# --- closeness and label means ----------------------------------------------------------------------------------------


def exact(vectors):
    """Closeness and scaled cosine, by fractions; None where undefined."""
    n = len(vectors)
    if not np.isfinite(vectors).all():
        return np.full((n, n), math.nan), np.full((n, n), math.nan)
    rows = [[Fraction(float(v)) for v in row] for row in vectors]
    dot = lambda a, b: sum((x * y for x, y in zip(a, b)), Fraction(0))
    longest = max(dot(row, row) for row in rows)
    if longest == 0:
        return np.ones((n, n)), np.full((n, n), math.nan)
    closeness = [
        [float(1 - dot(d, d) / (2 * longest)) for b in rows for d in [[x - y for x, y in zip(a, b)]]] for a in rows
    ]
    scaled = [[float(dot(a, b) / longest) for b in rows] for a in rows]
    return np.array(closeness), np.array(scaled)


def means(matrix, labels):
    keys = sorted(set(labels))
    n = len(labels)
    kept = [i for i in range(n) if not math.isnan(matrix[i, i])]
    mean = lambda values: math.fsum(values) / len(values) if values else math.nan
    pairs = lambda a, b: [matrix[i, j] for i in kept for j in kept if i != j and labels[i] == a and labels[j] == b]
    return {
        "leftOut": n - len(kept),
        "means": plain([[mean(pairs(a, b)) for b in keys] for a in keys]),
        "within": plain(mean([s for a in keys for s in pairs(a, a)])),
        "between": plain(mean([s for a in keys for b in keys if a != b for s in pairs(a, b)])),
    }


def closeness(name, vectors, labels):
    vectors = np.asarray(vectors, np.float32)
    matrix, scaled = exact(vectors)
    return {
        "name": name,
        "vectors": floats(vectors),
        "labels": list(labels),
        "closeness": plain(matrix),
        "closenessMeans": means(matrix, labels),
        "scaledCosineMeans": means(scaled, labels),
    }


def closenesses():
    normal = rng.normal(size=(12, 7))
    far = 100 + rng.normal(size=(8, 30)) * 1e-5
    quiet = np.r_[rng.normal(size=(4, 5)), rng.normal(size=(4, 5)) * 1e-20]
    zeros = normal[:6].copy()
    zeros[[1, 4]] = 0
    missing = normal[:5].copy()
    missing[2, 3] = np.nan
    return [
        closeness("one prompt", [[3, 4]], "a"),
        closeness("two prompts", [[3, 4], [4, -3]], "ab"),
        closeness("opposite", [[3, 4], [-3, -4], [0, 0], [1.5, 2]], "aabb"),
        closeness("normal", normal, "abcabcabcabc"),
        closeness("nearly equal, far from zero", far, "aabbccab"),
        closeness("loud and quiet", quiet, "abababab"),
        closeness("some zero", zeros, "aabbbc"),
        closeness("all zero", np.zeros((3, 4)), "aab"),
        closeness("minus zero", [[-0.0, 0.0], [0.0, 1.0]], "aa"),
        closeness("tiny", normal[:5] * 1e-30, "aabbb"),
        closeness("smallest floats", [[1.4e-45, 0], [1.4e-45, 1.4e-45], [0, -2.8e-45]], "aab"),
        closeness("huge", normal[:5] * 1e30, "aabbb"),
        closeness("largest floats", [[3.4e38, 3.4e38], [-3.4e38, 3.4e38], [3.4e38, 0]], "aab"),
        closeness("tiny beside huge", np.r_[normal[:3] * 1e-30, normal[3:6] * 1e30], "aabbab"),
        closeness("a NaN", missing, "aabbb"),
    ]


# --- separation -------------------------------------------------------------------------------------------------------


def similarity(measure, wide):
    squares = (wide * wide).sum(axis=1)
    if measure == "cosine":
        with np.errstate(invalid="ignore"):
            units = wide / np.sqrt(squares)[:, None]
        return units @ units.T, units
    if measure == "scaledCosine":
        return wide @ wide.T / squares.max(), wide
    differences = wide[:, None, :] - wide[None, :, :]
    return 1 - (differences**2).sum(axis=2) / (2 * squares.max()), wide


def leave_one_out(points, labels):
    """Predictions for points, as scikit-learn makes them; a prompt without others of its label is wrong."""
    hits = 0
    for rest, one in LeaveOneOut().split(points):
        if len(set(labels[rest])) == 1:
            # scikit-learn asks for two classes to choose from.
            hits += int(labels[rest][0] == labels[one][0])
        else:
            with np.errstate(invalid="ignore"):  # its variances, of labels with one prompt each, are not used
                nearest = NearestCentroid().fit(points[rest], labels[rest])
            hits += int(nearest.predict(points[one])[0] == labels[one][0])
    return hits / len(points)


def gap(matrix, labels):
    same = labels[:, None] == labels[None, :]
    pair = ~np.eye(len(labels), dtype=bool)
    within, between = matrix[same & pair], matrix[~same]
    return (
        math.fsum(within) / len(within) if len(within) else math.nan,
        math.fsum(between) / len(between) if len(between) else math.nan,
    )


def silhouette(matrix, labels):
    distances = 1 - matrix
    np.fill_diagonal(distances, 0)
    if len(set(labels)) == len(labels):
        return 0.0  # each scores 0; scikit-learn refuses
    return float(silhouette_score(np.maximum(distances, 0), labels, metric="precomputed"))


def statistics(matrix, points, labels):
    within, between = gap(matrix, labels)
    return within - between, silhouette(matrix, labels), leave_one_out(points, labels)


def separation(name, measure, vectors, labels, enumerate_all=False):
    vectors = np.asarray(vectors, np.float32)
    wide = vectors.astype(np.float64)
    labels = np.array(list(labels))
    matrix, points = similarity(measure, wide)
    kept = ~np.isnan(np.diag(matrix))
    matrix, points, ofkept = matrix[np.ix_(kept, kept)], points[kept], labels[kept]
    within, between = gap(matrix, ofkept)
    observed = statistics(matrix, points, ofkept)
    case = {
        "name": f"{name}, {measure}",
        "measure": measure,
        "vectors": floats(vectors),
        "labels": labels.tolist(),
        "leftOut": int((~kept).sum()),
        "within": plain(within),
        "between": plain(between),
        "gap": plain(observed[0]),
        "silhouette": observed[1],
        "accuracy": observed[2],
    }
    if enumerate_all:
        # All distinct labellings are equally likely, and come equally often among all permutations.
        shuffles = [
            statistics(matrix, points, np.array(order)) for order in sorted(set(itertools.permutations(ofkept.tolist())))
        ]
        case["p"] = [sum(s[i] >= observed[i] - 1e-12 for s in shuffles) / len(shuffles) for i in range(3)]
        case["labellings"] = len(shuffles)
    return case


def separations():
    apart = rng.normal(size=(17, 6)) + np.repeat(1.2 * rng.normal(size=(3, 6)), [5, 8, 4], axis=0)
    labels = "a" * 5 + "b" * 8 + "c" * 4
    noise = rng.normal(size=(14, 3))
    single = rng.normal(size=(9, 4)) + 2 * np.eye(4)[[0, 0, 0, 0, 1, 1, 1, 1, 2]]
    lengths = np.abs(rng.normal(size=(12, 1))) * rng.normal(size=(12, 5))
    lengths[:6] *= 4
    zero = apart.copy()
    zero[[2, 9]] = 0
    small = rng.normal(size=(8, 3)) + 1.0 * np.eye(3)[[0, 0, 0, 1, 1, 1, 1, 0]]
    measures = ["cosine", "scaledCosine", "closeness"]
    cases = []
    for measure in measures:
        cases += [
            separation("apart", measure, apart, labels),
            separation("noise", measure, noise, "abcdabcdabcdab"),
            separation("one of a kind", measure, single, "aaaabbbbc"),
            separation("by length", measure, lengths, "a" * 6 + "b" * 6),
            separation("tiny", measure, apart * 1e-30, labels),
            separation("huge", measure, apart * 1e30, labels),
            separation("two and one", measure, [[3, 1], [2, 1], [-1, 4]], "aab"),
            separation("two", measure, [[3, 1], [2, 1]], "ab"),
            separation("eight prompts", measure, small, "aaabbbba", enumerate_all=True),
            separation("six prompts", measure, small[[0, 1, 3, 4, 5, 7]], "abbcca", enumerate_all=True),
        ]
    cases.append(separation("some zero", "cosine", zero, labels))
    return cases


# --- linear CKA -------------------------------------------------------------------------------------------------------


def hsic(k, l):
    """Song et al. 2012, equation 5, to the letter."""
    n = len(k)
    k, l = k.copy(), l.copy()
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    one = np.ones(n, np.longdouble)
    return (
        np.trace(k.dot(l))
        + one.dot(k).dot(one) * one.dot(l).dot(one) / ((n - 1) * (n - 2))
        - 2 * one.dot(k).dot(l).dot(one) / (n - 2)
    ) / (n * (n - 3))


def cka(name, *sites):
    sites = [np.asarray(site, np.float32) for site in sites]
    grams = []
    for site in sites:
        wide = site.astype(np.longdouble)
        grams.append(wide.dot(wide.T))
    n = len(sites[0])
    values = np.full((len(sites), len(sites)), math.nan)
    if n > 3:
        for i, k in enumerate(grams):
            for j, l in enumerate(grams):
                constant = np.ptp(sites[i], axis=0).max() == 0 or np.ptp(sites[j], axis=0).max() == 0
                values[i, j] = (
                    math.nan if constant else float(hsic(k, l) / np.sqrt(hsic(k, k)) / np.sqrt(hsic(l, l)))
                )
    return {"name": name, "sites": [floats(site) for site in sites], "cka": plain(values)}


def ckas():
    x = rng.normal(size=(20, 6))
    turned = x @ np.linalg.qr(rng.normal(size=(6, 6)))[0]
    wide = x @ rng.normal(size=(6, 40)) + rng.normal(size=(20, 40))
    return [
        cka("related and not", x, turned, wide, rng.normal(size=(20, 3)), rng.normal(size=(20, 100))),
        cka("tiny and huge", x * 1e-30, x * 1e30, wide * 1e30, rng.normal(size=(20, 2)) * 1e-30),
        cka("shifted", x, wide + 30, rng.normal(size=(20, 5)) - 10),
        cka("one wide", x[:, :1], x[:, 1:2], np.abs(x[:, :1])),
        cka("constant", x, np.full((20, 4), 0.1), np.c_[x[:, 0], np.full(20, 7.7)]),
        cka("four prompts", x[:4], wide[:4]),
        cka("five prompts", x[:5], wide[:5], rng.normal(size=(5, 1))),
        cka("three prompts", x[:3], wide[:3]),
        cka("one prompt", x[:1], wide[:1]),
        cka("missing", np.r_[x[:7], np.full((1, 6), np.nan)], wide[:8]),
    ]


def main():
    golden = {
        "made": {
            "by": "tools/similarity_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "tolerance": "closeness, label means, separation absolute 1e-14; silhouette 1e-13; CKA 1e-12",
        },
        "closenesses": closenesses(),
        "separations": separations(),
        "ckas": ckas(),
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
