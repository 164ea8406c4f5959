"""Tables of benchmark results: will-it-scale's CSV and mmtests' comparison reports."""

from __future__ import annotations

import re

from .capture import MOST_STINTS, Capture, Result
from .load import take_load_line
from .reader import CaptureFile
from .stated import take_stated

WILL_IT_SCALE = re.compile(r"^tasks,(?:[a-z_]+,)*[a-z_]+\s*$")
STATISTICS = (
    "Min|Max|Amean|Hmean|Gmean|Mean|Stddev|CoeffVar|BStddev|BCoeffVar|1st-qrtle|2nd-qrtle|3rd-qrtle|Max-\\d+|"
    "BAmean-\\d+|BHmean-\\d+|Ops|Lmean|Duration|Secs|User|System|Elapsed"
)
ROW = re.compile(rf"^(?P<statistic>{STATISTICS})\s+(?P<rest>\S.*)$")
CELL = re.compile(r"(?P<value>-?\d+(?:\.\d+)?)\s*(?:\(\s*-?[\d.]+%\)|\*\s*-?[\d.]+%\s*\*)")
WHOLE = re.compile(r"^(?P<metric>[^\d\s(]\S{0,80}(?: \S{1,40}){0,4}?)\s+(?P<cells>-?\d.*)$")
EXPECTED = "statistic, metric, then value and (difference %) for each kernel, as mmtests' comparison prints them"


def recognises_will_it_scale(line: str) -> bool:
    """Whether the line is the head of will-it-scale's CSV."""
    return "," in line[:200] and bool(WILL_IT_SCALE.match(line[:200])) and ("threads" in line or "processes" in line)


def parse_will_it_scale(file: CaptureFile, capture: Capture) -> None:
    """Operations per second of all tasks together, by number of tasks; idle columns are % of CPU time."""
    head: list[str] = []
    for number, line in file.lines():
        if recognises_will_it_scale(line):
            head = line.strip().split(",")
        elif head and re.match(r"^\s*-?\d", line[:20]):
            _will_it_scale_row(file, capture, number, head, line.strip().split(",", 50))
        elif not take_stated(capture, line) and line.strip():
            raise file.refuse(number, f"numbers under {','.join(head) or 'tasks,processes,...'}", line)
    capture.note("will-it-scale prints throughput and idle time only, no fault events")


def _will_it_scale_row(file: CaptureFile, capture: Capture, number: int, head: list[str], cells: list[str]) -> None:
    if len(cells) != len(head):
        raise file.refuse(number, f"{len(head)} numbers under {','.join(head)}", ",".join(cells))
    tasks = file.count(cells[0], number)
    for name, cell in zip(head[1:], cells[1:], strict=True):
        value = float(file.amount(cell, number))
        unit = "% idle" if name.endswith("_idle") else "operations/s"
        if tasks and len(capture.results) < MOST_STINTS:
            capture.results.append(Result(name, f"{tasks} tasks", value, unit))


def recognises_mmtests(line: str) -> bool:
    """Whether the line is a row of an mmtests comparison: a statistic, a metric, values with differences in %."""
    head = line[:500]
    return bool((found := ROW.match(head)) and CELL.search(found["rest"]) and WHOLE.match(found["rest"]))


def parse_mmtests(file: CaptureFile, capture: Capture) -> None:
    """Rows with a value for each kernel; the kernels' names stand in the one or two lines above."""
    above: list[list[str]] = []
    for number, line in file.lines():
        found = ROW.match(line[:4000])
        if found:
            _mmtests_row(file, capture, number, found, _kernels(above))
        elif line.strip() and not take_stated(capture, line):
            if not take_load_line(file, capture, number, line):
                above = [*above[-1:], line.split()[:50]]
        elif not line.strip():
            above = []
    capture.note("mmtests reports benchmark results; a share of fallbacks needs the fault events beside them")


def _kernels(above: list[list[str]]) -> list[str]:
    """Names of the columns: both lines of the heading put together where they have as many words."""
    if len(above) == 2 and len(above[0]) == len(above[1]):
        return [" ".join(words) for words in zip(*above, strict=True)]
    return above[-1] if above else []


def _mmtests_row(file: CaptureFile, capture: Capture, number: int, found: re.Match[str], kernels: list[str]) -> None:
    whole = WHOLE.match(found["rest"])
    if not whole:
        raise file.refuse(number, EXPECTED, found[0])
    values = [cell["value"] for cell in CELL.finditer(whole["cells"])] or whole["cells"].split()[:50]
    for column, text in enumerate(values):
        kernel = kernels[column] if len(kernels) == len(values) else f"column {column + 1}"
        value = float(file.amount(text.lstrip("-"), number)) * (-1 if text.startswith("-") else 1)
        if len(capture.results) < MOST_STINTS:
            capture.results.append(Result(f"{found['statistic']} {whole['metric']}", kernel, value, ""))
