"""How fast and in how much memory a large `perf script` file is read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from spfmodel import captures

from .growth import Curve
from .peers import say
from .row import Row
from .timing import cpu_s

SIZE, LONG = 40e6, 200e6
"""bytes"""
FAULT = "{who} {t:.6f}:           exceptions:page_fault_user: address=0x7fa0e80d{p:04x} ip=0x4063d0 error_code=0x6\n"
LOCK = "{who} {t:.6f}: mmap_lock:mmap_lock_{event}: mm=0xffff88817fd8abc0 memcg_id=5480 write={mode}\n"
STACK = """\tffffffff815dd083 lock_mm_and_find_vma+0xf3 ([kernel.kallsyms])
\tffffffff821f30a8 exc_page_fault+0x1d8 ([kernel.kallsyms])
\tffffffff81000c82 asm_exc_page_fault+0x22 ([kernel.kallsyms])
\t          4063d0 worker+0x20 (pfbench)

"""
FALLBACK = (("start_locking", "false"), ("acquire_returned", "false success=true"))
UPDATE = (("released", "false"), ("start_locking", "true"), ("acquire_returned", "true success=true"))


def rows_of(*, graphs: bool) -> Iterator[str]:
    """A thread's life, again and again: 64 faults, a fallback, an update."""
    step = 0
    while True:
        step += 1
        who = f"         pfbench  2125/{2126 + step % 16}  [{step % 4:03d}] "
        t = 1424.0 + step * 1e-4
        for page in range(64):
            yield FAULT.format(who=who, t=t + page * 1e-6, p=page)
        for event, mode in FALLBACK:
            yield LOCK.format(who=who, t=t + 7e-5, event=event, mode=mode)
        if graphs:
            yield STACK
        for event, mode in UPDATE:
            yield LOCK.format(who=who, t=t + 8e-5, event=event, mode=mode)
        yield LOCK.format(who=who, t=t + 9e-5, event="released", mode="true")


def write(path: Path, size: float, *, graphs: bool) -> int:
    """Write about `size` bytes of perf script; returns the number of lines."""
    count = 0
    with path.open("w") as file:
        for row in rows_of(graphs=graphs):
            file.write(row)
            count += row.count("\n")
            if count % 1000 < 10 and file.tell() >= size:
                break
    return count


def reading(size: float, *, graphs: bool) -> Row:
    """Write a file, read it: lines per second, and how much the process grew."""
    what = "with call graphs" if graphs else "plain"
    say(f"captures: perf script, {size / 1e6:.0f} MB, {what}")
    with tempfile.TemporaryDirectory() as folder:
        path, found = Path(folder) / "perf_script.txt", []
        lines = write(path, size, graphs=graphs)
        before = getrusage(RUSAGE_SELF).ru_maxrss
        spent = cpu_s(lambda: found.append(captures.answer([captures.read(path)])))
    if not found[0].evidence:
        raise RuntimeError("captures: nothing was read")
    grown = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
    return Row(
        subject="captures", name=f"perf script, {what}", ours=lines / spent, unit="lines/s", aim="ours >= 200000",
        note=f"{lines:,} lines, {size / 1e6:.0f} MB; the process grew by {grown:.0f} MiB",
    )  # fmt: skip


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """All rows of this subject."""
    return [reading(LONG if long else SIZE, graphs=graphs) for graphs in (False, True)], []
