#!/usr/bin/env python3
"""Writes the reference values that the tests of comparing partitions, and of the labels of modules, compare with.

    python tools/comparison_golden.py

needs numpy, scipy and scikit-learn; their versions go into the file. A case names the module of each unit in two maps, -1 for
a unit outside of any; null stands for NaN. The tests hold themselves to the tolerance that the file names.
"""

import json
import math
import pathlib
import platform

import numpy as np
import scipy
import scipy.stats
import sklearn
from sklearn.metrics import adjusted_rand_score, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

ROOT = pathlib.Path(__file__).parent.parent
TARGET = ROOT / "modscan-metrics/src/test/resources/io/modscan/metrics/comparison.json"
rng = np.random.default_rng(20261129)


def number(value):
    return None if math.isnan(value) else float(value)


def agreement(one, other):
    """Over units with classes of their own where they are in no module."""
    n = len(one)
    if n == 0:
        return {"units": 0, "adjustedRand": None, "variationOfInformation": None, "normalised": None}
    one = [c if c >= 0 else -1 - i for i, c in enumerate(one)]
    other = [c if c >= 0 else -1 - i for i, c in enumerate(other)]
    sizes = [np.unique(classes, return_counts=True)[1] for classes in (one, other)]
    pairs = [int((s * (s - 1) // 2).sum()) for s in sizes]
    # scikit-learn says 1 where the index is 0 / 0.
    undefined = n < 2 or pairs == [0, 0] or pairs == [n * (n - 1) // 2] * 2
    vi = sum(scipy.stats.entropy(s) for s in sizes) - 2 * mutual_info_score(one, other)
    return {
        "units": n,
        "adjustedRand": None if undefined else float(adjusted_rand_score(one, other)),
        "variationOfInformation": max(0.0, float(vi)),
        "normalised": None if n < 2 else max(0.0, float(vi / math.log(n))),
    }


def comparison(name, one, other):
    one, other = np.asarray(one), np.asarray(other)
    n = len(one)
    both = (one >= 0) & (other >= 0)
    a, b = [int(classes.max(initial=-1)) + 1 for classes in (one, other)]
    overlaps = []
    if a and b:
        shared = np.zeros((a, b), int)
        if both.any():
            table = contingency_matrix(one[both], other[both])
            shared[np.ix_(np.unique(one[both]), np.unique(other[both]))] = table
        in_one = np.array([(one == i).sum() for i in range(a)])
        in_other = np.array([(other == j).sum() for j in range(b)])
        p = np.array([[scipy.stats.hypergeom.sf(shared[i, j] - 1, n, in_one[i], in_other[j]) for j in range(b)] for i in range(a)])
        q = scipy.stats.false_discovery_control(np.clip(p, 0, 1).ravel()).reshape(a, b)
        for i in range(a):
            for j in range(b):
                if shared[i, j]:
                    overlaps.append({
                        "one": i, "other": j, "shared": int(shared[i, j]),
                        "jaccard": shared[i, j] / int(((one == i) | (other == j)).sum()),
                        "expected": float(in_one[i] * in_other[j] / n), "p": float(p[i, j]), "q": float(q[i, j]),
                    })
    return {
        "name": name, "one": one.tolist(), "other": other.tolist(),
        "all": agreement(one, other), "inModules": agreement(one[both], other[both]), "overlaps": overlaps,
    }


def noisy(n, classes, kept, outside):
    """A partition and one that agrees with it where chance has it so; both with some units in no module."""
    one = rng.integers(0, classes, n)
    other = np.where(rng.uniform(size=n) < kept, one, rng.integers(0, classes, n))
    one[:classes] = other[-classes:] = np.arange(classes)
    for partition in (one, other):
        gone = rng.uniform(size=n) < outside
        gone[:classes] = gone[-classes:] = False
        partition[gone] = -1
    return one, other


def comparisons():
    return [
        comparison("the same, numbered otherwise", [0, 0, 1, 1, -1], [1, 1, 0, 0, -1]),
        comparison("crossed", [0, 0, 1, 1], [0, 1, 0, 1]),
        comparison("one has no module", [-1] * 5, [0, 0, 0, -1, -1]),
        comparison("neither has a module", [-1] * 4, [-1] * 4),
        comparison("all in one against two", [0] * 6, [0, 0, 0, 1, 1, 1]),
        comparison("all in one in both", [0] * 6, [0] * 6),
        comparison("all in one against none", [0] * 6, [-1] * 6),
        comparison("one unit", [-1], [-1]),
        comparison("no unit is in modules of both", [0, 0, -1, -1], [-1, -1, 0, 0]),
        comparison("a module comes apart", [0] * 8 + [1] * 4, [0] * 4 + [1] * 4 + [2] * 4),
        comparison("thirty units", *noisy(30, 3, 0.7, 0.2)),
        comparison("two hundred units", *noisy(200, 12, 0.5, 0.3)),
        comparison("nothing in common", *noisy(300, 6, 0.0, 0.1)),
        comparison("thousands", *noisy(2_000, 5, 0.9, 0.05)),
    ]


def topic_cases():
    """Members of modules and others, and which respond: counts of them, the p and q of each."""
    cases = []
    for modules, others in [([(30, 20), (900, 54), (16, 1), (2, 2)], (9052, 200)), ([(10, 10)], (0, 0)), ([(5, 0), (7, 3)], (100, 1))]:
        n = sum(size for size, _ in modules) + others[0]
        k = sum(lit for _, lit in modules) + others[1]
        p = [scipy.stats.hypergeom.sf(lit - 1, n, k, size) for size, lit in modules]
        q = scipy.stats.false_discovery_control(np.clip(p, 0, 1))
        cases.append({"modules": [list(m) for m in modules], "others": list(others), "p": [float(x) for x in p], "q": q.tolist()})
    return cases


def main():
    golden = {
        "made": {
            "by": "tools/comparison_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "tolerance": "absolute 1e-12; p and q: relative 1e-9",
        },
        "comparisons": comparisons(),
        "topics": topic_cases(),
    }
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
