"""An answer for people: at most 78 columns."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, log10
from textwrap import wrap

from .answer import WAYS, Answer, Part
from .binomial import Share
from .capture import Capture
from .evidence import TITLES, Basis, Evidence
from .histogram import Histogram
from .names import is_mmap_lock
from .wording import plural

WIDTH = 78
MOST_ROWS = 12
UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns"))
TO_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
DID = {
    "fallback": "fell back",
    "kernel fault": "faulted in kernel mode",
    "anon_vma": "first fault of a VMA",
    "other read": "took it to read",
    "not shown": "in small branches",
    "held it meanwhile": "held it meanwhile",
    "wait": "waited for it",
    "wait on another lock": "waited for another",
    "fault": "faulted (any path)",
}


def lines(answer: Answer) -> Iterator[str]:
    """The whole answer, line by line."""
    for capture in answer.captures:
        yield from _file(capture)
    yield ""
    yield from _headline(answer)
    yield from _causes(answer.evidence)
    yield from _parts(answer)
    yield from _times(answer.histograms)
    yield from _callers(answer)
    yield from _list("What these files can't tell, and what would", answer.unknown)
    yield from _list("Mind", answer.notes)


def percent(share: float, digits: int = 2) -> str:
    """A share in %, in two digits or more.

    >>> percent(0.0487), percent(0.000097), percent(0.0), percent(1.0), percent(0.13988, 3)
    ('4.9 %', '0.0097 %', '0 %', '100 %', '14.0 %')
    """
    value = 100 * share
    if not 0 < value < 100:
        return f"{value:.0f} %"
    decimals = max(digits - 1 - floor(log10(value)), 0)
    return f"{value:.{min(decimals, 12)}f} %"


def spoken(share: Share, *, range_only: bool = False) -> str:
    """A share with its interval."""
    if range_only:
        return f"between {percent(share.low)} and {percent(share.high)}"
    ends = (share.median, share.low, share.high)
    digits = next((n for n in (2, 3, 4, 5) if len({percent(end, n) for end in ends}) == len(set(ends))), 6)
    median, low, high = (percent(end, digits) for end in ends)
    return f"{median} ({100 * share.level:.0f} % interval {low} to {high})"


def _file(capture: Capture) -> Iterator[str]:
    known = [capture.tool]
    if capture.kernel:
        known.append(f"Linux {capture.kernel}")
    if capture.threads:
        known.append(plural(capture.threads, "thread"))
    if capture.elapsed_s:
        known.append(f"{capture.elapsed_s:.3g} s")
    yield from wrap(f"{capture.path}: {', '.join(known)}", WIDTH, subsequent_indent="    ")
    shown = list(capture.events.items())[:MOST_ROWS]
    width = max((len(f"{count:,}") for _, count in shown), default=0)
    for name, count in shown:
        told = f"  [{capture.filters[name]}]" if capture.filters.get(name) else ""
        yield f"    {count:>{width},}  {name}{told}"[:WIDTH]
    if len(capture.events) > len(shown):
        yield f"    and {len(capture.events) - len(shown)} more (--json lists them)"


def _headline(answer: Answer) -> Iterator[str]:
    found, share = answer.evidence, answer.share
    if not found or not share:
        yield from wrap(f"Fallback share: not known: {answer.reason}.", WIDTH, subsequent_indent="    ")
        return
    yield f"Fallback share: {spoken(share, range_only=answer.range_only)}"
    most = "at most " if answer.range_only else ""
    yield f"    {plural(found.attempts, 'attempt')}, {most}{plural(found.fallbacks, 'fallback')}" + _untried(answer)
    yield from wrap(
        f"{TITLES[found.design]}; {WAYS[found.basis]}", WIDTH, initial_indent="    ", subsequent_indent="    "
    )
    if found.sure is not None and found.sure < found.fallbacks and not answer.range_only:
        yield f"    {found.sure:,} of the fallbacks are certain: a first try for the lock had failed"


def _untried(answer: Answer) -> str:
    found = answer.evidence
    if not found or not answer.faults or answer.faults <= found.attempts:
        return ""
    return f", {answer.faults - found.attempts:,} more faults not attempted"


def _causes(evidence: Evidence | None) -> Iterator[str]:
    if not evidence or not evidence.by_cause:
        return
    yield "Causes"
    total = sum(evidence.by_cause.values())
    for cause, count in sorted(evidence.by_cause.items(), key=lambda item: -item[1]):
        if count:
            yield f"    {count:>14,}  {percent(count / total):>8}  {cause}"
    zeros = [cause for cause, count in evidence.by_cause.items() if not count]
    if zeros:
        yield from wrap(f"none: {', '.join(zeros)}", WIDTH, initial_indent="    ", subsequent_indent="    ")


def _parts(answer: Answer) -> Iterator[str]:
    """Files and runs by themselves, where there are several."""
    used = [part for part in answer.parts if part.share]
    shown = (used if len(used) > 1 else []) + answer.stints
    if not shown:
        return
    yield "One by one"
    for part in shown[:MOST_ROWS]:
        yield from _one(part)
    if len(shown) > MOST_ROWS:
        yield f"    and {len(shown) - MOST_ROWS} more (--json lists them)"


def _one(part: Part) -> Iterator[str]:
    if part.share and part.evidence:
        bound = part.evidence.basis == Basis.BOUND
        said = f"{spoken(part.share, range_only=bound)} of {plural(part.evidence.attempts, 'attempt')}"
        yield from wrap(part.path, WIDTH, initial_indent="    ", subsequent_indent="      ")
        yield f"        {said}"


def _times(histograms: list[Histogram]) -> Iterator[str]:
    shown = [histogram for histogram in histograms if histogram.unit in TO_NS][:MOST_ROWS]
    if not shown:
        return
    ours = all(histogram.name.startswith(("wait ", "hold ")) for histogram in shown)
    yield "mmap_lock, waited for and held" if ours else "Times"
    yield f"    {'':12}  {'count':>10}  {'mean':>8}  {'half':>8}  {'90 %':>8}  {'99 %':>8}"
    for histogram in shown:
        factor = TO_NS[histogram.unit]
        ends = [histogram.quantile(share) for share in (0.5, 0.9, 0.99)]
        times = [duration((histogram.mean or 0.0) * factor), *(f"<{duration(e[1] * factor)}" for e in ends if e)]
        yield f"    {histogram.name[:20]:12}  {histogram.count:>10,}  " + "  ".join(f"{time:>8}" for time in times)


def duration(time_ns: float) -> str:
    """A time in three digits and the unit that suits it.

    >>> duration(265435.8), duration(2.0**21), duration(0)
    ('265 us', '2.1 ms', '0 ns')
    """
    for factor, unit in UNITS:
        if time_ns >= factor:
            return f"{float(f'{time_ns / factor:.3g}'):g} {unit}"
    return f"{time_ns:.2g} ns"


def _callers(answer: Answer) -> Iterator[str]:
    if not answer.callers:
        return
    locks = any(is_mmap_lock(name) for capture in answer.captures for name in capture.events)
    yield "Who" if not locks else "Who took mmap_lock, or waited for it"
    shown = answer.callers.most_common(MOST_ROWS)
    for (did, caller), times in shown:
        yield f"    {times:>10,}  {caller[:38]:38}  {DID.get(did, did)}"[:WIDTH]
    if len(answer.callers) > len(shown):
        yield f"    and {len(answer.callers) - len(shown)} more (--json lists them)"


def _list(title: str, sentences: list[str]) -> Iterator[str]:
    if not sentences:
        return
    yield title
    for sentence in sentences:
        yield from wrap(sentence, WIDTH, initial_indent="  - ", subsequent_indent="    ")
