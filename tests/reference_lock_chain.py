"""The chain of `rwlock_chain`, transition by transition, and its solution by sparse LU: the oracle of the quick one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spfmodel.solvers.markov import Chain, stationary
from spfmodel.solvers.rwlock_chain import LockSystem, first_guess

Floats = NDArray[np.float64]
Index = NDArray[np.intp]


class _Numbers(NamedTuple):
    """State numbers of a lock of N threads."""

    n: int

    def w(self, q: Index) -> Index:
        return q

    def r0(self, r: Index) -> Index:
        return self.n + r

    def r1(self, r: Index, q: Index) -> Index:
        return 2 * self.n + 1 + (r - 1) * self.n - r * (r - 1) // 2 + q

    def size(self) -> int:
        return 2 * self.n + 1 + self.n * (self.n - 1) // 2


Part = tuple[Index, Index, Floats]


def _writer_moves(at: _Numbers, system: LockSystem) -> list[Part]:
    """Out of W(q): an arrival, or a release that reveals the types at the head."""
    n, p = at.n, system.p_write
    q = np.arange(n)
    reads, queued = np.nonzero(np.tri(n, n, -1, dtype=bool).T)
    some = (reads > 0) & (reads < queued)
    reads, queued = reads[some], queued[some]
    rate = system.write_rate
    return [
        (at.w(q[:-1]), at.w(q[1:]), system.arrival[n - 1 - q[:-1]]),
        (at.w(q[:1]), at.r0(q[:1]), np.full(1, rate)),
        (at.w(q[1:]), at.w(q[:-1]), np.full(n - 1, rate * p)),
        (at.w(q[1:]), at.r0(q[1:]), rate * (1 - p) ** q[1:]),
        (at.w(queued), at.r1(reads, queued - reads - 1), rate * p * (1 - p) ** reads),
    ]


def _reader_moves(at: _Numbers, system: LockSystem) -> list[Part]:
    """Out of R0(r) and R1(r, q)."""
    n, p = at.n, system.p_write
    r = np.arange(n + 1)
    idle = np.zeros(1, np.intp)
    held, behind = np.nonzero(np.tri(n + 1, n, -1, dtype=bool)[::-1])
    held, behind = held[held > 0], behind[held > 0]
    here, room = at.r1(held, behind), n - 1 - held - behind
    last = held == 1
    return [
        (at.r0(r[:-1]), at.r0(r[1:]), system.arrival[n - r[:-1]] * (1 - p)),
        (at.r0(r[1:-1]), at.r1(r[1:-1], np.zeros(n - 1, np.intp)), system.arrival[n - r[1:-1]] * p),
        (at.r0(idle), at.w(idle), system.arrival[n:] * p),
        (at.r0(r[1:]), at.r0(r[:-1]), system.complete[1:]),
        (here[room > 0], here[room > 0] + 1, system.arrival[room[room > 0]]),
        (here[~last], at.r1(held[~last] - 1, behind[~last]), system.drain[held[~last]]),
        (here[last], at.w(behind[last]), system.drain[held[last]]),
    ]


def lumped_chain(system: LockSystem) -> Chain:
    """The chain over W(0..N-1), R0(0..N), R1(r, q); needs 0 < p_write < 1."""
    at = _Numbers(len(system.arrival) - 1)
    parts = _writer_moves(at, system) + _reader_moves(at, system)
    source, target, rate = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Chain(at.size(), source, target, rate)


def by_lu(system: LockSystem) -> Floats:
    """Stationary probabilities of `lumped_chain`; the balance of a state that is not rare is the one left out."""
    n = len(system.arrival) - 1
    mode = int(np.argmax(first_guess(system)))
    return stationary(lumped_chain(system), mode if system.p_write > 0.01 else n + mode + 1)
