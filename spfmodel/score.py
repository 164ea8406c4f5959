"""Scores of predictions: error, sign, coverage, width, interval score; one vote per machine and workload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FLAT = 0.05
"""|ln| of a measured gain below which its sign is not asked"""
NOMINAL = 0.8
DOUBT = 0.05
"""chance below which a coverage is called incompatible with its nominal level"""


class Point(NamedTuple):
    """One prediction beside its measurement; all values in ln."""

    vote: str
    """cells of one machine, workload and mode share a vote"""
    median: float
    low: float
    """of the 80 % interval"""
    high: float
    low95: float
    high95: float
    measured: float


def interval_score(low: Floats, high: Floats, measured: Floats, level: float = NOMINAL) -> Floats:
    """Width, plus 2 / alpha for each unit by which the measured value lies outside; small is good.

    S = (u - l) + 2/alpha (l - x)+ + 2/alpha (x - u)+, alpha = 1 - level: proper for central intervals, Gneiting and
    Raftery 2007 (JASA 102, 359), eq. 43.

    low, high, measured : (K,) in any one unit -> (K,) in that unit
    >>> interval_score(np.zeros(3), np.ones(3), np.array([0.5, 1.0, 1.2])).round(12).tolist()
    [1.0, 1.0, 3.0]
    """
    outside = np.maximum(low - measured, 0) + np.maximum(measured - high, 0)
    return np.asarray(high - low + 2 / (1 - level) * outside)


def compatible(hits: float, votes: int, level: float = NOMINAL) -> tuple[bool, float]:
    """Whether that many votes inside of their intervals are what the level promises; and the binomial p-value.

    hits : votes covered, rounded to a whole number (a vote of several cells is covered in part)
    >>> compatible(8, 10), compatible(2, 10)[0]
    ((True, 1.0), False)
    """
    from scipy.stats import binomtest

    p = float(binomtest(round(hits), votes, level).pvalue)
    return p >= DOUBT, p


def per_vote(votes: Sequence[str], values: Floats, middle: bool = False) -> Floats:
    """Mean (or median) of the values of each vote, in the order in which the votes first come."""
    names = list(dict.fromkeys(votes))
    groups = [values[[v == name for v in votes]] for name in names]
    return np.array([float(np.median(g) if middle else np.mean(g)) for g in groups])


def aggregate(points: Sequence[Point]) -> dict[str, float | bool]:
    """Scores over the votes. Errors are ln(predicted / measured); widths are ln(high / low); K >= 1 points."""
    votes = [p.vote for p in points]
    median, low, high, low95, high95, measured = np.array([p[1:] for p in points]).T
    error = median - measured
    sizes = per_vote(votes, np.abs(error), middle=True)
    clear = np.abs(measured) > FLAT
    right = per_vote([v for v, c in zip(votes, clear, strict=True) if c], (median * measured > 0)[clear].astype(float))
    inside = per_vote(votes, ((low <= measured) & (measured <= high)).astype(float))
    inside95 = per_vote(votes, ((low95 <= measured) & (measured <= high95)).astype(float))
    agrees, p_value = compatible(float(inside.sum()), len(inside))
    return {
        "votes": len(sizes), "cells": len(points), "median_abs_error": float(np.median(sizes)),
        "p90_abs_error": float(np.quantile(sizes, 0.9)), "worst_abs_error": float(sizes.max()),
        "bias": float(np.median(per_vote(votes, error, middle=True))),
        "sign_right": float(right.mean()) if len(right) else 1.0, "signs_asked": len(right),
        "covered_80": float(inside.mean()), "covered_95": float(inside95.mean()), "compatible_80": agrees,
        "binomial_p": p_value, "median_width": float(np.median(per_vote(votes, high - low, middle=True))),
        "interval_score": float(per_vote(votes, interval_score(low, high, measured)).mean()),
    }  # fmt: skip


def coverage(ranks: Sequence[float], votes: Sequence[str], levels: Iterable[float]) -> list[float]:
    """Share of votes inside their central interval, level by level.

    ranks : share of a prediction's draws below the measured value (its probability integral transform, 0 to 1)
    """
    depth = 2 * np.abs(np.asarray(ranks) - 0.5)
    return [float(per_vote(votes, (depth <= level).astype(float)).mean()) for level in levels]


def ordered(predicted: Sequence[float], measured: Sequence[float]) -> tuple[int, int]:
    """Pairs of protocols put in the right order, and pairs whose measured values differ clearly. Values in ln.

    >>> ordered([0.1, 0.5, 0.4], [0.0, 0.3, 0.6])
    (2, 3)
    """
    pairs = [(i, j) for i in range(len(measured)) for j in range(i) if abs(measured[i] - measured[j]) > FLAT]
    right = sum((predicted[i] - predicted[j]) * (measured[i] - measured[j]) > 0 for i, j in pairs)
    return right, len(pairs)


def ranks(values: Sequence[float]) -> list[int]:
    """Place of each value, 1 for the largest.

    >>> ranks([0.1, 0.5, 0.4])
    [3, 1, 2]
    """
    return [1 + sum(other > value for other in values) for value in values]
