"""What no tool wrote, or half of it: one sentence, no traceback, no endless loop, bounded memory."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.captures import rows_of, write
from capture_files import ALL, FOLDER, written
from mutations import spoilt

from spfmodel import captures
from spfmodel.sources import BadInput

PERF = " pf  2125/2130  [001]  1424.584331:    mmap_lock:mmap_lock_"
REFUSED = [
    ("", "is empty"),
    ("hello world\n", "none of them wrote this"),
    (b"PERFILE2" + bytes(50), "perf.data itself"),
    (b"\x17\x08\x44tracing6", "trace.dat itself"),
    (b"\x1f\x8b\x08\x00", "compressed"),
    ("pgfault 1\n".encode("utf-16"), "UTF-16"),
    (b"pgfault 1\n\x00\n", "NUL bytes"),
    ("pgfault 1\npgmajfault -3\n", r"line 2: expected a number that is not negative, found '-3'"),
    ("pgfault " + "9" * 30 + "\n", r"line 1: expected a count below 2\^64"),
    ("pgfault " + "9" * 9000 + "\n", r"line 1: expected a count below 2\^64"),
    ("pgfault 1\nnr_x\n", "line 2: expected a name and a count"),
    ("pgfault 9\nspf_abort 1\npgfault 7\nspf_abort 1\n", "line 4: expected counters that grow"),
    ("304128,,page-faults,530302331,100.00,,\n304,,pa\n", "line 2: expected value, unit, event"),
    ("304128,,page-faults,530302331,100.00,,\n-304,,x,1,1,,\n", "line 2: expected value, unit, event"),
    ('{"counter-value" : "3.0", "event" : "spf"}\n{"counter-value" : "31403', "line 2: expected one whole JSON object"),
    ('{"counter-value" : "3.0", "event" : ' + "[" * 5000, "line 1: expected one whole JSON object"),
    ('{"counter-value" : "-3", "event" : "spf"}', "line 1: expected a number that is not negative"),
    ('{"counter-value" : "NaN", "event" : "spf"}', "line 1: expected a number that is not negative"),
    (" Performance counter stats for 'x':\n\n      12,34,5 page-faults\n", "line 3: expected a number"),
    (" Performance counter stats for 'x':\n\n      12\n", "line 3: expected a count and the name of an event"),
    ("lock_stat version 0.4\n  &mm->mmap_lock-R:  1 2 3\n", "line 2: expected a lock class and its 10 or 12 numbers"),
    (PERF + "start_locking: mm=0x1 write=true\nrubbish in between\n", "line 2: expected an event: command"),
    (PERF + "start_locking: mm=0x1 wri", "line 1: expected write=true or false"),
    ("@a[1]: 3\n@b\n", r"line 2: expected a map of bpftrace"),
    ("@a: \n[1, 2)  5 |@@\n", r"line 2: expected a bin of a histogram"),
    ("tasks,processes,threads\n1,2\n", "line 2: expected 3 numbers under tasks,processes,threads"),
    (" contended   total wait     max wait     avg wait         type   caller\n 1 2 3\n", "line 2: expected contended"),
    ("# Samples: 9  of event 'a:b'\n# Event count (approx.): -9\n", "line 2: expected a number"),
    ("x" * 3_000_000, "line 1: expected a line of at most 1 MB"),
]


@pytest.mark.parametrize(("content", "why"), REFUSED, ids=range(len(REFUSED)))
def test_refused_in_one_sentence(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        captures.read(written(tmp_path, content))
    said = str(caught.value)
    assert said.startswith(str(tmp_path / "capture.txt"))
    assert len(said.splitlines()) == 1
    assert said.isprintable()
    assert len(said) < 500


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    pipe, loop, broken = tmp_path / "pipe", tmp_path / "loop", tmp_path / "broken"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    broken.symlink_to(tmp_path / "nothing")
    for path, why in (
        (pipe, "is not a regular file"), (Path("/dev/zero"), "is not a regular file"), (tmp_path, "is a folder"),
        (loop, "can't be read"), (broken, "no such file"), (tmp_path / "nothing", "no such file"),
        (tmp_path / ("n" * 300), "can't be read"), (Path("/proc/self/mem"), "can't be read|NUL|is empty"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=why):
            captures.read(path)


def test_files_of_proc_have_no_size_and_are_read() -> None:
    if not Path("/proc/vmstat").exists():
        pytest.skip("there is no /proc/vmstat here")
    assert captures.read(Path("/proc/vmstat")).events["pgfault"] > 0


def test_names_that_would_steer_a_terminal_are_made_harmless(tmp_path: Path) -> None:
    file = written(tmp_path, b"304,,\x1b[31mred,5,100.00,,\n12,,page-faults\xff,5,100.00,,\n7,,spf,5,100.00,,\n")
    found = captures.read(file)
    shown = "\n".join(captures.lines(captures.answer([found])))
    assert "\x1b" not in shown + json.dumps(captures.as_json(captures.answer([found])), ensure_ascii=False)


def test_many_names_and_threads_are_bounded(tmp_path: Path) -> None:
    names = "".join(f"1,,event{i},5,100.00,,\n" for i in range(12_000))
    with pytest.raises(BadInput, match="at most 10000 different events"):
        captures.read(written(tmp_path, names))
    same = "1,,event,5,100.00,,\n" * 9_000
    assert len(captures.read(written(tmp_path, same)).events) == 9_000
    maps = "".join(f"@a[{i}]: 1\n" for i in range(12_000))
    with pytest.raises(BadInput, match="at most 10000 different maps"):
        captures.read(written(tmp_path, maps))


def test_time_per_line_and_memory_do_not_grow_with_a_trace(tmp_path: Path) -> None:
    """Memory in Python objects; lines per second are only checked against a tenth of what is asked of the benchmark."""
    small, large = tmp_path / "small", tmp_path / "large"
    write(small, 2_000_000, graphs=True)
    lines = write(large, 8_000_000, graphs=True)
    peaks = [_peak(small), _peak(large)]
    assert peaks[1] < 1.2 * peaks[0] + 1e6
    assert peaks[1] < 40e6
    start = time.process_time()
    found = captures.read(large)
    assert lines / (time.process_time() - start) > 20_000
    assert found.locks
    assert found.locks.by_stack["fallback"] == found.events["mmap_lock:mmap_lock_start_locking"] / 2


def _peak(file: Path) -> int:
    tracemalloc.start()
    captures.read(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_fast_and_careful_reading_agree(tmp_path: Path) -> None:
    """With a caches' worth of thread names each line is read in full: the counts stay the same."""
    stream: Iterator[str] = rows_of(graphs=False)
    lines = [next(stream) for _ in range(4000)]
    plain = captures.read(written(tmp_path, "".join(lines)))
    odd = "".join(line.replace("pfbench", "a: b[1] c-9") for line in lines)
    assert captures.read(written(tmp_path, odd)).locks == plain.locks


