"""The rank-sum test given the ties, without any approximation: the two-sided p-value is twice the smaller tail, at most 1, of
the distribution of the rank sum over all ways to choose which of the values are the first sample's. The scripts that write
reference values import this.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import scipy.stats

# So many ways are gone through one by one, and confirm the counting.
ENUMERATED = 20_000
# Beyond, the library approximates.
AFFORDABLE = 2**17


def doubled_ranks(values):
    """Midranks, doubled so that they are whole."""
    return [int(r) for r in 2 * scipy.stats.rankdata(np.asarray(values, np.float64))]


def counted(ranks, n):
    """How many sets of n of the ranks have which sum: whole numbers, by adding one rank after another."""
    ways = [{0: 1}] + [{} for _ in range(n)]
    for i, rank in enumerate(ranks):
        for size in range(min(i + 1, n), 0, -1):
            for total, number in ways[size - 1].items():
                ways[size][total + rank] = ways[size].get(total + rank, 0) + number
    return ways[n]


def enumerated(ranks, n):
    """The same by going through all sets."""
    sums = {}
    for chosen in itertools.combinations(ranks, n):
        sums[sum(chosen)] = sums.get(sum(chosen), 0) + 1
    return sums


def distribution(ranks, n):
    sums = counted(ranks, n)
    assert sum(sums.values()) == math.comb(len(ranks), n)
    if math.comb(len(ranks), n) <= ENUMERATED:
        assert sums == enumerated(ranks, n)
    return sums


def p_values(ranks, n):
    """The p-value of every sum."""
    sums = distribution(ranks, n)
    every = math.comb(len(ranks), n)
    below, p = 0, {}
    for total in sorted(sums):
        at_most = below + sums[total]
        at_least = every - below
        p[total] = float(min(Fraction(1), Fraction(2 * min(at_most, at_least), every)))
        below = at_most
    return p


def p_value(x, y):
    """That of two samples."""
    ranks = doubled_ranks(np.r_[x, y])
    n = min(len(x), len(y))
    chosen = ranks[: len(x)] if n == len(x) else ranks[len(x) :]
    return p_values(ranks, n)[sum(chosen)]


def is_tabulated(x, y):
    """Whether the library looks the p-value up: if values are equal, and sums × ranks outside of the largest group of equal
    values are not too many, over all numbers of ranks from below and above that group."""
    ranks = np.sort(doubled_ranks(np.r_[x, y]))
    groups, sizes = np.unique(ranks, return_counts=True)
    if sizes.max() == 1:
        return False
    middle = groups[sizes.argmax()]
    sides = [ranks[ranks < middle], ranks[ranks > middle]]
    outside = sum(len(side) for side in sides)
    step = max(1, np.gcd.reduce(np.concatenate([np.diff(side) for side in sides]), initial=0))
    n = min(len(x), len(y))
    spreads = [
        [(side[len(side) - i :].sum() - side[:i].sum()) // step for i in range(min(n, len(side)) + 1)] for side in sides
    ]
    sums = sum(
        below + above + 1
        for i, below in enumerate(spreads[0])
        for j, above in enumerate(spreads[1])
        if i + j <= n
    )
    exact = bool(sums * outside <= AFFORDABLE)
    # Else there is a third way, which has no reference to agree with to the last digits.
    assert exact or 2 * sizes.max() < len(ranks)
    return exact
