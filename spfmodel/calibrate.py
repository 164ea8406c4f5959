"""`make fits`: calibrates the shipped machines on their baseline rows, and writes data/calibrations.

Of the machine itself only rows of the unpatched kernel are read (protocol mmap_sem); how threads
meet under a workload is learnt from *other* machines' counters (elsewhere.py), and the rest of what
others taught stands in the priors. The same data give the same files, byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import catalog, machine_file
from .calibration import N_DRAWS, Fit, fit
from .datasets import data_root
from .elsewhere import taught
from .fit_model import EVENTS
from .machine import Calibration
from .outfile import replace_file
from .progress import progress
from .published import BASELINES, observations

RECIPES: dict[str, tuple[tuple[str, ...], ...]] = {
    "x86-vm-16": (("ebizzy-mTRp",), ("ebizzy-mTt",)),
    "power8-80": (("ebizzy-mTRp", "brk1"), ("ebizzy-mTt", "brk1"), ("page_fault2",)),
    "skylake-112": (("pft",),),
    "icelake-128": (("pft",),),
    "broadwell-56": (("pft",),),
    "lkp-skl-192": (("malloc1", "brk1"), ("page_fault1",), ("page_fault2",), ("page_fault3",)),
    "ivb-ep-40": (("multi-fault",),),
    "bluextal-8": (("multi-fault",),),
    "bueso-40": (("pft",),),
    "loongson-3a6000": (("ebizzy-mTRp",),),
    "qualcomm-8": (("ebizzy-mTt",),),
    "x86-48": (("page_fault2", "page_fault3"),),
    "lkp-skl-104": (("page_fault3",),),
}
"""By machine, the workloads of each calibration; the first gives it its name. Left out: machines whose baseline rows
state no number of threads (x86-vm-8, power8-752, averages over a sweep) or no rate (phones, haswell-48, lichee-4).
"""
AT_THE_TIME = {("x86-vm-16", "ebizzy-mTt"): "x86-vm-16-4.17"}
"""Whose costs a calibration starts from where the rows were taken when the machine was not as usual."""
SEED = 20180208
"""Any fixed number would do: the day on which the questions were asked."""


def calibrate(
    machine_name: str, root: Path | None = None, *, events: int = EVENTS, n_draws: int = N_DRAWS
) -> list[Fit]:
    """Every calibration of one shipped machine on its own baseline rows, from the tables in `root`.

    events, n_draws : as in `calibration.fit`; fewer are quicker and less exact
    """
    bare = catalog.uncalibrated(machine_name, root)
    out = []
    for workloads in RECIPES[machine_name]:
        protocol = BASELINES.get(machine_name, "mmap_sem")
        rows = [o for w in workloads for o in observations(bare, w, protocol, root)]
        then = catalog.uncalibrated(AT_THE_TIME.get((machine_name, workloads[0]), machine_name), root)
        out.append(fit(then, rows, seed=SEED, events=events, n_draws=n_draws))
    return out


def calibrate_all(
    root: Path | None = None, tell: Callable[[int, int, str], None] = lambda *_: None
) -> dict[str, list[Calibration]]:
    """All shipped machines, each taught by the others' counters."""
    found = {}
    for done, name in enumerate(RECIPES, 1):
        found[name] = [f.calibration for f in calibrate(name, root)]
        tell(done, len(RECIPES) + 1, f"{name}: {', '.join(c.workload for c in found[name])}")
    out = taught(found, SEED, root)
    tell(len(RECIPES) + 1, len(RECIPES) + 1, "what the others' counters teach")
    return out


def main() -> int:
    """Write a file per machine."""
    folder = data_root() / "calibrations"
    folder.mkdir(exist_ok=True)
    with progress("calibrating") as tell:
        for name, found in calibrate_all(tell=tell).items():
            replace_file(folder / f"{name}.toml", machine_file.calibrations_toml(found))
    sys.stdout.write(f"Calibrations are in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
