"""Simpler ways to predict a gain, scored like the model: no gain, Gunther's USL, Amdahl's law, another machine's gain.

Each says ln(speed-up) of a cell from what the model may know, too: baseline rows of the machine,
uncontended costs, candidates of *other* machines. Their intervals are as honest as the model's: a
spread learnt, class by class, from their own misses on the other machines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import catalog, published
from .network import Network, Op, repeats
from .prediction import Question, draws_for
from .program import build
from .protocols import PROTOCOLS
from .raw_cells import RawCell, nouns
from .score import Point
from .structural import posterior_sd

Floats = NDArray[np.float64]
FEWEST = 4
"""numbers of threads of a baseline curve that the three parameters of the USL need"""
SCALE = 1.0
"""half-normal scale of a rival's spread: wide, so that its own misses decide"""
Z80, Z95 = 1.2816, 1.9600


def no_gain(cell: RawCell, others: Sequence[RawCell], root: Path | None) -> float:
    """Nothing changes."""
    del cell, others, root
    return 0.0


def usl(cell: RawCell, others: Sequence[RawCell], root: Path | None) -> float | None:
    """Gunther's universal scalability law fitted to the baseline curve; the candidate is the curve without crosstalk.

    X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))  (Gunther 2007, Guerrilla Capacity Planning, eq. 4.33)

    kappa, the exchange of lines between all pairs, is what a lock's atomics are; sigma, the queue, is left to what
    remains shared. None where the curve has too few points.
    """
    del others
    curve = base_curve(*cell.ask[:2], cell.ask.mode, root)
    if len(curve) < FEWEST:
        return None
    _, sigma, kappa = fitted_usl(np.array(list(curve)), np.array(list(curve.values())))
    return float(np.mean([np.log1p(kappa * n * (n - 1) / (1 + sigma * (n - 1))) for n in cell.threads]))


def fitted_usl(n: Floats, rate: Floats) -> tuple[float, float, float]:
    """lambda, sigma, kappa by least squares of ln X, none negative. n, rate : (K,)

    >>> n = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    >>> [round(v, 4) for v in fitted_usl(n, 3 * n / (1 + 0.1 * (n - 1) + 0.01 * n * (n - 1)))]
    [3.0, 0.1, 0.01]
    """
    from scipy.optimize import least_squares

    def misfit(p: Floats) -> Floats:
        law = np.exp(p[0]) * n / (1 + p[1] * (n - 1) + p[2] * n * (n - 1))
        return np.asarray(np.log(law / rate))

    found = least_squares(misfit, [np.log(rate[0] / n[0]), 0.05, 0.001], bounds=([-np.inf, 0, 0], np.inf), xtol=1e-12)
    return float(np.exp(found.x[0])), float(found.x[1]), float(found.x[2])


@cache
def base_curve(machine: str, workload: str, mode: str, root: Path | None) -> dict[int, float]:
    """Median published throughput of the baseline by number of threads."""
    from .asks import Ask

    m, w, baseline = nouns(Ask(machine, workload, "", mode), root)
    rows = published.rows(m, w, baseline, root)
    return {int(n): float(rows.loc[rows["n"] == n, "total_per_s"].median()) for n in sorted(rows["n"].unique())}


def amdahl(cell: RawCell, others: Sequence[RawCell], root: Path | None) -> float:
    """Amdahl's law on the share of a cycle under the lock, with the machine's uncontended costs.

    gain = (s + (1 - s) / P) / (s' + (1 - s') / P)  (Amdahl 1967), P = min(threads, CPUs)

    s is the share that the lock makes serial: all that is done under it where there are updates, else its two
    atomics; s' the same without the faults. Processes share no lock, and a fault that is refused keeps it: no gain.
    """
    del others
    if cell.kind in ("processes", "unsupported"):
        return 0.0
    machine, workload, baseline = nouns(cell.ask, root)
    gains = []
    for n in cell.threads:
        question = Question(machine=machine, workload=workload, baseline=PROTOCOLS[baseline])
        priced = {name: np.median(values, keepdims=True) for name, values in draws_for(question).items()}
        before, after = serial_shares(build(machine, workload, PROTOCOLS[baseline], n, draws=priced))
        cpus = min(n, machine.cpus)
        gains.append(np.log((before + (1 - before) / cpus) / (after + (1 - after) / cpus)))
    return float(np.mean(gains))


