"""Two sets of runs: means, spreads, and the ratio of their means with its interval.

Welch's t on logarithms: what is compared is a ratio, and spreads of throughput grow with it. Source: B. L. Welch,
Biometrika 34 (1947), degrees of freedom after Satterthwaite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev, variance

LEVEL = 0.95
"""of every interval; a difference whose p is below 1 - LEVEL is called significant"""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Runs of one side."""

    mean: float
    sd: float | None
    """standard deviation of one run; None of a single one"""
    n: int

    @property
    def sd_percent(self) -> float | None:
        """Standard deviation in % of the mean; None of a single run or a mean of 0."""
        return None if self.sd is None or self.mean == 0 else 100 * self.sd / abs(self.mean)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Candidate against base."""

    base: Spread
    candidate: Spread
    percent: float | None
    """ratio of geometric means less 1, in %; None where a value is not above 0"""
    low: float | None = None
    """of the 95 % interval, in %; None where noise is unknown"""
    high: float | None = None
    p: float | None = None
    """chance of a difference this large without a cause; None where noise is unknown"""

    @property
    def significant(self) -> bool | None:
        """Whether p is below 5 %; None where noise is unknown."""
        return None if self.p is None else self.p < 1 - LEVEL

    @property
    def words(self) -> str:
        """Significance, in words."""
        if self.percent is None:
            return "no ratio: a value is not above 0"
        if self.p is None and min(self.base.n, self.candidate.n) < 2:
            return "single run: nothing can be said about noise"
        if self.p is None:
            return "all runs alike to the digit: noise unknown"
        size = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        return f"{'significant' if self.significant else 'not significant'} ({size})"


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of at least one run, in the runs' unit.

    >>> spread([9.0, 11.0]).mean, spread([9.0]).sd
    (10.0, None)
    """
    return Spread(mean=fmean(values), sd=stdev(values) if len(values) > 1 else None, n=len(values))


def difference(base: Sequence[float], candidate: Sequence[float]) -> Difference:
    """Candidate over base, from the runs of each (at least one, in one unit).

    >>> difference([100.0, 102.0, 98.0], [200.0, 203.0, 197.0]).words
    'significant (p < 0.001)'
    """
    sides = spread(base), spread(candidate)
    if min(*base, *candidate) <= 0:
        return Difference(base=sides[0], candidate=sides[1], percent=None)
    logs = [log(x) for x in base], [log(x) for x in candidate]
    step = fmean(logs[1]) - fmean(logs[0])
    percent = 100 * (exp(step) - 1)
    if min(len(base), len(candidate)) < 2:
        return Difference(base=sides[0], candidate=sides[1], percent=percent)
    half, p = welch(step, [variance(x) / len(x) for x in logs], [len(x) for x in logs])
    if p is None:
        return Difference(base=sides[0], candidate=sides[1], percent=percent)
    low, high = (100 * (exp(step + side * half) - 1) for side in (-1, 1))
    return Difference(base=sides[0], candidate=sides[1], percent=percent, low=low, high=high, p=p)


def welch(step: float, squared_errors: Sequence[float], n: Sequence[int]) -> tuple[float, float | None]:
    """Half width of the 95 % interval of a difference of two means, and its p value; no p without any spread.

    step : difference of the means; squared_errors : variance / n of each side, in the step's unit squared
    n : runs of each side, at least 2
    """
    from scipy.special import stdtr, stdtrit

    total = sum(squared_errors)
    if total <= (1e-13 * max(1.0, abs(step))) ** 2:
        return 0.0, None
    freedom = total**2 / sum(e**2 / (k - 1) for e, k in zip(squared_errors, n, strict=True))
    error = sqrt(total)
    return float(stdtrit(freedom, (1 + LEVEL) / 2)) * error, 2 * float(stdtr(freedom, -abs(step) / error))
