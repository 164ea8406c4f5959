"""What a table of measurements would read if the costs were so: the rows as a function of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .network import Network, Solution
from .observations import Observation
from .program import build
from .solvers import des
from .sources import Kind, Quantity

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Solved = dict[tuple[str, str, str, int], tuple[Solution, Ints]]
"""By setting (workload, mode, protocol, threads): the different draws' solution, and where each draw is in it."""
EVENTS = 100_000
"""calendar pops of each simulated row"""
MANY = 200
"""threads; more of them need more events before all have had their turns"""
LEAST_SHARE = 1e-6
"""shares below it are as good as none: the simulation counts about 1e5 attempts"""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A cost or workload parameter that may move, on a log scale."""

    name: str
    quantity: Quantity

    @property
    def centre(self) -> float:
        """Middle of the prior, ln(value)."""
        return float(np.log(self.quantity.value))


def parameters(known: Mapping[str, Quantity]) -> list[Parameter]:
    """Everything with a range that the user has not fixed."""
    ranged = {n: q for n, q in known.items() if q.log_sd > 0 and q.kind is not Kind.FACT}
    return [Parameter(name=n, quantity=q) for n, q in sorted(ranged.items()) if not n.startswith("structural")]


class Model:
    """The rows' values as a function of standardised parameters: 0 is the prior's middle."""

    def __init__(
        self, machine: Machine, workload: Workload, observations: Sequence[Observation],
        *, seed: int, events: int = EVENTS, tick: Callable[[], None] = lambda: None,
    ):  # fmt: skip
        self.machine, self.workload, self.observations = machine, workload, observations
        self.seed, self.events, self.tick = seed, events, tick
        self.known = {**machine.costs, **workload.parameters}
        self.parameters = parameters(self.known)
        self.centre = np.array([p.centre for p in self.parameters])
        self.sd = np.array([p.quantity.log_sd for p in self.parameters])

    def costs(self, z: Floats) -> dict[str, Floats]:
        """Costs by name, (D,), of standardised parameters (D, P); shares stay at most 1."""
        values = np.exp(self.centre + z * self.sd)
        shares = np.array([p.quantity.unit == "share" for p in self.parameters])
        values = np.where(shares, np.minimum(values, 1.0), values)
        return {p.name: values[:, j] for j, p in enumerate(self.parameters)}

    def logs(self, z: Floats) -> Floats:
        """Logarithm of each row's value, (D, R); rows of one setting are simulated once."""
        costs = self.costs(z)
        solved: Solved = {}
        return np.stack([self._one(o, costs, solved) for o in self.observations], axis=1)

    def _one(self, o: Observation, costs: Mapping[str, Floats], solved: Solved) -> Floats:
        self.tick()
        if o.quantity.startswith("ns:"):
            name = o.quantity[3:]
            fixed = np.full(len(next(iter(costs.values()))), self.machine.costs[name].value)
            return np.log(costs.get(name, fixed))
        if o.setting not in solved:
            solved[o.setting] = self._solve(o, costs)
        found, place = solved[o.setting]
        value: Floats = np.log(measured(o.quantity, found))[place]
        return value

    def _solve(self, o: Observation, costs: Mapping[str, Floats]) -> tuple[Solution, Ints]:
        """The row's setting under each draw of costs; another workload keeps its own parameters."""
        if o.workload.name != self.workload.name:
            costs = {name: v for name, v in costs.items() if name not in self.workload.parameters}
        few, place = distinct(build(self.machine, o.workload, o.protocol, o.n_threads, draws=costs))
        events = self.events * max(1.0, o.n_threads / MANY)
        return des.solve(few, seed=self.seed, events=int(events)), place


def distinct(network: Network) -> tuple[Network, Ints]:
    """The network with each different draw once, and where every draw is then found, (D,).

    Most costs do not matter to most rows, and the same draw gives the same result.
    """
    size = len(network.value_ns)
    by_draw = {name: getattr(network, name) for name in ("value_ns", "line_local_ns", "slowdown", "rwsem_ns")}
    table = np.hstack([array.reshape(size, -1) for array in by_draw.values()])
    _, first, place = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return replace(network, **{name: array[first] for name, array in by_draw.items()}), place.reshape(size)


def measured(quantity: str, found: Solution) -> Floats:
    """A solution's value of a measured quantity, (D,); shares at least `LEAST_SHARE`."""
    if quantity == "throughput_per_s":
        return found.throughput_per_s
    cause = quantity.partition(":")[2]
    none = np.zeros_like(found.attempt_share)
    share = found.abort_share.get(cause, none) if cause else found.fallback_share
    return np.maximum(share, LEAST_SHARE)
