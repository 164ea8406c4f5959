"""The compiled loops do what they say: as many faults as touches, as many calls as counted, nothing left behind."""

from __future__ import annotations

import ctypes
import mmap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from measured_host import CPUS, HOST, needs_linux, two_cpus

from spfmodel.measure.crew import Run, crew, observed
from spfmodel.measure.job import FLAG, LEVEL, Call, Job, Touch
from spfmodel.measure.load import hog, load, ping_pong, sleeper, waker
from spfmodel.measure.loops import FAILED, calls, halves, touches
from spfmodel.measure.mappings import PAGE, Ground, _libc, give_back, ground
from spfmodel.measure.probes import PAGES, many_vmas, most_vmas
from spfmodel.measure.processes import faults_per_s
from spfmodel.measure.together import Setting, shootdown, wake_up, window
from spfmodel.sources import BadInput

pytestmark = needs_linux
FEW = 12
"""faults of the interpreter meanwhile"""


def alone(work: partial[int]) -> Run:
    """Run a loop once to compile it, and then in a pinned thread."""
    work()
    return crew([(CPUS[0], work)])[0]


def resident(address: int, pages: int) -> int:
    """Pages that are there, by mincore."""
    vector = (ctypes.c_ubyte * pages)()
    _libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(pages * PAGE), vector)
    return sum(byte & 1 for byte in vector)


@pytest.mark.parametrize("how", [Touch.USER, Touch.KERN, Touch.READ])
def test_a_touch_is_a_fault(how: Touch) -> None:
    with ground() as g:
        job = g.job(HOST.numbers, pages=PAGES, how=how)
        touches(job, np.zeros(4))
        give_back(job.region, PAGES * PAGE)
        out = np.zeros(4)
        run = crew([(CPUS[0], partial(touches, job, out))])[0]
        assert PAGES <= run.minor_faults <= PAGES + FEW
        assert (out > 0).all()
        assert how == Touch.READ or resident(job.region, PAGES) == PAGES
        assert 0 <= observed(partial(touches, job, out)).minor_faults <= FEW  # they are there now


@pytest.mark.parametrize(
    ("op", "faults_each"),
    [(Call.GETPPID, 0), (Call.GETCPU, 0), (Call.ATOMIC, 0), (Call.MMAP, 0), (Call.MMAPT, 1), (Call.MPROTECT, 0),
     (Call.MPROTECT_OWN, 0), (Call.BRK, 0), (Call.MADVISE, 0), (Call.TOUCH_MADVISE, 1)],
)  # fmt: skip
def test_a_call_faults_as_often_as_it_says(op: Call, faults_each: int) -> None:
    with ground() as g:
        job, out = g.job(HOST.numbers, op=op)._replace(span=PAGE), np.zeros(10)
        run = alone(partial(calls, job, 20, out))
        assert run.status == 0
        assert 200 * faults_each <= run.minor_faults <= 200 * faults_each + FEW
        assert (out > 0).all()


def test_an_atomic_counts() -> None:
    with ground() as g:
        job = g.job(HOST.numbers, op=Call.ATOMIC)
        job = job._replace(target=job.shared + FLAG)
        calls(job, 50, np.zeros(4))
        assert ctypes.c_int64.from_address(job.shared + FLAG).value == 200


def test_the_break_moves_far_above_the_heap_and_comes_back() -> None:
    with ground() as g:
        job = g.job(HOST.numbers, op=Call.BRK)
        heap = int(_libc.sbrk(0))
        assert calls(job, 20, np.zeros(3)) == 0
        assert job.lowest_break >= heap + (60 << 20)
        assert ctypes.c_int64.from_address(job.shared + LEVEL).value == 0
        assert int(_libc.sbrk(0)) == heap
        assert int(_libc.syscall(HOST.numbers["brk"], 0, 0, 0)) == job.lowest_break
        assert len(bytes(50 << 20)) == 50 << 20  # memory is to be had as before


def test_mmap_and_munmap_apart_add_up() -> None:
    with ground() as g:
        job, apart, pair = g.job(HOST.numbers, op=Call.MMAP), np.zeros((20, 2)), np.zeros(20)
        for _ in range(2):
            assert halves(job, 10, apart) == calls(job, 10, pair) == 0
        assert 0.3 < np.median(pair) / np.median(apart.sum(axis=1)) < 3


