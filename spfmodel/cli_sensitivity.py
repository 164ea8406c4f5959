"""`spfmodel sensitivity`: which of the numbers behind a prediction should be measured."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, hypot, sqrt
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli import AsJson, Seed, Sets, WorkloadName, app, emit, say
from .sources import BadInput

if TYPE_CHECKING:
    from .sensitivity import Effect, Sensitivity

WIDTH = 100
SHOWN = 8
WORTH = 0.01
"""part by which an interval has to shrink for a measurement to be worth it"""
WORDS = {"speedup": "speed-up", "throughput_per_s": "throughput", "fallback_share": "fallback share"}
HOW = {
    "munmap_ratio": "munmap of an untouched page, timed beside brk",
    "mmap_ratio": "mmap of a page, timed beside brk",
    "tlb_flush_ns": "munmap of a touched page, timed beside that of an untouched one while one other thread spins",
    "ipi_target_ns": "the same while 2, 4, 8, ... threads spin: its slope",
    "think_ns": "perf stat of one thread: user time per record",
    "line_cross_ratio": "a two-thread atomic ping-pong within a socket and between two",
    "new_pmd_share": "calls of __pte_alloc per fault (perf probe)",
    "page_table_sharing_kib": "the addresses in which threads fault at a time (perf trace -F all --no-syscalls)",
    "crowding": "a single-threaded fault loop alone, and one on every core in processes of their own",
}
"""Beyond what `fit` advises: a measurement that shows the number, on the unpatched kernel."""


@app.command()
def sensitivity(  # noqa: PLR0913, PLR0917 - the options of a verb
    machine: Annotated[str, typer.Option("--machine", "-m", help="a shipped name or a TOML file")],
    workload: WorkloadName,
    protocol: Annotated[str, typer.Option("--protocol", "-p", help="the candidate: a name or a TOML file")],
    threads: Annotated[str, typer.Option(help="one number; default: the workload's own")] = "",
    baseline: Annotated[str, typer.Option(help="default: the calibration's, else mmap_sem")] = "",
    outcome: Annotated[str, typer.Option(help="speedup, fallback_share or throughput_per_s: what to plot")] = "speedup",
    sets: Sets = None,
    seed: Seed = 1,
    plot: Annotated[Path | None, typer.Option(help="also draw a figure here (.png, .svg or .pdf)")] = None,
    as_json: AsJson = False,
) -> None:
    """Which of these numbers should be measured: what the predicted gain and fallback share hang on."""
    from .asking import asked, subject
    from .response import Study
    from .sensitivity import sensitivity as studied

    _check(outcome, plot)
    what = asked(
        machine=machine, workload=workload, protocol=protocol, threads=threads, baseline=baseline, sets=sets or [],
        seed=seed,
    )  # fmt: skip
    if len(what.candidates) > 1 or len(what.threads) > 1:
        raise BadInput("sensitivity takes one --protocol and one number of --threads; ask again for another")
    q, n = what.question, what.threads[0]
    study = Study(
        machine=q.machine, workload=q.workload, candidate=what.candidates[0], baseline=q.baseline, n_threads=n
    )
    found = {s.outcome: s for s in studied(study, seed=seed)}
    if outcome not in found:
        raise BadInput(f"--outcome {outcome}: none of the numbers moves it; choose one of {', '.join(found)}")
    head = f"{study.candidate.name}, {n} threads: {subject(q).rpartition(';')[0]}"
    if plot:
        from .plots import save_sensitivity

        save_sensitivity(found[outcome], plot, head)
    if as_json:
        emit(_plain(study, found, what.words))
    else:
        say(_lines(head, found))


def _check(outcome: str, plot: Path | None) -> None:
    """Refuse what can't be drawn before anything is computed."""
    from .outfile import check_writable
    from .response import OUTCOMES

    if outcome not in OUTCOMES:
        raise BadInput(f"--outcome {outcome}: choose one of {', '.join(OUTCOMES)}")
    check_writable(plot, "--plot")
    if plot and plot.suffix not in (".png", ".svg", ".pdf"):
        raise BadInput(f"--plot {plot}: the ending decides the format; use .png, .svg or .pdf")


