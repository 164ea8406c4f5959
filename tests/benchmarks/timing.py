"""Clocks: processor time of a call, of a pair of calls in turn, and of a whole process with its memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
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


LAUNCH = """import os, sys, time
started = time.perf_counter()
out = os.open(os.devnull, os.O_WRONLY)
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
_, status, used = os.wait4(child, 0)
print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status) and 1)
"""
"""A small process in between: the memory of whoever starts a program counts as its first peak."""


def process(command: Sequence[str | Path], cwd: Path | None = None, more: Mapping[str, str] | None = None) -> Spent:
    """Run a program to its end, its output thrown away; RuntimeError where it fails."""
    words = [sys.executable, "-I", "-S", "-c", LAUNCH, *map(str, command)]
    env = {**os.environ, **(more or {})}
    done = subprocess.run(words, check=False, cwd=cwd, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-300:]}")
    wall, cpu, peak = map(float, done.stdout.split())
    return Spent(wall, cpu, peak)
