"""What a table of measurements would read if the costs were so: the rows as a function of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .machine import Machine, Workload
from .network import Network, Op, Solution
from .observations import Observation
from .program import build
from .solvers import closed, des, lone_thread, regime
from .sources import Kind, Quantity

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Setting = tuple[str, str, str, int]
"""workload, mode, protocol, threads"""
EVENTS = 100_000
"""calendar pops of each simulated row"""
MANY = 200
"""threads; more of them need more events before all have had their turns"""
CHECKED = 6
"""draws of a formula's row that are simulated, too"""
COMMON = ("work_scv", "line_scv", "page_table_sharing_kib")
"""a network has one value of these for all its draws: the median"""
DIFFER = ("value_ns", "line_local_ns", "slowdown", "rwsem_ns")
"""arrays of a network with a row for each draw"""
LONG_CYCLE = 1000
"""faults in a cycle from which a run needs more events to see its updates"""
LEAST_RATE = 1e-9
"""units per second; stands for a run too short to finish one"""
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
        self._shift: dict[tuple[Setting, str], float] = {}

    def costs(self, z: Floats) -> dict[str, Floats]:
        """Costs by name, (D,), of standardised parameters (D, P); shares stay at most 1."""
        values = np.exp(self.centre + z * self.sd)
        shares = np.array([p.quantity.unit == "share" for p in self.parameters])
        values = np.where(shares, np.minimum(values, 1.0), values)
        return {p.name: values[:, j] for j, p in enumerate(self.parameters)}

    def logs(self, z: Floats) -> Floats:
        """Logarithm of each row's value, (D, R); rows of one setting are solved once."""
        costs = self.costs(z)
        solved: dict[Setting, tuple[Solution, Ints]] = {}
        return np.stack([self._one(o, costs, solved) for o in self.observations], axis=1)

    def network(self, o: Observation, costs: Mapping[str, Floats]) -> Network:
        """The row's setting under each draw of costs; another workload keeps its own parameters."""
        own = self.workload.parameters if o.workload.name != self.workload.name else {}
        moving = {name: v for name, v in costs.items() if name not in own and name not in COMMON}
        return build(self.machine, o.workload, o.protocol, o.n_threads, draws=moving)

    def runs(self) -> int:
        """Number of settings that must be simulated."""
        return len({o.setting for o in self.observations if not is_cost(o) and how(self.network(o, {})) == "run"})

    def matters(self) -> NDArray[np.bool_]:
        """Which parameters change anything that the rows show, (P,)."""
        costs = self.costs(np.vstack([np.zeros(len(self.parameters)), np.eye(len(self.parameters))]))
        out = np.zeros(len(self.parameters), bool)
        for o in self.observations:
            if is_cost(o):
                out |= np.array([p.name == o.quantity[3:] for p in self.parameters])
            else:
                table = by_draw(self.network(o, costs))
                out |= np.any(table[1:] != table[0], axis=1)
        return out

    def _one(self, o: Observation, costs: Mapping[str, Floats], solved: dict[Setting, tuple[Solution, Ints]]) -> Floats:
        if is_cost(o):
            name = o.quantity[3:]
            fixed = np.full(len(next(iter(costs.values()))), self.machine.costs[name].value)
            return np.log(costs.get(name, fixed))
        if o.setting not in solved:
            few, place = distinct(self.network(o, costs))
            solved[o.setting] = (self._solve(few), place)
        found, place = solved[o.setting]
        value: Floats = np.log(measured(o.quantity, found))[place]
        return value if how(self.network(o, {})) != "formula" else value + self._missing(o, costs)

    def _solve(self, network: Network) -> Solution:
        way = how(network)
        if way == "alone":
            return lone_thread.solve(network)
        return closed.solve(network) if way == "formula" else self._simulated(network)

    def _simulated(self, network: Network) -> Solution:
        """Longer where a cycle is long; then from one start only, so that the run leaves it behind."""
        long = network.faults_per_cycle >= LONG_CYCLE
        events = self.events * max(1.0, network.n_threads / MANY) * (2 if long else 1)
        return des.solve(network, seed=self.seed, events=int(events), replicas=1 if long else 4, tick=self.tick)

    def _missing(self, o: Observation, costs: Mapping[str, Floats]) -> float:
        """What the formula misses of ln(value), on average over a few of the first draws; kept from then on."""
        if (o.setting, o.quantity) not in self._shift:
            few = self.network(o, {name: v[:CHECKED] for name, v in costs.items()})
            pair = (np.log(measured(o.quantity, found)) for found in (self._simulated(few), closed.solve(few)))
            self._shift[o.setting, o.quantity] = float(np.mean(next(pair) - next(pair)))
        return self._shift[o.setting, o.quantity]


def is_cost(o: Observation) -> bool:
    """Whether the row is a cost that was itself measured."""
    return o.quantity.startswith("ns:")


def how(network: Network) -> str:
    """What solves a row: `alone`, exactly; `formula`, where nobody ever writes under the lock; else `run`."""
    if regime.choose(network).solver == "alone":
        return "alone"
    return "run" if np.any(network.op == Op.WRITE_LOCK) else "formula"


def by_draw(network: Network) -> Floats:
    """All that differs between draws, a draw a row, (D, K)."""
    size = len(network.value_ns)
    return np.hstack([getattr(network, name).reshape(size, -1) for name in DIFFER])


def distinct(network: Network) -> tuple[Network, Ints]:
    """The network with each different draw once, and where every draw is then found, (D,).

    Most costs do not matter to most rows, and the same draw gives the same result.
    """
    _, first, place = np.unique(by_draw(network), axis=0, return_index=True, return_inverse=True)
    return replace(network, **{name: getattr(network, name)[first] for name in DIFFER}), place.reshape(-1)


def measured(quantity: str, found: Solution) -> Floats:
    """A solution's value of a measured quantity, (D,); shares at least `LEAST_SHARE`, rates `LEAST_RATE`."""
    if quantity == "throughput_per_s":
        return np.maximum(found.throughput_per_s, LEAST_RATE)
    cause = quantity.partition(":")[2]
    none = np.zeros_like(found.attempt_share)
    share = found.abort_share.get(cause, none) if cause else found.fallback_share
    return np.maximum(share, LEAST_SHARE)
