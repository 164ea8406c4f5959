"""What a fault takes of what it shares, counted from a protocol's table."""

from __future__ import annotations

from collections import Counter

from .vocabulary import Action, Protocol, Resource, Step

ACCOUNTING = (Resource.MEMORY_LINE,)
"""What every protocol shares alike."""
REFUSAL = "refused_ns"
"""A delay of refused faults; not an atomic."""
WORDS = {
    Action.READ_LOCK: "mmap_sem for read",
    Action.SEQ_READ: "checks {resource}",
    Action.VMA_READ_TRY: "tries {resource}",
    Action.TRYLOCK: "tries {resource}",
    Action.SPIN_LOCK: "{resource}",
}


def atomics(steps: tuple[Step, ...]) -> Counter[Resource]:
    """Atomic operations on shared lines, by line, without page-table lock and accounting.

    steps : a path, or the part of it that was run before an abort
    """
    lines = (s for s in steps if s.action == Action.LINE and s.cost != REFUSAL)
    return Counter(s.resource for s in lines if s.resource is not None and s.resource not in ACCOUNTING)


def failed(protocol: Protocol, n: int) -> Counter[Resource]:
    """Atomics of a fault whose attempt aborts at row n (from 1), and then falls back."""
    return atomics(protocol.attempt[:n]) + atomics(protocol.fallback or protocol.classic)


def footprint(protocol: Protocol) -> str:
    """What a fault that succeeds takes of what threads share, in one line: atomics by line, checks and locks.

    >>> from . import PROTOCOLS
    >>> footprint(PROTOCOLS["spf_rwlock"])
    '4 atomics (2 mm_rb_line, 2 vma_line); checks vma_seq; tries pte_lock'
    """
    steps = protocol.attempt or protocol.classic
    counts = atomics(steps)
    where = ", ".join(f"{n} {line}" for line, n in counts.items())
    head = f"{counts.total()} atomics ({where})" if counts else "no atomics"
    words = (WORDS[s.action].format(resource=s.resource) for s in steps if s.action in WORDS)
    return "; ".join([head, *dict.fromkeys(words)])
