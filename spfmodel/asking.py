"""`spfmodel predict`: from what was typed to a question, and from predictions to text, CSV and figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from . import catalog, published
from .forms import nearest
from .outfile import check_writable, replace_file
from .prediction import Interval, Prediction, Question
from .prediction import predict as predicted
from .progress import progress
from .protocol_file import costs_of
from .protocol_file import protocol as named
from .protocols import PROTOCOLS, Protocol
from .settings import parse, with_settings
from .solvers import NAMES
from .sources import BadInput

MOST_THREADS = 4096


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A checked command line."""

    question: Question
    candidates: tuple[Protocol, ...]
    threads: tuple[int, ...]
    words: Mapping[str, object]
    """as typed, for the provenance"""


def asked(  # noqa: PLR0913 - the options of a verb
    *, machine: str, workload: str, protocol: str, threads: str = "", baseline: str = "", sets: Sequence[str] = (),
    solver: str = "auto", level: float = 0.9, seed: int = 1,
) -> Asked:  # fmt: skip
    """Check what was typed; whatever is wrong is one sentence."""
    words = {
        "machine": machine, "workload": workload, "protocol": protocol, "threads": threads,
        "baseline": baseline, "set": list(sets), "solver": solver, "level": level, "seed": seed,
    }  # fmt: skip
    m, w = catalog.machine(machine), catalog.workload(workload)
    calibration = m.calibrations.get(w.name)
    base = named(baseline or (calibration.baseline if calibration else "mmap_sem"))
    names = [name for name in protocol.split(",") if name.strip()]
    if not names:
        raise BadInput(f"--protocol is empty; {nearest('', PROTOCOLS)}")
    candidates = [named(name.strip()) for name in names]
    own = costs_of([base, *candidates])
    settings = parse(sets, {name: cost.unit for name, cost in own.items()})
    m, w, fixed = with_settings(replace(m, costs={**m.costs, **own}), w, settings)
    if solver not in NAMES:
        raise BadInput(f"unknown solver {solver}; {nearest(solver, NAMES)}")
    if not (isfinite(level) and 0 < level < 1):
        raise BadInput(f"--level is {level:g}; give a number between 0 and 1, such as 0.9")
    if seed < 0:
        raise BadInput(f"--seed is {seed}; give a whole number of at least 0")
    question = Question(
        machine=m, workload=w, baseline=base.protocol, solver=solver, level=level, seed=seed, overrides=fixed,
        baseline_kernel=settings.kernels.get("baseline.kernel"),
        candidate_kernel=settings.kernels.get("candidate.kernel"),
    )  # fmt: skip
    counts = thread_counts(threads) or (published.default_threads(m, w),)
    return Asked(question=question, candidates=tuple(c.protocol for c in candidates), threads=counts, words=words)


def thread_counts(text: str) -> tuple[int, ...]:
    """Numbers of threads from `1,4,16`; empty if nothing was said."""
    out = []
    for part in (p.strip() for p in text.split(",") if text):
        if not part.isdecimal() or not 1 <= int(part) <= MOST_THREADS:
            raise BadInput(f"--threads {text}: {part or 'nothing'} is no number of threads; give 1 to {MOST_THREADS}")
        out.append(int(part))
    return tuple(dict.fromkeys(out))


def run(
    what: Asked, *, csv: Path | None, plot: Path | None, out: Callable[[object], None] | None,
    text: Callable[[Iterable[str]], None],
) -> None:  # fmt: skip
    """Predict and print; files are checked before the work and written whole after it."""
    from .shapes import as_csv, flat, predictions

    check_writable(csv, "--csv")
    check_writable(plot, "--plot")
    if plot and plot.suffix not in (".png", ".svg", ".pdf"):
        raise BadInput(f"--plot {plot}: the ending decides the format; use .png, .svg or .pdf")
    found = _with_progress(what)
    if csv:
        replace_file(csv, as_csv(flat(found)))
    if plot:
        from .plots import save_prediction

        save_prediction(found, plot, subject(what.question))
    if out:
        out(predictions(what.question, found, what.words))
    else:
        text(lines(what, found))


def subject(q: Question) -> str:
    """What a figure shows, in one line."""
    from .evidence import short

    return f"{short(q.workload.title)}, {short(q.machine.title)}, against {q.baseline.name}; {q.level:.0%} intervals"


def _with_progress(what: Asked) -> list[Prediction]:
    done = 0
    calibration = what.question.machine.calibrations.get(what.question.workload.name)
    draws = len(calibration.draws.values) if calibration else what.question.n_draws
    total = draws * len(what.threads) * (1 + len(what.candidates))

    with progress("predicting") as tell:

        def tick() -> None:
            nonlocal done
            done += 1
            tell(min(done, total), total, "")

        return predicted(what.question, what.candidates, what.threads, tick=tick)


def _range(i: Interval) -> str:
    """Whole numbers, or three digits of small ones."""
    shape = ",.0f" if i.low >= 100 else ".3g"
    return f"{i.median:{shape}} ({i.low:{shape}} to {i.high:{shape}})"


def lines(what: Asked, found: Sequence[Prediction]) -> list[str]:
    """A prediction for people."""
    q = what.question
    head = f"{q.workload.title} on {q.machine.title}, against {q.baseline.name}; {q.level:.0%} intervals"
    out = [head]
    for p in found:
        x, b = p.throughput_per_s, p.baseline_throughput_per_s
        mean_ns, p99_ns = p.fault_ns["mean"].median, p.fault_ns["p99"].median
        out += [
            f"{p.n_threads} threads ({p.status}): {p.verdict}",
            f"  {p.unit}/s: {_range(x)}, baseline {_range(b)}",
        ]
        if mean_ns > 0:
            out += [f"  a fault takes {mean_ns / 1e3:,.1f} us on average, 1 in 100 more than {p99_ns / 1e3:,.1f} us"]
        out += [f"  range only: {p.reason}"] if p.range_only else []
    return out
