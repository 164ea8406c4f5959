"""Predicted against published: every cell that the shipped tables can speak to, one vote per machine and workload.

`raw_cells` predicts without structural terms; here each machine gets those that the *other* machines
taught (data/structural.toml), and every prediction is set beside what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import catalog, datasets
from .elsewhere import LEARNT
from .machine import Machine
from .misses import MISSES
from .prediction import Interval, interval
from .raw_cells import LEAST_SHARE, RawCell
from .score import ranks
from .structural import noise, with_odds

Floats = NDArray[np.float64]
LEVEL = 0.8


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One published quantity beside its prediction."""

    machine: str
    workload: str
    protocol: str
    n_threads: int
    """the last one, where the source averages over a sweep"""
    quantity: str
    """speedup, fallback_share, vma_changed, pte_lock (of attempts), attempt_share (of faults)"""
    kind: str
    """readers, writers (at most one fault a cycle), mixed, unsupported or processes: the class of the aggregate"""
    mode: str = "threads"
    """threads, or processes"""
    predicted: Interval
    """80 % interval"""
    predicted95: Interval
    measured: float
    """median over the versions"""
    measured_low: float
    measured_high: float
    throughput_per_s: Interval
    """80 % interval of the candidate's predicted throughput"""
    baseline_throughput_per_s: Interval
    """80 % interval of the fitted baseline's"""
    error: float
    """ln(predicted / measured)"""
    covered: bool
    """measured lies in the 80 % interval"""
    covered95: bool
    range_only: bool
    calibrated_on: tuple[str, ...]
    """baseline rows that the machine was fitted to"""
    learnt_from: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """what other machines taught, by cost or parameter: their names"""
    candidate_rows: tuple[str, ...]
    """rows that were predicted, and never read before"""
    known_miss: str
    """mechanism of a miss of the 95 % interval"""
    mark: str = ""
    """what was assumed about the setting"""
    below: float = 0.5
    """share of the prediction's draws below the measured value"""
    place: tuple[int, int, int] = (1, 1, 1)
    """among the protocols of this machine, workload and number of threads: predicted, measured, of how many"""

    @property
    def vote(self) -> str:
        """One vote per machine, workload and mode."""
        return f"{self.machine} {self.workload} {self.mode}"


def scored(found: Sequence[RawCell], *, seed: int = 1, root: Path | None = None) -> list[Cell]:
    """The cells with their structural terms, each beside its measurement, and the ranks of protocols."""
    names = dict.fromkeys(raw.ask.machine for raw in found)
    machines = {name: catalog.machine(name, root) for name in names}
    taught = {name: learnt_from(m, root) for name, m in machines.items()}
    out = [_cell(raw, machines[raw.ask.machine], taught[raw.ask.machine], seed) for raw in found]
    return _placed(out)


def with_structure(raw: RawCell, machine: Machine, seed: int) -> Floats:
    """The draws with the structural term that was learnt for this machine, as `predict` adds it."""
    sd = machine.costs[f"structural_sd_{raw.term}"].value
    gain, odds = noise(seed, raw.n_threads, len(raw.draws))
    if raw.quantity == "speedup":
        return raw.draws * np.exp(sd * gain)
    if raw.quantity == "attempt_share":
        return raw.draws
    return raw.draws * with_odds(raw.fallback, np.exp(sd * odds)) / np.maximum(raw.fallback, 1e-300)


def _cell(raw: RawCell, machine: Machine, taught: Mapping[str, tuple[str, ...]], seed: int) -> Cell:
    draws = with_structure(raw, machine, seed)
    told, wide = interval(draws, LEVEL), interval(draws, 0.95)
    if raw.range_only and raw.quantity == "speedup":
        told = Interval(median=float(np.sqrt(told.low * told.high)), low=told.low, high=told.high)
    middle = float(np.median(raw.measured))
    calibration = machine.calibrations.get(raw.ask.workload) or next(iter(machine.calibrations.values()), None)
    inside, inside95 = within(told, middle), within(wide, middle)
    speedup = draws if raw.quantity == "speedup" else np.ones_like(draws)
    key = (raw.ask.machine, raw.ask.workload, raw.ask.protocol, raw.quantity)
    return Cell(
        machine=raw.ask.machine, workload=raw.ask.workload, protocol=raw.ask.protocol, n_threads=raw.n_threads,
        quantity=raw.quantity, kind=raw.kind, mode=raw.ask.mode, predicted=told, predicted95=wide, measured=middle,
        measured_low=min(raw.measured), measured_high=max(raw.measured),
        throughput_per_s=interval(raw.base_per_s * speedup, LEVEL),
        baseline_throughput_per_s=interval(raw.base_per_s, LEVEL), error=ln_ratio(told.median, middle),
        covered=inside, covered95=inside95, range_only=raw.range_only,
        calibrated_on=calibration.rows if calibration else (), candidate_rows=raw.rows, mark=raw.mark,
        learnt_from=learnt_for(taught, raw.term), below=float(np.mean(draws < middle)),
        known_miss="" if inside95 else MISSES.get(key, "not explained"),
    )  # fmt: skip


def within(interval: Interval, value: float) -> bool:
    """Whether a value lies in an interval; of shares below LEAST_SHARE none counts as larger than another."""
    return interval.low <= max(value, LEAST_SHARE) and value <= max(interval.high, LEAST_SHARE)


def ln_ratio(predicted: float, measured: float) -> float:
    """ln(predicted / measured), both at least LEAST_SHARE."""
    return float(np.log(max(predicted, LEAST_SHARE) / max(measured, LEAST_SHARE)))


def learnt_from(machine: Machine, root: Path | None = None) -> dict[str, tuple[str, ...]]:
    """What other machines taught this one, by cost or parameter: the machines, as its numbers name their rows."""
    table = datasets.measurements(root)
    by_row = dict(zip(table["id"], table["machine_key"], strict=True))
    out = {}
    for name, q in machine.costs.items():
        if name.startswith("structural_sd_"):
            out[name] = tuple(q.where.rpartition(" on ")[2].split(", "))
            continue
        cited = {by_row[row] for row in re.findall(r"[\w.+-]+", q.where) if row in by_row}
        cited |= set(table.loc[table["source"] == q.source, "machine_key"]) if not cited else set()
        if others := tuple(sorted(cited - {machine.name, ""})):
            out[name] = others
    rows = {row for c in machine.calibrations.values() for row in c.rows if row.startswith("counters of ")}
    return out | (
        {name: tuple(sorted(row.removeprefix("counters of ") for row in rows)) for name in LEARNT} if rows else {}
    )


def learnt_for(taught: Mapping[str, tuple[str, ...]], term: str) -> dict[str, tuple[str, ...]]:
    """The same without the structural terms of other classes."""
    mine = f"structural_sd_{term}"
    return {name: who for name, who in taught.items() if name == mine or not name.startswith("structural_sd_")}


def _placed(found: Sequence[Cell]) -> list[Cell]:
    """Ranks of the protocols that share a machine, workload, mode, number of threads and quantity."""

    def setting(cell: Cell) -> tuple[str, int, str]:
        return cell.vote, cell.n_threads, cell.quantity

    places: dict[int, tuple[int, int, int]] = {}
    for _, some in groupby(sorted(found, key=setting), setting):
        group = list(some)
        pairs = zip(ranks([c.predicted.median for c in group]), ranks([c.measured for c in group]), strict=True)
        places |= {id(c): (p, m, len(group)) for c, (p, m) in zip(group, pairs, strict=True)}
    return [replace(c, place=places[id(c)]) for c in found]
