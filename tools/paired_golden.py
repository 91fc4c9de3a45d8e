#!/usr/bin/env python3
"""Writes the reference values that the tests of paired differences compare with.

    python tools/paired_golden.py

needs numpy and scipy; their versions go into the file. P-values are those of scipy.stats.wilcoxon, exact or approximated as
each case says, except where sizes are equal and few: SciPy approximates these unless they are very few, the library doesn't,
and what is expected is a count, in whole numbers, of all ways to choose the signs. Where SciPy goes through all ways itself,
both must agree. Quantiles are scipy.stats.t.ppf.
"""

import json
import pathlib
import platform
from fractions import Fraction

import numpy as np
import scipy
import scipy.stats

ROOT = pathlib.Path(__file__).parent.parent
TARGET = ROOT / "modscan-metrics/src/test/resources/io/modscan/metrics/paired.json"
rng = np.random.default_rng(20261129)


def counted(differences):
    """The two-sided p-value given the ties: twice the smaller tail, at most 1."""
    d = differences[differences != 0]
    ranks = [int(r) for r in 2 * scipy.stats.rankdata(np.abs(d))]
    ways = {0: 1}
    for rank in ranks:
        more = dict(ways)
        for total, number in ways.items():
            more[total + rank] = more.get(total + rank, 0) + number
        ways = more
    positive = sum(r for r, one in zip(ranks, d) if one > 0)
    at_most = sum(number for total, number in ways.items() if total <= positive)
    at_least = sum(number for total, number in ways.items() if total >= positive)
    p = float(min(Fraction(1), Fraction(2 * min(at_most, at_least), 2 ** len(ranks))))
    if len(d) <= 13:
        every = scipy.stats.PermutationMethod(n_resamples=2**14)
        assert abs(scipy.stats.wilcoxon(d, method=every).pvalue / p - 1) < 1e-12
    return p


def case(how, differences):
    d = np.asarray(differences, np.float64)
    if how == "counted":
        p = counted(d)
    else:
        p = float(scipy.stats.wilcoxon(d[d != 0], method=how, correction=True).pvalue)
    return {"how": how, "differences": d.tolist(), "p": p}


def signed_ranks():
    cases = []
    for n in (1, 2, 3, 5, 6, 7, 10, 17, 25, 26, 31, 49, 50):
        for shift in (0, 0.3, -0.8, 3):
            cases.append(case("exact", np.round(rng.normal(shift, 1, n), 12)))
    cases.append(case("exact", [0, 0, -1.5, 2.5, 0, 4.5, -0.0, 1e-300, 1e300]))
    for n in (2, 4, 8, 12, 13, 20, 25):
        for shift in (0, 0.5, -1.5):
            some = np.round(rng.normal(shift, 1, n) * 2) / 2
            while len(np.unique(np.abs(some[some != 0]))) in (0, np.count_nonzero(some)):
                some = np.round(rng.normal(shift, 1, n) * 2) / 2
            cases.append(case("counted", some))
    cases.append(case("counted", [1] * 25))
    for n in (51, 60, 300):
        for shift in (0, 0.2, -0.7):
            cases.append(case("asymptotic", np.round(rng.normal(shift, 1, n), 12)))
            tied = np.round(rng.normal(shift, 1, n) * 2) / 2
            cases.append(case("asymptotic", tied))
    cases.append(case("asymptotic", [1] * 26))
    cases.append(case("asymptotic", [1, -1] * 13))
    return cases


def quantiles():
    return [
        {"probability": p, "freedom": nu, "t": float(scipy.stats.t.ppf(p, nu))}
        for nu in (1, 2, 3, 4.5, 9, 19, 29, 99, 1000, 1e6)
        for p in (0.51, 0.6, 0.75, 0.9, 0.95, 0.975, 0.995, 0.9999, 1 - 2.0**-30)
    ]


def main():
    golden = {
        "made": {
            "by": "tools/paired_golden.py",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "tolerance": "relative 1e-12, asymptotic p-values 1e-11; quantiles 1e-11, or 1e-15 times the degrees of freedom",
        },
        "signedRanks": signed_ranks(),
        "quantiles": quantiles(),
    }
    sections = ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in golden.items())
    TARGET.write_text("{\n" + sections + "\n}\n", encoding="utf-8")
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
