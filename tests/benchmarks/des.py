"""Simulation: against peers and a C loop on the same model; the full protocol; two cores; cost against threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np

from spfmodel import catalog
from spfmodel.network import Network, repeats
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.solvers import des

from . import peers, repairman
from .growth import Curve
from .peers import say
from .repairman import Run
from .row import Row, ratio_of
from .timing import cpu_s, in_turn, least_cpu_s

ROUNDS = 5
THREADS = (1, 4, 16, 64, 256, 1024, 4096)
EVENTS = 600_000


def contestants() -> Iterator[tuple[str, Callable[[int, int], Run], int, str]]:
    """Name, run, cycles a run, and the aim, of each peer that is there."""
    if peers.c_loop():
        yield "C loop, cc -O2", repairman.c_loop, 1_000_000, "ratio >= 0.667"
        yield "C loop with a logarithm", logarithm, 1_000_000, ""
    if peers.ldes():
        yield "LINE LDES", repairman.ldes, 500_000, "ratio >= 4"
    if peers.python():
        yield "SimPy", repairman.python_peer("simpy"), 200_000, "ratio >= 100"
        yield "Ciw", repairman.python_peer("ciw"), 30_000, ""
        yield "salabim", repairman.python_peer("salabim"), 30_000, ""


def logarithm(cycles: int, seed: int) -> Run:
    """The C loop as most would write it."""
    return repairman.c_loop(cycles, seed, repairman.CUSTOMERS, "-DLOGARITHM")


def against(name: str, peer: Callable[[int, int], Run], cycles: int, aim: str, spread: float) -> Row:
    """The repairman in turn, the same number of cycles on both sides."""
    say(f"des: repairman, {cycles:,} cycles, {ROUNDS} times in turn with {name}")
    repairman.ours(1000, 1)
    pairs = in_turn(lambda k: repairman.ours(cycles, k), lambda k: peer(cycles, 100 + k), ROUNDS)
    mine, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    repairman.check("ours", mine, spread, repairman.OWN_LINE)
    repairman.check(name, theirs, spread)
    events = [float(np.median([run.events_per_s for run in runs])) / 1e6 for runs in (mine, theirs)]
    off = [repairman.sigmas_off(theirs, spread), repairman.sigmas_off(mine, spread, repairman.OWN_LINE)]
    counted = "" if np.isnan(events[1]) else f", {name} {events[1]:.3g} M"
    return Row(
        subject="des", name="machine repairman, 20 customers", unit="M cycles/s", peer=name, aim=aim,
        ours=float(np.median([run.cycles_per_s for run in mine])) / 1e6,
        theirs=float(np.median([run.cycles_per_s for run in theirs])) / 1e6,
        ratio=ratio_of([run.cycles_per_s for run in mine], [run.cycles_per_s for run in theirs]),
        note=f"events/s as each counts them: ours {events[0]:.3g} M{counted}; throughput "
        f"{off[0]:+.1f} standard deviations off the exact one, ours {off[1]:+.1f}",
    )  # fmt: skip


def protocol_network(protocol: str, n_threads: int) -> Network:
    """A real network: ebizzy on the x86 virtual machine, 16 CPUs, rwsem that sleeps."""
    return build(catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp"), PROTOCOLS[protocol], n_threads)


def full_protocol(protocol: str) -> Row:
    """Calendar events per second of processor time at 64 threads; steps too, of which an event is one or more."""
    say(f"des: {protocol}, 64 threads")
    made, events = protocol_network(protocol, 64), 5 * EVENTS
    found = des.simulate(made, 0, 1, events)[0][-1]
    spent = least_cpu_s(lambda: des.simulate(made, 0, 1, events), 4)
    steps = found[0] * repeats(made).sum() / spent / 1e6
    note = f"calendar events, each one program step or more: about {steps:.3g} M steps/s"
    aim = "ours >= 3" if protocol == "spf_rwlock" else ""
    rate = events / spent / 1e6
    return Row(subject="des", name=f"{protocol}, 64 threads", ours=rate, unit="M events/s", aim=aim, note=note)


def two_cores() -> Row:
    """The same eight replications with one worker and with two, in turn, by the clock on the wall."""
    say("des: eight replications, with one worker and with two")
    made = protocol_network("spf_rwlock", 64)

    def seconds(workers: int) -> float:
        started = perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda seed: des.simulate(made, 0, seed, EVENTS), range(8)))
        return perf_counter() - started

    seconds(2)
    pairs = in_turn(lambda _: 8 / seconds(2), lambda _: 8 / seconds(1), 5)
    two, one = [a for a, _ in pairs], [b for _, b in pairs]
    aim = "ratio >= 1.8" if (os.cpu_count() or 1) > 1 else ""
    return Row(
        subject="des", name="replications on two cores", peer="one core", unit="runs/s", aim=aim,
        ours=float(np.median(two)), theirs=float(np.median(one)), ratio=ratio_of(two, one),
        note="threads, without the interpreter's lock; wall time, so that a busy host shows",
    )  # fmt: skip


def event_ns(made: Network, events: int = EVENTS) -> float:
    """Processor time of one calendar event."""
    return 1e9 * min(cpu_s(lambda: des.simulate(made, 0, 1, events)) for _ in range(3)) / events


def c_event_ns(customers: int) -> float:
    """The same of the C loop."""
    runs = [repairman.c_loop(EVENTS // 2, k, customers) for k in range(3)]
    return 1e9 / max(run.events_per_s for run in runs)


def curves() -> list[Curve]:
    """Time of an event against threads."""
    out, grown = [], {"sizes": list(THREADS), "size": "threads", "unit": "ns an event", "fit_from": 4.0}
    for name, make in (
        ("repairman", repairman.network), ("spf_rwlock", lambda n: protocol_network("spf_rwlock", n)),
    ):  # fmt: skip
        say(f"des: {name}, 1 to 4,096 threads")
        out.append(Curve(subject="des", name=name, costs=[event_ns(make(n)) for n in THREADS], **grown))
    if peers.c_loop():
        costs = [c_event_ns(n) for n in THREADS]
        out.append(Curve(subject="des", name="repairman, C loop", costs=costs, **grown))
    return out


def logarithmic(curve: Curve) -> Row:
    """From 64 to 4,096 threads the logarithm doubles; an event may cost twice as much."""
    cost, aim = dict(zip(curve.sizes, curve.costs, strict=True)), "" if "C loop" in curve.name else "ours <= 2"
    return Row(
        subject="des", name=f"event of {curve.name}: time at 4,096 threads / at 64", unit="x", aim=aim,
        ours=cost[4096] / cost[64], note="O(log N) would be 2; that more memory is used is in it, too",
    )  # fmt: skip


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """All rows and curves of this subject."""
    spread = repairman.noise()
    rows = [against(*contestant, spread) for contestant in contestants()]
    rows += [full_protocol(name) for name in ("spf_rwlock", "mmap_sem", "per_vma_lock")]
    rows.append(two_cores())
    grown = curves()
    return rows + [logarithmic(curve) for curve in grown], grown