def narrower(found: Sensitivity, effect: Effect) -> float:
    """By which part the interval shrinks once a number is known, what no cost explains included."""
    first = max(effect.first.value, 0.0) if effect.first else 0.0
    whole = hypot(found.spread, found.structural)
    return 1 - sqrt(max(found.spread**2 * (1 - first) + found.structural**2, 0.0)) / whole


def worth_measuring(found: Sensitivity) -> list[Effect]:
    """Numbers that make the interval narrower by a part worth the trouble, the largest part first."""
    return [e for e in found.effects if narrower(found, e) >= WORTH]


def how(name: str) -> str:
    """A measurement that shows this number."""
    from .catalog import cost_entries, parameter_entries
    from .shapes import NEXT_MEASUREMENT

    entries = {**cost_entries(), **parameter_entries()}
    title = entries[name].title if name in entries else "a cost of your own protocol"
    return NEXT_MEASUREMENT.get(name) or HOW.get(name) or title


def _lines(head: str, found: dict[str, Sensitivity]) -> Iterator[str]:
    yield head
    for s in found.values():
        level = f"{s.median:.2%}" if s.outcome == "fallback_share" else _shown(s.median)
        yield ""
        yield (
            f"{WORDS[s.outcome]} {level}; spread of its logarithm: {s.spread:.2f} from the numbers below, "
            f"{s.structural:.2f} that none of them explains"
        )
        yield f"  {'number':24}{'now (90 %)':>30}  {'S1 (95 %)':>19}  {'ST':>5}  {'elasticity':>10}  ends of its range"
        yield from (_row(e) for e in s.effects[:SHOWN] if e.first)
    yield ""
    for s in (found[name] for name in ("speedup", "fallback_share") if name in found):
        for e in worth_measuring(s)[:3]:
            line = f"measure {e.name} for the {WORDS[s.outcome]}: interval {narrower(s, e):.0%} narrower; {how(e.name)}"
            yield from wrap(line, WIDTH, subsequent_indent="    ")
        if not worth_measuring(s):
            yield f"for the {WORDS[s.outcome]} no single number is worth measuring: what none explains is wider"


def _shown(value: float) -> str:
    """Three digits, large numbers whole."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _row(e: Effect) -> str:
    q = e.quantity
    now = f"{_shown(q.value)} {q.unit} ({_shown(q.low)} to {_shown(q.high)})"
    first = f"{e.first.value:4.0%} ({e.first.low:.0%} to {e.first.high:.0%})" if e.first else ""
    total = f"{e.total.value:.0%}" if e.total else ""
    ends = f"x {exp(e.at_low):.2f} to x {exp(e.at_high):.2f}"
    return f"  {e.name:24}{now:>30}  {first:>19}  {total:>5}  {e.elasticity:>+10.2f}  {ends}"


def _plain(study: Any, found: dict[str, Sensitivity], words: object) -> dict[str, Any]:
    from .provenance import stamp

    return {
        "machine": study.machine.name, "workload": study.workload.name, "protocol": study.candidate.name,
        "baseline": study.baseline.name, "n_threads": study.n_threads, "solver": "closed",
        "outcomes": {name: _outcome(s) for name, s in found.items()},
        "measure": [
            {"name": e.name, "outcome": s.outcome, "narrower": narrower(s, e), "how": how(e.name)}
            for s in found.values() for e in worth_measuring(s)
        ],
        "provenance": stamp({"verb": "sensitivity", **words}),  # type: ignore[dict-item]
    }  # fmt: skip


def _outcome(s: Sensitivity) -> dict[str, Any]:
    """One outcome with its numbers; indices are null where a number moves next to nothing."""
    told = {name: value for name, value in vars(s).items() if name not in ("outcome", "n_threads", "effects")}
    return told | {"effects": [_effect(e) for e in s.effects]}


def _effect(e: Effect) -> dict[str, Any]:
    q = e.quantity
    known = {"name": e.name, "median": q.value, "low": q.low, "high": q.high, "unit": q.unit, "source": q.source}
    numbers = {k: v for k, v in vars(e).items() if k not in ("name", "quantity", "first", "total")}
    return known | numbers | {k: v._asdict() if v else None for k, v in (("first", e.first), ("total", e.total))}
