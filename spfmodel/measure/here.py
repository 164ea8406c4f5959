"""`validate --here`: what the measured costs predict of this host's own loads, beside what the loads did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .. import catalog
from ..machine import Machine, Workload
from ..prediction import Interval, Prediction, Question, interval, predict
from ..pricing import OWN_HITS
from ..protocols import PROTOCOLS
from ..protocols.vocabulary import Protocol
from ..sources import Quantity
from ..structural import sd_of, stratified
from .facts import kernel_version, system_numbers, vma_lock_protocol
from .job import Touch
from .loads import Both, Load
from .lock_events import Fallbacks, family, from_counters, traced, vmstat
from .probes import Host
from .session import Session
from .together import window

DRAWS = 24
"""of the costs: enough for a median and a rough 80 % range"""
LEVEL = 0.8
TOLERANCE = 1.2
"""factor within which a throughput counts as met"""
COUNT_NS = 60_000_000
"""how long a load is counted"""
QUIET = 512.0
"""faults in the model's cycle where there are no updates: a region"""
WORDS = {Touch.USER: "user", Touch.KERN: "kern"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One quantity of one load, predicted and measured."""

    load: str
    threads: int
    quantity: str
    """throughput_user, throughput_kern (faults/s), gain (user over kernel mode) or fallback_share"""
    predicted: Interval
    """80 %"""
    measured: float | None
    """None: not to be had here"""
    measured_low: float | None
    measured_high: float | None
    error: float | None
    """ln(predicted / measured)"""
    met: bool | None
    """a throughput or gain: within a factor 1.2, or the measured range meets the predicted one"""
    how: str = ""
    """of a share: what was counted, or why nothing was"""


def workload_of(load: Load, touch: Touch) -> Workload:
    """The workload fault-update with the load's parameters; without updates, they are left out of its cycle."""
    base = catalog.workload("fault-update")
    given = {"faults_per_update": float(load.every or QUIET), "one_vma": float(load.one_vma)}
    known = {name: replace(base.parameters[name], value=v, low=v, high=v) for name, v in given.items()}
    program = base.program if load.update_op else tuple(p for p in base.program if p.op != "update_op")
    choices = {"touch": WORDS[touch], **({"update_op": load.update_op} if load.update_op else {})}
    return replace(base, program=program, parameters={**base.parameters, **known}, choices={**base.choices, **choices})


def machine_for(machine: Machine, session: Session, load: Load, touch: Touch) -> Machine:
    """The machine with what is known better of this load, all of it measured.

    A system call enters a fault otherwise than an exception. An mprotect of the VMA in which threads fault changes
    every page that they have touched, half of their regions on average; and every other one finds it as it wants it.
    """
    v, costs = {name: e.median for name, e in session.estimates.items()}, dict(machine.costs)
    if touch == Touch.KERN and {"fault_kern", "fault_write"} <= set(v):
        costs["fault_entry_ns"] = _moved(costs["fault_entry_ns"], v["fault_kern"] - v["fault_write"])
    if load.update_op == "mprot_own" and {"mprotect_region", "mprotect", "brk_pair", "getppid"} <= set(v):
        regions = (load.threads if load.one_vma else 1) / 2
        more = OWN_HITS["mprot_own"] * regions * (v["mprotect_region"] - v["mprotect"])
        costs["mprotect_ratio"] = _moved(costs["mprotect_ratio"], more / (v["brk_pair"] / 2 - v["getppid"]))
    return replace(machine, costs=costs)


def _moved(q: Quantity, by: float) -> Quantity:
    """A quantity and its range, moved; it stays above 0."""
    low = max(q.low + by, q.low / 10)
    return replace(q, value=max(q.value + by, low), low=low, high=max(q.high + by, q.value + by, low))


def protocol_here() -> Protocol:
    """What this kernel does with a user-mode fault."""
    return PROTOCOLS[vma_lock_protocol() or "mmap_sem"]


def predicted(machine: Machine, load: Load, touch: Touch, seed: int, protocol: Protocol) -> Prediction:
    """The load's throughput under this kernel's protocol."""
    question = Question(machine=machine, workload=workload_of(load, touch), baseline=protocol, level=LEVEL, seed=seed,
                        n_draws=DRAWS)  # fmt: skip
    return predict(question, [protocol], [load.threads])[0]


def cells(
    machine: Machine, session: Session, *, seed: int = 1, count: bool = True,
    tell: Callable[[int, int, str], None] = lambda _done, _total, _line: None,
) -> list[Cell]:  # fmt: skip
    """Every load of a session. count : run each once more and count its fallbacks"""
    protocol, out = protocol_here(), []
    for k, both in enumerate(session.loads):
        tell(k, len(session.loads), both.load.label)
        user, kern = (
            predicted(machine_for(machine, session, both.load, how), both.load, how, seed, protocol)
            for how in (Touch.USER, Touch.KERN)
        )
        seen = fallbacks(both.load, session) if count else Fallbacks(share=None, count=0, how="not counted")
        out += _cells(machine, both, user, kern, seen, seed)
    tell(len(session.loads), len(session.loads), "")
    return out


def fallbacks(load: Load, session: Session) -> Fallbacks:
    """Run the load in user mode once more, and count."""
    host = Host(cpus=session.topology.cpus, numbers=system_numbers(), repeats=1)

    def work() -> int:
        done = window(host, load.setting(Touch.USER), COUNT_NS)
        return sum(run.minor_faults for run in done.runs)

    before = vmstat()
    name = family(before)
    if not name:
        return traced(work, lambda: window(host, load.setting(Touch.USER), 1).updates_per_s)
    work()
    return from_counters(name, before, vmstat())


def _cells(machine: Machine, both: Both, user: Prediction, kern: Prediction, seen: Fallbacks, seed: int) -> list[Cell]:
    """Throughput both ways, gain, fallback share."""
    x, y = user.draws["throughput_per_s"], kern.draws["throughput_per_s"]
    sd = sd_of(machine, workload_of(both.load, Touch.USER), both.load.threads)
    noise = np.exp(sd * stratified(np.random.default_rng((seed, both.load.threads)), len(x)))
    gain = interval(x / y * noise, LEVEL)
    return [
        _cell(both, "throughput_user", user.throughput_per_s, (both.user.median, both.user.low, both.user.high)),
        _cell(both, "throughput_kern", kern.throughput_per_s, (both.kern.median, both.kern.low, both.kern.high)),
        _cell(both, "gain", gain, both.gain),
        Cell(
            load=both.load.label, threads=both.load.threads, quantity="fallback_share", predicted=user.fallback_share,
            measured=seen.share, measured_low=None, measured_high=None, error=None, met=None, how=seen.how,
        ),
    ]  # fmt: skip


def _cell(both: Both, quantity: str, expected: Interval, found: tuple[float, float, float]) -> Cell:
    """A prediction beside median and range of the windows."""
    middle, low, high = found
    error = float(np.log(expected.median / middle))
    meets = expected.low <= high and low <= expected.high
    return Cell(
        load=both.load.label, threads=both.load.threads, quantity=quantity, predicted=expected, measured=middle,
        measured_low=low, measured_high=high, error=error, met=bool(meets or abs(error) <= np.log(TOLERANCE)),
    )  # fmt: skip


def classes(found: Sequence[Cell]) -> dict[str, dict[str, float]]:
    """Median error and share met, by quantity."""
    out = {}
    for name in ("throughput_user", "throughput_kern", "gain"):
        mine = [c for c in found if c.quantity == name and c.error is not None]
        if mine:
            errors = [abs(c.error or 0.0) for c in mine]
            out[name] = {
                "cells": float(len(mine)), "median_abs_error": float(np.median(errors)),
                "worst_abs_error": max(errors), "met": float(np.mean([bool(c.met) for c in mine])),
            }  # fmt: skip
    return out


def as_json(found: Sequence[Cell]) -> Mapping[str, Any]:
    """The cells and their aggregates."""
    return {"kernel": kernel_version(), "protocol": protocol_here().name,
            "cells": [asdict(c) for c in found], "classes": classes(found)}  # fmt: skip
