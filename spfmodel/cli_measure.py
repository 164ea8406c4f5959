"""`spfmodel measure`, and what `validate --here` does."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Annotated, Any

import typer

from .cli import AsJson, app, emit, say
from .sources import BadInput


@app.command()
def measure(
    quick: Annotated[bool, typer.Option("--quick", help="within a minute; else some three")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="write the machine file here")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure this host's costs with real page faults and updates: a machine file that `predict --machine` takes."""
    from .machine_file import machine_toml
    from .measure.listing import as_json as shape
    from .measure.listing import table
    from .outfile import check_writable, replace_file

    check_writable(out, "--output")
    session, machine = _measured(quick=quick)
    if out:
        replace_file(out, machine_toml(machine))
    if as_json:
        emit(shape(session) | _owned(machine, "measure", out))
    else:
        say(
            [
                *table(session, machine),
                *([f"Machine file: {out}"] if out else ["No machine file written: give -o FILE"]),
            ]
        )


def validate_here(*, seed: int, as_json: bool) -> None:
    """Predict this host's own loads from its measured costs, and set what they did beside it."""
    from .measure import here
    from .measure.listing import as_json as shape
    from .measure.listing import here_table
    from .progress import progress

    session, machine = _measured(quick=True)
    with progress("predicting") as tell:
        found = here.cells(machine, session, seed=seed, tell=tell)
    if as_json:
        emit({**here.as_json(found), "noise": shape(session)["noise"]} | _owned(machine, "validate --here", seed))
    else:
        say(here_table(found, session, {"machine": machine.title, "protocol": here.protocol_here().name}))


def _measured(*, quick: bool) -> Any:
    """A session with its progress on stderr, and the machine that it says."""
    if platform.system() != "Linux":
        raise BadInput(f"measure needs Linux, not {platform.system()}; run it on the machine that you ask about")
    from .measure.result import machine_of
    from .measure.session import FULL, QUICK
    from .measure.session import measure as run
    from .progress import progress

    try:
        with progress("measuring") as tell:
            session = run(QUICK if quick else FULL, tell)
    except (OSError, RuntimeError, MemoryError) as error:
        raise BadInput(f"this host can't be measured ({error}); free memory, or leave the sandbox") from None
    return session, machine_of(session)


def _owned(machine: Any, verb: str, asked: object) -> dict[str, Any]:
    """Machine and provenance of a JSON object."""
    from dataclasses import asdict

    from .measure.costs import SOURCE
    from .provenance import stamp

    costs = {name: asdict(q) for name, q in sorted(machine.costs.items()) if q.source == SOURCE}
    facts = {name: getattr(machine, name) for name in ("arch", "cpus", "cores", "sockets", "numa_nodes", "page_kib",
                                                       "kernel", "virtual", "thp", "spin_on_owner")}  # fmt: skip
    return {"machine": {"name": machine.name, "title": machine.title, **facts, "costs": costs},
            "provenance": stamp({"verb": verb, "asked": asked})}  # fmt: skip
