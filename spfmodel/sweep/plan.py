"""What every worker of a sweep knows: the nouns at their medians, the axes, the design, and what to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..machine import Machine, Workload
from ..protocols.vocabulary import Protocol
from .axes import Axis

CLOSED_CHUNK, CHUNK = 32_768, 50
"""points in a task and in a part of the table: by formulas, by simulation or a chain"""
OUTPUTS: Mapping[str, str] = {
    "speedup": "ratio",
    "throughput_per_s": "{work}/s",
    "throughput_half_width": "{work}/s",
    "faults_per_s": "faults/s",
    "updates_per_s": "updates/s",
    "attempt_share": "share",
    "fallback_share": "share",
    "abort_share": "share",
    "fault_mean_ns": "ns",
    "fault_p99_ns": "ns",
    "update_mean_ns": "ns",
    "lock_utilisation": "share",
    "busy_cpus": "count",
}
"""What a sweep can keep of a protocol, and its unit; `abort_share` has a column for each cause."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A checked recipe. Picklable: it travels with every task."""

    machine: Machine
    workload: Workload
    protocols: tuple[Protocol, ...]
    """all that are solved; the baseline first, if there is one"""
    baseline: str
    """name of the protocol that speed-ups are over; empty: none"""
    kernels: Mapping[str, str]
    """`baseline.kernel` and `candidate.kernel`, where fixed"""
    threads: int
    """where `threads` is no axis"""
    axes: tuple[Axis, ...]
    design: str
    points: int
    chunk: int
    """points in a task: a property of the recipe, never of who computes"""
    seed: int
    solver: str
    events: int
    """of a simulated point; 0: as many as `predict` takes"""
    outputs: tuple[str, ...]
    text: str
    """the recipe as written"""
    identity: Mapping[str, str]
    """hashes of recipe, data and code, and versions of libraries: two tables with equal ones are equal"""

    @property
    def chunks(self) -> int:
        """Tasks in all."""
        return -(-self.points // self.chunk)

    def span(self, chunk: int) -> tuple[int, int]:
        """First row of a task, and the one after its last."""
        return chunk * self.chunk, min((chunk + 1) * self.chunk, self.points)

    def causes(self, protocol: Protocol) -> tuple[str, ...]:
        """Abort causes that a protocol can count, in the table's order."""
        return tuple(dict.fromkeys(str(step.abort) for step in protocol.attempt if step.abort))

    def columns(self) -> dict[str, str]:
        """Units of the outputs by column: `speedup:spf_rwlock`, `abort_share:vma_changed:spf_rwlock`."""
        out: dict[str, str] = {}
        for protocol in self.protocols:
            for name in self.outputs:
                if name == "speedup" and protocol.name == self.baseline:
                    continue
                parts = [f"{name}:{c}" for c in self.causes(protocol)] if name == "abort_share" else [name]
                unit = OUTPUTS[name].format(work=self.workload.unit)
                out.update({f"{part}:{protocol.name}": unit for part in parts})
        return out


def point_seed(seed: int, point: int) -> int:
    """The child seed of a point: that of `SeedSequence(seed).spawn(n)[point]`, without the others."""
    return int(np.random.SeedSequence(seed, spawn_key=(point,)).generate_state(1, np.uint64)[0])


def at_medians(machine: Machine, workload: Workload) -> tuple[Machine, Workload]:
    """Machine and workload with what a calibration has fitted at its medians, as `prediction.draws_for` would choose.

    A calibration of the same workload comes first; else the machine's first one, for its costs.
    """
    found = machine.calibrations.get(workload.name) or next(iter(machine.calibrations.values()), None)
    medians = {n: float(np.median(v)) for n, v in found.draws.by_name().items()} if found else {}
    if found and found.workload != workload.name:
        medians = {n: v for n, v in medians.items() if n not in workload.parameters}
    costs = {n: replace(q, value=medians[n]) if n in medians else q for n, q in machine.costs.items()}
    parameters = {n: replace(q, value=medians[n]) if n in medians else q for n, q in workload.parameters.items()}
    return replace(machine, costs=costs, calibrations={}), replace(workload, parameters=parameters)
