"""From what was measured to the costs of a machine file: which differences and ratios, and why.

The same derivations as the shipped machine `host-6.18` has (data/README.md). None rests on a run in which faults and
updates compete: those are what the file is to predict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sources import Kind, Quantity
from .robust import Estimate, combined

Floats = NDArray[np.float64]
Formula = Callable[[Mapping[str, Floats]], Floats]
SOURCE = "spfmodel measure"
WALK, COMMIT = 0.05, 0.075
"""shares of a whole fault that no measurement tells apart from the rest: those of class x86-2s"""
LINES = 3
"""atomics of a fault alone: lock, unlock, what stays shared"""
WHOLE = ("fault_write", "getppid", "atomic_local", "populate")
BRK = ("brk_pair", "getppid")
TURNS = ("brk_contended", "handoff")
OPTIONAL = frozenset({"populate", "mmap_contended", "brk_contended", "handoff"})
"""what a formula can do without"""


@dataclass(frozen=True, kw_only=True)
class Derivation:
    """How one cost follows from estimates."""

    needs: tuple[str, ...]
    """estimates, by name"""
    formula: Formula
    where: str
    """for the machine file"""
    note: str = ""
    kind: Kind = Kind.MEASURED
    floor: float = 0.02
    """costs are above 0; a difference that comes out below is within the noise"""
    width: float = 0.02
    """half of the narrowest range, relative: clocks and alignment are not known better"""


def entry(v: Mapping[str, Floats]) -> Floats:
    """Exception entry and exit: what a fault takes longer than MADV_POPULATE_WRITE of a page, but for its call.

    At least a system call's: in some virtual machines populating is the dearer of the two.
    """
    return np.maximum(v["fault_write"] - (v.get("populate", v["fault_write"]) - v["getppid"]), v["getppid"])


def work(v: Mapping[str, Floats]) -> Floats:
    """A fault, less entry, walk, commit and its atomics; at least a fifth of it."""
    rest = entry(v) + (WALK + COMMIT) * v["fault_write"] + LINES * v["atomic_local"]
    return np.maximum(v["fault_write"] - rest, v["fault_write"] / 5)


def kind_ratio(name: str) -> Formula:
    """Work of another kind of fault, over an anonymous write's: the parts around it are the same."""
    return lambda v: (v[name] - v["fault_write"]) / work(v) + 1


def share_of_fault(share: float) -> Formula:
    """A part of a whole fault."""
    return lambda v: share * v["fault_write"]


def hold_alone(v: Mapping[str, Floats]) -> Floats:
    """Hold of brk, one thread alone."""
    return np.maximum(v["brk_pair"] / 2 - v["getppid"], 1.0)


def hold_by_turns(threads: int) -> Formula:
    """Hold of brk when many threads take turns, from how long one call takes when `threads` do.

    h(N) = H (a + (1 - a) (N - 1) / N), a H being the hold alone; solved for H. The hand-off to the next is no hold.
    """

    def hold(v: Mapping[str, Floats]) -> Floats:
        lone = hold_alone(v)
        if "brk_contended" not in v:
            return lone
        here = v["brk_contended"] - v["handoff"]
        return np.maximum(lone + (here - lone) * threads / (threads - 1), lone)

    return hold


def map_ratio(share: str) -> Formula:
    """Hold of mmap, or of munmap, over brk's; the middle of alone and by turns, where both were measured."""

    def ratio(v: Mapping[str, Floats]) -> Floats:
        part = v[share] / (v["mmap"] + v["munmap"])
        lone = np.maximum(v["mmap_munmap"] * part - v["getppid"], 1.0) / hold_alone(v)
        if "mmap_contended" not in v or "brk_contended" not in v:
            return lone
        turns = (v["mmap_contended"] - v["handoff"]) / np.maximum(v["brk_contended"] - v["handoff"], 1.0)
        return np.asarray(np.sqrt(lone * np.maximum(turns * 2 * part, 0.05)))

    return ratio


def zap_page(pages: int) -> Formula:
    """One page of a region given back."""
    return lambda v: (v["zap_region"] - v["madvise_empty"]) / pages


def first_page(pages: int) -> Formula:
    """The first page that is given back, beyond the others: the local flush, and emptying the batches."""
    return lambda v: v["touch_madvise"] - v["fault_write"] - v["madvise_empty"] - zap_page(pages)(v)


def for_each_doubling(name: str, few: int, many: int, parts: int) -> Formula:
    """What so many more VMAs cost, for each doubling, in each of `parts` calls."""
    return lambda v: (v[f"{name}@{many}"] - v[f"{name}@{few}"]) / np.log2(many / few) / parts


def faults() -> dict[str, Derivation]:
    """A system call and the parts of a fault."""
    told = "the share of a whole fault that x86-2s has"
    out = {
        "syscall_ns": Derivation(needs=("getppid",), formula=lambda v: v["getppid"], where="getppid"),
        "fault_entry_ns": Derivation(
            needs=WHOLE, formula=entry, where="fault_write - (populate - getppid), at least getppid", width=0.15
        ),
        "fault_work_ns": Derivation(
            needs=WHOLE, formula=work, where="fault_write, less entry, walk, commit and three atomics", width=0.05
        ),
    }
    for cost, share in (("vma_walk_ns", WALK), ("pte_commit_ns", COMMIT)):
        out[cost] = Derivation(needs=("fault_write",), formula=share_of_fault(share), where=f"{share:g} fault_write",
                               note=told, kind=Kind.PRIOR, width=0.5)  # fmt: skip
    kinds = {"zero_page_ratio": "fault_zero", "cow_ratio": "fault_copy", "file_ratio": "fault_file_write",
             "shared_ratio": "fault_shared_write"}  # fmt: skip
    for cost, name in kinds.items():
        where = f"{name}, less entry, walk and commit; over fault_work_ns"
        out[cost] = Derivation(needs=(*WHOLE, name), formula=kind_ratio(name), where=where)
    return out


