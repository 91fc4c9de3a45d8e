#!/usr/bin/env python3
"""Writes the reference values that the tests of parallel and opposite units compare with.

    python tools/parallel_golden.py

needs numpy and scipy; their versions go into the file. Inputs are float32, written as the decimal that reads back as the
same number; null stands for NaN. References are computed in float64 from them, correlations without a prompt by
leaving out each in turn, groups by scipy's complete linkage.
"""

import json
import math
import pathlib
import platform

import numpy as np
import scipy
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

ROOT = pathlib.Path(__file__).parent.parent
TARGET = ROOT / "modscan-metrics/src/test/resources/io/modscan/metrics/parallel.json"
rng = np.random.default_rng(20261129)


def number(value):
    return None if math.isnan(value) else float(value)


def floats(array):
    array = np.asarray(array, np.float32)
    if array.ndim > 1:
        return [floats(row) for row in array]
    return [None if np.isnan(v) else 1e39 if np.isposinf(v) else float(str(v)) for v in array]


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def correlation(a, b):
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return cosine(a - a.mean(), b - b.mean())


def parallel(name, values, least, lengths=None, w_in=None, w_out=None):
    """values [prompts or tokens, units]; lengths: tokens of each prompt; w_in [D, units], w_out [units, D]"""
    values = np.asarray(values, np.float32)
    wide = values.astype(np.float64)
    n, width = wide.shape
    prompts = np.repeat(np.arange(len(lengths)), lengths) if lengths else np.arange(n)
    units = [u for u in range(width) if np.isfinite(wide[:, u]).all() and np.ptp(wide[:, u]) > 0]
    pairs, by_one, distance = [], 0, np.full((len(units), len(units)), 2.0)
    np.fill_diagonal(distance, 0)
    for x, i in enumerate(units):
        for y, j in enumerate(units[:x]):
            r = correlation(wide[:, i], wide[:, j])
            if abs(r) < least:
                continue
            left = min(
                np.sign(r) * correlation(wide[prompts != p, i], wide[prompts != p, j]) for p in np.unique(prompts)
            )
            if left < least:
                by_one += 1
                continue
            distance[x, y] = distance[y, x] = 1 - abs(r)
            row = [j, i, r, math.copysign(left, r), cosine(wide[:, i], wide[:, j])]
            row += [cosine(w_out[i], w_out[j]), cosine(w_in[:, i], w_in[:, j])] if w_in is not None else [None, None]
            pairs.append(row)
    labels = fcluster(linkage(squareform(distance), "complete"), 1 - least, "distance") if len(units) > 1 else []
    groups = []
    for label in sorted(set(labels)):
        members = [u for u, other in zip(units, labels) if other == label]
        if len(members) > 1:
            r = np.corrcoef(wide[:, members], rowvar=False)
            signs = np.sign(r[0])
            weights = signs * wide[:, members].std(axis=0)
            net = np.linalg.norm(weights @ w_out[members]) if w_out is not None else math.nan
            gross = np.abs(weights) @ np.linalg.norm(w_out[members], axis=1) if w_out is not None else math.nan
            groups.append([members, signs.astype(int).tolist(), float(np.abs(r).min()), number(net), number(gross)])
    groups.sort(key=lambda group: (-len(group[0]), group[0][0]))
    return {
        "name": name, "values": floats(values), "lengths": lengths, "least": least,
        "wIn": floats(w_in) if w_in is not None else None, "wOut": floats(w_out) if w_out is not None else None,
        "leftOut": [u for u in range(width) if u not in units], "pairs": sorted(pairs), "byOnePrompt": by_one,
        "groups": groups,
    }


def carriers(n, features, noise):
    """One unit for each given (feature, scale)."""
    courses = rng.normal(size=(n, 1 + max(f for f, _ in features)))
    return np.stack([s * (courses[:, f] + noise * rng.normal(size=n)) for f, s in features], axis=1)


def cases():
    features = [(0, 1), (1, 2), (0, -1), (2, 1), (0, 3), (1, -0.5), (3, 1), (0, -0.1), (2, 1), (4, 1)]
    weights = {
        "w_in": np.asarray(rng.normal(size=(6, 10)), np.float32).astype(float),
        "w_out": np.asarray(rng.normal(size=(10, 6)), np.float32).astype(float),
    }
    weights["w_out"][2] = weights["w_out"][0]
    weights["w_out"][8] = -weights["w_out"][3]
    normal = carriers(40, features, 0.2)
    relu = np.maximum(carriers(60, features, 0.15), -0.2) + 0.2
    offset = carriers(30, features, 0.25) + np.array([5, 5, -5, 5, 5, 5, 5, 0, 0, 5])
    odd = rng.normal(size=(30, 6))
    odd[7] = [40, -30, 50, 60, 0, 25]
    sparse = np.zeros((25, 9))
    for unit, at in enumerate([[3], [3], [3, 8], [3, 8], [8, 3, 11], [11], [1, 2], [2, 1], []]):
        sparse[at, unit] = 1 + rng.uniform(size=len(at)) / 10
    angles = np.radians(20) * np.arange(9)
    plane = np.linalg.qr(rng.normal(size=(20, 3)) - 0)[0]
    plane -= plane.mean(axis=0)
    plane = np.linalg.qr(plane)[0][:, :2]
    chain = plane @ np.stack([np.cos(angles), np.sin(angles)]) + 0.001 * rng.normal(size=(20, 9))
    spoilt = carriers(20, [(0, 1)] * 6, 0.1) * np.array([1e30, 1e-30, 1, 1, 1, -1e10])
    spoilt[:, 2] = 7
    spoilt[3, 3] = np.nan
    spoilt[4, 4] = np.inf
    copies = np.repeat(rng.normal(size=(9, 3)), 3, axis=1) * np.array([1, -1, 2, 1, 1, 1, 1, -4, 0.5])
    lengths = [3, 7, 1, 12, 5, 9]
    tokens = carriers(sum(lengths), features, 0.2)
    tokens[10:11, :4] += 100
    return [
        parallel("normal", normal, 0.9, **weights),
        parallel("normal, a lower threshold", normal, 0.6, **weights),
        parallel("behind a ReLU", relu, 0.85, **weights),
        parallel("means", offset, 0.8),
        parallel("one odd prompt", odd, 0.9),
        parallel("sparse", sparse, 0.9),
        parallel("a chain", chain, 0.8),
        parallel("constant, NaN, infinite, huge, tiny", spoilt, 0.9),
        parallel("copies", copies, 1 - 1e-12),
        parallel("tokens", tokens, 0.9, lengths=lengths, **weights),
    ]


def main():
    golden = {
        "made": {
            "by": "tools/parallel_golden.py", "python": platform.python_version(), "numpy": np.__version__,
            "scipy": scipy.__version__, "tolerance": "cosines and correlations: absolute 1e-12; lengths: relative 1e-6",
        },
        "cases": cases(),
    }
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in golden["cases"])
    TARGET.write_text(f'{{"made": {json.dumps(golden["made"])},\n"cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
