"""Is a protocol's table well formed? One sentence for whatever is not: path, row, what, and what to do.

A row is checked by itself (does its action fit its resource, is its cost known?), then each path is walked, the
update once for each operation: what is taken is given back on every way out, and nothing sleeps under a spinlock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .mmap_sem import WRITES
from .vocabulary import Action as A
from .vocabulary import Protocol, Step
from .vocabulary import Resource as R

OPS = (*WRITES, "madvise")
"""Operations of an update."""


class Form(NamedTuple):
    """What a row with this action looks like."""

    resources: tuple[R, ...] = ()
    """one of these; empty: none"""
    cost: str = ""
    """how the name of its cost ends; empty: it has none"""


LINES = (R.MMAP_LINE, R.MM_RB_LINE, R.VMA_LINE, R.MEMORY_LINE, R.RANGE_LINE)
FORMS: dict[A, Form] = {
    A.WORK: Form(cost="_ns"),
    A.FLUSH: Form(cost="_ns"),
    A.CHANCE: Form(cost="_share"),
    A.LINE: Form(LINES, "_ns"),
    **dict.fromkeys((A.READ_LOCK, A.READ_UNLOCK, A.WRITE_LOCK, A.WRITE_UNLOCK, A.DOWNGRADE), Form((R.MMAP_SEM,))),
    **dict.fromkeys((A.SEQ_READ, A.SEQ_CHECK, A.SEQ_ODD, A.SEQ_EVEN), Form((R.VMA_SEQ, R.MM_SEQ))),
    **dict.fromkeys((A.TRYLOCK, A.SPIN_LOCK, A.SPIN_UNLOCK), Form((R.PTE_LOCK,))),
    **dict.fromkeys((A.VMA_READ_TRY, A.VMA_READ_UNLOCK, A.VMA_WRITE_LOCK, A.VMA_WRITE_UNLOCK), Form((R.VMA_LOCK,))),
}
FAILS = (A.SEQ_READ, A.SEQ_CHECK, A.TRYLOCK, A.CHANCE, A.VMA_READ_TRY)
"""Actions that abort an attempt; no others do."""
UPDATES = (A.DOWNGRADE, A.SEQ_ODD, A.SEQ_EVEN, A.VMA_WRITE_LOCK, A.VMA_WRITE_UNLOCK)
"""Actions of an update alone."""
ATTEMPTS = (*FAILS, A.VMA_READ_UNLOCK)
"""Actions of an attempt alone."""

READ, WRITE, PTE, VMA_READ, VMA_WRITE, ODD = (
    "mmap_sem for read", "mmap_sem for write", "pte_lock", "vma_lock for read", "vma_lock for write", "odd",
)  # fmt: skip
TAKES = {
    A.READ_LOCK: READ, A.WRITE_LOCK: WRITE, A.TRYLOCK: PTE, A.SPIN_LOCK: PTE, A.VMA_READ_TRY: VMA_READ,
    A.VMA_WRITE_LOCK: VMA_WRITE, A.SEQ_ODD: ODD,
}  # fmt: skip
GIVES = {
    A.READ_UNLOCK: READ, A.WRITE_UNLOCK: WRITE, A.SPIN_UNLOCK: PTE, A.VMA_READ_UNLOCK: VMA_READ,
    A.VMA_WRITE_UNLOCK: VMA_WRITE, A.SEQ_EVEN: ODD,
}  # fmt: skip
SLEEPS = (A.READ_LOCK, A.WRITE_LOCK, A.VMA_WRITE_LOCK, A.FLUSH)
"""What may take long: not under a spinlock."""


def problems(protocol: Protocol, costs: Collection[str]) -> list[str]:
    """What is wrong with a protocol's table, a sentence each; empty if it is well formed.

    costs : names that a row may use, with each operation's name in place of {op}
    """
    paths = {"attempt": protocol.attempt, "classic": protocol.classic, "fallback": protocol.fallback}
    out = list(_missing(protocol))
    for path, steps in paths.items():
        for n, step in enumerate(steps, 1):
            out += _row(path, n, step, costs)
        out += _Walk(path).problems(steps)
    for n, step in enumerate(protocol.update, 1):
        out += _row("update", n, step, costs)
    return out + _updates(protocol.update)


def _missing(protocol: Protocol) -> Iterator[str]:
    """What a protocol as a whole lacks."""
    if not protocol.classic:
        yield "there is no classic path, which faults in kernel mode and those that fall back take; add [[classic]]"
    if not protocol.update:
        yield "there is no update; add [[update]]"
    done = {(s.action, s.resource) for s in protocol.update}
    for n, step in enumerate(protocol.attempt, 1):
        if step.action == A.SEQ_READ and (A.SEQ_ODD, step.resource) not in done:
            yield f"attempt, row {n}: no update makes {step.resource} odd; add seq_odd and seq_even rows to [[update]]"
        if step.action == A.VMA_READ_TRY and (A.VMA_WRITE_LOCK, step.resource) not in done:
            yield f"attempt, row {n}: no update takes vma_lock for write; add vma_write_lock rows to [[update]]"
    if protocol.refuses and not any(s.cost == "notsup_share" for s in protocol.attempt):
        kinds = ", ".join(protocol.refuses)
        yield f'refuses is {kinds}, but no attempt row is a chance with cost = "notsup_share"; add one, or drop refuses'


def _row(path: str, n: int, step: Step, costs: Collection[str]) -> Iterator[str]:
    """What is wrong with one row by itself."""
    where, form = f"{path}, row {n} ({step.action})", FORMS[step.action]
    if (step.resource not in form.resources) if form.resources else step.resource is not None:
        yield f"{where} has resource {step.resource or 'none'}; {_one_of(form.resources)}"
    if step.action in FAILS and path == "attempt" and step.abort is None:
        yield f"{where} can fail, but names no cause; add abort, such as vma_changed"
    if step.abort is not None and step.action not in FAILS:
        yield f"{where} cannot fail, but has abort = {step.abort}; drop it"
    elif step.abort is not None and path != "attempt":
        yield f"{where} has abort = {step.abort}, but only an attempt can fall back; drop it"
    if step.action in ATTEMPTS and path != "attempt":
        yield f"{where} belongs to an attempt; use {_instead(step.action)}"
    if step.action in UPDATES and path != "update":
        yield f"{where} belongs to an update; move it to [[update]]"
    if step.ops and path != "update":
        yield f"{where} has ops, which only rows of [[update]] have; drop it"
    for op in sorted(set(step.ops) - set(OPS)):
        yield f"{where} is for {op}, which is no operation; known are {', '.join(OPS)}"
    yield from _cost(where, path, step, form.cost, costs)


def _cost(where: str, path: str, step: Step, ending: str, costs: Collection[str]) -> Iterator[str]:
    """What is wrong with the cost of a row."""
    if not ending:
        if step.cost:
            yield f"{where} has cost {step.cost}, but takes no time of its own; drop it, or add a work row"
        return
    if not step.cost.endswith(ending):
        kind = "a time in ns" if ending == "_ns" else "a probability"
        yield f"{where} has cost {step.cost or 'none'}; name {kind}, which ends with {ending}"
        return
    if "{op}" in step.cost and path != "update":
        yield f"{where} has cost {step.cost}, but only an update has an operation; name one cost"
        return
    names = [step.cost.replace("{op}", op) for op in (step.ops or OPS) if op in OPS]
    for name in dict.fromkeys(names):
        if name not in costs:
            yield f"{where} has cost {name}, which is unknown; `spfmodel show costs` lists them, or add [costs.{name}]"
            return


def _one_of(resources: Iterable[R]) -> str:
    names = ", ".join(resources)
    return f"it needs one of {names}" if names else "it has none; drop it"


def _instead(action: A) -> str:
    """What a path that cannot fall back has in place of what can fail."""
    return {A.TRYLOCK: "spin_lock"}.get(action, "other rows here")


def _updates(steps: tuple[Step, ...]) -> list[str]:
    """The update's walk for each operation; a sentence that does not hold for all of them names its own."""
    found: dict[str, list[str]] = {}
    for op in OPS:
        for sentence in _Walk("update").problems(steps, op):
            found.setdefault(sentence, []).append(op)
    return [s if len(ops) == len(OPS) else f"{s} (for {', '.join(ops)})" for s, ops in found.items()]