def updates(threads: int) -> dict[str, Derivation]:
    """Holds of mmap_lock. threads : that took turns in the write-only loops"""
    turns = hold_by_turns(threads)
    both = f"brk of {threads} threads that do nothing else, by turns, and of one alone"
    mapped = ("mmap_munmap", "mmap", "munmap", *BRK, *TURNS, "mmap_contended")
    out = {
        "update_hold_ns": Derivation(needs=(*BRK, *TURNS), formula=turns, where=both, width=0.1),
        "update_alone_ratio": Derivation(
            needs=(*BRK, *TURNS), formula=lambda v: hold_alone(v) / turns(v), width=0.1,
            where="brk_pair / 2 - getppid, over update_hold_ns",
        ),
        "mprotect_ratio": Derivation(
            needs=("mprotect", *BRK), formula=lambda v: (v["mprotect"] - v["getppid"]) / hold_alone(v), width=0.1,
            where="mprotect - getppid, over brk's hold alone", note="4 pages, one present: its local flush is inside",
        ),
        "madvise_ns": Derivation(
            needs=("madvise_empty", "getppid"), formula=lambda v: v["madvise_empty"] - v["getppid"], floor=1.0,
            where="madvise_empty - getppid",
        ),
    }  # fmt: skip
    for cost, name in (("mmap_ratio", "mmap"), ("munmap_ratio", "munmap")):
        where = f"part of {name} in mmap_munmap, over brk's hold; alone and by turns, geometric mean"
        out[cost] = Derivation(needs=mapped, formula=map_ratio(name), where=where, width=0.1)
    return out


def pages(count: int, vmas: tuple[int, ...]) -> dict[str, Derivation]:
    """Giving back pages, and walking among many VMAs. count : pages of a region; vmas : numbers that were tried"""
    given = ("zap_region", "madvise_empty")
    out = {
        "zap_page_ns": Derivation(needs=given, formula=zap_page(count), where=f"(zap_region - madvise_empty)/{count}"),
        "tlb_flush_ns": Derivation(
            needs=(*given, "touch_madvise", "fault_write"), formula=first_page(count), floor=1.0, width=0.3,
            where="touch_madvise, less fault_write, madvise_empty and zap_page_ns",
        ),
    }  # fmt: skip
    few, many = min(vmas, default=0), max(vmas, default=0)
    for cost, name, parts in (("vma_level_ns", "fault_write", 1), ("update_level_ns", "mmap_munmap", 2)):
        if many > few:
            out[cost] = Derivation(
                needs=(f"{name}@{few}", f"{name}@{many}"), formula=for_each_doubling(name, few, many, parts),
                where=f"{name} among {many} VMAs more, and among {few}", floor=0.1, width=0.3,
            )  # fmt: skip
    return out


def lines(near: str) -> dict[str, Derivation]:
    """Cache lines and wake-ups. near : the class of CPU pairs between which line_ns is"""
    trip, sent = f"pingpong_{near}", ("wake_send_cold", "wake_send_hot", "getppid")
    return {
        "line_local_ns": Derivation(needs=("atomic_local",), formula=lambda v: v["atomic_local"], where="atomic_local"),
        "line_ns": Derivation(needs=(trip,), formula=lambda v: v[trip] / 2, where=f"{trip} / 2", width=0.15),
        "line_cross_ratio": Derivation(
            needs=("pingpong_cross", trip), formula=lambda v: v["pingpong_cross"] / v[trip], floor=1.0, width=0.15,
            where=f"pingpong_cross over {trip}",
        ),
        "wake_ns": Derivation(needs=("wake_cold",), formula=lambda v: v["wake_cold"], where="wake_cold", width=0.1),
        "wake_hot_ns": Derivation(needs=("wake_hot",), formula=lambda v: v["wake_hot"], where="wake_hot", width=0.1),
        "wake_send_ns": Derivation(
            needs=sent, formula=lambda v: np.sqrt(v["wake_send_cold"] * v["wake_send_hot"]) - v["getppid"],
            where="waker's call after long and short sleeps, geometric mean, less getppid", floor=1.0, width=0.3,
        ),
    }  # fmt: skip


def quantity(cost: str, d: Derivation, found: Mapping[str, Estimate]) -> Quantity:
    """A cost with its 90 % range: the bootstrap's, at least as wide as `width` says."""
    mine = {name: found[name] for name in d.needs if name in found}
    value, low, high = (max(x, d.floor) for x in combined(d.formula, mine))
    low, high = min(low, value * (1 - d.width)), max(high, value * (1 + d.width))
    if cost == "update_alone_ratio":
        value, low, high = (min(x, 1.0) for x in (value, low, high))
    lost = "the difference vanished in the noise" if value <= d.floor else ""
    return Quantity(
        value=value, low=low, high=high, unit="ns" if cost.endswith("_ns") else "ratio", kind=d.kind, source=SOURCE,
        where=d.where, note="; ".join(t for t in (d.note, lost) if t),
    )  # fmt: skip


def costs(wanted: Iterable[Mapping[str, Derivation]], found: Mapping[str, Estimate]) -> dict[str, Quantity]:
    """By name; what was not measured is left to the class."""
    known = {cost: d for group in wanted for cost, d in group.items() if set(d.needs) - OPTIONAL <= set(found)}
    return {cost: quantity(cost, d, found) for cost, d in known.items()}
