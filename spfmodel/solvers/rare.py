"""Rare aborts: how often attempts abort where updates come so seldom that a run sees none of them.

An update that is alone aborts so many attempts on average, however long ago the one before was. So the aborts of an
attempt are this number times the updates per attempt, while updates hardly meet: P = x a(x), a(x) = a - b x + O(x^2).
a is measured in twins of the network whose updates come more often, at two frequencies at which they still hardly ever
meet, and led back to the true frequency along a line. Where updates concern the VMA in which threads
fault by chance, one coin an update, a is proportional to that chance, and the twins make it certain. Aborts that
hang on no update (a refused VMA, a busy page-table lock) are led back to the true frequency as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..network import Network, Op, repeats
from ..primitives.state import ATTEMPTS, CYCLES, EXPECTED, UPDATE_NS
from ..sources import BadInput
from . import des
from .batches import TINY, over_runs
from .starts import at_random_places

Floats = NDArray[np.float64]
UNDER_WAY = (0.06, 0.015)
"""updates at a time, on average, in the twin with more updates and in the other"""
MOST_OFTEN = 0.1
"""updates a fault in the former, where they are short"""
SHARE_OF_EVENTS = (0.15, 0.85)
"""of the two: noise at the lower frequency counts (4/3)^2 = 16 (1/3)^2"""
PILOT = 200_000
"""events, to find the frequencies"""
BY_UPDATES = (Op.SEQ_READ, Op.SEQ_CHECK, Op.VMA_READ_TRY)
"""checks that fail only because of an update"""
COINS = (Op.SEQ_ODD, Op.VMA_WRITE_LOCK)
EVENTS = 20_000_000
"""calendar pops per draw: a few seconds"""


class Rare(NamedTuple):
    """Fallbacks / attempts."""

    share: Floats
    """(D,)"""
    half_width: Floats
    """(D,) of the 95 % interval, with what the line back to the true frequency may miss"""
    by_cause: dict[str, Floats]
    """(D,) each; they sum to the share"""


class _Twin(NamedTuple):
    """A network whose updates come more often."""

    network: Network
    weights: Floats
    """(C,) on the aborts of each cause, so that they count as at the true frequency"""
    often: float
    """updates per fault"""


def updates_per_fault(network: Network) -> float:
    """Of a cycle, on average."""
    times = repeats(network)
    faults, updates = (times[network.op == mark].sum() for mark in (Op.FAULT_BEGIN, Op.UPDATE_BEGIN))
    return float(updates / max(faults, 1.0))


def with_updates(network: Network, often: float) -> Network:
    """The same faults and updates with about so many updates a fault: shorter loops of faults, or gates less tight."""
    value, times = network.value_ns.copy(), updates_per_fault(network) / often
    faults = np.flatnonzero(network.op == Op.FAULT_BEGIN)
    around = [s for s in np.flatnonzero(network.op == Op.LOOP) if np.any((faults >= network.arg[s]) & (faults < s))]
    steps = [s for s in around if value[0, s] > 1] or list(np.flatnonzero(network.op == Op.EVERY))
    value[:, steps] = np.maximum(1.0, np.round(value[:, steps] * times))
    made = replace(network, value_ns=value)
    counted = repeats(made)
    per_cycle = {mark: float(counted[network.op == mark].sum()) for mark in (Op.FAULT_BEGIN, Op.UPDATE_BEGIN)}
    return replace(made, faults_per_cycle=per_cycle[Op.FAULT_BEGIN], updates_per_cycle=per_cycle[Op.UPDATE_BEGIN])


def certain(network: Network) -> tuple[Network, float]:
    """The network whose updates' coins all fall so much more often that one is certain; and how much more often.

    1 where an update has several coins, or some update needs none: then aborts are not proportional to the chance.
    """
    coin = np.isin(network.op, COINS) & np.any(network.value_ns > 0, axis=0)
    chances = network.value_ns[:, coin]
    of_update = np.cumsum(network.op == Op.UPDATE_BEGIN)[coin]
    if chances.size == 0 or np.any(chances >= 1) or len(set(of_update)) < len(of_update):
        return network, 1.0
    value, more = network.value_ns.copy(), 1.0 / float(chances.max())
    value[:, coin] *= more
    return replace(network, value_ns=value), more


def split(network: Network) -> tuple[Network, NDArray[np.bool_]]:
    """Causes apart by whether an update brings them: of 2 C causes the second half; and which are."""
    size, checks = len(network.causes), network.cause >= 0
    late = checks & np.isin(network.op, BY_UPDATES)
    cause = np.where(late, network.cause + size, network.cause).astype(np.int32)
    names = (*network.causes, *(f"{name}, update" for name in network.causes))
    return replace(network, cause=cause, causes=names), np.arange(2 * size) >= size


def _twin(network: Network, often: float) -> _Twin:
    """A twin with so many updates a fault."""
    sure, more = certain(with_updates(network, often))
    made, late = split(sure)
    reached = updates_per_fault(made)
    return _Twin(made, np.where(late, updates_per_fault(network) / reached / more, 1.0), reached)


def _tallies(network: Network, draw: int, seed: int, events: int, replicas: int = 4) -> Floats:
    """(R, B, K) by run and batch, without warm-up."""
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(replicas)]
    runs = [des.begin(at_random_places(network, s), draw, s, events // replicas) for s in seeds]
    return np.array([des.without_warm_up(network, made.out) for made in runs])


def _under_way(network: Network, draw: int, seed: int) -> float:
    """Updates at a time, on average."""
    total = _tallies(network, draw, seed, PILOT).sum(axis=(0, 1))
    return float(total[UPDATE_NS - CYCLES] / total[-2])


def frequencies(network: Network, draw: int, seed: int) -> tuple[float, float]:
    """Updates per fault at which UNDER_WAY updates are under way, or MOST_OFTEN and as much less often."""
    often = 0.02
    for _ in range(3):
        twin = _twin(network, often)
        found = _under_way(twin.network, draw, seed)
        often = min(MOST_OFTEN, twin.often * UNDER_WAY[0] / max(found, 1e-9))
    return often, often * UNDER_WAY[1] / UNDER_WAY[0]


def bend(apart: float, share: float, far: float) -> float:
    """What the line misses if 1 / share is straight: share m^2 (1 + far) / far, m = far apart / share.

    apart: between the two measured shares; far: from the lower frequency to the true one, over their distance.
    """
    return (far * apart) ** 2 / max(abs(share), TINY) * (1 + far) / max(far, 1e-9)


def _draw(network: Network, draw: int, seed: int, events: int) -> tuple[float, float, Floats]:
    """Share, half its interval, and the shares by cause (C,) of one draw."""
    twins = [_twin(network, often) for often in frequencies(network, draw, seed)]
    true, size = updates_per_fault(network), len(network.causes)
    if true > twins[1].often:
        raise BadInput(f"updates are not rare: {true:.3g} a fault, simulated down to {twins[1].often:.3g}; use des")
    if twins[0].often < 2 * twins[1].often:
        raise BadInput("the program has no loop of faults to shorten, nor a gate to loosen, for more updates: use des")
    far = (twins[1].often - true) / (twins[0].often - twins[1].often)
    totals, causes, noise = [], [], []
    for twin, part in zip(twins, SHARE_OF_EVENTS, strict=True):
        kept = _tallies(twin.network, draw, seed, int(part * events))
        attempts = kept[..., ATTEMPTS - CYCLES]
        aborts = kept[..., EXPECTED - CYCLES : EXPECTED - CYCLES + 2 * size] * twin.weights
        share, half = over_runs(aborts.sum(axis=-1), attempts)
        totals.append(share)
        noise.append(half)
        causes.append(aborts.sum(axis=(0, 1)).reshape(2, size).sum(axis=0) / max(attempts.sum(), 1.0))
    share = (1 + far) * totals[1] - far * totals[0]
    missed = bend(totals[0] - totals[1], share, far)
    half = float(np.sqrt(((1 + far) * noise[1]) ** 2 + (far * noise[0]) ** 2 + missed**2))
    return share, half, (1 + far) * causes[1] - far * causes[0]


def solve(network: Network, *, seed: int = 1, events: int = EVENTS) -> Rare:
    """Fallbacks per attempt where updates are rare, down to any share, of every draw.

    seed : of the random streams; events : calendar pops per draw, in all. `BadInput` where threads run different
    programs, no fault is attempted, or updates are so frequent that a plain simulation sees them.
    """
    if len(set(network.entry.tolist())) > 1 or not np.any(network.op == Op.ATTEMPT):
        raise BadInput("rare aborts are for attempts of threads that all run the same program: use des")
    found = [_draw(network, draw, seed, events) for draw in range(len(network.value_ns))]
    share, half, causes = (np.array(column) for column in zip(*found, strict=True))
    return Rare(share, half, {name: causes[:, c] for c, name in enumerate(network.causes)})
