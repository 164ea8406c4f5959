"""`advise`: rates from captures, Amdahl's bound, the model's parameters recovered, and the sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spfmodel import captures, catalog
from spfmodel.advise import Observed, advise, diagnosis, fitted_workload
from spfmodel.application import machine_for, observed
from spfmodel.captures import Histogram
from spfmodel.cli import run
from spfmodel.prediction import Question, predict
from spfmodel.protocols import PROTOCOLS
from spfmodel.sources import BadInput

CLASSIC = """# kernel: 5.4.0
# cpus: 16
# threads: 16
# seconds: 10
Attaching 7 probes...
@acq[0, 1]: 1000000
@acq[1, 1]: 100000
@downgrades: 50000
@faults_user: 1000000
@wait_ns[0]:
[256, 512)        500000 |@@@@@                                               |
[32K, 64K)        500000 |@@@@@                                               |
@wait_ns[1]:
[256, 512)        100000 |@@@@@                                               |
@wait_total_ns[0]: 30000000000
@wait_total_ns[1]: 36200000
"""
PERF = """# kernel: 5.4.0
# filter: mmap_lock:mmap_lock_start_locking write==0
# filter: mmap_lock:mmap_lock_start_locking write==1
 Performance counter stats for process id '1':

          90000.00 msec task-clock                #    9.000 CPUs utilized
           1000000      exceptions:page_fault_user
           1000000      mmap_lock:mmap_lock_start_locking
            100000      mmap_lock:mmap_lock_start_locking

      10.000000000 seconds time elapsed
