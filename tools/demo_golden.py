#!/usr/bin/env python3
"""Writes what NumPy, SciPy and scikit-learn make of the demo model's activations, for examples' DemoMetricsTest.

    python tools/demo_golden.py

needs numpy, scipy, scikit-learn and safetensors; their versions go into the file. The activations are those that
transformers gave (pooled.safetensors beside the written file), taken as float64. The test holds itself to a relative
error of 1e-9.
"""

import csv
import json
import pathlib
import platform

import numpy as np
import scipy
import scipy.special
import scipy.stats
import sklearn
from safetensors.numpy import load_file
from scipy.linalg import subspace_angles
from sklearn.metrics import roc_auc_score, silhouette_score

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = ROOT / "examples/src/test/resources/io/modscan/examples/demo"
LAYERS = 6


def similarities(x):
    dots = x @ x.T
    squares = np.diag(dots)
    longest = squares.max()
    return {
        "cosine": dots / np.sqrt(np.outer(squares, squares)),
        "scaled cosine": dots / longest,
        "closeness": 1 - (squares[:, None] + squares[None, :] - 2 * dots) / (2 * longest),
    }


def separation(s, labels):
    n = len(labels)
    same = labels[:, None] == labels[None, :]
    off = ~np.eye(n, dtype=bool)
    right = 0
    names = sorted(set(labels))
    for i in range(n):
        distances = []
        for name in names:
            members = [j for j in range(n) if labels[j] == name and j != i]
            distances.append(s[i, i] - 2 * s[i, members].mean() + s[np.ix_(members, members)].mean())
        right += names[int(np.argmin(distances))] == labels[i]
    distance = 1 - s
    np.fill_diagonal(distance, 0)
    return {
        "within": s[same & off].mean(),
        "between": s[~same].mean(),
        "silhouette": silhouette_score(np.maximum(distance, 0), labels, metric="precomputed"),
        "accuracy": right / n,
    }


def selectivity(x, labels):
    rows = []
    for unit in range(x.shape[1]):
        values = x[:, unit]
        h = scipy.stats.kruskal(*[values[labels == name] for name in sorted(set(labels))])
        for name in sorted(set(labels)):
            a, b = values[labels == name], values[labels != name]
            freedom = len(a) + len(b) - 2
            pooled = np.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / freedom)
            correction = np.exp(
                scipy.special.gammaln(freedom / 2)
                - scipy.special.gammaln((freedom - 1) / 2)
                - np.log(freedom / 2) / 2
            )
            rows.append([
                a.mean(), b.mean(), (a.mean() - b.mean()) / pooled * correction, roc_auc_score(labels == name, values),
                h.pvalue,
            ])
    return rows


def importance(x, labels):
    rows = []
    for unit in range(x.shape[1]):
        for name in sorted(set(labels)):
            a = x[labels == name, unit]
            rows.append([(a > 0).mean(), np.abs(a).mean(), np.sqrt((a**2).mean()), a.std()])
    return rows


def unbiased_hsic(k, l):
    n = len(k)
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    return (
        np.sum(k * l) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k.sum(axis=0) @ l.sum(axis=0))
    ) / (n * (n - 3))


def cka(x, y):
    k, l = x @ x.T, y @ y.T
    return unbiased_hsic(k, l) / np.sqrt(unbiased_hsic(k, k) * unbiased_hsic(l, l))


def leading(x, k):
    centred = x - x.mean(axis=0)
    return np.linalg.svd(centred, full_matrices=False)[2][:k].T


def main():
    tensors = load_file(FOLDER / "pooled.safetensors")
    with open(ROOT / "modscan-demo/src/main/resources/io/modscan/demo/prompts.csv", newline="") as file:
        labels = np.array([row["topic"] for row in csv.DictReader(file)])
    stream = [tensors[f"blocks.{i}.hook_resid_post.last"].astype(np.float64) for i in range(LAYERS)]
    neurons = tensors["blocks.2.mlp.hook_post.mean"].astype(np.float64)[:, :64]
    eigenvalues = np.linalg.eigvalsh(np.cov(stream[5].T, bias=True))[::-1]
    shares = np.maximum(eigenvalues, 0) / eigenvalues.sum()
    shares = shares[shares > 1e-14]
    golden = {
        "made": {
            "by": "tools/demo_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "tolerance": "relative 1e-9",
        },
        "separations": [
            {"layer": i, "similarity": name, **separation(s, labels)}
            for i in range(LAYERS)
            for name, s in similarities(stream[i]).items()
        ],
        "cka": [[cka(a, b) for b in stream] for a in stream],
        "selectivity": selectivity(stream[5][:, :24], labels),
        "importance": importance(neurons, labels),
        "variances": eigenvalues[:40].tolist(),
        "effectiveRank": float(np.exp(-np.sum(shares * np.log(shares)))),
        "normShares": sorted((np.sum(stream[5] ** 2, axis=0) / np.sum(stream[5] ** 2)).tolist())[::-1][:10],
        "angles": np.sort(subspace_angles(
            leading(stream[5][labels == "law"], 3), leading(stream[5][labels == "medicine"], 3)
        )).tolist(),
    }
    (FOLDER / "metrics.json").write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
