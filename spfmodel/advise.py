"""Is the page-fault path an application's problem, what would buy something, and what to measure next.

Two estimates that share nothing: what the measured waits allow at most (Amdahl's law on the share of time spent waiting
for mmap_lock), and what the model predicts for the workload `fault-update` with the application's own rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

from .advice_text import TITLES, first, following, second
from .machine import Machine, Workload
from .prediction import Interval, Question, predict
from .primitives.reader_writer import ERAS, era_of
from .protocols.vocabulary import Protocol

MATTERS = 0.10
"""share of time spent waiting from which a lock is a problem"""
NEGLIGIBLE = 0.02
CLEAR = 1.1
"""a bound below says little"""
LONGEST_CYCLE = 2000.0
"""faults per update beyond which updates are too rare to matter to the prediction"""
NEWEST = "6.12"
"""kernel of the newest rwsem that is known"""
N_DRAWS = 16
ALTERNATIVES = {"mmap_sem": ("per_vma_lock", "spf_rwlock", "ideal"), "per_vma_lock": ("mmap_sem", "ideal")}
OTHERWISE = ("mmap_sem", "per_vma_lock", "ideal")
"""protocols to compare with, by what the kernel has; with mmap_sem as the alternative: what it would lose"""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """An application, as a capture shows it; None: the capture does not say. Rates per second of the run."""

    design: str
    """protocol of its kernel: mmap_sem, per_vma_lock, ..."""
    kernel: str | None = None
    cpus: int | None = None
    threads: int | None = None
    faults_per_s: float | None = None
    updates_per_s: float | None = None
    """times that mmap_lock was taken for write"""
    unmaps: bool = True
    """whether updates map and unmap (two acquisitions each); else they change protections"""
    busy_cpus: float | None = None
    """CPU time per second"""
    readers_waiting: float | None = None
    """threads that wait for mmap_lock to read, on average, beyond what it takes when nobody is there"""
    writers_waiting: float | None = None
    fallback_share: Interval | None = None

    @property
    def busy(self) -> float | None:
        """Threads that are not waiting for the lock: CPU time where known, else at most all others."""
        if self.busy_cpus is not None or self.threads is None:
            return self.busy_cpus
        return max(self.threads - (self.readers_waiting or 0.0) - (self.writers_waiting or 0.0), 0.0)

    def waiting_share(self, *, writers: bool) -> float | None:
        """Share of the time of threads that run or wait for mmap_lock which readers (and writers) spend waiting."""
        if self.readers_waiting is None or self.busy is None:
            return None
        wait = self.readers_waiting + ((self.writers_waiting or 0.0) if writers else 0.0)
        everything = self.busy + self.readers_waiting + (self.writers_waiting or 0.0)
        return wait / everything if everything > 0 else 0.0

    def bound(self, *, writers: bool) -> float | None:
        """Largest speed-up if those waits vanished and nothing else changed: Amdahl's law."""
        share = self.waiting_share(writers=writers)
        return None if share is None else 1 / max(1 - share, 1e-3)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that could be had, and what the model says it does to the throughput."""

    name: str
    speedup: Interval


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Three sentences, and what they rest on."""

    problem: str
    """yes, partly, no or unknown"""
    confidence: str
    """high, medium or low"""
    sentences: tuple[str, str, str]
    bound_faults: float | None
    """Amdahl bound if no reader waited"""
    bound_all: float | None
    """if nobody waited"""
    changes: tuple[Change, ...]
    assumed: tuple[str, ...]
    measure_next: tuple[str, ...] = field(default=())


def advise(
    seen: Observed, machine: Machine, workload: Workload, protocols: dict[str, Protocol], *, solver: str = "auto",
    seed: int = 1,
) -> Advice:  # fmt: skip
    """Advice on what was seen. workload : fault-update; protocols : by name."""
    problem = diagnosis(seen)
    changes, assumed = _changes(seen, machine, workload, protocols, solver, seed)
    confidence = _confidence(seen, changes)
    then = tuple(following(seen, problem))
    buys = second(seen, changes, confidence, doubt=contradiction(seen, changes))
    sentences = (first(seen, problem), buys, f"Next, {then[0]}.")
    return Advice(
        problem=problem, confidence=confidence, sentences=sentences, changes=tuple(changes), assumed=tuple(assumed),
        bound_faults=seen.bound(writers=False), bound_all=seen.bound(writers=True), measure_next=then,
    )  # fmt: skip


def diagnosis(seen: Observed) -> str:
    """Whether waits of mmap_lock are the problem: yes, partly, no, or unknown."""
    share = seen.waiting_share(writers=True)
    if share is None:
        return "unknown"
    return "yes" if share >= MATTERS else "partly" if share >= NEGLIGIBLE else "no"


