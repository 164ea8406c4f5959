"""The controlled runs through the same pipeline as every prediction: machine file, workload, table, simulation."""

from __future__ import annotations

from functools import cache
from math import log

import numpy as np
import pytest

from spfmodel import catalog, datasets
from spfmodel.network import Solution
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.settings import parse, with_settings
from spfmodel.solvers import des

OPS = ("mmap", "brk", "mprot_other", "mprot_own")
SETTING = ["dedicated_updaters", "extra_vmas", "think_ns", "touch", "updater_think_ns"]
EVENTS = 200_000


@cache
def solved(machine: str, protocol: str, op: str, k: str, one_vma: str, seed: int = 1) -> Solution:
    """Two threads, every cost at its median."""
    sets = [f"workload.update_op={op}", f"workload.faults_per_update={k}", f"workload.one_vma={one_vma}"]
    m, w, _ = with_settings(catalog.machine(machine), catalog.workload("fault-update"), parse(sets))
    return des.solve(build(m, w, PROTOCOLS[protocol], 2), seed=seed, events=EVENTS)


def counted(kernel: str, op: str, k: str, one_vma: str) -> dict[str, float]:
    """Median counts of one setting by event; empty where it was not run."""
    table = datasets.host_counters()
    mine = table[(table["kernel"] == kernel) & (table["threads"] == "2") & (table["mode"] == "anon")]
    mine = mine[(mine["update_op"] == op) & (mine["faults_per_update"] == k) & (mine["one_vma"] == one_vma)]
    mine = mine[(mine[SETTING] == "").all(axis=1)]
    return dict(zip(mine["quantity"].str.split(":").str[1], mine["median"].astype(float), strict=True))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("k", ["8", "512"])
@pytest.mark.parametrize("one_vma", ["0", "1"])
def test_aborts_of_a_sequence_per_mm_within_a_factor_of_1_5(op: str, k: str, one_vma: str) -> None:
    seen = counted("5.17-spf-on", op, k, one_vma)
    share = seen["spf_abort"] / seen["spf_attempt"]
    assert share > 0.001
    predicted = float(solved("guest-5.17", "spf_mmseq", op, k, one_vma).fallback_share[0])
    assert abs(log(predicted / share)) <= log(1.5), (predicted, share)


def vma_lock_share(op: str, k: str, one_vma: str) -> tuple[float, float]:
    """Counted fallbacks and attempts of the VMA lock."""
    seen = counted("6.12-pervma-on", op, k, one_vma)
    failed = seen["vma_lock_abort"] + seen["vma_lock_retry"]
    return failed, failed + seen["vma_lock_success"]


def test_aborts_of_a_vma_lock_within_a_factor_of_1_5() -> None:
    failed, tries = vma_lock_share("mprot_own", "8", "1")
    predicted = float(solved("guest-6.12", "per_vma_lock", "mprot_own", "8", "1").fallback_share[0])
    assert abs(log(predicted / (failed / tries))) <= log(1.5), (predicted, failed / tries)


@pytest.mark.parametrize("op", ["mmap", "brk", "mprot_other"])
@pytest.mark.parametrize("one_vma", ["0", "1"])
def test_updates_elsewhere_never_abort_a_vma_lock(op: str, one_vma: str) -> None:
    """None were counted among some 1e4 to 1e5 attempts; an update that misses the VMA can't abort in the model."""
    failed, tries = vma_lock_share(op, "8", one_vma)
    assert failed / tries < 1e-4
    assert float(solved("guest-6.12", "per_vma_lock", op, "8", one_vma).fallback_share[0]) < 1e-4


def both_ways(op: str, k: str, one_vma: str) -> float:
    """Measured faults per second by user-mode touches (VMA lock) over kernel-mode touches (mmap_lock), on 6.18."""
    table = datasets.host_throughput()
    mine = table[(table["kernel"] == "6.18") & (table["threads"] == "2") & (table["mode"] == "anon")]
    mine = mine[(mine["update_op"] == op) & (mine["faults_per_update"] == k) & (mine["one_vma"] == one_vma)]
    mine = mine[(mine["quantity"] == "touches_per_s") & (mine["dedicated_updaters"] == "")]
    rate = mine.set_index("touch")["median"].astype(float)
    return float(rate["user"] / rate["kern"])


def test_gains_of_the_vma_lock_on_a_real_kernel_within_15_percent_in_the_median() -> None:
    """All settings measured both ways. At K = 8 mmap and brk gain a third more than predicted: a known miss."""
    errors = []
    for op, k, one_vma in (
        *((op, "16", v) for op in OPS for v in ("0", "1")), *((op, "1024", v) for op in OPS for v in ("0", "1")),
        ("brk", "8", "0"), ("mmap", "8", "0"), ("mprot_own", "8", "1"),
        ("brk", "512", "0"), ("mmap", "512", "0"), ("mprot_own", "512", "1"),
    ):  # fmt: skip
        x, y = (solved("host-6.18", p, op, k, one_vma).throughput_per_s[0] for p in ("per_vma_lock", "mmap_sem"))
        errors.append(log(x / y / both_ways(op, k, one_vma)))
    assert len(errors) == 22
    assert np.median(np.abs(errors)) <= 0.15, np.round(errors, 2)
