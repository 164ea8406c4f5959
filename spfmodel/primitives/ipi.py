"""TLB shootdown: how long an IPI waits for CPUs that run with interrupts off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def hit_probability(n_targets: Floats | int, off_share: Floats | float) -> Floats:
    """Chance that at least one of n targets has interrupts off, 1 - (1 - u)^n, (...)."""
    return np.asarray(1 - (1 - np.asarray(off_share, float)) ** np.asarray(n_targets))


def wait_exponential_ns(n_targets: int, off_share: Floats | float, off_ns: Floats | float) -> Floats:
    """Mean longest residual over n targets, interrupt-off sections exponential, ns, (...).

    E[max] = m sum_{k=1..n} (1 - (1 - u)^k) / k; u: share of time with interrupts off, m: mean section.

    >>> float(wait_exponential_ns(1, 0.25, 100.0))
    25.0
    """
    on, total = 1 - np.asarray(off_share, float), np.zeros(np.shape(off_share))
    power = np.ones_like(total)
    for k in range(1, n_targets + 1):
        power = power * on
        total = total + (1 - power) / k
    return np.asarray(total * off_ns)


def wait_constant_ns(n_targets: int, off_share: Floats | float, off_ns: Floats | float) -> Floats:
    """Mean longest residual over n targets, sections of constant length D, ns, (...).

    E[max] = D [1 - (1 - (1 - u)^(n+1)) / ((n + 1) u)] = D [1 - (1 + v + ... + v^n) / (n + 1)], v = 1 - u

    >>> float(wait_constant_ns(1, 1.0, 100.0))
    50.0
    """
    on = 1 - np.asarray(off_share, float)
    powers = on[..., None] ** np.arange(n_targets + 1)
    return np.asarray((1 - powers.mean(axis=-1)) * off_ns)
