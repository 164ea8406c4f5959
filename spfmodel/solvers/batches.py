"""What a simulation's run says and how surely: its warm-up, batch means, ratio estimators, quantiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
TINY = 1e-300
BATCHES = 16
"""of a run without its warm-up, for the confidence interval"""


def mser5(series: Floats) -> int:
    """Warm-up to drop (MSER-5, White 1997): where the standard error of what is left is least.

    Over means z of five: the cut d that minimises sum (z_j - mean)^2 / (k - d)^2 over j >= d, from sums of z and z^2
    from the end.
    series : (B,) values in order -> how many to drop, a multiple of 5, at most half
    >>> mser5(np.array([9.0] * 5 + [1.0, 1.1] * 20))
    5
    """
    fives = series[: len(series) // 5 * 5].reshape(-1, 5).mean(axis=1)
    apart = fives - fives.mean()
    left = len(fives) - np.arange(len(fives))
    mean, square = (np.cumsum(power[::-1])[::-1] / left for power in (apart, apart**2))
    scores = (square - mean**2) / left
    return 5 * int(np.argmin(scores[: len(fives) // 2 + 1]))


def ratio_interval(top: Floats, bottom: Floats) -> tuple[float, float]:
    """Ratio of sums over batches and half its 95 % interval, by linearisation: ratio estimator.

    top, bottom : (B,) what was counted in each batch, and its time
    >>> ratio, half = ratio_interval(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    >>> ratio, round(half, 12)
    (2.0, 0.0)
    """
    ratio = top.sum() / max(bottom.sum(), TINY)
    residual = top - ratio * bottom
    n = len(top)
    half = stdtrit(n - 1, 0.975) * residual.std(ddof=1) / np.sqrt(n) / max(bottom.mean(), TINY)
    return float(ratio), float(half)


def over_runs(top: Floats, bottom: Floats) -> tuple[float, float]:
    """Ratio over several runs and half its 95 % interval: the wider of that over batches and that over whole runs.

    top, bottom : (R, B) by run and batch. The runs' own totals do see that runs differ for long, where a single
    batch does not (docs/semantics.md).
    """
    ratio, half = ratio_interval(top.ravel(), bottom.ravel())
    if len(top) > 1:
        half = max(half, ratio_interval(top.sum(axis=1), bottom.sum(axis=1))[1])
    return ratio, half


def percentile(histogram: Floats, q: float) -> float:
    """Quantile of fault times from the histogram of 16 bins an octave, in ns (0 if empty)."""
    total = histogram.sum()
    if total == 0:
        return 0.0
    cumulated = np.cumsum(histogram) / total
    place = int(np.searchsorted(cumulated, q))
    below = cumulated[place - 1] if place else 0.0
    part = (q - below) / max(cumulated[place] - below, TINY)
    return float(2.0 ** ((place + part) / 16.0))
