"""A task of a sweep: some rows of the design through the solver, to columns. A pure function of plan and number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..machine import Machine, Workload
from ..network import Solution
from ..prediction import events_for
from ..program import build
from ..settings import Settings, with_settings
from ..solvers import solve
from ..sources import BadInput
from .axes import Axis, Column
from .axis_form import plainly
from .design import rows
from .identity import code_sha256
from .parts import Part, encoded
from .plan import Plan, point_seed

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
BLOCK = 16_384
"""points that are solved as one array: so many that laying out a program costs little beside"""
HOMES = {"fact": "facts", "cost": "costs", "parameter": "parameters", "choice": "choices", "kernel": "kernels"}


@dataclass
class _Table:
    """Columns while they are filled."""

    inputs: dict[str, Column]
    outputs: dict[str, Floats]
    reasons: NDArray[np.object_]
    """why a row has no result; None where it has one"""


@dataclass(frozen=True)
class _Case:
    """Nouns that a group of rows shares."""

    machine: Machine
    workload: Workload
    threads: int
    kernels: Mapping[str, str]


def evaluate(plan: Plan, chunk: int) -> Part:
    """Solve one task's rows; a row that fails keeps its reason, and the others go on."""
    if plan.identity["code_sha256"] != code_sha256():
        raise BadInput("a worker has another version of spfmodel; install the same on all")
    start, stop = plan.span(chunk)
    inputs = rows(plan.design, plan.axes, plan.points, plan.seed, start, stop)
    blank = {name: np.full(stop - start, np.nan) for name in plan.columns()}
    table = _Table(inputs, blank, np.full(stop - start, None, object))
    for places, case in _groups(plan, table):
        if plan.solver == "closed":
            _solve_array(plan, case, table, places)
        else:
            _solve_each(plan, case, table, places, start)
    _refuse_what_is_not_finite(table)
    return encoded(plan, chunk, table.inputs, table.outputs, table.reasons)


def _groups(plan: Plan, table: _Table) -> Iterator[tuple[Places, _Case]]:
    """Rows of equal shape, by their places, with their nouns."""
    shaping = [axis for axis in plan.axes if axis.shapes]
    size = len(table.reasons)
    code = np.zeros(size, np.int64)
    for axis in shaping:
        values, inverse = np.unique(table.inputs[axis.name], return_inverse=True)
        code = np.unique(code * len(values) + inverse, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        found = {axis: table.inputs[axis.name][places[0]].item() for axis in shaping}
        try:
            yield places, _case(plan, found)
        except BadInput as error:
            table.reasons[places] = plainly(error)


def _case(plan: Plan, values: Mapping[Axis, Any]) -> _Case:
    """The nouns at given values of the axes that shape a program."""
    settings, threads = Settings(), plan.threads
    for axis, value in values.items():
        if axis.home == "threads":
            threads = value
        else:
            getattr(settings, HOMES[axis.home])[axis.name.removeprefix("workload.")] = value
    machine, workload, _ = with_settings(plan.machine, plan.workload, settings)
    return _Case(machine, workload, threads, {**plan.kernels, **settings.kernels})


def _draws(plan: Plan, table: _Table, places: Places) -> dict[str, Floats]:
    """Axes that are arrays to `program.build`: costs and parameters by name, (D,)."""
    free = [axis for axis in plan.axes if not axis.shapes]
    return {a.name.removeprefix("workload."): table.inputs[a.name][places].astype(float) for a in free}


def _solve_array(plan: Plan, case: _Case, table: _Table, places: Places) -> None:
    """Formulas: blocks of rows as one array. Where a block fails its rows are tried one by one."""
    for first in range(0, len(places), BLOCK):
        block = places[first : first + BLOCK]
        reason = _tried(plan, case, table, block, 1)
        if reason and len(block) > 1:
            for k in range(len(block)):
                table.reasons[block[k]] = _tried(plan, case, table, block[k : k + 1], 1)
        elif reason:
            table.reasons[block] = reason


def _solve_each(plan: Plan, case: _Case, table: _Table, places: Places, start: int) -> None:
    """Simulation and chains: every row with its own seed."""
    for k in range(len(places)):
        seed = point_seed(plan.seed, start + int(places[k]))
        table.reasons[places[k]] = _tried(plan, case, table, places[k : k + 1], seed)


def _tried(plan: Plan, case: _Case, table: _Table, places: Places, seed: int) -> str | None:
    """Solve rows; the reason, if that fails."""
    try:
        with np.errstate(all="ignore"):
            _solve(plan, case, table, places, seed)
    except (ValueError, ArithmeticError, IndexError, KeyError, MemoryError) as error:
        return plainly(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
    return None


def _solve(plan: Plan, case: _Case, table: _Table, places: Places, seed: int) -> None:
    """Every protocol on rows of equal shape."""
    draws = _draws(plan, table, places) or {"line_ns": np.full(len(places), case.machine.costs["line_ns"].value)}
    base: Solution | None = None
    for protocol in plan.protocols:
        side = "baseline" if protocol.name == plan.baseline else "candidate"
        network = build(
            case.machine, case.workload, protocol, case.threads, draws=draws, kernel=case.kernels.get(f"{side}.kernel")
        )
        events = plan.events or events_for(network)
        found = solve(network, solver=plan.solver, seed=seed, events=events)
        base = found if side == "baseline" else base
        for name in plan.outputs:
            for column, values in _kept(name, found, base, plan.causes(protocol)).items():
                if (whole := f"{column}:{protocol.name}") in table.outputs:
                    table.outputs[whole][places] = values


def _kept(name: str, found: Solution, base: Solution | None, causes: tuple[str, ...]) -> dict[str, Floats]:
    """One output by column, (D,) each."""
    if name == "speedup":
        return {name: found.throughput_per_s / base.throughput_per_s} if base else {}
    if name == "abort_share":
        none = np.zeros_like(found.attempt_share)
        return {f"{name}:{cause}": found.abort_share.get(cause, none) for cause in causes}
    if name == "lock_utilisation":
        used = [share for station, share in found.utilisation.items() if station.startswith("mmap_sem")]
        return {name: np.asarray(np.sum(used, axis=0))}
    if name == "attempt_share":
        return {name: np.minimum(found.attempt_share, 1.0)}
    return {name: getattr(found, name)}


def _refuse_what_is_not_finite(table: _Table) -> None:
    """A row with a number that is none has failed: all its results go, with a reason."""
    bad = np.zeros(len(table.reasons), bool)
    for name, values in table.outputs.items():
        new = ~np.isfinite(values) & ~bad
        bad |= new
        for place in np.flatnonzero(new):
            table.reasons[place] = table.reasons[place] or f"{name} is not a finite number here"
    for values in table.outputs.values():
        values[bad] = np.nan
