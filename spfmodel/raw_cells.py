"""Published quantities beside the draws of their predictions, before anything is known of what the model misses.

A prediction may use the baseline rows of its machine, the priors, and what other machines teach;
never the candidate's rows of its own machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from . import catalog, published, remembered
from .asks import Ask, averaged, every, measured
from .machine import Machine, Workload
from .prediction import LONG_CYCLE, Question
from .pricing import faults_per_cycle
from .protocols import PROTOCOLS
from .structural import Residual, kind_of, term_of
from .verdict import range_reason

Floats = NDArray[np.float64]
Tell = Callable[[int, int, str], None]
SHARES: Mapping[str, tuple[str, str]] = {
    "fallback_share": ("fallback_share", "fallback"),
    "vma_changed": ("abort_share:vma_changed", "vma_changed"),
    "pte_lock": ("abort_share:pte_lock", "pte_lock"),
    "attempt_share": ("attempt_share", "attempted"),
}
"""Quantities that counters show: the name of their draws, the column of `published.fallback_shares`. Attempts are of
faults, all others of attempts."""
N_DRAWS = 32
"""of each prediction: its quantiles come from these and the structural term; the same for baseline and candidate"""
MORE = 3
"""times as many draws where threads update often"""
LEAST_SHARE = 1e-5
"""a smaller share counts as this: its logarithm stays finite"""


@dataclass(frozen=True, kw_only=True)
class Solved:
    """Draws of one ask at one number of threads."""

    n_threads: int
    draws: dict[str, Floats]


@dataclass(frozen=True, kw_only=True)
class RawCell:
    """One published quantity beside the draws of its prediction, without structural terms."""

    ask: Ask
    threads: tuple[int, ...]
    """several where the source averages over a sweep"""
    quantity: str
    """speedup or one of `SHARES`"""
    kind: str
    """readers, writers (at most one fault a cycle), mixed, unsupported or processes"""
    term: str
    """its structural term"""
    draws: Floats
    """(D,)"""
    fallback: Floats
    """(D,) share of fallbacks: the structural term of a cause is that of their sum"""
    base_per_s: Floats
    """(D,) baseline throughput at the last of `threads`"""
    range_only: bool
    measured: tuple[float, ...]
    """one value for each version"""
    rows: tuple[str, ...]
    """ids of what was measured"""
    mark: str
    """what was assumed about the setting"""

    @property
    def n_threads(self) -> int:
        """The last number of threads."""
        return self.threads[-1]


def raw_cells(
    only: Iterable[Sequence[str]] | None = None,
    *,
    seed: int = 1,
    root: Path | None = None,
    tell: Tell = lambda *_: None,
    kept: Path | None = None,
    jobs: int = 1,
    n_draws: int = N_DRAWS,
) -> list[RawCell]:
    """Draws of every cell, without structural terms.

    tell : told done, of how many, and what; kept : folder of results computed before (`remembered`); jobs : processes;
    n_draws : of each prediction
    """
    from joblib import Parallel, delayed  # type: ignore[import-untyped, unused-ignore]

    asks = every(root) if only is None else tuple(Ask(*some) for some in only)
    tables = [measured(ask, root) for ask in asks]
    counts = [sorted({n for threads in table["threads"] for n in threads}) for table in tables]
    wanted = [(ask, n) for ask, some in zip(asks, counts, strict=True) for n in some]
    runs = Parallel(n_jobs=jobs, return_as="generator")(
        delayed(solved)(ask, n, seed, root, kept, n_draws) for ask, n in wanted
    )
    by_ask: dict[Ask, list[Solved]] = {ask: [] for ask in asks}
    for done, ((ask, n), found) in enumerate(zip(wanted, runs, strict=True), 1):
        by_ask[ask].append(found)
        tell(done, len(wanted), f"{ask.machine}, {ask.workload}, {ask.protocol}, {n} {ask.mode}")
    return [cell for ask in asks for cell in _cells_of(ask, by_ask[ask], root)]


def nouns(ask: Ask, root: Path | None) -> tuple[Machine, Workload, str]:
    """Machine, workload in its mode, and the baseline's name."""
    machine, workload = catalog.machine(ask.machine, root), catalog.workload(ask.workload, root)
    workload = replace(workload, choices={**workload.choices, "mode": ask.mode})
    return machine, workload, published.BASELINES.get(machine.name, "mmap_sem")


