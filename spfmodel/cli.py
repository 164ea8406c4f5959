"""The verbs. Each reads, calls one function, and prints; libraries are imported when a verb needs them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .sources import BadInput


class Verbs(TyperGroup):
    """The verbs' help as plain text: its first sentence whole, and nothing heavy is loaded to lay it out."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write each verb beside what it does."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(n, verb.get_short_help_str(limit=1000)) for n, verb in self.commands.items()])


app = typer.Typer(
    cls=Verbs, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Predicts what a change to the Linux page-fault locking is worth, and how often it falls back.",
)  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="fix a fact, a cost, workload.KEY or baseline.kernel"),
]
Seed = Annotated[int, typer.Option(help="of all random streams; the same seed gives the same result")]
WorkloadName = Annotated[str, typer.Option("--workload", "-w", help="a shipped name or a TOML file")]
INTERRUPTED = 130


def emit(content: object) -> None:
    """One JSON object on stdout."""
    _write(json.dumps(content, indent=1, allow_nan=False) + "\n")


def say(lines: Iterable[str]) -> None:
    """Lines for people on stdout."""
    _write("".join(line + "\n" for line in lines))


class _Enough(Exception):
    """Whoever reads our output has closed it."""


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise _Enough from None


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="protocols, machines, workloads, costs, sources, or one NAME")] = "",
    as_json: AsJson = False,
) -> None:
    """List what is known, or print one thing readably: a protocol as its step table, a machine with its sources."""
    from . import show as shown

    if as_json:
        emit(shown.items(name))
    else:
        say([shown.render(name)])


@app.command()
def predict(
    machine: Annotated[str, typer.Option("--machine", "-m", help="a shipped name or a TOML file")],
    workload: WorkloadName,
    protocol: Annotated[
        str, typer.Option("--protocol", "-p", help="candidates, separated by commas: names or TOML files")
    ],
    threads: Annotated[str, typer.Option(help="such as 1,4,16; default: the workload's own")] = "",
    baseline: Annotated[
        str, typer.Option(help="protocol to compare with; default: the calibration's, else mmap_sem")
    ] = "",
    sets: Sets = None,
    solver: Annotated[str, typer.Option(help="auto, closed, ctmc or des")] = "auto",
    level: Annotated[float, typer.Option(help="of all intervals, between 0 and 1")] = 0.9,
    seed: Seed = 1,
    csv: Annotated[Path | None, typer.Option(help="also write a table here")] = None,
    plot: Annotated[Path | None, typer.Option(help="also draw a figure here (.png, .svg or .pdf)")] = None,
    as_json: AsJson = False,
) -> None:
    """Throughput, speed-up, fault latency and fallback frequency, each with an interval."""
    from .asking import asked, run

    what = asked(
        machine=machine, workload=workload, protocol=protocol, threads=threads, baseline=baseline,
        sets=sets or [], solver=solver, level=level, seed=seed,
    )  # fmt: skip
    run(what, csv=csv, plot=plot, out=emit if as_json else None, text=say)


@app.command()
def fit(
    file: Annotated[Path, typer.Argument(help="CSV with columns protocol,n_threads,quantity,value")],
    workload: WorkloadName,
    prior: Annotated[str, typer.Option(help="a shipped machine, or a class such as x86-2s")],
    use: Annotated[str, typer.Option(help="only rows of these protocols, separated by commas")] = "",
    sets: Sets = None,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="write the fitted machine here")] = None,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Calibrate a machine on measurements; says which parameters the data identify and which only the prior knows."""
    from .fitting import run

    names = [name for name in use.split(",") if name]
    content, lines = run(file, workload=workload, prior=prior, use=names, sets=sets or [], out=out, seed=seed)
    if as_json:
        emit(content)
    else:
        say(lines)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """What is installed, and what this host can do."""
    from .checkup import checkup

    found = checkup()
    if as_json:
        emit(found)
    else:
        say(f"{key:24} {value}" for key, value in found.items())


def _version(asked: bool) -> None:
    if asked:
        from .provenance import VERSION

        say([f"spfmodel {VERSION}"])
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    del version


def run(arguments: list[str] | None = None) -> int:
    """Run a command line; returns the exit status, having said on stderr what was wrong."""
    try:
        status: Any = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, _Enough):  # whoever read our output has enough; nothing is left to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BadInput as error:
        sys.stderr.write(f"spfmodel: {error}\n")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except typer.TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        sys.stderr.write(f"spfmodel: {message.rstrip('.')}; see spfmodel --help\n")
        return 2
    if status == INTERRUPTED:
        sys.stderr.write("spfmodel: interrupted; no file is half written, run it again\n")
    return status if isinstance(status, int) else 0


def main() -> None:
    """Entry point of the `spfmodel` command."""
    sys.exit(run())


from . import cli_advise as _advise  # noqa: E402, F401 - verbs of their own modules
from . import cli_capture as _capture  # noqa: E402, F401
from . import cli_measure as _measure  # noqa: E402, F401
from . import cli_new as _new  # noqa: E402, F401
from . import cli_report as _report  # noqa: E402, F401
from . import cli_sensitivity as _sensitivity  # noqa: E402, F401
from . import cli_sweep as _sweep  # noqa: E402, F401
from . import cli_validate as _validate  # noqa: E402, F401
