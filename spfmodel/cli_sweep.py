"""`spfmodel sweep`: a design study from a recipe, to a table that can be killed, resumed and read by pandas."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli import AsJson, app, emit, say
from .sources import BadInput

if TYPE_CHECKING:
    from .sweep import Outcome, Plan

EVERY_S = 10.0
"""between two lines of a log"""


@app.command()
def sweep(
    recipe: Annotated[Path, typer.Argument(help="axes, design, protocols and outputs: docs/sweeps.md")],
    out: Annotated[Path, typer.Option("-o", "--output", help="folder of the table, such as study.parquet")],
    resume: Annotated[bool, typer.Option("--resume", help="go on with what was begun there")] = False,
    jobs: Annotated[int, typer.Option(help="processes; 0: one for each CPU")] = 0,
    cluster: Annotated[str, typer.Option(help="`local`, or the address of a Dask scheduler, tcp://HOST:PORT")] = "",
    as_json: AsJson = False,
) -> None:
    """Compute a design study: grid, Sobol or Latin hypercube points of machine, workload and protocol parameters."""
    from . import sweep as sweeps
    from .sweep.executor import WorkerLost

    if jobs < 0:
        raise BadInput(f"--jobs is {jobs}; give 1 or more, or 0 for one for each CPU")
    plan = sweeps.load(recipe)
    work = sweeps.prepare(plan, out, resume=resume)
    try:
        with _bar() as tell:
            found = sweeps.sweep(work, jobs=jobs or _cpus(), cluster=cluster, tell=tell)
    except WorkerLost as error:
        sys.stderr.write(f"spfmodel: {error}; --resume goes on from what is done\n")
        raise typer.Exit(1) from None
    if as_json:
        emit(_plain(plan, out, found))
    else:
        say(_lines(plan, out, found))
    raise typer.Exit(1 if found.failed else 0)


def _cpus() -> int:
    import os

    return len(os.sched_getaffinity(0))


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar with rate and time left; in a log a line every ten seconds."""
    from .progress import progress

    start = last = monotonic()
    before: int | None = None
    with progress("sweep", rate="points/s") as show:

        def tell(done: int, total: int) -> None:
            nonlocal last, before
            before = done if before is None else before
            now, line = monotonic(), ""
            if now - last >= EVERY_S and not sys.stderr.isatty():
                last, rate = now, (done - before) / (now - start)
                line = f"{rate:,.0f} points/s, {(total - done) / max(rate, 1e-9):,.0f} s left"
            show(done, total, line)

        yield tell


def _lines(plan: Plan, out: Path, found: Outcome) -> Iterator[str]:
    there = f", {found.found:,} of them were there" if found.found else ""
    yield f"{out}: {found.points:,} points of {len(plan.axes)} axes{there}; pandas.read_parquet reads it"
    if found.failed:
        yield f"{found.failed:,} points failed; the column `reason` says why"


def _plain(plan: Plan, out: Path, found: Outcome) -> dict[str, Any]:
    from .provenance import stamp
    from .sweep.parts import units_of

    return {
        "out": str(out),
        "points": found.points,
        "failed": found.failed,
        "found": found.found,
        "units": units_of(plan),
        "solver": plan.solver,
        "seed": plan.seed,
        "recipe_sha256": plan.identity["recipe_sha256"],
        "provenance": stamp({"verb": "sweep", "recipe": plan.text}),
    }
