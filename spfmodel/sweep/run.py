"""Runs a sweep: tasks that are left go to an executor, their parts to the folder, as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..provenance import VERSION
from .evaluate import evaluate
from .executor import executor, results
from .parts import Folder, remaining, units_of
from .plan import Plan


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done: a folder that belongs to the plan, and the tasks that it lacks."""

    plan: Plan
    folder: Folder
    done: dict[int, int]
    """failed points by task, of those that were there"""
    left: list[int]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished sweep."""

    points: int
    failed: int
    """points without a result; the table says why"""
    found: int
    """points that were there already"""


def prepare(plan: Plan, out: Path, *, resume: bool) -> Work:
    """Open the output, refuse what must not be mixed, and find what is left."""
    folder = Folder(out, plan)
    head = {
        "identity": dict(plan.identity), "points": plan.points, "points_per_part": plan.chunk,
        "version": VERSION, "recipe": plan.text, "units": units_of(plan),
    }  # fmt: skip
    folder.open(head, resume=resume)
    done = folder.done()
    return Work(plan=plan, folder=folder, done=done, left=remaining(plan, done))


def sweep(
    work: Work, *, jobs: int = 1, cluster: str = "", tell: Callable[[int, int], None] = lambda *_: None
) -> Outcome:
    """Compute what is left. The table does not depend on `jobs` or `cluster`. tell : (points done, points)."""
    plan = work.plan
    finished = found = sum(_size(plan, chunk) for chunk in work.done)
    failed = sum(work.done.values())
    tell(finished, plan.points)
    if work.left:
        jobs = 1 if len(work.left) == 1 else jobs
        with executor(jobs, cluster) as (pool, workers):
            for part in results(pool, workers, evaluate, plan, work.left):
                work.folder.write(part)
                finished += _size(plan, part.chunk)
                failed += part.failed
                tell(finished, plan.points)
    work.folder.tidy()
    return Outcome(points=plan.points, failed=failed, found=found)


def _size(plan: Plan, chunk: int) -> int:
    start, stop = plan.span(chunk)
    return stop - start
