"""Three solvers of the same `Network`: closed forms, exact chains, simulation."""

from __future__ import annotations

from collections.abc import Callable

from ..network import Network, Solution
from ..sources import BadInput

NAMES = ("auto", "closed", "ctmc", "des")


def solve(
    network: Network,
    *,
    solver: str = "auto",
    seed: int = 1,
    events: int = 200_000,
    tick: Callable[[], None] = lambda: None,
) -> Solution:
    """Solve by name: `des` for anything, `closed` instant and approximate, `ctmc` exact for FCFS locks.

    `auto` takes the simulation, which alone knows sleeping, stealing and fallbacks together.
    """
    if solver == "closed":
        from . import closed

        return closed.solve(network)
    if solver == "ctmc":
        from . import ctmc

        return ctmc.solve(network)
    if solver in ("auto", "des"):
        from . import des

        return des.solve(network, seed=seed, events=events, tick=tick)
    raise BadInput(f"unknown solver {solver}; choose one of {', '.join(NAMES)}")
