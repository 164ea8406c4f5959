"""A measurement from beginning to end: rounds of probes and loads until the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from . import noise as noises
from .crew import raised_priority
from .facts import system_numbers
from .job import Touch
from .loads import Both, Load, all_loads, both, scaling
from .noise import Noise
from .plan import WINDOW_NS, plan, rounds
from .probes import Host
from .robust import Estimate, estimate
from .together import Window, window
from .topology import Topology, read

Floats = NDArray[np.float64]
Tell = Callable[[int, int, str], None]
WARM_UP = 4
"""batches with which each loop is compiled, and thrown away"""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long, and how finely."""

    seconds: float
    """from which no new round begins"""
    repeats: int
    """batches of a probe in each round"""
    rounds: int
    """at most"""
    least: int = 3
    """rounds that are made whatever they take"""


QUICK = Effort(seconds=20, repeats=24, rounds=15)
FULL = Effort(seconds=180, repeats=60, rounds=90)


@dataclass(frozen=True, kw_only=True)
class Session:
    """All that was measured."""

    topology: Topology
    estimates: Mapping[str, Estimate]
    """ns, by name of the primitive"""
    loads: Sequence[Both]
    """with and without writers, in user and in kernel mode"""
    scaling: Sequence[Both]
    """faults alone, by number of threads"""
    noise: Noise
    rounds: int
    seconds: float


@dataclass
class _Collected:
    """Rounds of batches and of windows, while they come in."""

    batches: dict[str, list[Floats]] = field(default_factory=dict)
    windows: dict[tuple[Load, Touch], list[Window]] = field(default_factory=dict)

    def both(self, load: Load) -> Both | None:
        return both(load, self.windows[load, Touch.USER], self.windows[load, Touch.KERN])


def measure(effort: Effort, tell: Tell = lambda _done, _total, _line: None) -> Session:
    """Measure this host. tell : progress, as (done, total, line)

    Refused in one sentence where the system is not Linux, or forbids what is to be measured.
    """
    numbers, topology = system_numbers(), read()
    host = Host(cpus=topology.cpus, numbers=numbers, repeats=effort.repeats)
    with raised_priority() as raised:
        warm = replace(host, repeats=WARM_UP)
        for k, probe in enumerate(plan(warm, topology)):
            tell(0, effort.rounds, "compiling the loops" if k == 0 else "")
            probe.run(0)
        before, start = noises.clock(topology.cpus), time.monotonic()
        found, done = _rounds(host, topology, effort, start, tell)
        after = noises.clock(topology.cpus)
    estimates = {name: estimate(r) for name, r in found.batches.items() if _usable(r)}
    disturbed = [w.disturbed for windows in found.windows.values() for w in windows]
    spreads = [e.spread for e in estimates.values()]
    return Session(
        topology=topology, estimates=estimates, rounds=done, seconds=time.monotonic() - start,
        loads=_known(found.both(load) for load in all_loads(len(host.cpus))),
        scaling=_known(found.both(load) for load in scaling(len(host.cpus))),
        noise=noises.between(before, after, spreads=spreads, disturbed=disturbed, raised=raised),
    )  # fmt: skip


def _rounds(host: Host, topology: Topology, effort: Effort, start: float, tell: Tell) -> tuple[_Collected, int]:
    """Rounds until the time is over, and how many."""
    found, probes = _Collected(), plan(host, topology)
    loads = dict.fromkeys([*all_loads(len(host.cpus)), *scaling(len(host.cpus))])
    for number, todo in rounds(probes, effort.rounds):
        if number >= effort.least and time.monotonic() - start > effort.seconds:
            return found, number
        for probe in todo:
            tell(number, effort.rounds, probe.name if number == 0 else "")
            for name, batches in probe.run(number).items():
                found.batches.setdefault(name, []).append(batches)
        tell(number, effort.rounds, "faults and updates" if number == 0 else "")
        for load in loads:
            for how in (Touch.USER, Touch.KERN):
                result = window(host, load.setting(how), WINDOW_NS)
                found.windows.setdefault((load, how), []).append(result)
        tell(number + 1, effort.rounds, f"round {number + 1} done")
    return found, effort.rounds


def _known(found: Iterable[Both | None]) -> list[Both]:
    return [b for b in found if b is not None]


def _usable(batches: Sequence[Floats]) -> bool:
    """Whether any batch came out; a probe that the kernel refuses gives nan."""
    return any(np.isfinite(b).any() for b in batches)
