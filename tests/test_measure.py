"""`measure` and `validate --here` from end to end, on this host and for a short time."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from measured_host import CPUS, TINY, needs_linux

from spfmodel import catalog, cli
from spfmodel.measure import facts, here, session
from spfmodel.measure.crew import AUTOGROUP, raised_priority
from spfmodel.measure.job import Touch
from spfmodel.measure.listing import table, title
from spfmodel.measure.loads import Load, all_loads, scaling
from spfmodel.measure.result import machine_of
from spfmodel.measure.session import Session

pytestmark = needs_linux


@pytest.fixture(scope="module")
def measured() -> Session:
    return session.measure(TINY)


def test_costs_are_positive_and_in_order(measured: Session) -> None:
    e = {name: found.median for name, found in measured.estimates.items()}
    assert all(value > 0 for value in e.values())
    assert e["atomic_local"] < e["getppid"] < e["fault_zero"] < e["fault_write"]
    assert e["getppid"] < e["madvise_empty"] < e["touch_madvise"] < e["zap_region"]
    assert e["mmap_munmap"] < e["mmap_touch_munmap"]
    assert {"mmap_munmap@10", "brk_pair", "populate", "fault_process", "zap_running@0"} <= set(e)
    assert len(CPUS) < 2 or e["atomic_local"] < e["wake_hot"]


def test_the_machine_says_what_was_measured_and_what_its_class_knows(measured: Session) -> None:
    machine = machine_of(measured)
    assert set(machine.costs) == set(catalog.cost_entries())
    mine = {name for name, q in machine.costs.items() if q.source == "spfmodel measure"}
    assert {"fault_work_ns", "update_hold_ns", "mmap_ratio", "syscall_ns", "zap_page_ns", "line_local_ns"} <= mine
    assert all("class" in q.note for name, q in machine.costs.items() if name not in mine)
    assert machine.cpus == len(CPUS)


def test_both_ways_of_touching_were_run(measured: Session) -> None:
    quiet = measured.loads[0]
    assert not quiet.load.update_op
    assert quiet.user.median > 0 < quiet.kern.median
    assert {b.load.update_op for b in measured.loads} >= {"mmap", "brk", "mprot_other"}
    assert [b.load.threads for b in measured.scaling][-1] == len(CPUS)


def test_the_table_is_readable(measured: Session) -> None:
    lines = table(measured, machine_of(measured))
    assert any("fault: anonymous write" in line for line in lines)
    assert any("mmap, K = 8" in line for line in lines)
    assert any(line.startswith(("Noise", "Quiet")) for line in lines)
    assert not [name for name in measured.estimates if title(name) == name]
    assert max(map(len, lines[:60])) <= 120


def test_predicted_beside_measured(measured: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "DRAWS", 3)
    kept = [b for b in measured.loads if b.load.update_op in ("", "mmap") and not b.load.one_vma and b.load.every < 99]
    found = here.cells(machine_of(measured), Session(**vars(measured) | {"loads": kept}))
    assert {c.quantity for c in found} == {"throughput_user", "throughput_kern", "gain", "fallback_share"}
    assert all(c.measured is not None or c.how for c in found)
    for c in found:
        assert c.error is None or abs(c.error) < 1.5  # the right order, however busy the host
    shape = here.as_json(found)
    assert shape["classes"]["gain"]["cells"] == len(kept)
    assert json.dumps(shape, allow_nan=False)


def test_without_updates_the_model_has_none() -> None:
    load = Load(update_op="", every=0, one_vma=True, threads=2)
    workload = here.workload_of(load, Touch.KERN)
    assert [phase.op for phase in workload.program] == ["", "recycle"]
    assert workload.choice("touch") == "kern"
    assert workload.parameters["one_vma"].value == 1


@pytest.mark.parametrize("as_json", [False, True])
def test_the_verb_writes_a_machine_that_predicts(
    measured: Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    monkeypatch.setattr(session, "measure", lambda *_: measured)
    out = tmp_path / "machine.toml"
    assert cli.run(["measure", "--quick", "-o", str(out), *(["--json"] if as_json else [])]) == 0
    said = capsys.readouterr().out
    if as_json:
        shape = json.loads(said)
        assert shape["machine"]["costs"]["syscall_ns"]["kind"] == "measured"
        assert {"estimates", "loads", "scaling", "noise", "provenance"} <= set(shape)
        assert shape["noise"]["says"] == measured.noise.sentences
    machine = catalog.machine(out)
    assert machine.costs["update_hold_ns"] == machine_of(measured).costs["update_hold_ns"]
    ask = [
        "predict",
        "--machine",
        str(out),
        "--workload",
        "brk1",
        "--protocol",
        "ideal",
        "--solver",
        "closed",
        "--json",
    ]
    assert cli.run(ask) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["throughput_per_s"]["median"] > 0


def test_here_from_the_command_line(
    measured: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "measure", lambda *_: measured)
    monkeypatch.setattr(here, "cells", lambda *_, **__: [])
    assert cli.run(["validate", "--here"]) == 0
    assert "| load | threads |" in capsys.readouterr().out
    assert cli.run(["validate", "--here", "--json"]) == 0
    assert {"cells", "classes", "protocol", "noise", "machine", "provenance"} <= set(
        json.loads(capsys.readouterr().out)
    )


@pytest.mark.parametrize(
    ("what", "name", "says"),
    [("system", "Darwin", "needs Linux"), ("machine", "riscv64", "knows the system calls of")],
)
def test_elsewhere_it_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str, name: str, says: str
) -> None:
    monkeypatch.setattr(platform, what, lambda: name)
    assert cli.run(["measure", "--quick"]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


@pytest.mark.parametrize("broken", ["sched_setaffinity", "memfd_create"])
def test_what_the_system_forbids_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(facts.os, broken, forbidden)
    assert cli.run(["measure", "--quick"]) == 2
    assert "not permitted" in capsys.readouterr().err


def test_a_folder_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    assert cli.run(["measure", "--quick", "-o", str(tmp_path)]) == 2


def test_the_priority_is_put_back() -> None:
    def now() -> str:
        return AUTOGROUP.read_text(encoding="ascii") if AUTOGROUP.exists() else ""

    before = now()
    with raised_priority():
        pass
    assert now() == before


def test_loads_cover_what_was_published() -> None:
    labels = {load.label for load in all_loads(2)}
    assert {"no updates", "mmap, K = 8", "brk, K = 512", "mprot_own, K = 8, one VMA"} <= labels
    assert [load.threads for load in scaling(6)] == [1, 1, 2, 2, 4, 4, 6, 6]
