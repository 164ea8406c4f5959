"""`spfmodel advise`: for the user's application, is the page-fault path the problem, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli import AsJson, Seed, app, emit, say
from .sources import BadInput

if TYPE_CHECKING:
    from .advise import Advice, Observed
    from .machine import Machine

WIDTH = 78


@app.command()
def advise(
    files: Annotated[list[Path], typer.Argument(help="captures of one run of the application", metavar="CAPTURE...")],
    machine: Annotated[str, typer.Option("--machine", "-m", help="a machine, class or file; default: a class")] = "",
    threads: Annotated[int, typer.Option(help="of the application; default: those that the capture saw")] = 0,
    seconds: Annotated[float, typer.Option(help="that the capture took, where it does not say")] = 0.0,
    solver: Annotated[str, typer.Option(help="auto, closed, ctmc or des")] = "auto",
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Is the page-fault path your problem, what would a change buy, and what to measure next: in three sentences."""
    from . import captures, catalog
    from .advise import advise as advised
    from .application import machine_for, observed
    from .protocols import PROTOCOLS

    if threads < 0 or not 0 <= seconds < float("inf"):
        raise BadInput("--threads and --seconds must not be negative")
    seen = observed(captures.answer([captures.read(file) for file in files]), threads or None, seconds or None)
    like = machine_for(seen, machine)
    found = advised(seen, like, catalog.workload("fault-update"), PROTOCOLS, solver=solver, seed=seed)
    if as_json:
        emit(_plain(found, seen, like))
    else:
        say(_lines(found))


def _lines(found: Advice) -> Iterator[str]:
    for number, sentence in enumerate(found.sentences, 1):
        yield from wrap(f"{number}. {sentence}", WIDTH, subsequent_indent="   ")
    yield ""
    for title, rows in (("Assumed", found.assumed), ("Also to measure", found.measure_next[1:])):
        yield from [f"{title}:"] if rows else []
        for row in rows:
            yield from wrap(f"- {row}", WIDTH, initial_indent="  ", subsequent_indent="    ")


def _plain(found: Advice, seen: Observed, machine: Machine) -> dict[str, Any]:
    from .provenance import stamp

    rates = dict(vars(seen))
    rates["fallback_share"] = vars(seen.fallback_share) if seen.fallback_share else None
    return {
        "problem": found.problem,
        "confidence": found.confidence,
        "sentences": list(found.sentences),
        "bound": {"faults_wait_no_more": found.bound_faults, "nobody_waits": found.bound_all},
        "predictions": [{"change": change.name, "speedup": vars(change.speedup)} for change in found.changes],
        "assumed": list(found.assumed),
        "measure_next": list(found.measure_next),
        "observed": rates,
        "machine": machine.name,
        "provenance": stamp({"verb": "advise"}),
    }