"""


def seen_in(folder: Path, **texts: str) -> Observed:
    files = []
    for name, text in texts.items():
        files.append(folder / f"{name}.txt")
        files[-1].write_text(text)
    return observed(captures.answer([captures.read(file) for file in files]))


def test_rates_are_read_from_the_files_together(tmp_path: Path) -> None:
    seen = seen_in(tmp_path, bpftrace=CLASSIC, perf=PERF)
    assert (seen.design, seen.cpus, seen.threads, seen.unmaps) == ("mmap_sem", 16, 16, True)
    assert seen.faults_per_s == pytest.approx(1e5)
    assert seen.updates_per_s == pytest.approx(1e4)
    assert seen.busy_cpus == pytest.approx(9.0)
    free_s = 1e6 * (256 * 512) ** 0.5 / 1e9
    assert seen.readers_waiting == pytest.approx((30.0 - free_s) / 10)
    assert seen.writers_waiting == pytest.approx(0.0, abs=1e-4)


def test_amdahls_bound_by_hand() -> None:
    seen = Observed(design="mmap_sem", busy_cpus=6.0, readers_waiting=3.0, writers_waiting=1.0, threads=16)
    assert seen.waiting_share(writers=False) == pytest.approx(0.3)
    assert seen.bound(writers=False) == pytest.approx(1 / 0.7)
    assert seen.bound(writers=True) == pytest.approx(10 / 6)
    alone = Observed(design="mmap_sem", readers_waiting=4.0, writers_waiting=0.0, threads=16)
    assert alone.bound(writers=True) == pytest.approx(16 / 12), "without CPU time, all other threads may run"


@pytest.mark.parametrize(("waiting", "problem"), [(None, "unknown"), (0.01, "no"), (0.5, "partly"), (2.0, "yes")])
def test_the_diagnosis_follows_the_waiting_share(waiting: float | None, problem: str) -> None:
    assert diagnosis(Observed(design="mmap_sem", busy_cpus=8.0, readers_waiting=waiting)) == problem


def test_a_wait_is_what_exceeds_a_free_lock() -> None:
    from spfmodel.application import UNCONTENDED_NS, excess_s

    assert excess_s(Histogram("wait read", "ns", ((256, 512, 1000),))) == pytest.approx(0, abs=1e-4)
    always = Histogram("wait read", "ns", ((1 << 20, 1 << 21, 10),))
    assert excess_s(always) == pytest.approx(10 * (1.5 * 2**20 - UNCONTENDED_NS) / 1e9)
    assert excess_s(Histogram("wait read", "us", ((1, 2, 9), (1000, 2000, 1)))) == pytest.approx(1.5e-3, rel=0.01)


def test_the_application_is_recovered_from_its_rates() -> None:
    """One thread of a known program, run by the model: the advice finds its think time and its faults per update."""
    machine, workload, has = catalog.prior("x86-1s"), catalog.workload("fault-update"), PROTOCOLS["mmap_sem"]

    def rate(think_ns: float, per_update: float) -> float:
        fixed = {"think_ns": think_ns, "faults_per_update": per_update}
        known = {name: replace(workload.parameters[name], value=v, low=v, high=v) for name, v in fixed.items()}
        program = replace(workload, parameters={**workload.parameters, **known})
        asked = Question(machine=machine, workload=program, baseline=has, solver="closed", n_draws=4, overrides=fixed)
        return predict(asked, [has], [1])[0].throughput_per_s.median

    true = rate(5000.0, 50.0)
    seen = Observed(design="mmap_sem", faults_per_s=true, updates_per_s=2 * true / 50, busy_cpus=1.0, threads=1)
    _fitted, fixed = fitted_workload(seen, workload, 1e9 / rate(0.0, 50.0))
    assert fixed["faults_per_update"] == 50
    assert fixed["think_ns"] == pytest.approx(5000, rel=0.05)


@pytest.fixture(scope="module")
def classic_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("classic")
    (folder / "bpftrace.txt").write_text(CLASSIC)
    (folder / "perf.txt").write_text(PERF)
    return [str(folder / "bpftrace.txt"), str(folder / "perf.txt")]


def test_three_sentences(classic_files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["advise", *classic_files, "--solver", "closed"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 78
    text = " ".join(text.split())
    assert text.startswith("1. The page-fault path is your problem: threads wait for mmap_lock for 24.8 %")
    assert " 2. No change of the lock can speed it up more than 1.33 times by the measured waits" in text
    assert " 3. Next, name who writes" in text
    assert "16 CPUs, kernel 5.4.0" in text
    assert "20 faults to an update that maps and unmaps, 8" in text, (
        "90 us of CPU time to a fault, less the fault itself"
    )
    assert "fall back" not in text, "nothing falls back on this kernel"


def test_json(classic_files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["advise", *classic_files, "--solver", "closed", "--json", "--machine", "x86-2s"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problem"] == "yes"
    assert found["bound"]["nobody_waits"] == pytest.approx(1.33, abs=0.01)
    named = {each["change"]: each["speedup"] for each in found["predictions"]}
    assert set(named) == {
        "per-VMA locks", "speculative page faults", "no lock in the fault path at all", "the rwsem of 6.12",
    }  # fmt: skip
    assert all(0 < each["low"] <= each["median"] <= each["high"] for each in named.values())
    assert found["machine"] == "x86-2s"


def test_without_waits_it_is_not_known(tmp_path: Path) -> None:
    seen = seen_in(tmp_path, perf=PERF)
    workload = catalog.workload("fault-update")
    found = advise(seen, machine_for(seen), workload, PROTOCOLS, solver="closed")
    assert (found.problem, found.confidence) == ("unknown", "low")
    assert "does not say" in found.sentences[0]
    assert "spfmodel capture --script" in found.sentences[2]


def test_a_prediction_beyond_the_waits_is_not_believed() -> None:
    seen = Observed(
        design="mmap_sem", kernel="5.4", cpus=16, threads=16, faults_per_s=4e6, updates_per_s=2e5, busy_cpus=15.9,
        readers_waiting=0.001, writers_waiting=0.0,
    )  # fmt: skip
    found = advise(seen, machine_for(seen, "x86-1s"), catalog.workload("fault-update"), PROTOCOLS, solver="closed")
    assert found.problem == "no"
    assert "believe the waits" in found.sentences[1]
    assert found.confidence == "medium"


def test_the_machine_fits_the_capture() -> None:
    for cpus, name in ((8, "x86-1s"), (64, "x86-2s"), (192, "x86-4s"), (None, "x86-2s")):
        found = machine_for(Observed(design="mmap_sem", kernel="5.4.1", cpus=cpus))
        assert found.name == name
        assert found.kernel == "5.4.1"
        assert cpus in (None, found.cpus)
    assert machine_for(Observed(design="mmap_sem"), "x86-vm-16").name == "x86-vm-16"
    with pytest.raises(BadInput, match="unknown"):
        machine_for(Observed(design="mmap_sem"), "abacus")


def test_a_file_without_faults_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ebizzy").write_text("100 records/s\n")
    assert run(["advise", str(tmp_path / "ebizzy")]) == 2
    assert "spfmodel capture --script" in capsys.readouterr().err
    assert run(["advise", str(tmp_path / "absent")]) == 2
    assert run(["advise", str(tmp_path / "ebizzy"), "--threads", "-1"]) == 2