def test_a_load_faults_and_updates_as_it_counts() -> None:
    with ground() as g:
        job = g.job(HOST.numbers, pages=PAGES, op=Call.MMAP)._replace(every=8, nanos=20_000_000)
        load(job._replace(nanos=0), np.zeros(4))
        out = np.zeros(4)
        run = crew([(CPUS[0], partial(load, job._replace(shared=g.shared_words()), out))])[0]
        assert out[1] == out[0] // 8
        assert out[0] <= run.minor_faults <= out[0] + FEW
        assert out[2] >= 20_000_000


def test_no_loop_touches_what_is_not_mapped() -> None:
    with ground() as g:
        job = g.job(HOST.numbers)
        assert load(job, np.zeros(4)) == touches(job, np.zeros(1)) == FAILED


def test_a_refused_call_is_said() -> None:
    with ground() as g:
        job = g.job(HOST.numbers, op=Call.MADVISE)._replace(target=1)
        assert calls(job, 1, np.zeros(2)) == FAILED


@pytest.mark.parametrize("loop", [partial(ping_pong, first=1, each=1), sleeper, partial(waker, rest_ns=1)])
def test_nobody_waits_for_ever(loop: partial[int]) -> None:
    with ground() as g:
        job = g.job(HOST.numbers)._replace(crew=2, patience=1_000_000, nanos=1_000_000)
        shape = (2, 2) if getattr(loop, "func", loop) is waker else (2,)
        assert loop(job, out=np.zeros(shape)) == FAILED  # nobody came
        assert loop(job, out=np.zeros(shape)) == FAILED  # they meet the first, which is gone


def test_a_hog_ends_by_the_flag_or_by_its_time() -> None:
    with ground() as g:
        job, out = g.job(HOST.numbers)._replace(nanos=2_000_000), np.zeros(1)
        hog(job, out)
        assert out[0] >= 2_000_000
        ctypes.c_int64.from_address(job.shared + FLAG).value = 1
        hog(job, out)
        assert out[0] == 0


@two_cpus
def test_threads_meet_wake_and_interrupt_each_other() -> None:
    latency, sent = wake_up(HOST, (CPUS[0], CPUS[1]), 100_000)
    assert (latency > 0).all()
    assert (sent > 0).all()
    assert (shootdown(HOST, 1) > 0).all()
    both = window(HOST, Setting(threads=2, every=8), 5_000_000)
    assert both.faults_per_s > both.updates_per_s > 0
    assert not both.refused


@pytest.mark.parametrize("op", [Call.MPROTECT, Call.MPROTECT_OWN, Call.BRK])
def test_every_update_goes_with_faults(op: Call) -> None:
    done = window(HOST, Setting(threads=len(CPUS[:2]), op=op, every=8, one_vma=op == Call.MPROTECT_OWN), 3_000_000)
    assert done.faults_per_s > 0
    assert done.updates_per_s > 0
    assert not done.refused


def test_processes_fault_by_themselves() -> None:
    assert faults_per_s(HOST, Setting(threads=len(CPUS[:2])), 3_000_000) > 1000


def test_everything_is_given_back() -> None:
    def mapped() -> int:
        return Path("/proc/self/maps").read_text(encoding="ascii").count("\n")

    many_vmas(HOST, (10,))
    before = mapped()
    many_vmas(HOST, (300,))
    assert mapped() <= before + 5


def test_a_process_near_its_limit_tries_fewer_vmas() -> None:
    assert most_vmas(65530, 60000) == (10, 1000)


def test_memory_that_is_not_to_be_had_is_one_sentence() -> None:
    with pytest.raises(BadInput, match=r"mmap of \d+ bytes failed"):
        Ground().map(1 << 62)


def test_regions_merge_with_nothing() -> None:
    """A page on either side belongs to nobody; those of one VMA share no page table."""
    with ground() as g:
        start = g.region(4)
        lines = Path("/proc/self/maps").read_text(encoding="ascii").splitlines()
        assert any(line.startswith(f"{start:x}-{start + 4 * PAGE:x} rw-p") for line in lines)
        first, second = g.regions_of_one_vma(2, PAGES)
        assert first % (2 << 20) == 0
        assert second - first >= 2 << 20


def test_a_job_is_numbers_only() -> None:
    assert all(isinstance(value, int) for value in Job())
    assert mmap.PAGESIZE == PAGE


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    def broken() -> int:
        raise ValueError("as planned")

    with pytest.raises(ValueError, match="as planned"):
        crew([(CPUS[0], broken), (CPUS[0], lambda: 0)])
