"""What was measured, as a fit wants it: one value of one workload under one protocol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .machine import Workload
from .protocols.vocabulary import Protocol

LEAST_SD = 0.03
"""assumed standard deviation of ln(value) where a table gives none"""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One measured value, repetitions merged."""

    workload: Workload
    protocol: Protocol
    n_threads: int
    quantity: str
    """throughput_per_s, fallback_share, abort_share:CAUSE or ns:NAME"""
    value: float
    """geometric mean of the repetitions"""
    log_sd: float
    """standard deviation of ln(value)"""
    rows: tuple[str, ...] = ()
    """where it was read"""

    @property
    def setting(self) -> tuple[str, str, str, int]:
        """What ran: rows of one setting are read off one run."""
        return (self.workload.name, self.workload.choice("mode"), self.protocol.name, self.n_threads)


def merged(observations: list[Observation]) -> list[Observation]:
    """Repetitions of the same setting as one observation.

    value : geometric mean; log_sd : the larger of the rows' own (over sqrt n) and their scatter
    """
    groups: dict[tuple[object, ...], list[Observation]] = {}
    for o in observations:
        groups.setdefault((*o.setting, o.quantity), []).append(o)
    return [_merge(group) for group in groups.values()]


def _merge(group: list[Observation]) -> Observation:
    logs = np.log([o.value for o in group])
    n = len(group)
    scatter = float(logs.std(ddof=1)) / np.sqrt(n) if n > 1 else 0.0
    own = float(np.sqrt(np.mean([o.log_sd**2 for o in group]) / n))
    first = group[0]
    return Observation(
        workload=first.workload,
        protocol=first.protocol,
        n_threads=first.n_threads,
        quantity=first.quantity,
        value=float(np.exp(logs.mean())),
        log_sd=max(own, scatter, 0.01),
        rows=tuple(row for o in group for row in o.rows),
    )
