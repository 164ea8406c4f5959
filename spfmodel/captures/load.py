"""Output of the loads themselves: it surrounds what a tool printed, or stands alone with its own counters.

pfbench is the small C program behind `data/captures`: T a thread, R the run, V a change in /proc/vmstat, L latencies.
"""

from __future__ import annotations

import re

from .capture import MOST_STINTS, Capture, Result, put_apart
from .reader import CaptureFile

PFBENCH, EBIZZY, WILL_IT_SCALE = "pfbench", "ebizzy", "will-it-scale"
SETTING = re.compile(r"^#CFG \d+ (.{0,300})$")
RUN = re.compile(r"^R tag=\S* mode=\S+ ")
VMSTAT = re.compile(r"^V ([A-Za-z]\w{0,60})=(-?\d.*|)$")
THREAD = re.compile(r"^(?:T thread=\d+ writer=|L op=\w+ n=)\d")
RECORDS = re.compile(r"^\s*(\d{1,20}) records/s\s*$")
TIMES = re.compile(r"^(real|user|sys)\s+(\d{1,12}\.\d+) s\s*$")
TESTCASE = re.compile(r"^testcase:\s*(.{0,100})$")
AVERAGE = re.compile(r"^average:(\d{1,20})\s*$")
MIN_MAX = re.compile(r"^(?:min:\d+ max:\d+ total:\d+|warmup|measurement)\s*$")
TOOLS = (
    (PFBENCH, (SETTING, RUN, VMSTAT, THREAD)),
    (EBIZZY, (RECORDS,)),
    (WILL_IT_SCALE, (TESTCASE, AVERAGE)),
)


def load_of(line: str) -> str:
    """Name of the load that prints such a line, or nothing."""
    head = line[:400]
    return next((tool for tool, forms in TOOLS if any(form.match(head) for form in forms)), "")


def parse(file: CaptureFile, capture: Capture) -> None:
    """Read a file that holds nothing but a load's output."""
    for number, line in file.lines():
        if not take_load_line(file, capture, number, line) and line.strip():
            capture.other_lines += 1


def take_load_line(file: CaptureFile, capture: Capture, number: int, line: str) -> bool:
    """Take a line of a load's output into the capture; says whether it was one."""
    first = line[:1]
    if first in "T#RVL" and first:
        return _pfbench(file, capture, number, line)
    if found := RECORDS.match(line[:80]):
        return _result(capture, Result("records", "", float(found[1]), "records/s"))
    if found := TIMES.match(line[:80]):
        capture.elapsed_s = capture.elapsed_s or (float(found[2]) if found[1] == "real" else None)
        return True
    if found := AVERAGE.match(line[:80]):
        return _result(capture, Result("average", "", float(found[1]), "operations/s"))
    return bool(MIN_MAX.match(line[:200]) or TESTCASE.match(line[:200]))


def _pfbench(file: CaptureFile, capture: Capture, number: int, line: str) -> bool:
    if found := VMSTAT.match(line[:200]):
        count = file.count(found[2], number)
        put_apart(capture.events, found[1], count)
        if capture.tool == PFBENCH and capture.stints:
            put_apart(capture.stints[-1].events, found[1], count)
        return True
    if found := SETTING.match(line[:400]):
        _new_stint(capture, found[1])
        return True
    if RUN.match(line[:400]):
        _run(capture, line)
        return True
    return bool(THREAD.match(line[:80]))


def _new_stint(capture: Capture, label: str) -> None:
    if capture.tool == PFBENCH:
        capture.stint(label)


def _run(capture: Capture, line: str) -> None:
    """The line of a whole run: its setting, its length, its rates per second."""
    said = dict(word.split("=", 1) for word in line[:4000].split(" ") if "=" in word)
    names = ("mode", "touch", "threads", "writers", "wop", "K", "region_kb")
    setting = " ".join(f"{name}={said[name]}" for name in names if name in said)
    if capture.tool == PFBENCH and (not capture.stints or capture.stints[-1].seconds is not None):
        capture.stint(setting)
    seconds = _number(said.get("dur_s", ""))
    if capture.tool == PFBENCH and capture.stints:
        capture.stints[-1].seconds = seconds
    threads = _number(said.get("threads", ""))
    capture.threads = int(threads) if threads is not None else capture.threads
    for metric in ("touches", "wops", "dedicated_wops"):
        if (rate := _number(said.get(f"{metric}_per_s", ""))) is not None:
            _result(capture, Result(metric, setting, rate, f"{metric}/s"))


def _number(text: str) -> float | None:
    return float(text[:30]) if re.fullmatch(r"\d{1,20}(?:\.\d{1,20})?", text[:60]) else None


def _result(capture: Capture, result: Result) -> bool:
    if len(capture.results) < MOST_STINTS:
        capture.results.append(result)
    else:
        capture.note(f"only the first {MOST_STINTS} results are kept")
    return True
