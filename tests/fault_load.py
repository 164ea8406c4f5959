"""A load for the tests of captures: two threads fault in one mapping, a third updates it. python fault_load.py SECONDS.

Prints what it did: page touches and updates. No compiler: system calls by ctypes, which lets go of Python's lock.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time

HALF = 1 << 20
"""bytes that each thread touches at a time"""
READ, WRITE, PRIVATE_ANONYMOUS, DONTNEED = 1, 2, 0x22, 4
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]


def fault(at: int, end: float, done: list[int]) -> None:
    """Touch half of the mapping, page by page, and give it back."""
    while time.monotonic() < end:
        libc.memset(at, 1, HALF)
        libc.madvise(at, HALF, DONTNEED)
        done.append(HALF // 4096)


def update(at: int, end: float, done: list[int]) -> None:
    """Change the protection of the mapping's last page, which splits and merges it."""
    while time.monotonic() < end:
        libc.mprotect(at, 4096, READ)
        libc.mprotect(at, 4096, READ | WRITE)
        done.append(2)
        time.sleep(0.0002)


def main(seconds: float) -> None:
    """Run all three and say how much was done."""
    at = libc.mmap(None, 2 * HALF + 4096, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0)
    touched: list[int] = []
    updated: list[int] = []
    end = time.monotonic() + seconds
    work = [(fault, at, touched), (fault, at + HALF, touched), (update, at + 2 * HALF, updated)]
    threads = [threading.Thread(target=do, args=(where, end, done)) for do, where, done in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"touches={sum(touched)} updates={sum(updated)}\n")


if __name__ == "__main__":
    main(float(sys.argv[1]))
