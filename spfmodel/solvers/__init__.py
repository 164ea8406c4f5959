"""Three solvers of the same `Network`: closed forms, exact chains, simulation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..network import Network, Solution
from ..primitives.reader_writer import FCFS
from ..sources import BadInput

NAMES = ("auto", "closed", "ctmc", "des")


def textbook(network: Network) -> Network:
    """The same network with the textbook lock: first come, first served, no sleep, a CPU per thread."""
    if network.rules == FCFS and network.n_threads <= network.cpus:
        return network
    cpus = max(network.cpus, network.n_threads)
    slowdown = np.pad(network.slowdown, ((0, 0), (0, cpus - network.cpus)), mode="edge")
    return replace(network, rules=FCFS, cpus=cpus, slowdown=slowdown)


def solve(
    network: Network,
    *,
    solver: str = "auto",
    seed: int = 1,
    events: int = 200_000,
    tick: Callable[[], None] = lambda: None,
) -> Solution:
    """Solve by name: `des` for anything, `closed` instant and approximate, `ctmc` exact, with the textbook
    lock in place of the rwsem (no sleep, no stealing).

    `auto` takes the simulation, which alone knows sleeping, stealing and fallbacks together.
    """
    if solver == "closed":
        from . import closed

        return closed.solve(network)
    if solver == "ctmc":
        from . import ctmc

        return replace(ctmc.solve(textbook(network)), solver="ctmc, first-come-first-served lock")
    if solver in ("auto", "des"):
        from . import des

        return des.solve(network, seed=seed, events=events, tick=tick)
    raise BadInput(f"unknown solver {solver}; choose one of {', '.join(NAMES)}")
