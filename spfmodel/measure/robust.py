"""Medians with intervals, from batches of several rounds that other work on the machine may have disturbed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sources import BadInput

Floats = NDArray[np.float64]
RESAMPLES = 400
TAIL = 0.05
"""on each side of a 90 % interval"""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured quantity: what its batches say, and how sure that is."""

    median: float
    """median over rounds of each round's median"""
    low: float
    """5 % quantile of the bootstrap"""
    high: float
    """95 % quantile"""
    q25: float
    """quartile of all batches"""
    q75: float
    count: int
    """batches"""
    spread: float
    """range of the middle 80 % of the rounds' medians, over the median"""
    draws: Floats
    """(RESAMPLES,) medians of rounds drawn anew, and of batches drawn anew within them; the same rounds for every
    quantity that has as many, so that what slowed a whole round cancels in differences and ratios"""


def estimate(rounds: Sequence[Floats], seed: int = 1) -> Estimate:
    """Median and cluster bootstrap of several rounds of batches.

    A round that others disturbed moves one of the medians; batches within a round that an interrupt or another
    thread lengthened do not move its median.

    >>> estimate([np.array([1.0, 1.0, 9.0]), np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 1.0])]).median
    1.0
    """
    rounds = [r[np.isfinite(r)] for r in rounds]
    rounds = [r for r in rounds if len(r)]
    if not rounds:
        raise BadInput("a measurement gave nothing at all; is the machine overloaded? try again")
    picks = np.random.default_rng(seed).integers(0, len(rounds), (len(rounds), RESAMPLES))
    rng = np.random.default_rng((seed, len(rounds)))
    medians = np.array([np.median(r) for r in rounds])
    fresh = np.stack([np.median(r[rng.integers(0, len(r), (RESAMPLES, len(r)))], axis=1) for r in rounds])
    draws = np.median(fresh[picks, np.arange(RESAMPLES)], axis=0)
    batches, median = np.concatenate(rounds), float(np.median(medians))
    low, high = (float(x) for x in np.quantile(draws, (TAIL, 1 - TAIL)))
    ends = np.quantile(medians, (0.1, 0.9))
    return Estimate(
        median=median, low=min(low, median), high=max(high, median), count=len(batches),
        q25=float(np.quantile(batches, 0.25)), q75=float(np.quantile(batches, 0.75)),
        spread=float((ends[1] - ends[0]) / median) if median > 0 else 0.0, draws=draws,
    )  # fmt: skip


def combined(
    formula: Callable[[Mapping[str, Floats]], Floats], found: Mapping[str, Estimate]
) -> tuple[float, float, float]:
    """Value of a formula of estimates, at their medians, and the 90 % range over their draws."""
    value = float(np.asarray(formula({name: np.asarray(e.median) for name, e in found.items()})))
    draws = np.asarray(formula({name: e.draws for name, e in found.items()}), float)
    low, high = (float(x) for x in np.quantile(draws, (TAIL, 1 - TAIL)))
    return value, min(low, value), max(high, value)
