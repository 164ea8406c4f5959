"""Runs a recipe: its notebooks in parallel processes, then the index page."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from ..provenance import stamp
from ..sources import BadInput
from .earlier import earlier, inputs_sha256, last_seconds
from .notebook import Outcome, execute, replace_text
from .page import index_page
from .pictures import light
from .recipe import Job, Recipe, load_recipe

Progress = Callable[[int, int, str], None]
"""called with (notebooks done, notebooks in all, one line about the last)"""


@dataclass(frozen=True, kw_only=True)
class ReportResult:
    """What a report run left."""

    index: Path
    """the page to open"""
    outcomes: tuple[Outcome, ...]
    """in the recipe's order"""

    @property
    def exit_status(self) -> int:
        """0, or 1 where a notebook failed."""
        return 0 if all(outcome.ok for outcome in self.outcomes) else 1


def run(
    recipe: Path, out: Path | None = None, jobs: int = 2, progress: Progress | None = None, *, afresh: bool = False
) -> ReportResult:
    """Run the notebooks of a recipe, up to `jobs` at a time, and write `index.html`.

    A notebook that fails is shown as failed, and the others go on. Bad input is refused before.
    out : folder of the report; None: the recipe's own
    afresh : run notebooks, too, whose result is there from an earlier run with the same inputs
    """
    if jobs < 1:
        raise BadInput(f"--jobs is {jobs}; give 1 or more.")
    plan = load_recipe(recipe)
    folder = writable(out or plan.out)
    tell = progress or quiet
    inputs = {job.name: inputs_sha256(job) for job in plan.jobs}
    found = [] if afresh else [earlier(job, folder, inputs[job.name]) for job in plan.jobs]
    done = [outcome for outcome in found if outcome is not None]
    there = {outcome.job.name for outcome in done}
    left = _longest_first((job for job in plan.jobs if job.name not in there), folder)
    kept = f"; {len(done)} unchanged" if done else ""
    tell(len(done), len(plan.jobs), f"running {len(left)} notebooks, {min(jobs, len(left))} at a time{kept}")
    ran = told(executed(left, folder, jobs, inputs), tell, len(done), len(plan.jobs))
    outcomes = in_order(plan, [*done, *ran])
    index = folder / "index.html"
    made = stamp({job.name: job.parameters for job in plan.jobs})
    replace_text(index, light(index_page(plan, outcomes, made)))
    return ReportResult(index=index, outcomes=outcomes)


def executed(plan: Sequence[Job], folder: Path, jobs: int, inputs: Mapping[str, str]) -> Iterator[Outcome]:
    """Run the notebooks in fresh processes; outcomes come as they finish. An interrupt stops them all.

    Where a process dies (killed for memory, say), those that have no outcome run again, one at a time.
    """
    with TemporaryDirectory(prefix="spfmodel-", ignore_cleanup_errors=True) as scratch:
        left = {job.name: job for job in plan}
        try:
            for outcome in pooled(plan, folder, jobs, Path(scratch), inputs):
                del left[outcome.job.name]
                yield outcome
        except BrokenExecutor:
            for job in left.values():
                yield alone(job, folder, Path(scratch), inputs)


def alone(job: Job, folder: Path, scratch: Path, inputs: Mapping[str, str]) -> Outcome:
    """Run one notebook whose process may die."""
    try:
        return next(iter(pooled([job], folder, 1, scratch, inputs)))
    except BrokenExecutor:
        died = "the process that ran it died; was it killed for want of memory?"
        return Outcome(job=job, ok=False, error=died, seconds=0.0, answer=None, figure=None)


def pooled(plan: Sequence[Job], folder: Path, jobs: int, scratch: Path, inputs: Mapping[str, str]) -> Iterator[Outcome]:
    """Run notebooks in a pool of processes, which is gone at the end, whatever happens."""
    if not plan:
        return
    others = set(active_children())
    context = get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(plan)), mp_context=context, initializer=ignore_interrupts)
    try:
        submitted = [pool.submit(execute, job, folder, scratch, inputs[job.name]) for job in plan]
        for future in as_completed(submitted):
            yield future.result()
    except BaseException:
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _longest_first(jobs: Iterable[Job], folder: Path) -> list[Job]:
    """What took longest last time begins first, so that no process idles at the end."""
    return sorted(jobs, key=lambda job: (-last_seconds(job, folder), job.name))


def ignore_interrupts() -> None:
    """Leave an interrupt to the parent, which then ends its workers; their kernels follow."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def told(outcomes: Iterator[Outcome], tell: Progress, before: int, total: int) -> Iterator[Outcome]:
    """Pass the outcomes on, with a line about each."""
    for done, outcome in enumerate(outcomes, start=1 + before):
        said = f"{outcome.seconds:.1f} s" if outcome.ok else f"FAILED: {outcome.error}"
        tell(done, total, f"{outcome.job.name}: {said}")
        yield outcome


def in_order(plan: Recipe, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """Sort the outcomes as the recipe lists its notebooks."""
    rank = {job.name: position for position, job in enumerate(plan.jobs)}
    return tuple(sorted(outcomes, key=lambda outcome: rank[outcome.job.name]))


def writable(folder: Path) -> Path:
    """Make the folder of the report, or say why it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"Cannot write the report into {folder}: {error.strerror}; choose another folder.") from None
    return folder


def quiet(done: int, total: int, line: str) -> None:
    """Say nothing."""
