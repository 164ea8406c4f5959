"""`spfmodel capture`: reads what a tool printed, writes a cover letter's benchmark section, prints a helper script."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .cli import AsJson, app, emit, say
from .sources import BadInput

Files = Annotated[
    list[Path] | None,
    typer.Argument(help="what perf, trace-cmd, bpftrace, /proc/vmstat, ... printed, saved as text", metavar="FILE..."),
]


@app.command()
def capture(
    files: Files = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="FILE... is BASE CANDIDATE: write a cover letter's benchmark section")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="with --compare: as markdown")] = False,
    script: Annotated[bool, typer.Option("--script", help="print a shell script that gathers the statistics")] = False,
    kernel: Annotated[str, typer.Option(help="with --script: for this version; default: the running kernel")] = "",
    as_json: AsJson = False,
) -> None:
    """How often the fault path fell back, and why, from what a tool printed; nothing in it is executed."""
    if script:
        from .capture_script import script as write_script

        say([write_script(kernel).rstrip("\n")])
    elif compare:
        _compare(*_two(files or []), markdown=markdown, as_json=as_json)
    else:
        _answer(files or [], as_json=as_json)


def _two(files: list[Path]) -> tuple[Path, Path]:
    if len(files) != 2:
        raise BadInput(
            f"--compare takes BASE and CANDIDATE, each a file, a folder or a quoted pattern; {len(files)} given"
        )
    return files[0], files[1]


def _compare(base: Path, candidate: Path, *, markdown: bool, as_json: bool) -> None:
    from .comparison import compared
    from .cover_letter import as_json as plain
    from .cover_letter import compare

    if as_json:
        emit(plain(compared([base], [candidate])))
    else:
        say(compare([base], [candidate], markdown=markdown))


def _answer(files: list[Path], *, as_json: bool) -> None:
    from . import captures

    if not files:
        raise BadInput("capture: no file given; name what a tool printed, or let --script print how to gather it")
    answered = captures.answer([captures.read(file) for file in files])
    if as_json:
        emit(captures.as_json(answered))
    else:
        say(captures.lines(answered))
