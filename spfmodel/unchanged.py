"""Whether a file is still the one that was read: what was made of it is then used again."""

from __future__ import annotations

from pathlib import Path
from time import time_ns

SETTLED_NS = 2_000_000_000
"""a file written less than this ago may change again without a trace in its times"""


def state_of(file: Path) -> tuple[int, ...] | None:
    """Device, inode, size and times of a file; None if it is not there, or so new that they may not tell."""
    try:
        seen = file.stat()
    except OSError:
        return None
    if time_ns() - max(seen.st_mtime_ns, seen.st_ctime_ns) < SETTLED_NS:
        return None
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