def check(seed: int, count: int, folder: Path) -> int:
    """Read and answer `count` spoilt captures; returns how many were read. Nothing but BadInput may come out."""
    done = 0
    for original, content in spoilt(seed, count):
        file = written(folder, content)
        start = time.process_time()
        try:
            made = captures.answer([captures.read(file)])
            json.dumps(captures.as_json(made), allow_nan=False)
            shown = "\n".join(captures.lines(made))
        except BadInput as error:
            shown = str(error)
            assert len(shown.splitlines()) == 1
        else:
            done += 1
        assert shown.replace("\n", "").replace("\t", "").isprintable(), original
        assert time.process_time() - start < 2.0, original
    return done


def test_spoilt_captures(tmp_path: Path) -> None:
    assert 100 < check(1, 500, tmp_path) < 500


@pytest.mark.verification
def test_many_spoilt_captures(tmp_path: Path) -> None:
    tracemalloc.start()
    assert 2000 < check(2, 10_000, tmp_path) < 10_000
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()


def test_every_prefix_of_a_line_is_safe(tmp_path: Path) -> None:
    """Each file cut within its last line."""
    for original in ALL:
        content = original.read_bytes().rstrip(b"\n")[-2000:]
        last = content.rfind(b"\n") + 1
        for end in range(last, len(content), 7):
            try:
                captures.answer([captures.read(written(tmp_path, content[: end + 1]))])
            except BadInput as error:
                assert "\n" not in str(error)  # noqa: PT017


def test_shipped_captures_hold_no_path_of_ours() -> None:
    assert not [file.name for file in FOLDER.rglob("*") if file.is_file() and b"/home/" in file.read_bytes()]
