"""Costs of the controlled machines, computed anew from the primitives that were measured."""

from collections.abc import Mapping

import numpy as np
import pytest

from spfmodel import catalog, datasets

WALK, COMMIT = 80 / 1600, 120 / 1600
"""shares of a whole fault: the middle of class x86-2s, 400 + 80 + 1000 + 120 ns"""
GUESTS = {"guest-5.17": "5.17-spf-off", "guest-6.12": "6.12-pervma-off"}
ON = {"guest-5.17": "5.17-spf-on", "guest-6.12": "6.12-pervma-on"}
PAGES = 512
"""of a region of 2 MiB"""


def primitives(kernel: str) -> dict[str, float]:
    """Medians by name; `_mt_med` (a second thread is alive) without that ending."""
    table = datasets.host_primitives()
    mine = table[table["kernel"] == kernel]
    names = mine["primitive"].str.removesuffix("_mt_med")
    return dict(zip(names, mine["median"].astype(float), strict=True))


def lone(kernel: str, quantity: str, mode: str, region_kib: str, touch: str = "") -> float:
    """One quantity of a run of one thread without updates."""
    table = datasets.host_throughput()
    mine = table[(table["kernel"] == kernel) & (table["threads"] == "1") & (table["quantity"] == quantity)]
    mine = mine[(mine["mode"] == mode) & (mine["region_kib"] == region_kib) & (mine["touch"] == touch)]
    for blank in ("dedicated_updaters", "extra_vmas", "faults_per_update", "one_vma", "think_ns", "update_op"):
        mine = mine[mine[blank] == ""]
    return float(mine["median"].astype(float).item())


def common(p: Mapping[str, float], entry: float, per_ns: float = 1.0) -> dict[str, float]:
    """Costs that all three machines derive alike. per_ns: ns of one unit of the table."""
    fault, call = p["fault_anon_write_user"], p["getppid_med"]
    rest = entry + fault * (WALK + COMMIT)
    alone, work = p["brk_grow_shrink_pair"] / 2 - call, fault - rest
    kinds = {
        "zero_page_ratio": "fault_anon_read_zeropage_user",
        "cow_ratio": "fault_wp_after_zeropage_user",
        "file_ratio": "fault_file_private_write_user",
        "shared_ratio": "fault_file_shared_write_user",
    }
    times = {
        "syscall_ns": call,
        "fault_entry_ns": entry,
        "vma_walk_ns": fault * WALK,
        "pte_commit_ns": fault * COMMIT,
        "fault_work_ns": work,
        "madvise_ns": p["madvise_dontneed_1pg_empty"] - call,
    }
    ratios = {name: (p[kind] - rest) / work for name, kind in kinds.items()}
    ratios["mprotect_ratio"] = (p["mprotect_4pg_1resident"] - call) / alone
    return {**{name: t * per_ns for name, t in times.items()}, **ratios, "alone": alone * per_ns}


def holds(p: Mapping[str, float], pair: float, mmap: float, munmap: float) -> dict[str, float]:
    """Holds of mmap and munmap over brk's: the pair shared out as two single calls are."""
    alone, call = p["brk_grow_shrink_pair"] / 2 - p["getppid_med"], p["getppid_med"]
    parts = {"mmap_ratio": mmap, "munmap_ratio": munmap}
    return {name: (pair * part / (mmap + munmap) - call) / alone for name, part in parts.items()}


def first_page(p: Mapping[str, float], zap: float) -> float:
    """What an unmapping costs beyond an empty one and its pages."""
    return p["fault_plus_madvise_1pg"] - p["fault_anon_write_user"] - p["madvise_dontneed_1pg_empty"] - zap


def host() -> dict[str, float]:
    p, kernel = primitives("6.18"), "6.18"
    pair = np.sqrt(p["mmap_munmap_4k_notouch"] * p["mmap_munmap_4k_notouch_st_med"])
    calls = [lone(kernel, f"lat_{call}_p50", "mmap1", "4") for call in ("wop_or_mmap", "madvise_or_munmap")]
    whole = lone(kernel, "lat_madvise_or_munmap_p50", "anon", "2048", "user")
    zap, line = (whole - p["madvise_dontneed_1pg_empty"]) / PAGES, p["cacheline_pingpong_roundtrip_2t_med"] / 2
    found = common(p, p["fault_anon_write_user"] - (p["populate_write_1pg"] - p["getppid_med"]))
    found |= holds(p, float(pair), *calls) | {"zap_page_ns": zap, "tlb_flush_ns": first_page(p, zap)}
    found["update_hold_ns"] = found["alone"] + 10 * line
    return found | {"line_ns": line, "line_local_ns": p["atomic_rmw_local_med"]}


