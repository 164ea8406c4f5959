"""Runs a recipe: its notebooks in parallel processes, then the index page."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from ..provenance import stamp
from ..sources import BadInput
from .notebook import Outcome, execute, replace_text
from .page import index_page
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


def run(recipe: Path, out: Path | None = None, jobs: int = 2, progress: Progress | None = None) -> ReportResult:
    """Run the notebooks of a recipe, up to `jobs` at a time, and write `index.html`.

    A notebook that fails is shown as failed, and the others go on. Bad input is refused before.
    out : folder of the report; None: the recipe's own
    """
    if jobs < 1:
        raise BadInput(f"--jobs is {jobs}; give 1 or more.")
    plan = load_recipe(recipe)
    folder = writable(out or plan.out)
    tell = progress or quiet
    tell(0, len(plan.jobs), f"running {len(plan.jobs)} notebooks, {min(jobs, len(plan.jobs))} at a time")
    outcomes = in_order(plan, told(executed(plan.jobs, folder, jobs), tell, len(plan.jobs)))
    index = folder / "index.html"
    replace_text(index, index_page(plan, outcomes, stamp({job.name: job.parameters for job in plan.jobs})))
    return ReportResult(index=index, outcomes=outcomes)


def executed(plan: tuple[Job, ...], folder: Path, jobs: int) -> Iterator[Outcome]:
    """Run the notebooks in fresh processes; outcomes come as they finish. An interrupt stops them all."""
    others = set(active_children())
    context = get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(plan)), mp_context=context, initializer=ignore_interrupts)
    with TemporaryDirectory(prefix="spfmodel-", ignore_cleanup_errors=True) as scratch:
        try:
            for future in as_completed([pool.submit(execute, job, folder, Path(scratch)) for job in plan]):
                yield future.result()
        except BaseException:
            for worker in set(active_children()) - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def ignore_interrupts() -> None:
    """Leave an interrupt to the parent, which then ends its workers; their kernels follow."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def told(outcomes: Iterator[Outcome], tell: Progress, total: int) -> Iterator[Outcome]:
    """Pass the outcomes on, with a line about each."""
    for done, outcome in enumerate(outcomes, start=1):
        said = f"{outcome.seconds:.1f} s" if outcome.ok else f"FAILED: {outcome.error}"
        tell(done, total, f"{outcome.job.name}: {said}")
        yield outcome


def in_order(plan: Recipe, outcomes: Iterator[Outcome]) -> tuple[Outcome, ...]:
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
