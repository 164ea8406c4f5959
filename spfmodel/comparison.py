"""Two sets of captures side by side: each benchmark result of both, with its difference and the fallbacks beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import captures
from .captures import Capture, Result, Share
from .difference import Difference, difference
from .sources import BadInput

Key = tuple[str, str, str]
"""tool, metric, setting"""
SPREADS = re.compile(r"(?:B?Stddev|B?CoeffVar)\b")
"""mmtests' own statistics of spread are no results"""
ELAPSED = "elapsed time"
IDLE = "% idle"
MOST_FILES = 10_000


@dataclass
class Runs:
    """One result on one side."""

    values: list[float] = field(default_factory=list)
    counted: list[Capture] = field(default_factory=list)
    """fault counters of the very runs, where they have their own"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One result on both sides."""

    tool: str
    metric: str
    setting: str
    unit: str
    difference: Difference
    fallbacks: tuple[Share | None, Share | None]
    """of base and candidate: of these runs, else of the whole side; None where not counted"""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that both sides have in common."""

    rows: list[Row]
    events: list[Row]
    """counts by perf stat and /proc/vmstat, and elapsed times, run by run"""
    kernels: tuple[str, str]
    files: tuple[int, int]
    only_one: tuple[list[str], list[str]]
    """results of one side only"""


def compared(base: Sequence[Path], candidate: Sequence[Path]) -> Comparison:
    """Read both sides, each files, folders or globs of repetitions.

    Raises BadInput where a file can't be read, or both sides have nothing in common.
    """
    sides = [[captures.read(path) for path in expanded(paths)] for paths in (base, candidate)]
    units: dict[Key, str] = {}
    found = [_results(side, units) for side in sides]
    shares = [_share(side) for side in sides]
    _pair_single_settings(found, units)
    common = [key for key in found[0] if key in found[1]]
    rows = [
        Row(
            tool=key[0], metric=key[1], setting=key[2], unit=units[key],
            difference=difference(found[0][key].values, found[1][key].values),
            fallbacks=(_own(found[0][key]) or shares[0], _own(found[1][key]) or shares[1]),
        )
        for key in common if any(found[0][key].values) or any(found[1][key].values)
    ]  # fmt: skip
    events = _event_rows(sides, (shares[0], shares[1]))
    if not rows and not events:
        raise BadInput("--compare: base and candidate have no result in common; give runs of the same benchmark")
    only = [sorted({f"{t} {m} {s}".strip() for t, m, s in found[i] if (t, m, s) not in found[1 - i]}) for i in (0, 1)]
    return Comparison(
        rows=rows or [row for row in events if row.unit == "s"], events=events, only_one=(only[0], only[1]),
        kernels=(_kernel(sides[0]), _kernel(sides[1])), files=(len(sides[0]), len(sides[1])),
    )  # fmt: skip


def expanded(paths: Iterable[Path]) -> list[Path]:
    """Files of a side: a folder stands for what is in it, in order of names; a pattern for what it matches."""
    out: list[Path] = []
    for path in paths:
        if path.is_dir():
            out += sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
        elif not path.exists() and re.search(r"[*?\[]", path.name):
            out += sorted(file for file in path.parent.glob(path.name) if file.is_file())
        else:
            out.append(path)
        if len(out) > MOST_FILES:
            raise BadInput(f"--compare {path}: more than {MOST_FILES} files; name fewer")
    if not out:
        raise BadInput(f"--compare {', '.join(map(str, paths))}: no file there; name a file, or a folder of them")
    return out


def _results(side: Sequence[Capture], units: dict[Key, str]) -> dict[Key, Runs]:
    """Values by result, in the order in which they first come."""
    out: dict[Key, Runs] = {}
    columns = len({result.setting for capture in side for result in capture.results if capture.tool == "mmtests"})
    for capture in side:
        for result, own in _with_counters(capture):
            if not _is_result(capture, result):
                continue
            setting = "" if capture.tool == "mmtests" and columns == 1 else result.setting
            key = (capture.tool, result.metric, setting)
            units.setdefault(key, result.unit)
            runs = out.setdefault(key, Runs())
            runs.values.append(result.value)
            if own is not None:
                runs.counted.append(own)
    return out


def _pair_single_settings(found: Sequence[dict[Key, Runs]], units: dict[Key, str]) -> None:
    """Where the sides differ by their one setting of a metric, that is what is compared."""
    if set(found[0]) & set(found[1]):
        return
    for tool, metric in dict.fromkeys((tool, metric) for tool, metric, _ in found[0]):
        mine = [[key for key in side if key[:2] == (tool, metric)] for side in found]
        if [len(keys) for keys in mine] == [1, 1]:
            (base,), (candidate,) = mine
            key = (tool, metric, f"{base[2]} -> {candidate[2]}")
            units[key] = units[base]
            for side, old in zip(found, (base, candidate), strict=True):
                side[key] = side.pop(old)


def _is_result(capture: Capture, result: Result) -> bool:
    """Whether it is a benchmark's throughput or time; spreads, idle times and one lock's waits are none."""
    if result.unit == IDLE or result.metric == "linear" or SPREADS.match(result.metric):
        return False
    return capture.tool != "perf lock contention"


def _with_counters(capture: Capture) -> Iterator[tuple[Result, Capture | None]]:
    """Each result with the counters of its own run, where the file has some for each run in turn."""
    first = capture.results[0].metric if capture.results else ""
    runs = sum(result.metric == first for result in capture.results)
    at = -1
    for result in capture.results:
        at += result.metric == first
        own = None
        if runs == len(capture.stints) and capture.stints[at].events:
            own = Capture(capture.path, capture.tool, capture.kernel, capture.stints[at].events)
        yield result, own


def _own(runs: Runs) -> Share | None:
    """Fallbacks of the very runs."""
    return captures.answer(runs.counted).share if runs.counted else None


def _share(side: Sequence[Capture]) -> Share | None:
    """Fallbacks of a whole side."""
    found = captures.answer(side)
    return None if found.range_only else found.share


def _kernel(side: Sequence[Capture]) -> str:
    return ", ".join(sorted({capture.kernel for capture in side if capture.kernel}))


def _event_rows(sides: Sequence[Sequence[Capture]], shares: tuple[Share | None, Share | None]) -> list[Row]:
    """Counts of events and elapsed times that both sides have, each file a run."""
    found: list[dict[tuple[str, str], list[float]]] = [{}, {}]
    for values, side in zip(found, sides, strict=True):
        for capture in side:
            for event, count in _counts(capture):
                values.setdefault((capture.tool, event), []).append(count)
    return [
        Row(
            tool=key[0], metric=key[1], setting="", unit="s" if key[1] == ELAPSED else "count",
            difference=difference(found[0][key], found[1][key]), fallbacks=shares,
        )
        for key in found[0] if key in found[1] and (any(found[0][key]) or any(found[1][key]))
    ]  # fmt: skip


def _counts(capture: Capture) -> Iterator[tuple[str, float]]:
    """Events of a run of its own, and how long it took."""
    if capture.accumulated or not capture.tool.startswith(("perf stat", "/proc/vmstat")):
        return
    for event, count in capture.events.items():
        expression = capture.filters.get(event, "").replace(" ", "")
        yield (f"{event.partition('#')[0]}[{expression}]" if expression else event), float(count)
    if capture.elapsed_s and capture.tool != "/proc/vmstat":
        yield ELAPSED, capture.elapsed_s