def updates_often(machine: Machine, workload: Workload) -> bool:
    """Threads that update every few hundred faults: their costs spread most, and a run is short."""
    updates = any(phase.do == "update" for phase in workload.program) and workload.choice("mode") == "threads"
    return updates and faults_per_cycle(machine, workload) < LONG_CYCLE


def solved(ask: Ask, n_threads: int, seed: int, root: Path | None, kept: Path | None, n_draws: int = N_DRAWS) -> Solved:
    """One ask at one number of threads."""
    machine, workload, baseline = nouns(ask, root)
    many = n_draws * (MORE if updates_often(machine, workload) else 1)
    question = Question(machine=machine, workload=workload, baseline=PROTOCOLS[baseline], seed=seed, n_draws=many)
    found = remembered.draws(question, PROTOCOLS[ask.protocol], n_threads, kept)
    return Solved(n_threads=n_threads, draws=dict(found))


def _cells_of(ask: Ask, found: Sequence[Solved], root: Path | None) -> list[RawCell]:
    """A speed-up for each number of threads (or sweep) that was measured, and the fallback share of counted runs."""
    machine, workload, _ = nouns(ask, root)
    by_n = {s.n_threads: s for s in found}
    out = []
    table = measured(ask, root)
    for threads in sorted(set(table["threads"])):
        runs = [by_n[n] for n in threads]
        values = averaged(cast("Any", runs)) if len(runs) > 1 else runs[0].draws["speedup"]
        rows = table[table["threads"] == threads]
        told = {"measured": tuple(rows["speedup"]), "rows": tuple(rows["id"]), "mark": "; ".join(set(rows["mark"]))}
        out.append(_raw(ask, machine, workload, runs, "speedup", values, told))
    return out + _counted(ask, machine, workload, found[-1], root)


def _counted(ask: Ask, machine: Machine, workload: Workload, last: Solved, root: Path | None) -> list[RawCell]:
    """The shares that counters of this protocol's runs show; a cause that nobody counted is left out.

    Where nobody is predicted to try, the share of faults that try is all that is compared.
    """
    runs = published.fallback_shares(machine, workload, root)
    runs = runs[runs["protocol"] == ask.protocol]
    tries = last.draws["attempt_share"].max() > 0
    out = []
    for quantity, (drawn, column) in SHARES.items():
        if tries == (quantity == "attempt_share"):
            continue
        counted = runs[runs[column].notna()]
        values = last.draws.get(drawn)
        if counted.empty or values is None:
            continue
        told = {"measured": tuple(counted[column]), "rows": tuple(counted["id"]), "mark": ""}
        out.append(_raw(ask, machine, workload, [last], quantity, values, told))
    return out


def _raw(
    ask: Ask, machine: Machine, workload: Workload, runs: Sequence[Solved], quantity: str, draws: Floats,
    told: Mapping[str, Any],
) -> RawCell:  # fmt: skip
    n = runs[-1].n_threads
    term = term_of(machine, workload, n) if quantity == "speedup" else "fallback"
    return RawCell(
        ask=ask, threads=tuple(s.n_threads for s in runs), quantity=quantity, kind=kind_of(machine, workload),
        term=term, draws=draws, fallback=runs[-1].draws["fallback_share"],
        base_per_s=runs[-1].draws["baseline_throughput_per_s"],
        range_only=bool(range_reason(machine, workload, n)), **told,
    )  # fmt: skip


def residuals(found: Iterable[RawCell]) -> list[Residual]:
    """What the structural terms are learnt from: ln of speed-ups, log odds of fallback shares."""
    return [_residual(cell) for cell in found if cell.quantity in ("speedup", "fallback_share")]


def _residual(cell: RawCell) -> Residual:
    scale = np.log if cell.quantity == "speedup" else log_odds
    draws = scale(cell.draws)
    return Residual(
        machine=cell.ask.machine, vote=f"{cell.ask.workload} {cell.ask.mode}", term=cell.term,
        versions=tuple(float(v) for v in scale(np.array(cell.measured))), median=float(np.median(draws)),
        sd=float(np.std(draws)),
    )  # fmt: skip


def log_odds(share: Floats) -> Floats:
    """ln(p / (1 - p)), kept finite.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    inside = np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)
    return np.asarray(np.log(inside / (1 - inside)))
