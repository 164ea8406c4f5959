"""How fast and in how much memory a large `perf script` file is read: python tests/benchmarks/capture_speed.py [MB]."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from spfmodel import captures

FAULT = "{who} {t:.6f}:           exceptions:page_fault_user: address=0x7fa0e80d{p:04x} ip=0x4063d0 error_code=0x6\n"
LOCK = "{who} {t:.6f}: mmap_lock:mmap_lock_{event}: mm=0xffff88817fd8abc0 memcg_id=5480 write={mode}\n"
STACK = """\tffffffff815dd083 lock_mm_and_find_vma+0xf3 ([kernel.kallsyms])
\tffffffff821f30a8 exc_page_fault+0x1d8 ([kernel.kallsyms])
\tffffffff81000c82 asm_exc_page_fault+0x22 ([kernel.kallsyms])
\t          4063d0 worker+0x20 (pfbench)

"""


def rows(*, graphs: bool) -> Iterator[str]:
    """A thread's life, again and again: 64 faults, a fallback, an update."""
    step = 0
    while True:
        step += 1
        who = f"         pfbench  2125/{2126 + step % 16}  [{step % 4:03d}] "
        t = 1424.0 + step * 1e-4
        for page in range(64):
            yield FAULT.format(who=who, t=t + page * 1e-6, p=page)
        for event, mode in (("start_locking", "false"), ("acquire_returned", "false success=true")):
            yield LOCK.format(who=who, t=t + 7e-5, event=event, mode=mode)
        if graphs:
            yield STACK
        for event, mode in (
            ("released", "false"),
            ("start_locking", "true"),
            ("acquire_returned", "true success=true"),
        ):
            yield LOCK.format(who=who, t=t + 8e-5, event=event, mode=mode)
        yield LOCK.format(who=who, t=t + 9e-5, event="released", mode="true")


def write(path: Path, size: int, *, graphs: bool = False) -> int:
    """Write about `size` bytes of perf script; returns the number of lines."""
    count = 0
    with path.open("w") as file:
        for row in rows(graphs=graphs):
            count += file.write(row) and row.count("\n")
            if count % 1000 == 0 and file.tell() >= size:
                return count
    return count


def main() -> None:
    """Write a file, read it, say lines per second and how much the process grew."""
    size = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 200_000_000
    for graphs in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "perf_script.txt"
            lines = write(path, size, graphs=graphs)
            before = getrusage(RUSAGE_SELF).ru_maxrss
            start = time.process_time()
            found = captures.answer([captures.read(path)])
            seconds = time.process_time() - start
        grown = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
        what = "with call graphs" if graphs else "plain"
        print(  # noqa: T201
            f"perf script {what}: {lines:,} lines, {size / 1e6:.0f} MB, {lines / seconds:,.0f} lines/s, +{grown:.0f} MB"
        )
        assert found.evidence
        assert lines / seconds > 200_000


if __name__ == "__main__":
    main()
