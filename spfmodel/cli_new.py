"""`spfmodel new workload`: a workload file and a notebook to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli import app, say

new = typer.Typer(no_args_is_help=True, help="Begin something of your own: a file to fill in, a notebook beside it.")
app.add_typer(new, name="new")


@new.callback()
def _new() -> None:
    """Keep `workload` a verb of its own although it is the only one."""


@new.command()
def workload(
    name: Annotated[str, typer.Argument(help="of the workload and of its files: letters, digits, - _ .")],
    folder: Annotated[Path, typer.Option("-o", "--output", help="folder to write to")] = Path(),
    like: Annotated[str, typer.Option(help="shipped workload to begin with; default: the nearest name")] = "",
    machine: Annotated[str, typer.Option("--machine", "-m", help="a shipped name or a TOML file")] = "x86-vm-16",
) -> None:
    """Write NAME.toml, a workload to fill in, and NAME.ipynb, which says what is missing and predicts."""
    from .new_workload import create

    made = create(name, folder, like=like, machine=machine)
    say([
        f"{made.workload}: begun from {made.like}; replace its numbers and their sources",
        f"{made.notebook}: what to measure, and the prediction; open it with `spfmodel lab {folder}`",
        f"spfmodel predict --machine {machine} --workload {made.workload} --protocol per_vma_lock",
    ])  # fmt: skip
