"""Whole processes of the command: start-up, first compilation, a fit, a report, a sweep; their time and memory."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import peers
from .growth import Curve
from .peers import ROOT, say
from .row import Row, ratio_of
from .timing import Spent, in_turn, process

COMMAND = Path(sys.executable).parent / "spfmodel"
ROUNDS = 7
CASE = ["--machine", "x86-vm-16", "--workload", "ebizzy-mTRp", "--protocol", "spf_rwlock", "--threads", "32"]
CLOSED = ["predict", *CASE, "--solver", "closed"]
SIMULATED = ["predict", *CASE, "--solver", "des"]
ROWS = """protocol,n_threads,quantity,value
mmap_sem,1,throughput_per_s,2000
mmap_sem,16,throughput_per_s,12000
mmap_sem,32,throughput_per_s,11000
"""
FIT = ["--workload", "ebizzy-mTRp", "--prior", "x86-vm-16"]
RECIPE = """[report]
title = "One notebook"
lead = "To time it."
out = "out"
[[notebook]]
path = "{path}"
title = "One fault's journey"
question = "Which steps does one page fault take under each protocol, and what does each cost?"
"""
LINE = """import line_solver as line, warnings
n = line.Network("m")
d, q = line.Delay(n, "d"), line.Queue(n, "q", line.SchedStrategy.FCFS)
j = line.ClosedClass(n, "j", 20, d, 0)
d.set_service(j, line.Exp.fit_mean(20.0)); q.set_service(j, line.Exp.fit_mean(1.0))
n.link(line.Network.serial_routing(d, q))
line.SolverMVA(n, method="exact").getAvgTable()
"""


def fresh(*words: str | Path) -> Spent:
    """The command in a fresh process."""
    return process([COMMAND, *words], cwd=ROOT)


def start_up(
    name: str, words: Sequence[str], peer: str, theirs: Sequence[str | Path], aim: str, rounds: int = ROUNDS
) -> Row:
    """Least wall time in turn with another program's; the ratio is of processor time."""
    say(f"verbs: {name}, in turn with {peer}")
    fresh(*words)
    process(theirs)
    pairs = in_turn(lambda _: fresh(*words), lambda _: process(theirs), rounds)
    mine, other = [a for a, _ in pairs], [b for _, b in pairs]
    return Row(
        subject="verbs", name=name, unit="s", peer=peer, aim=aim, yardstick=peer == "import numpy",
        ours=min(run.wall_s for run in mine), theirs=min(run.wall_s for run in other),
        ratio=ratio_of([1 / run.cpu_s for run in mine], [1 / run.cpu_s for run in other]),
        note=f"whole fresh processes, least wall time of {rounds}; the ratio is of processor times; "
        f"at most {max(run.peak_mib for run in mine):.0f} MiB",
    )  # fmt: skip


def starts() -> list[Row]:
    """--help and predict, beside an interpreter that imports numpy, and LINE's first answer."""
    numpy = [sys.executable, "-c", "import numpy"]
    rows = [
        start_up("spfmodel --help", ["--help"], "import numpy", numpy, "ours <= 0.3"),
        start_up("predict --solver closed", CLOSED, "import numpy", numpy, "ours <= 1"),
    ]
    if found := peers.python():
        first = [found, "-c", LINE]
        rows.append(start_up("predict --solver closed", CLOSED, "LINE: import, build, exact MVA", first, "", 3))
    return rows


def single(name: str, words: Sequence[str | Path], aim: str = "", runs: int = 1) -> list[Row]:
    """Least wall time, and the peak memory, of a verb."""
    say(f"verbs: {name}")
    spent = [fresh(*words) for _ in range(runs)]
    least = min(spent, key=lambda run: run.wall_s)
    peak = max(run.peak_mib for run in spent)
    note = f"a fresh process; {least.cpu_s:.2f} s of processor time"
    return [
        Row(subject="verbs", name=name, ours=least.wall_s, unit="s", aim=aim, note=note),
        Row(subject="verbs", name=f"{name}: peak memory", ours=peak, unit="MiB"),
    ]


def first_compilation(name: str, words: Sequence[str]) -> Row:
    """Wall time where nothing has been compiled before."""
    say(f"verbs: {name}, nothing compiled yet")
    with tempfile.TemporaryDirectory() as empty:
        spent = process([COMMAND, *words], cwd=ROOT, more={"XDG_CACHE_HOME": empty, "NUMBA_CACHE_DIR": empty})
        if not any(file.is_file() for file in Path(empty).rglob("*")):
            raise RuntimeError("nothing was compiled: machine code is kept elsewhere")
    note = f"with an empty cache; {spent.cpu_s:.1f} s of processor time"
    return Row(subject="verbs", name=f"{name}, first ever", ours=spent.wall_s, unit="s", aim="ours <= 20", note=note)


def measure(long: bool) -> tuple[list[Row], list[Curve]]:
    """All rows of this subject."""
    rows = starts()
    with tempfile.TemporaryDirectory() as folder:
        file, recipe = Path(folder) / "rows.csv", Path(folder) / "report.toml"
        file.write_text(ROWS, encoding="utf-8")
        recipe.write_text(RECIPE.format(path=ROOT / "notebooks" / "one_fault.ipynb"), encoding="utf-8")
        rows += single("predict --solver closed", CLOSED, runs=3)[1:]
        rows += single("predict --solver des", SIMULATED, runs=2)
        rows += single("fit, three rows", ["fit", file, *FIT])
        quick = ["sweep", ROOT / "reports" / "sweep_quick.toml", "-o", Path(folder) / "quick.parquet"]
        rows += single("sweep reports/sweep_quick.toml (1,000 points)", quick)
        rows += single("report of one notebook", ["report", recipe, "-o", Path(folder) / "out", "--jobs", "1"])
    rows += [first_compilation("predict --solver closed", CLOSED), first_compilation("predict --solver des", SIMULATED)]
    return rows, []
