"""Captures: what perf, trace-cmd, bpftrace, /proc and benchmarks printed, read and answered.

`read` reads a file, whichever tool wrote it; `answer` says how often the fault path fell back, and why.
Nothing in a capture is ever executed.
"""

from __future__ import annotations

from .answer import Answer, answer, from_counts, success_of_faults
from .binomial import Share, share_of
from .capture import Capture, LockUse, Result, Stint
from .formats import read
from .histogram import Histogram
from .shape import as_json
from .text import lines

__all__ = [
    "Answer",
    "Capture",
    "Histogram",
    "LockUse",
    "Result",
    "Share",
    "Stint",
    "answer",
    "as_json",
    "from_counts",
    "lines",
    "read",
    "share_of",
    "success_of_faults",
]
