#!/usr/bin/env python3
"""How often io.modscan.metrics.subspace.SubspaceOverlap's p-value is below 0.05 where two labels vary alike.

    python tools/subspace_calibration.py

needs numpy. The labels' means differ by three standard deviations in every direction; "normal" vectors are Gaussian, those
with "heavy tails" are Student t with three degrees of freedom; their variances are all equal, or fall as a power. Beside the
spatial median, which SubspaceOverlap takes off each label before it shuffles, stand the mean, and nothing.
"""

import numpy as np

RUNS = 100
SHUFFLES = 99
rng = np.random.default_rng(20261126)


def leading(rows, k):
    s, vt = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[1:]
    return vt[: min(k, int(np.sum(s > 1e-6 * s[0])))]


def overlap(a, b, k):
    a, b = leading(a, k), leading(b, k)
    return np.sum((a @ b.T) ** 2) / min(len(a), len(b))


def without_mean(x):
    return x - x.mean(0)


def without_median(x):
    x = without_mean(x)
    for _ in range(100):
        weights = 1 / np.maximum(np.linalg.norm(x, axis=1), 1e-12)
        x = x - weights @ x / weights.sum()
    return x


def p_value(a, b, k, centre):
    # Coordinates of the space that the vectors span: faster, and the same angles.
    q = np.linalg.qr(np.vstack([a, b]).T)[0]
    a, b = a @ q, b @ q
    observed = overlap(a, b, k)
    rows = np.vstack([centre(a), centre(b)])
    small = 0
    for _ in range(SHUFFLES):
        rows = rows[rng.permutation(len(rows))]
        small += overlap(rows[: len(a)], rows[len(a) :], k) <= observed + 1e-9
    return (1 + small) / (1 + SHUFFLES)


def vectors(tails, n, scales):
    x = rng.normal(size=(n, len(scales))) * scales
    return x * np.sqrt(3 / rng.chisquare(3, size=(n, 1))) if tails == "heavy tails" else x


def main():
    print("share of p <= 0.05 without the median, without the mean, as they are")
    for tails in ("normal", "heavy tails"):
        for d in (100, 768):
            for name, scales in (("equal", np.ones(d)), ("power", np.arange(1, d + 1) ** -0.7)):
                for n, k in ((8, 3), (15, 4), (20, 5), (20, 10), (20, 19)):
                    shares = []
                    for centre in (without_median, without_mean, lambda x: x):
                        found = [
                            p_value(
                                vectors(tails, n, scales),
                                vectors(tails, n, scales) + 3 * rng.normal(size=d) * scales,
                                k,
                                centre,
                            )
                            for _ in range(RUNS)
                        ]
                        shares.append(np.mean(np.array(found) <= 0.05))
                    print(f"{tails}, d = {d}, {name}, n = {n}, k = {k}:", *(f"{share:.2f}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
