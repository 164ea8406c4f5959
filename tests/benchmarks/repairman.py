"""The model that all simulators run: a closed machine repairman, 20 customers, exponential think and service, FCFS.

A cycle is one think time and one service. Each simulator's throughput has to agree with the exact one within its
noise: every simulator samples the same process, so that one constant, measured on ours, gives the noise of all.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np
from small_networks import network_of, step

from spfmodel.network import Network, Op
from spfmodel.solvers import des
from spfmodel.solvers.mva import mva

from . import peers
from .timing import cpu_s, process

CUSTOMERS, THINK, SERVICE = 20, 20.0, 1.0
NS = 1000.0
"""a unit of the model's time in ours, ns"""
SIGMAS = 4.0
"""beyond which a throughput does not agree with the exact one"""
OWN_LINE = 4.2e-4
"""relative gain in throughput of ours from the rule for a thread that was served last: 4e8 cycles of repairman.c with
-DOWN_LINE, which gives it the same rule, give 4.2e-4 with a standard deviation of 4e-5"""
MODEL = (CUSTOMERS, THINK, SERVICE)


class Run(NamedTuple):
    """One simulator's run."""

    cycles: int
    events: float
    """as the simulator counts them; nan: it does not"""
    cpu_s: float
    """without start-up and imports"""
    pace: float
    """cycles per unit of the model's time"""

    @property
    def cycles_per_s(self) -> float:
        return self.cycles / self.cpu_s

    @property
    def events_per_s(self) -> float:
        return self.events / self.cpu_s


def exact(customers: int = CUSTOMERS) -> float:
    """Cycles per unit of time, by mean value analysis."""
    return float(mva(customers, THINK, np.array([SERVICE])).throughput[-1])


def network(customers: int = CUSTOMERS) -> Network:
    """The model as a program of three steps. A line that is still the thread's own is served in the mean time, without
    spread: 1 visit in 100, see OWN_LINE."""
    rows = [step(Op.WORK, THINK * NS), step(Op.LINE, SERVICE * NS), step(Op.CYCLE_END)]
    made = network_of(rows, customers, faults=0, updates=0, lines=("server",))
    made.line_local_ns[:] = SERVICE * NS
    return made


def ours(cycles: int, seed: int, customers: int = CUSTOMERS) -> Run:
    """The general engine, on the network above: two calendar events a cycle."""
    made, found = network(customers), []
    spent = cpu_s(lambda: found.append(des.simulate(made, 0, seed, 2 * cycles)))
    tally = found[0][0][-1]
    events = 2 * cycles // des.SLICES * des.SLICES
    return Run(int(tally[0]), events, spent, float(tally[0] / tally[-1] * NS))


def c_loop(cycles: int, seed: int, customers: int = CUSTOMERS, *flags: str) -> Run:
    """repairman.c, compiled with these flags, which times itself."""
    command = [str(peers.c_loop(*flags)), *map(str, (cycles, seed, customers, THINK, SERVICE))]
    done, events, spent, pace = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Run(int(done), float(events), float(spent), float(pace))


def ldes(cycles: int, seed: int) -> Run:
    """LINE's simulator without intervals; it counts service completions, think times among them: two a cycle."""
    model, result = peers.BUILD / "repairman.json", peers.BUILD / "ldes.json"
    if not model.exists():
        peers.ask("model", model, *MODEL)
    command = [peers.ldes() or "ldes", "solve", model, "-o", result, "-s", 2 * cycles, "--seed", seed + 1]
    spent = process([*map(str, command), "--cimethod", "none", "--tranfilter", "none"])
    found = json.loads(result.read_text(encoding="utf-8"))
    events = found["totalSimulatedEvents"]
    return Run(events // 2, events, spent.cpu_s, found["metrics"]["TN"][1][0])


def python_peer(name: str) -> Callable[[int, int], Run]:
    """SimPy, Ciw or salabim, in a process of its own."""

    def run(cycles: int, seed: int) -> Run:
        found = peers.ask(name, cycles, seed, *MODEL)
        events = found["events"] if found["events"] is not None else float("nan")
        return Run(found["cycles"], events, found["cpu_s"], found["pace"])

    return run


def noise(runs: int = 48, cycles: int = 20_000) -> float:
    """Standard deviation of ln(pace) times the root of the cycles; the same for each simulator of this model."""
    paces = [ours(cycles, 1000 + k).pace for k in range(runs)]
    return float(np.std(np.log(paces), ddof=1) * sqrt(cycles))


def sigmas_off(runs: list[Run], spread: float, known: float = 0.0) -> float:
    """How far the mean pace is from the exact one, in its standard deviations; known: relative difference of models."""
    cycles = np.array([run.cycles for run in runs], float)
    pace = cycles @ [run.pace for run in runs] / cycles.sum()
    return float((pace / exact() - 1 - known) / (spread / sqrt(cycles.sum())))


def check(name: str, runs: list[Run], spread: float, known: float = 0.0) -> None:
    """RuntimeError where a simulator disagrees with the exact throughput beyond its noise."""
    off = sigmas_off(runs, spread, known)
    if abs(off) > SIGMAS:
        raise RuntimeError(f"{name}: throughput is {off:+.1f} standard deviations off the exact one")
