"""Three solvers of the same `Network`: closed forms, exact chains, simulation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
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
    until: float = 0.0,
    tick: Callable[[], None] = lambda: None,
) -> Solution:
    """Solve by name: `des` for anything, `closed` instant and approximate, `ctmc` exact, with the textbook
    lock in place of the rwsem (no sleep, no stealing).

    `auto` takes what is exact where something is (`regime.choose`), else the simulation, which alone knows sleeping,
    stealing and fallbacks together. `Solution.error_band` says how far off each may be.
    until : of the simulation, as in `des.solve`: it goes on until its interval is so narrow
    """
    if solver not in NAMES:
        raise BadInput(f"unknown solver {solver}; choose one of {', '.join(NAMES)}")
    from . import regime

    if solver in ("closed", "ctmc"):
        asked = network if solver == "closed" else textbook(network)
        found = _approximate(asked, solver)
        return replace(found, error_band=regime.band(asked, found, solver))
    if solver == "auto":
        exact = _exact(network, regime.choose(network).solver)
        if exact is not None:
            for _ in network.value_ns:
                tick()
            return exact
    from . import des

    found = des.solve(network, seed=seed, events=events, until=until, tick=tick)
    return replace(found, error_band=regime.sampled_band(found))


def _approximate(network: Network, solver: str) -> Solution:
    """By `closed` or `ctmc`."""
    if solver == "closed":
        from . import closed

        return closed.solve(network)
    from . import ctmc

    return ctmc.solve(network)


def _exact(network: Network, choice: str) -> Solution | None:
    """What `auto` finds exactly; None where it is for the simulation."""
    if choice == "alone":
        from . import lone_thread

        return lone_thread.solve(network)
    if choice == "chain":
        from . import table_chain
        from .regime import CHAIN_STATES

        with suppress(BadInput):
            return table_chain.solve(network, most_states=CHAIN_STATES)
    return None
