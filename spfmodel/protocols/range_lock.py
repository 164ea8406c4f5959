"""A range lock over the whole address space in place of mmap_sem: the control.

Range locks were proposed to let operations on disjoint addresses run side by side (Laurent Dufour 2017, Davidlohr
Bueso 2018); both series first convert every user to the full range, which excludes exactly what the rwsem excludes. So
this adds cost and no concurrency: a pass through the interval tree and its spinlock at each lock and each unlock,
waiters that sleep at once and are served in order, no spinning, no stealing, and no downgrade.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .mmap_sem import CLASSIC, update
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

TREE = (
    Step(action=A.LINE, resource=R.RANGE_LINE, cost="line_ns", note="the spinlock around the tree of ranges"),
    Step(action=A.WORK, cost="range_lock_ns", note="search the tree, insert or erase"),
)
LOCKS = (A.READ_LOCK, A.READ_UNLOCK, A.WRITE_LOCK, A.WRITE_UNLOCK)


def ranged(steps: Iterable[Step]) -> Iterator[Step]:
    """A path under mmap_sem as a path under the range lock: the tree before each lock and each unlock."""
    for step in steps:
        if step.action in LOCKS:
            yield from (replace(tree, ops=step.ops) for tree in TREE)
        if step.resource != R.MMAP_LINE and step.action != A.DOWNGRADE:
            queues = step.action in (A.READ_LOCK, A.WRITE_LOCK)
            yield replace(step, note="sleeps unless it is free; served in order") if queues else step


PROTOCOL = Protocol(
    name="range_lock",
    title="a range lock over all addresses in place of mmap_sem (the control)",
    source="Dufour2017h, Bueso2018a",
    classic=tuple(ranged(CLASSIC)),
    update=tuple(ranged(update())),
    lock="range_lock",
)