def fitted_workload(seen: Observed, workload: Workload, alone_ns: float) -> tuple[Workload, dict[str, float]]:
    """The workload fault-update with the application's faults per update and time between faults.

    alone_ns : of a fault with its share of an update, without anybody else; infinite: no time is left between faults
    """
    each = 2 if seen.unmaps else 1
    updates = (seen.updates_per_s or 0.0) / each
    faults = seen.faults_per_s or 1.0
    per_update = min(max(faults / updates, 1.0) if updates > 0 else LONGEST_CYCLE, LONGEST_CYCLE)
    spent_ns = 1e9 * (seen.busy or 0.0) / faults
    fixed = {"faults_per_update": float(round(per_update)), "think_ns": max(spent_ns - alone_ns, 0.0)}
    quantities = {name: replace(workload.parameters[name], value=v, low=v, high=v) for name, v in fixed.items()}
    choices = {**workload.choices, "update_op": "mmap" if seen.unmaps else "mprot_other"}
    return replace(workload, parameters={**workload.parameters, **quantities}, choices=choices), fixed


def _changes(
    seen: Observed, machine: Machine, workload: Workload, protocols: dict[str, Protocol], solver: str, seed: int
) -> tuple[list[Change], list[str]]:
    """What the model says of each change, and what it had to assume."""
    if not seen.faults_per_s or seen.busy is None or seen.threads is None:
        return [], ["no prediction: it needs faults, threads and a duration"]
    has, threads = protocols[seen.design], seen.threads
    plain, fixed = fitted_workload(seen, workload, inf)
    alone = predict(_question(machine, plain, has, "closed", seed, fixed), [has], [1])[0]
    fitted, fixed = fitted_workload(seen, workload, 1e9 / alone.throughput_per_s.median)
    asked = _question(machine, fitted, has, solver, seed, fixed)
    names = [name for name in ALTERNATIVES.get(seen.design, OTHERWISE) if name != seen.design]
    changes = [
        Change(name=TITLES[found.protocol], speedup=found.speedup)
        for found in predict(asked, [protocols[name] for name in names], [threads])
    ]
    if seen.design == "mmap_sem" and ERAS[era_of(machine.kernel)] != ERAS[era_of(NEWEST)]:
        newer = predict(replace(asked, candidate_kernel=NEWEST), [has], [threads])[0]
        changes.append(Change(name=f"the rwsem of {NEWEST}", speedup=newer.speedup))
    return changes, _assumed(seen, machine, fixed)


def _question(
    machine: Machine, workload: Workload, has: Protocol, solver: str, seed: int, fixed: dict[str, float]
) -> Question:
    return Question(
        machine=machine, workload=workload, baseline=has, solver=solver, seed=seed, n_draws=N_DRAWS, overrides=fixed
    )


def _assumed(seen: Observed, machine: Machine, fixed: dict[str, float]) -> list[str]:
    kind = "maps and unmaps" if seen.unmaps else "changes a protection"
    rare = " (at least)" if fixed["faults_per_update"] >= LONGEST_CYCLE else ""
    cycle = f"{fixed['faults_per_update']:.0f} faults{rare} to an update that {kind}"
    idle = "CPU time was not counted: threads that do not wait are taken to run"
    return [
        f"a machine like {machine.title}: {machine.cpus} CPUs, kernel {machine.kernel}",
        f"all {seen.threads} threads do the same: {cycle}, {fixed['think_ns'] / 1e3:.2g} us of other work to a fault",
        "threads touch anonymous memory, a VMA each; updates change other VMAs",
        *([] if seen.busy_cpus is not None else [idle]),
    ]


def _confidence(seen: Observed, changes: Sequence[Change]) -> str:
    """High only where both estimates are there, say something, and do not contradict each other."""
    known = (seen.readers_waiting, seen.busy_cpus, seen.updates_per_s, seen.kernel, seen.threads)
    bound = seen.bound(writers=True) or 1.0
    undecided = bound > CLEAR and all(change.speedup.low <= 1 <= change.speedup.high for change in changes)
    unknown = sum(value is None for value in known) + (undecided or bool(contradiction(seen, changes)))
    return "low" if seen.readers_waiting is None or unknown > 1 else "medium" if unknown else "high"


def contradiction(seen: Observed, changes: Sequence[Change]) -> str:
    """Whether the model expects clearly more gain than the measured waits allow, or hardly any of it."""
    bound = seen.bound(writers=seen.design != "mmap_sem")
    if bound is None or not changes:
        return ""
    best = max(changes, key=lambda change: change.speedup.median).speedup
    if best.low > bound:
        return "the model expects more waiting than was measured, so believe the waits"
    if seen.design == "mmap_sem" and bound > CLEAR and best.median - 1 < 0.3 * (bound - 1):
        return "the model finds less waiting than was measured, so the gain lies between"
    return ""
