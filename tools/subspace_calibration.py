#!/usr/bin/env python3
"""How often a p-value for the overlap of two labels' subspaces is below 0.05 where the labels vary alike, for two ways to get one.

    python tools/subspace_calibration.py

needs numpy. "paired" is what io.modscan.metrics.subspace.SubspaceOverlap does: the prompts of a label are paired at random, and the
differences, divided by their lengths, are shuffled between the labels. "centred" shuffles the prompts, each label's spatial median
taken off; that is what it did before, and why it no longer does. The labels' means differ by three standard deviations in
every direction. Tails: normal; Student's t with three degrees of freedom, one factor a vector (t3) or one a coordinate (t3 each);
with one (Cauchy); lognormal. Variances are equal, fall as a power, or are zero but for five directions; the second label may
vary more widely, or have more prompts.
"""

import numpy as np

RUNS = 100
SHUFFLES = 99
rng = np.random.default_rng(20261128)


def leading(rows, k, centre):
    s, vt = np.linalg.svd(rows - rows.mean(0) if centre else rows, full_matrices=False)[1:]
    return vt[: min(k, int(np.sum(s > 1e-6 * s[0])))]


def overlap(a, b, k, centre):
    a, b = leading(a, k, centre), leading(b, k, centre)
    return np.sum((a @ b.T) ** 2) / min(len(a), len(b))


def p_value(observed, a, b, k, centre):
    rows = np.vstack([a, b])
    small = 0
    for _ in range(SHUFFLES):
        rows = rows[rng.permutation(len(rows))]
        small += overlap(rows[: len(a)], rows[len(a) :], k, centre) <= observed + 1e-9
    return (1 + small) / (1 + SHUFFLES)


def in_their_span(a, b):
    """Coordinates of the space that the vectors span: faster, and the same angles."""
    q = np.linalg.qr(np.vstack([a, b]).T)[0]
    return a @ q, b @ q


def differences(x):
    x = x[rng.permutation(len(x))]
    m = len(x) // 2
    d = x[:m] - x[m : 2 * m]
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def paired(a, b, k):
    a, b = in_their_span(differences(a), differences(b))
    return p_value(overlap(a, b, k, False), a, b, k, False)


def without_median(x):
    x = x - x.mean(0)
    for _ in range(100):
        weights = 1 / np.maximum(np.linalg.norm(x, axis=1), 1e-12)
        x = x - weights @ x / weights.sum()
    return x


def centred(a, b, k):
    a, b = in_their_span(a, b)
    return p_value(overlap(a, b, k, True), without_median(a), without_median(b), k, True)


def vectors(tails, n, scales):
    x = rng.normal(size=(n, len(scales)))
    if tails == "t3":
        x *= np.sqrt(3 / rng.chisquare(3, size=(n, 1)))
    elif tails == "Cauchy":
        x *= np.sqrt(1 / rng.chisquare(1, size=(n, 1)))
    elif tails == "t3 each":
        x *= np.sqrt(3 / rng.chisquare(3, size=x.shape))
    elif tails == "lognormal":
        x = np.exp(x)
    return x * scales


def main():
    print("share of p <= 0.05: paired, centred")
    all_shares = []
    for d, name, scales in (
        (100, "equal", np.ones(100)),
        (768, "equal", np.ones(768)),
        (768, "power", np.arange(1, 769) ** -0.7),
        (100, "five", (np.arange(100) < 5) * 1.0),
    ):
        for tails in ("normal", "t3", "Cauchy", "lognormal", "t3 each"):
            for first, second, k, wider in ((8, 8, 3, 1), (20, 20, 5, 1), (8, 30, 3, 1), (20, 20, 5, 4)):
                found = [[], []]
                for _ in range(RUNS):
                    a = vectors(tails, first, scales)
                    b = wider * vectors(tails, second, scales) + 3 * rng.normal(size=d) * scales
                    for values, way in zip(found, (paired, centred)):
                        values.append(way(a, b, k) <= 0.05)
                shares = [np.mean(values) for values in found]
                all_shares.append(shares)
                print(
                    f"{tails}, d = {d}, {name}, n = {first} and {second}, {wider} times as wide, k = {k}:",
                    *(f"{share:.2f}" for share in shares),
                    flush=True,
                )
    all_shares = np.array(all_shares)
    print("mean", *all_shares.mean(0).round(4), "least", *all_shares.min(0), "most", *all_shares.max(0))


if __name__ == "__main__":
    main()
