"""How sure a share is: a binomial interval, widened where repetitions or intervals scatter more than chance does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """A share of attempts with its interval."""

    median: float
    """events / attempts"""
    low: float
    high: float
    dispersion: float = 1.0
    """variance between the groups over that of a binomial; 1 where there are no groups or they scatter less"""
    level: float = LEVEL


def jeffreys(events: float, attempts: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval of a binomial share, from Jeffreys' prior: (low, high).

    events, attempts : counts, 0 <= events <= attempts; need not be whole. At 0 events the low end is 0, at
    events = attempts the high end is 1. Source: Brown, Cai, DasGupta, Statistical Science 16(2), 2001, section 4.3.

    >>> [round(end, 4) for end in jeffreys(0, 100)], [round(end, 4) for end in jeffreys(8, 447)]
    ([0.0, 0.0247], [0.0085, 0.0335])
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    a, b = events + 0.5, attempts - events + 0.5
    low = 0.0 if events <= 0 else float(betaincinv(a, b, tail))
    high = 1.0 if events >= attempts else float(betaincinv(a, b, 1 - tail))
    return low, high


def dispersion(groups: Sequence[tuple[int, int]]) -> float:
    """Variance of the groups' shares over that of a binomial: Pearson's chi-square over its degrees of freedom.

    groups : (events, attempts) of each. 1 for fewer than two groups with attempts, or without any events.
    """
    used = [(k, n) for k, n in groups if n > 0]
    events, attempts = sum(k for k, _ in used), sum(n for _, n in used)
    if len(used) < 2 or not 0 < events < attempts:
        return 1.0
    p = events / attempts
    return sum((k - n * p) ** 2 / (n * p * (1 - p)) for k, n in used) / (len(used) - 1)


def widening(groups: Sequence[tuple[int, int]], level: float = LEVEL) -> float:
    """Factor on a binomial's variance, at least 1: the quasi-binomial's, with Student's t for few groups.

    Attempts over this factor, in a binomial interval, give about the t interval of the groups' shares, but never one
    narrower than chance alone. Source: McCullagh and Nelder, Generalized Linear Models, 1989, section 4.5.
    """
    from scipy.special import ndtri, stdtrit

    count = sum(n > 0 for _, n in groups)
    if count < 2 or not 0 < sum(k for k, _ in groups) < sum(n for _, n in groups):
        return 1.0
    upper = 0.5 + level / 2
    student = float(stdtrit(count - 1, upper) / ndtri(upper))
    return max(1.0, dispersion(groups) * student**2)


def share_of(
    events: int,
    attempts: int,
    groups: Sequence[tuple[int, int]] = (),
    *,
    at_least: int | None = None,
    factor: float = 1.0,
    level: float = LEVEL,
) -> Share:
    """Share of attempts with an interval at `level`.

    groups   : (events, attempts) of repetitions or intervals; with two or more they say how far chance is exceeded
    at_least : events that are certain, where `events` is an upper estimate: the interval begins at their low end
    factor   : on the variance, known otherwise (the spread that perf stat -r prints)
    """
    wide = max(widening(groups, level), factor)
    sure = events if at_least is None else min(at_least, events)
    low = jeffreys(sure / wide, attempts / wide, level)[0]
    high = jeffreys(events / wide, attempts / wide, level)[1]
    return Share(events / attempts, low, high, max(dispersion(groups), 1.0), level)
