"""`spfmodel report` and `spfmodel lab`: notebooks as pages, and notebooks to work in."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .cli import app, say
from .sources import BadInput


class Format(StrEnum):
    """What pages are written as."""

    HTML = "html"
    PDF = "pdf"


@app.command()
def report(
    recipe: Annotated[Path, typer.Argument(help="a recipe of notebooks")] = Path("reports/standard.toml"),
    out: Annotated[Path | None, typer.Option("-o", "--output", help="folder; default: the recipe's")] = None,
    jobs: Annotated[int, typer.Option(help="notebooks at a time")] = 2,
    afresh: Annotated[bool, typer.Option("--afresh", help="also run what is unchanged since the last run")] = False,
    form: Annotated[Format, typer.Option("--format", help="pdf: printed by Chromium, beside the HTML")] = Format.HTML,
) -> None:
    """Run a batch of notebooks with papermill, in parallel, to HTML with an index page."""
    from . import report as reports
    from .progress import progress
    from .report import printing

    if form == Format.PDF:
        printing.chromium()
    with progress("notebooks") as tell:
        result = reports.run(recipe, out, jobs, tell, afresh=afresh)
    say([f"Open {result.index}"])
    status = result.exit_status
    if form == Format.PDF:
        pages = [result.index, *(result.index.with_name(f"{o.job.name}.html") for o in result.outcomes)]
        made = printing.printed([page for page in pages if page.exists()], jobs)
        say([f"Printed {len(made)} of {len(pages)} pages to {result.index.parent}/*.pdf"])
        status = status if len(made) == len(pages) else 1
    raise typer.Exit(status)


@app.command()
def lab(
    folder: Annotated[Path | None, typer.Argument(help="of notebooks; default: those that are shipped")] = None,
) -> None:
    """Open JupyterLab on the notebooks; explorer.ipynb is the one to play with."""
    import subprocess
    from importlib.util import find_spec

    from .provenance import ROOT

    where = folder or ROOT / "notebooks"
    if not where.is_dir():
        raise BadInput(f"{where} is no folder; name one that holds notebooks")
    if find_spec("jupyterlab") is None:
        raise BadInput("JupyterLab is not installed; run `make env`, or install spfmodel with its extra: spfmodel[dev]")
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(where)]
    raise typer.Exit(subprocess.call(command))  # noqa: S603 - our own interpreter
