"""Clocks: processor time of a call, of a pair of calls in turn, and of a whole process with its memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple, TypeVar

A, B = TypeVar("A"), TypeVar("B")


def cpu_s(work: Callable[[], object]) -> float:
    """Processor time of one call, all threads of this process together."""
    started = process_time()
    work()
    return process_time() - started


def least_cpu_s(work: Callable[[], object], runs: int = 3) -> float:
    """The least of some runs, after one that does not count (it may compile)."""
    work()
    return min(cpu_s(work) for _ in range(runs))


def in_turn(ours: Callable[[int], A], theirs: Callable[[int], B], rounds: int) -> list[tuple[A, B]]:
    """Both once a round, the other one first in every second round; each is told the number of the round."""
    out: list[tuple[A, B]] = []
    for k in range(rounds):
        if k % 2:
            other = theirs(k)
            out.append((ours(k), other))
        else:
            mine = ours(k)
            out.append((mine, theirs(k)))
    return out


class Spent(NamedTuple):
    """What one process took."""

    wall_s: float
    cpu_s: float
    """its own and its children's"""
    peak_mib: float
    """of its own memory, or of its largest child's"""


def process(command: Sequence[str | Path], cwd: Path | None = None, more: Mapping[str, str] | None = None) -> Spent:
    """Run a program to its end, its output thrown away; RuntimeError where it fails."""
    started = perf_counter()
    with subprocess.Popen(
        [str(part) for part in command], cwd=cwd, env={**os.environ, **(more or {})},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        error = running.stderr.read() if running.stderr else b""
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"{command[0]} ended with {running.returncode}: {error.decode()[-300:]}")
    return Spent(perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
