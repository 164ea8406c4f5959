"""Which tool wrote a file: told from its content, never from its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..sources import BadInput
from . import (
    benchmarks,
    bpftrace,
    load,
    lock_contention,
    lock_report,
    lock_stat,
    perf_report,
    perf_stat,
    perf_stat_csv,
    perf_stat_json,
    perf_trace,
    trace_text,
    vmstat,
)
from .capture import Capture, TooMany
from .reader import CaptureFile

Parser = Callable[[CaptureFile, Capture], None]
LOOKED_AT = 200_000
"""lines in which the tool has to show itself"""


@dataclass(frozen=True)
class Format:
    """One tool's output: how a line of it is recognised, and how a file is read."""

    tool: str
    recognises: Callable[[str], bool]
    parse: Parser


FORMATS = (
    Format("perf stat -j", perf_stat_json.recognises, perf_stat_json.parse),
    Format("perf stat", perf_stat.recognises, perf_stat.parse),
    Format("perf stat -x", perf_stat_csv.recognises, perf_stat_csv.parse),
    Format("perf report", perf_report.recognises, perf_report.parse),
    Format("perf lock contention", lock_contention.recognises, lock_contention.parse),
    Format("perf lock report", lock_report.recognises, lock_report.parse),
    Format("/proc/lock_stat", lock_stat.recognises, lock_stat.parse),
    Format("bpftrace program", bpftrace.recognises_program, bpftrace.parse_program),
    Format("bpftrace", bpftrace.recognises, bpftrace.parse),
    Format("perf trace", perf_trace.recognises, perf_trace.parse),
    Format("will-it-scale", benchmarks.recognises_will_it_scale, benchmarks.parse_will_it_scale),
    Format("mmtests", benchmarks.recognises_mmtests, benchmarks.parse_mmtests),
    Format("/proc/vmstat", vmstat.recognises, vmstat.parse),
    Format(trace_text.PERF, trace_text.recognises, trace_text.parse),
)
KNOWN = (
    "perf stat, perf script, perf report, perf trace -F, perf lock contention or report, trace-cmd report, tracefs "
    "trace, bpftrace, /proc/vmstat, /proc/lock_stat, will-it-scale, mmtests, ebizzy"
)


def read(path: Path) -> Capture:
    """Read one file, whatever tool wrote it.

    Raises `BadInput`: it can't be read, no known tool wrote it, or a line of it is not what that tool prints.
    """
    file = CaptureFile(path)
    found = _format(file)
    capture = Capture(file.name, found.tool)
    try:
        found.parse(file, capture)
    except TooMany as error:
        raise BadInput(f"{file.name}: expected {error}; cut it into parts") from None
    if capture.lost:
        capture.note(f"{capture.lost:,} events were lost: every count is too small (a larger buffer, or fewer events)")
    return capture


def _format(file: CaptureFile) -> Format:
    """The first tool of which a line is recognised; a load's own output only where there is nothing else."""
    weak = ""
    number = 1
    for number, line in file.lines():
        if number > LOOKED_AT:
            break
        found = next((each for each in FORMATS if each.recognises(line)), None)
        if found:
            return _of_tracefs(found, line)
        weak = weak or load.load_of(line)
    if weak:
        return Format(weak, lambda _line: True, load.parse)
    raise BadInput(f"{file.name}: line {number}: expected output of {KNOWN} up to here; none of them wrote this")


def _of_tracefs(found: Format, line: str) -> Format:
    """Tell by its heading: tracefs' trace, or trace-cmd's report."""
    return Format(trace_text.TRACEFS, found.recognises, found.parse) if line.startswith("# tracer:") else found
