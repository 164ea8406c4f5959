"""The verb `validate`: every published measurement, or this host's own loads, predicted and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli import AsJson, Seed, app, emit, say


@app.command()
def validate(
    here: Annotated[bool, typer.Option("--here", help="this host's own loads, measured now")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="also write the JSON object here")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="compute anew what was computed before")] = False,
    draws: Annotated[int | None, typer.Option(min=4, help="of each prediction; more are slower and more exact")] = None,
    jobs: Annotated[int, typer.Option(help="processes")] = 2,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Predict every published measurement from what may fairly be known before it, and score it beside rivals.

    Prints the README's tables as markdown: every cell, the scores by class and of simpler predictors, the misses.
    """
    if here:
        from .cli_measure import validate_here

        validate_here(seed=seed, as_json=as_json)
        return
    from .raw_cells import N_DRAWS
    from .scoreboard import report
    from .validation import run

    content, found = run(seed=seed, jobs=jobs, n_draws=draws or N_DRAWS, fresh=fresh, out=out)
    if as_json:
        emit(content)
    else:
        say(report(content, found))
