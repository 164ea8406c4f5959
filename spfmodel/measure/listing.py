"""What was measured, as text for people and as one object for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..machine import Machine
from .costs import SOURCE
from .here import Cell, classes
from .loads import Both
from .noise import Noise
from .robust import Estimate
from .session import Session

TITLES = {
    "getppid": "system call (getppid)", "getcpu": "system call (getcpu)", "atomic_local": "atomic, one CPU",
    "fault_write": "fault: anonymous write", "fault_kern": "fault: the same in kernel mode",
    "fault_zero": "fault: read, zero page", "fault_after_zero": "fault: write after the zero page",
    "fault_file_write": "fault: write, private file", "fault_copy": "fault: copy of a file's page (COW)",
    "fault_shared_write": "fault: write, shared file", "populate": "MADV_POPULATE_WRITE of a page",
    "mmap_munmap": "mmap + munmap of a page", "mmap_touch_munmap": "mmap + touch + munmap", "mmap": "mmap alone",
    "munmap": "munmap alone", "mprotect": "mprotect, 4 pages, 1 present",
    "mprotect_region": "mprotect, 2 MiB, all present", "brk_pair": "brk up and down",
    "madvise_empty": "MADV_DONTNEED of nothing", "touch_madvise": "touch + MADV_DONTNEED of a page",
    "zap_region": "MADV_DONTNEED of 2 MiB", "pingpong_smt": "line, round trip: siblings of a core",
    "pingpong_socket": "line, round trip: same socket", "pingpong_cross": "line, round trip: across sockets",
    "atomic_shared_smt": "atomic by two CPUs: siblings", "atomic_shared_socket": "atomic by two CPUs: same socket",
    "atomic_shared_cross": "atomic by two CPUs: across sockets", "wake_cold": "wake-up after 1 ms",
    "wake_hot": "wake-up after 20 us", "wake_send_cold": "waking: the waker's call, after 1 ms",
    "wake_send_hot": "waking: the waker's call, after 20 us", "compute_alone": "getppid, one CPU busy",
    "compute_cores": "getppid, all cores busy", "compute_siblings": "getppid, both siblings busy",
    "brk_contended": "brk, all CPUs at once: between two", "mmap_contended": "mmap, munmap, all at once: between two",
    "fault_process": "load of one process, a fault", "fault_processes": "load of a process per CPU, a fault",
    "zap_running": "MADV_DONTNEED of 2 MiB, other CPUs running", "mmap_munmap@": "mmap + munmap, VMAs more",
    "fault_write@": "anonymous write, VMAs more",
}  # fmt: skip


def title(name: str) -> str:
    """What a primitive is, for people."""
    head, at, number = name.partition("@")
    known = TITLES.get(head + at, TITLES.get(head, head))
    return f"{known}: {number}" if at else known


def table(session: Session, machine: Machine) -> list[str]:
    """Costs, loads both ways, and what disturbed them."""
    n = session.noise
    lines = [machine.title, "", f"{'ns':46} {'median':>10} {'90 % range':>23} {'quartiles':>21}"]
    lines += [_row(name, e) for name, e in session.estimates.items()]
    lines += ["", "Faults/s in thousands: user-mode touches (under the VMA lock, from Linux 6.4 on) and kernel-mode",
              "touches (always under mmap_lock) of the same load; K: faults per update of each thread", "",
              f"{'load':30} {'threads':>7} {'user':>20} {'kernel':>20} {'user / kernel':>20}"]  # fmt: skip
    lines += [_load(b) for b in [*session.scaling, *(b for b in session.loads if b.load.update_op)]]
    measured = sorted(name for name, q in machine.costs.items() if q.source == SOURCE)
    prior = sorted(set(machine.costs) - set(measured))
    lines += ["", f"{len(measured)} costs of the machine file rest on this: {', '.join(measured)}"]
    lines += [f"{len(prior)} are its class's: {', '.join(prior)}"]
    return [*lines, "", *noise_lines(n, session.rounds, session.seconds)]


def noise_lines(n: Noise, rounds: int, seconds: float) -> list[str]:
    """How much the machine was disturbed, in words."""
    if not n.noisy:
        return [f"Quiet: {rounds} rounds in {seconds:.0f} s, which differ by {n.spread:.0%}."]
    return [f"Noise ({rounds} rounds in {seconds:.0f} s): {'; '.join(n.sentences)}. The ranges hold it."]


def _row(name: str, e: Estimate) -> str:
    wide, quartiles = f"{e.low:,.1f} to {e.high:,.1f}", f"{e.q25:,.1f}, {e.q75:,.1f}"
    return f"{title(name):46} {e.median:>10,.1f} {wide:>23} {quartiles:>21}"


def _load(b: Both) -> str:
    middle, low, high = b.gain
    return (f"{b.load.label:30} {b.load.threads:>7} {_thousands(b.user):>20} {_thousands(b.kern):>20} "
            f"{f'{middle:.2f} ({low:.2f} to {high:.2f})':>20}")  # fmt: skip


def _thousands(e: Estimate) -> str:
    return f"{e.median / 1e3:,.0f} ({e.low / 1e3:,.0f} to {e.high / 1e3:,.0f})"


def as_json(session: Session) -> dict[str, Any]:
    """The object of `measure --json`, without machine and provenance."""
    return {
        "estimates": {name: estimate(e) | {"unit": "ns"} for name, e in session.estimates.items()},
        "loads": [load(b) for b in session.loads], "scaling": [load(b) for b in session.scaling],
        "noise": noise(session.noise), "rounds": session.rounds, "seconds": session.seconds,
    }  # fmt: skip


def estimate(e: Estimate) -> dict[str, float]:
    """Without its draws."""
    return {name: value for name, value in vars(e).items() if name != "draws"}


def noise(n: Noise) -> dict[str, Any]:
    """With what it says."""
    return asdict(n) | {"noisy": n.noisy, "says": n.sentences}


def load(b: Both) -> dict[str, Any]:
    """A load and its faults/s."""
    middle, low, high = b.gain
    return asdict(b.load) | {
        "faults_per_s": {"user": estimate(b.user), "kern": estimate(b.kern)},
        "gain": {"median": middle, "low": low, "high": high}, "windows_disturbed": sum(b.disturbed),
        "windows": len(b.disturbed),
    }  # fmt: skip


def here_table(found: Sequence[Cell], session: Session, about: Mapping[str, str]) -> list[str]:
    """Predicted beside measured, as markdown."""
    lines = [f"{about['machine']}; user-mode faults under {about['protocol']}; predicted from measured costs alone", "",
             "| load | threads | quantity | predicted (80 %) | measured (90 %) | ln(p/m) | met |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [f"| {' | '.join(_here_row(c))} |" for c in found]
    for name, a in classes(found).items():
        text = f"{name.replace('_', ', ')}: median error {a['median_abs_error']:.2f}, worst {a['worst_abs_error']:.2f}"
        lines.append(f"- {text}; {a['met']:.0%} of {a['cells']:.0f} within 20 % or the noise")
    hows = dict.fromkeys(c.how for c in found if c.how)
    lines += [f"- fallbacks: {how}" for how in hows]
    return [*lines, *(f"- {line}" for line in noise_lines(session.noise, session.rounds, session.seconds))]


def _here_row(c: Cell) -> list[str]:
    """One line; shares in per cent, faults/s in thousands."""

    def shown(value: float) -> str:
        if c.quantity == "fallback_share":
            return f"{100 * value:.2f} %"
        return f"{value / 1e3:.0f} k/s" if c.quantity.startswith("throughput") else f"{value:.2f}"

    p, range_ = c.predicted, ""
    if c.measured_low is not None and c.measured_high is not None:
        range_ = f" ({shown(c.measured_low)} to {shown(c.measured_high)})"
    measured = "not to be had" if c.measured is None else f"{shown(c.measured)}{range_}"
    return [
        c.load, str(c.threads), c.quantity.replace("_", ", "), f"{shown(p.median)} ({shown(p.low)} to {shown(p.high)})",
        measured, "" if c.error is None else f"{c.error:+.2f}", "" if c.met is None else ("yes" if c.met else "no"),
    ]  # fmt: skip
