"""Machines, priors and workloads: what ships is complete, owned and consistent."""

import re
import tomllib

import numpy as np
import pytest

from spfmodel import catalog, datasets
from spfmodel.sources import Quantity
from spfmodel.tables import data_root


def shipped_numbers() -> dict[str, Quantity]:
    """Every number of a shipped machine, class or workload, by owner and name."""
    owners = {
        **{name: catalog.prior(name).costs for name in catalog.prior_names()},
        **{name: catalog.machine(name).costs for name in catalog.machine_names()},
        **{name: catalog.workload(name).parameters for name in catalog.workload_names()},
    }
    return {f"{owner}: {name}": q for owner, numbers in owners.items() for name, q in numbers.items()}


def test_what_ships() -> None:
    assert {"x86-vm-16", "power8-80", "skylake-112"} <= set(catalog.machine_names())
    assert catalog.prior_names() == [
        "amd-2s",
        "arm64-phone",
        "power8",
        "x86-1s",
        "x86-2s",
        "x86-4s",
        "x86-vm",
    ]
    assert {"ebizzy-mTRp", "ebizzy-mTt", "pft", "malloc1", "brk1"} <= set(catalog.workload_names())


@pytest.mark.parametrize("name", [*catalog.machine_names(), *catalog.prior_names()])
def test_machine_has_every_cost_in_its_unit(name: str) -> None:
    machine = catalog.prior(name)
    entries = catalog.cost_entries()
    assert machine.name == name
    assert set(machine.costs) == set(entries)
    assert {cost: q.unit for cost, q in machine.costs.items()} == {cost: e.unit for cost, e in entries.items()}


def test_file_names_are_the_names_inside() -> None:
    for folder in ("machines", "priors", "workloads"):
        for file in (data_root() / folder).glob("*.toml"):
            assert tomllib.loads(file.read_text())["name"] == file.stem


def test_every_shipped_source_can_be_found() -> None:
    tables = {file.name for file in (data_root() / "published").glob("*.csv")}
    known = {*datasets.sources()["source"], *datasets.primitives()["id"], *tables, "judgement"}
    for name, q in shipped_numbers().items():
        assert q.source in known or " " in q.source, f"{name}: {q.source} is neither a key nor a citation"
        assert q.source != "judgement" or q.note, f"{name}: a judgement without its reason"


def test_rows_that_costs_cite_exist() -> None:
    ids = set(datasets.measurements()["id"])
    cited = {row for q in shipped_numbers().values() for row in re.findall(r"\bm\d{4}\b", q.where + q.note)}
    assert cited
    assert cited <= ids


def test_no_cost_of_a_machine_rests_on_its_own_candidate_rows() -> None:
    table = datasets.measurements().set_index("id")
    for name in catalog.machine_names():
        for q in catalog.machine(name).costs.values():
            for row in re.findall(r"\bm\d{4}\b", q.where + q.note):
                own = table.loc[row, "machine_key"] == name
                assert not own or table.loc[row, "protocol"] == "mmap_sem", f"{name} cites {row}"


def test_memory_ratio_is_the_median_that_its_note_derives() -> None:
    """Threads over processes; SPF's speed-up undone; base over SPF with both saturated."""
    n = datasets.measurements().set_index("id")["number"]
    estimates = [n["m0689"] / n["m0687"], 1 / n["m1133"], n["m0005"] / n["m0007"]]
    prior = catalog.prior("x86-2s").costs["memory_ratio"]
    assert prior.value == pytest.approx(np.median(estimates), abs=0.005)
    assert prior.log_sd == pytest.approx(np.std(np.log(estimates), ddof=1), rel=0.05)


def test_update_hold_is_the_inverse_of_the_brk1_rate() -> None:
    rate = datasets.measurements().set_index("id")["total_per_s"]
    assert catalog.prior("x86-4s").costs["update_hold_ns"].value == pytest.approx(1e9 / rate["m0785"], rel=0.01)


def test_machine_overrides_its_class_and_the_class_the_kernel() -> None:
    machine = catalog.machine("power8-80")
    assert machine.costs["update_hold_ns"] != catalog.prior("x86-2s").costs["update_hold_ns"]
    assert machine.costs["wake_ns"] == catalog.prior("power8").costs["wake_ns"]
    assert machine.costs["steal_probability"] == catalog.prior("x86-2s").costs["steal_probability"]
    assert catalog.prior("x86-vm").costs["zap_share"] == catalog.prior("x86-2s").costs["zap_share"]
    assert catalog.prior("x86-vm").costs["wake_ns"] != catalog.prior("x86-2s").costs["wake_ns"]


def test_workloads_say_what_the_benchmarks_do() -> None:
    record = catalog.workload("ebizzy-mTRp")
    assert [(p.do, p.op) for p in record.program] == [("update", "mmap"), ("fault", ""), ("update", "munmap")]
    assert (record.unit, record.threads_per_cpu, record.parameters["touched_kib"].value) == (
        "records",
        2.0,
        4.0,
    )
    brk = catalog.workload("brk1")
    assert (brk.unit, brk.units_per_cycle, [p.op for p in brk.program]) == (
        "brk calls",
        2.0,
        ["brk_up", "brk_down"],
    )
    assert [p.do for p in catalog.workload("pft").program] == ["fault"]
