"""The compiled loops of several threads: a load of faults and updates, a line that two pass to and fro, a wake-up.

Threads meet before they start. Whoever waits for another looks at the clock, and gives up when its time is over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..primitives.compiled import compiled, compiled_entry
from .job import ANSWER, FLAG, READY, Job, Touch
from .libc import (
    CLOCK_THREAD_CPUTIME_ID,
    FUTEX_WAIT,
    FUTEX_WAKE,
    MADV_DONTNEED,
    STAMP,
    add,
    c_madvise,
    c_syscall,
    peek,
    put,
)
from .loops import FAILED, call, now, reading, touch

Floats = NDArray[np.float64]
NAP_NS = 50_000_000
"""longest sleep before a look at the clock"""
LOOK = 15
"""faults between two looks at the clock, plus one: a power of 2"""


@compiled
def meet(job: Job) -> bool:
    """Wait until all of the crew are here; False if that takes too long."""
    add(job.shared + READY, 1)
    end = now(job.clock) + job.patience
    while peek(job.shared + READY) < job.crew:
        if now(job.clock) > end:
            return False
    return True


@compiled
def give_back(job: Job) -> None:
    """The pages of the region."""
    c_madvise(job.region, job.pages * job.page, MADV_DONTNEED)


@compiled_entry
def load(job: Job, out: Floats, _stamp: int = STAMP) -> int:
    """Fault and update for `nanos`: faults, updates, ns of the clock and of this thread's CPU time into out (4,).

    Touches the region page by page and gives it back when it is full; one update after every `every` faults.
    Without touches, updates only.
    """
    if not meet(job) or (job.how != Touch.NONE and job.region == 0):
        return FAILED
    faults, updates, place, since, refused = 0, 0, 0, 0, False
    used = reading(CLOCK_THREAD_CPUTIME_ID, job.clock)
    start = time = now(job.clock)
    while time < start + job.nanos:
        if job.how != Touch.NONE:
            touch(job, job.region + place * job.page)
            faults, place, since = faults + 1, place + 1, since + 1
        if job.how == Touch.NONE or (job.every > 0 and since >= job.every):
            refused |= call(job, updates) == FAILED
            updates, since = updates + 1, 0
        if place == job.pages and place > 0:
            give_back(job)
            place = 0
        if (faults + updates) & LOOK == 0 or job.how == Touch.NONE:
            time = now(job.clock)
    used = reading(CLOCK_THREAD_CPUTIME_ID, job.clock) - used
    out[0], out[1], out[2], out[3] = faults, updates, time - start, used
    return FAILED if refused else 0


@compiled_entry
def hog(job: Job, out: Floats, _stamp: int = STAMP) -> int:
    """Keep a CPU busy in user mode until the flag is raised, or for `nanos`; ns into out (1,)."""
    meet(job)
    start = time = now(job.clock)
    while peek(job.shared + FLAG) == 0 and time < start + job.nanos:
        time = now(job.clock)
    out[0] = time - start
    return 0


@compiled
def await_word(job: Job, place: int, value: int, end: int) -> bool:
    """Spin until a shared word has a value; False if the time is over."""
    looks = 0
    while peek(job.shared + place) != value:
        looks += 1
        if looks & 255 == 0 and now(job.clock) > end:
            return False
    return True


@compiled_entry
def ping_pong(job: Job, first: int, each: int, out: Floats, _stamp: int = STAMP) -> int:
    """Two threads pass a line to and fro: ns per round trip into out (B,). first : 1 for who begins, else 0."""
    if not meet(job):
        return FAILED
    end = now(job.clock) + job.nanos
    turn = 0
    for b in range(out.size):
        start = now(job.clock)
        for _ in range(each):
            if first:
                put(job.shared + FLAG, turn + 1)
            if not await_word(job, FLAG, turn + 1 + first, end):
                return FAILED
            if not first:
                put(job.shared + FLAG, turn + 2)
            turn += 2
        out[b] = (now(job.clock) - start) / each
    return 0


@compiled_entry
def sleeper(job: Job, out: Floats, _stamp: int = STAMP) -> int:
    """Sleep on the flag, round by round: the clock's reading when awake into out (B,). No sleep is endless."""
    if not meet(job):
        return FAILED
    end, nap = now(job.clock) + job.nanos, job.clock + 16
    put(nap, 0)
    put(nap + 8, NAP_NS)
    for b in range(out.size):
        put(job.shared + ANSWER, b + 1)
        while peek(job.shared + FLAG) <= b:
            c_syscall(job.futex, job.shared + FLAG, FUTEX_WAIT, b, nap)
            if now(job.clock) > end:
                return FAILED
        out[b] = now(job.clock)
    return 0


@compiled_entry
def waker(job: Job, rest_ns: int, out: Floats, _stamp: int = STAMP) -> int:
    """Wake the sleeper when it has slept for `rest_ns`: when the call began and ended into out (B, 2)."""
    if not meet(job):
        return FAILED
    end, late = now(job.clock) + job.nanos, False
    for b in range(out.shape[0]):
        late |= not await_word(job, ANSWER, b + 1, end)
        start = now(job.clock) + rest_ns
        while now(job.clock) < start:
            pass
        put(job.shared + FLAG, b + 1)
        out[b, 0] = now(job.clock)
        c_syscall(job.futex, job.shared + FLAG, FUTEX_WAKE, 1, 0)
        out[b, 1] = now(job.clock)
    return FAILED if late else 0
