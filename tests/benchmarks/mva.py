"""Mean value analysis: 4 stations, 64 customers, many networks; against LINE's exact MVA and a numpy loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spfmodel.solvers.mva import mva

from . import peers
from .growth import Curve
from .peers import say
from .row import Row, ratio_of
from .timing import cpu_s, in_turn, least_cpu_s

Floats = NDArray[np.float64]
N_THREADS, STATIONS, ROUNDS = 64, 4, 5
MANY, FEW = 20_000, 1_000
"""networks a round, of ours and of the peers"""


def networks(count: int) -> tuple[Floats, Floats]:
    """Think times (P,) and demands (P, 4), drawn at random."""
    rng = np.random.default_rng(1)
    return rng.uniform(5.0, 50.0, count), rng.uniform(0.1, 2.0, (count, STATIONS))


def ours(think: Floats, demand: Floats) -> Floats:
    """Throughput of each network, (P,), all at once."""
    return mva(N_THREADS, think, demand).throughput[-1]


def numpy_loop(think: Floats, demand: Floats) -> Floats:
    """The textbook's loop, one network after another, the stations as a numpy vector."""
    found = np.empty(len(think))
    for p in range(len(think)):
        queues = np.zeros(STATIONS)
        for n in range(1, N_THREADS + 1):
            residence = demand[p] * (1.0 + queues)
            found[p] = n / (think[p] + residence.sum())
            queues = found[p] * residence
    return found


def line_mva(think: Floats, demand: Floats) -> tuple[float, Floats]:
    """Processor time of LINE's function alone, and what it found."""
    file = peers.BUILD / "mva.npz"
    np.savez(file, think=think, demand=demand, n_threads=N_THREADS)
    found = peers.ask("mva", file)
    return found["cpu_s"], np.array(found["pace"])


def agree(name: str, theirs: Floats, expected: Floats) -> None:
    """RuntimeError where two exact methods differ by more than 1e-9."""
    worst = float(np.abs(theirs / expected - 1.0).max())
    if worst > 1e-9:
        raise RuntimeError(f"mva: {name} differs from ours by {worst:.2g}")


def row(peer: str, theirs: list[float], mine: list[float], aim: str) -> Row:
    """Speeds in networks per second."""
    return Row(
        subject="mva", name=f"exact MVA, {STATIONS} stations, {N_THREADS} customers", unit="networks/s", peer=peer,
        ours=float(np.median(mine)), theirs=float(np.median(theirs)), ratio=ratio_of(mine, theirs), aim=aim,
        note=f"ours {MANY:,} networks in one call; equal within 1e-9",
    )  # fmt: skip


def against_numpy() -> Row:
    """In turn with the numpy loop."""
    say("mva: in turn with a numpy loop")
    many, few = networks(MANY), networks(FEW)
    agree("numpy loop", numpy_loop(*few), ours(*few))
    pairs = in_turn(
        lambda _: MANY / cpu_s(lambda: ours(*many)), lambda _: FEW / cpu_s(lambda: numpy_loop(*few)), ROUNDS
    )
    return row("numpy loop", [b for _, b in pairs], [a for a, _ in pairs], "")


def against_line() -> Row:
    """In turn with LINE's pfqn_mva."""
    say("mva: in turn with LINE")
    many, few = networks(MANY), networks(FEW)
    agree("LINE", line_mva(*few)[1], ours(*few))
    pairs = in_turn(lambda _: MANY / cpu_s(lambda: ours(*many)), lambda _: FEW / line_mva(*few)[0], ROUNDS)
    return row("LINE exact MVA", [b for _, b in pairs], [a for a, _ in pairs], "")


def curve() -> Curve:
    """Time of one network against its customers."""
    say("mva: 1 to 4,096 customers")
    sizes, (think, demand) = [4.0**k for k in range(7)], networks(1_000)
    costs = [1e6 * least_cpu_s(lambda n=n: mva(int(n), think, demand), 2) / len(think) for n in sizes]
    return Curve(
        subject="mva", name="exact MVA, 4 stations", sizes=sizes, costs=costs, size="threads", unit="µs a point",
        fit_from=16,
    )  # fmt: skip


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """All rows and curves of this subject."""
    rows = [against_numpy()]
    if peers.python():
        rows.append(against_line())
    return rows, [curve()]