def ns_per_instruction(name: str) -> float:
    """Geometric mean of two rows of one thread: faults with their share of MADV_DONTNEED, and mmap with munmap."""
    kernel, p = GUESTS[name], primitives(GUESTS[name])
    touch = p["fault_anon_write_user_st_med"] + p["anon_V=10_madvise_or_munmap_p50"] / PAGES
    fault = 1e9 / lone(kernel, "touches_per_s", "anon", "2048") / touch
    calls = 2e9 / lone(kernel, "wops_per_s", "mmap1", "4") / p["mmap_munmap_4k_notouch_st_med"]
    return float(np.sqrt(fault * calls))


def guest(name: str) -> dict[str, float]:
    p, per_ns = primitives(GUESTS[name]), ns_per_instruction(name)
    calls = [p[f"mmap1_V=10_{call}_p50"] for call in ("wop_or_mmap", "madvise_or_munmap")]
    many = [p[f"mmap1_V=60000_{call}_p50"] for call in ("wop_or_mmap", "madvise_or_munmap")]
    zap = (p["anon_V=10_madvise_or_munmap_p50"] - p["madvise_dontneed_1pg_empty"]) / PAGES
    found = common(p, p["getppid_med"], per_ns) | holds(p, p["mmap_munmap_4k_notouch"], *calls)
    found["update_hold_ns"] = found["alone"]
    times = {
        "zap_page_ns": zap,
        "tlb_flush_ns": first_page(p, zap),
        "line_local_ns": p["atomic_rmw_local_med"],
        "spec_extra_ns": max(1.0, primitives(ON[name])["fault_anon_write_user"] - p["fault_anon_write_user"]),
        "update_level_ns": (sum(many) - sum(calls)) / 2 / np.log2(60000 / 10),
    }
    return found | {cost: t * per_ns for cost, t in times.items()}


@pytest.mark.parametrize("name", ["host-6.18", *GUESTS])
def test_costs_follow_from_the_primitives(name: str) -> None:
    found = host() if name == "host-6.18" else guest(name)
    costs = catalog.machine(name).costs
    alone = costs["update_hold_ns"].value * costs["update_alone_ratio"].value
    assert alone == pytest.approx(found.pop("alone"), rel=2e-3)
    for cost, value in found.items():
        assert costs[cost].value == pytest.approx(value, rel=1e-3), cost


@pytest.mark.parametrize("name", GUESTS)
def test_two_kinds_of_work_agree_on_the_time_of_an_instruction(name: str) -> None:
    """Within the factor 1.3 that every cost of a guest has. A bare call, which touches no page table, runs faster."""
    kernel, p, per_ns = GUESTS[name], primitives(GUESTS[name]), ns_per_instruction(name)
    calls = 2e9 / lone(kernel, "wops_per_s", "mmap1", "4") / p["mmap_munmap_4k_notouch_st_med"]
    assert 1 / 1.3 < calls / per_ns < 1.3
    null = 1e9 / lone(kernel, "touches_per_s", "null", "4") / p["getppid_med"]
    assert 1 / 1.5 < null / per_ns < 1
    assert f"at {per_ns:.4g} ns" in catalog.machine(name).costs["fault_work_ns"].note


def test_a_whole_fault_takes_what_was_measured() -> None:
    for name, kernel in {"host-6.18": "6.18", **GUESTS}.items():
        costs = catalog.machine(name).costs
        parts = ("fault_entry_ns", "vma_walk_ns", "fault_work_ns", "pte_commit_ns")
        per_ns = 1.0 if name == "host-6.18" else ns_per_instruction(name)
        whole = primitives(kernel)["fault_anon_write_user"] * per_ns
        assert sum(costs[part].value for part in parts) == pytest.approx(whole, rel=1e-3)


def test_one_threads_faults_are_as_fast_as_was_measured() -> None:
    """Faults and their share of giving the region back, against touches/s of a lone thread."""
    for name, kernel in {"host-6.18": "6.18", **GUESTS}.items():
        c = {cost: q.value for cost, q in catalog.machine(name).costs.items()}
        each = c["fault_entry_ns"] + c["vma_walk_ns"] + c["fault_work_ns"] + c["pte_commit_ns"] + c["zap_page_ns"]
        measured = 1e9 / lone(kernel, "touches_per_s", "anon", "2048", "user" if name == "host-6.18" else "")
        assert each == pytest.approx(measured, rel=0.3 if name in GUESTS else 0.1), name