@dataclass
class _Walk:
    """One way through a path: what is held, and which sequences have been read."""

    path: str
    held: dict[str, int] = field(default_factory=dict)
    """row by what is held"""
    read: dict[R, int] = field(default_factory=dict)
    """row by sequence that was read, and not checked yet"""
    known: set[R] = field(default_factory=set)
    """sequences that were read"""

    def problems(self, steps: tuple[Step, ...], op: str = "") -> list[str]:
        """Whatever is out of order; op : an update's operation."""
        out: list[str] = []
        for n, step in enumerate(steps, 1):
            if not step.ops or op in step.ops:
                where = f"{self.path}, row {n} ({step.action})"
                out += [f"{where} {what}" for what in self.step(n, step)]
        for lock, n in self.held.items():
            out.append(f"{self.path}, row {n} takes {lock}, which no later row gives back; add that row")
        for sequence, n in self.read.items():
            out.append(f"{self.path}, row {n} reads {sequence}, which no later row checks; add a seq_check row")
        return out

    def step(self, n: int, step: Step) -> Iterator[str]:
        """What is out of order at one row; then what it takes and gives."""
        yield from self.sequence(n, step)
        if step.action in SLEEPS and PTE in self.held:
            yield "may wait for long under pte_lock, a spinlock; move it before or after"
        if step.action in (A.READ_LOCK, A.WRITE_LOCK) and VMA_READ in self.held:
            yield "waits for mmap_sem with vma_lock held for read, which a writer may wait for; unlock that first"
        if (step.action == A.SEQ_ODD and not {READ, WRITE} & set(self.held)) or (
            step.action == A.VMA_WRITE_LOCK and WRITE not in self.held
        ):
            yield "is outside mmap_sem's write hold, so that two updates could meet there; move it inside"
        if step.action in (A.DOWNGRADE, A.WRITE_UNLOCK, A.READ_UNLOCK):
            yield from (
                f"ends the hold in which row {self.held[k]} took {k}; give that back first" for k in self.left()
            )
        if step.action == A.DOWNGRADE and WRITE not in self.held:
            yield "has no write hold to turn into a read hold; put it after write_lock"
        yield from self.take(n, step)
        if step.abort is not None:
            for lock in sorted(set(self.held) - {PTE, VMA_READ}):
                yield f"aborts with {lock} held (row {self.held[lock]}), which nothing gives back then; try before it"

    def left(self) -> list[str]:
        """What an update must give back before its hold of mmap_sem ends."""
        return [k for k in self.held if k == VMA_WRITE or k.endswith(ODD)]

    def sequence(self, n: int, step: Step) -> Iterator[str]:
        """Reads come before checks."""
        if step.resource is None:
            return
        if step.action == A.SEQ_READ:
            self.read[step.resource] = n
            self.known.add(step.resource)
        elif step.action == A.SEQ_CHECK:
            self.read.pop(step.resource, None)
            if step.resource not in self.known:
                yield f"checks {step.resource}, which no row before it reads; add a seq_read row"

    def take(self, n: int, step: Step) -> Iterator[str]:
        """Take and give back in turn, mmap_sem either way but once."""
        takes, gives = (table.get(step.action, "") for table in (TAKES, GIVES))
        takes, gives = (f"{step.resource} {ODD}" if name == ODD else name for name in (takes, gives))
        taken = [k for k in self.held if k == takes or {k, takes} == {READ, WRITE}]
        if takes and taken:
            yield f"takes {takes}, but row {self.held[taken[0]]} holds {taken[0]}; give that back first"
        elif takes:
            self.held[takes] = n
        if gives and self.held.pop(gives, None) is None:
            yield f"gives back {gives}, which is not held; drop it, or take it before"