def serial_shares(network: Network) -> tuple[float, float]:
    """Share of one cycle's work that the lock makes serial: with the faults under it, and without them."""
    time = network.value_ns[0] * repeats(network) * (network.op <= Op.LINE)
    entered = np.cumsum((network.op == Op.READ_LOCK) * 1 - (network.op == Op.READ_UNLOCK))
    written = np.cumsum((network.op == Op.WRITE_LOCK) * 1 - (network.op == Op.WRITE_UNLOCK))
    atomics = float(time[["mmap_sem" in label for label in network.labels]].sum())
    writes, reads = float(time[written > 0].sum()), float(time[entered > 0].sum())
    serial = writes + reads if writes > 0 else atomics
    return serial / float(time.sum()), writes / float(time.sum())


def copied(cell: RawCell, others: Sequence[RawCell], root: Path | None) -> float | None:
    """What other machines gained from a protocol of the same family: with the same workload, else with its class.

    Each other machine's gain is read off at the same number of threads per CPU; the machines' mean. None where no
    other machine was measured.
    """
    alike = [o for o in others if family(o) == family(cell) and o.quantity == "speedup" and o.ask.mode == cell.ask.mode]
    same = [o for o in alike if o.ask.workload == cell.ask.workload] or [o for o in alike if o.kind == cell.kind]
    load = _per_cpu(cell, root)
    gains = []
    for name in dict.fromkeys(o.ask.machine for o in same):
        mine = sorted((_per_cpu(o, root), _measured(o)) for o in same if o.ask.machine == name)
        gains.append(np.interp(np.log(load), np.log([x for x, _ in mine]), [y for _, y in mine]))
    return float(np.mean(gains)) if gains else None


def _per_cpu(cell: RawCell, root: Path | None) -> float:
    return cell.n_threads / _cpus(cell.ask.machine, root)


@cache
def _cpus(machine: str, root: Path | None) -> int:
    return catalog.uncalibrated(machine, root).cpus


def family(cell: RawCell) -> str:
    """Spf (all versions and kinds of sequence), per_vma (locks, counts), or the protocol itself.

    >>> from types import SimpleNamespace as N
    >>> family(N(ask=N(protocol="spf_rwlock_v11"))), family(N(ask=N(protocol="range_lock")))
    ('spf', 'range_lock')
    """
    return next((f for f in ("spf", "per_vma") if cell.ask.protocol.startswith(f)), cell.ask.protocol)


def _measured(cell: RawCell) -> float:
    return float(np.log(np.median(cell.measured)))


Rival = Callable[[RawCell, Sequence[RawCell], Path | None], float | None]
COPY = "copy"
RIVALS: Mapping[str, Rival] = {"no gain": no_gain, "USL": usl, "Amdahl": amdahl, COPY: copied}


def points(name: str, found: Sequence[RawCell], root: Path | None = None) -> tuple[list[Point], list[bool]]:
    """What a rival says of every speed-up cell, with intervals; and where it has something to say.

    Where it has nothing to say it says: no gain. The misses that give a machine its spread know nothing of it either.
    """
    cells = [c for c in found if c.quantity == "speedup"]
    said = _said(name, cells, "", root)
    votes = [vote(c) for c in cells]
    weight = np.array([1 / votes.count(v) for v in votes])
    measured = np.array([_measured(c) for c in cells])
    out = []
    misses: dict[str, Floats] = {}
    for c, v, middle in zip(cells, votes, (s or 0.0 for s in said), strict=True):
        if c.ask.machine not in misses:
            blind = _said(name, cells, c.ask.machine, root) if name == COPY else said
            misses[c.ask.machine] = measured - np.array([s or 0.0 for s in blind])
        teach = np.array([o.ask.machine != c.ask.machine and o.kind == c.kind for o in cells])
        sd, _, _ = posterior_sd(misses[c.ask.machine][teach], np.zeros(teach.sum()), weight[teach], SCALE)
        low, high, low95, high95 = (float(middle + z * sd) for z in (-Z80, Z80, -Z95, Z95))
        out.append(Point(v, float(middle), low, high, low95, high95, _measured(c)))
    return out, [s is not None for s in said]


def _said(name: str, cells: Sequence[RawCell], without: str, root: Path | None) -> list[float | None]:
    """What a rival says of each cell, from other machines but one."""
    others = {m: [o for o in cells if o.ask.machine not in (m, without)] for m in {c.ask.machine for c in cells}}
    return [RIVALS[name](c, others[c.ask.machine], root) for c in cells]


def vote(cell: RawCell) -> str:
    """One vote per machine, workload and mode."""
    return f"{cell.ask.machine} {cell.ask.workload} {cell.ask.mode}"
