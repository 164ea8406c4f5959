"""Machines and workloads that users may name: all there, in the promised units, with the facts that were printed."""

import re

import pytest

from spfmodel import catalog, datasets
from spfmodel.machine import CHOICES
from spfmodel.pricing import UPDATE_OPS, fault_kind, faults_per_cycle, phases, turns
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.settings import parse, with_settings

PUBLISHED = {
    "power8-80": (80, "ppc64", 10, 2),
    "x86-vm-16": (16, "x86_64", 16, 1),
    "skylake-112": (112, "x86_64", 56, 2),
    "icelake-128": (128, "x86_64", 64, 2),
    "ivb-ep-40": (40, "x86_64", 20, 2),
    "howlett-144": (144, "x86_64", 72, 4),
    "broadwell-56": (56, "x86_64", 28, 2),
    "lkp-skl-192": (192, "x86_64", 96, 4),
    "lkp-skl-112": (112, "x86_64", 56, 2),
    "lkp-skl-104": (104, "x86_64", 52, 2),
    "bluextal-8": (8, "x86_64", 8, 2),
    "bueso-40": (40, "x86_64", 20, 2),
    "haswell-48": (48, "x86_64", 24, 2),
    "x86-48": (48, "x86_64", 24, 2),
    "x86-vm-8": (8, "x86_64", 8, 1),
    "power8-752": (752, "ppc64", 94, 8),
    "lichee-4": (4, "riscv64", 4, 1),
    "msm845-8": (8, "arm64", 8, 1),
    "pixel7-8": (8, "arm64", 8, 1),
}
"""machine -> CPUs, architecture, cores, sockets; the first two are printed in every row"""
CONTROLLED = ("host-6.18", "guest-5.17", "guest-6.12")
KERNELS = {
    "power8-80": "Dufour2018d",
    "x86-vm-16": "Dufour2018d",
    "skylake-112": "Rasmussen2021a",
    "icelake-128": "Agrawal2023b",
    "ivb-ep-40": "Zijlstra2014a",
    "howlett-144": "Howlett2021a",
    "lkp-skl-192": "Song2018a",
    "lkp-skl-112": "Wang2017a",
    "lkp-skl-104": "Song2018c",
    "bluextal-8": "Kamezawa2010a",
    "haswell-48": "Lespinasse2021a",
    "x86-48": "Dufour2019b",
    "x86-vm-8": "Dufour2017b",
    "power8-752": "Dufour2017b",
    "lichee-4": "JishengZhang2023a",
    "msm845-8": "Dufour2018e",
}
"""machine -> source whose rows print its kernel; broadwell-56 printed a date: the mm tree of August 2024, 6.11"""
UNITS = {
    "ebizzy-mTRp": "records",
    "ebizzy-mTt": "records",
    "pft": "faults",
    "pft-vma-per-thread": "faults",
    "multi-fault": "faults",
    "page_fault1": "pages touched",
    "page_fault2": "pages touched",
    "page_fault3": "pages touched",
    "brk1": "brk calls",
    "malloc1": "malloc+free pairs",
    "mmap1": "mmap+munmap pairs",
    "mmap2": "mmap+munmap pairs",
    "kernbench": "builds",
    "app-launch": "launches",
    "fault-update": "faults",
    "in-memory-db": "transactions",
    "hackbench": "threads",
}


def test_every_promised_name_is_there() -> None:
    assert {*PUBLISHED, *CONTROLLED} <= set(catalog.machine_names())
    assert set(UNITS) <= set(catalog.workload_names())


@pytest.mark.parametrize("name", UNITS)
def test_a_workload_counts_in_its_unit(name: str) -> None:
    workload = catalog.workload(name)
    assert workload.unit == UNITS[name]
    assert workload.threads_per_cpu == (2.0 if name == "ebizzy-mTRp" else 1.0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_machine_has_the_facts_that_its_rows_print(name: str) -> None:
    table = datasets.measurements()
    rows, machine = table[table["machine_key"] == name], catalog.machine(name)
    assert len(rows)
    assert (machine.cpus, machine.arch, machine.cores, machine.sockets) == PUBLISHED[name]
    assert {int(re.match(r"\d+", text)[0]) for text in rows["cpus"]} == {machine.cpus}  # type: ignore[index]
    assert set(rows["arch"]) == {machine.arch}
    assert machine.source in set(rows["source"])
    printed = rows[rows["source"] == KERNELS[name]]["kernel"] if name in KERNELS else []
    assert all(text.startswith(machine.kernel) for text in printed)


def test_sockets_are_those_of_the_machines_descriptions() -> None:
    table = datasets.measurements()
    for name in PUBLISHED:
        text = " ".join(table[table["machine_key"] == name]["machine"].unique())
        said = {int(n) for n in re.findall(r"\b(\d)[ -]sockets?\b", text)}
        assert said <= {catalog.machine(name).sockets}, name


def test_the_controlled_machines_are_the_kernels_that_ran() -> None:
    ran = {kernel.split("-")[0]: where for kernel, where in datasets.host_throughput()[["kernel", "where"]].to_numpy()}
    for name in CONTROLLED:
        machine = catalog.machine(name)
        assert (machine.cpus, machine.cores, machine.sockets, machine.virtual) == (2, 2, 1, True)
        assert ran[machine.kernel] == ("native" if name == "host-6.18" else "emulated")


def test_memory_ratio_leaves_out_the_machine_itself() -> None:
    """The class's number rests on three machines; where one of them is predicted, the other two say."""
    n = datasets.measurements().set_index("id")["number"]
    lkp, haswell = n["m0689"] / n["m0687"], 1 / n["m1133"]
    costs = catalog.machine("ivb-ep-40").costs
    assert costs["memory_ratio"].value == pytest.approx((lkp * haswell) ** 0.5, rel=0.005)
    assert catalog.machine("lkp-skl-192").costs["memory_ratio"].value == pytest.approx(lkp, rel=0.005)
    ivb = n["m0005"] / n["m0007"]
    assert catalog.machine("haswell-48").costs["memory_ratio"].value == pytest.approx((lkp * ivb) ** 0.5, rel=0.01)


@pytest.mark.parametrize(
    ("machine", "other"),
    [("lkp-skl-192", "lkp-skl-112"), ("lkp-skl-192-4.14", "lkp-skl-112"), ("lkp-skl-112", "lkp-skl-192")],
)
def test_srcu_costs_come_from_the_other_lkp_machine(machine: str, other: str) -> None:
    costs = catalog.machine(machine).costs
    mine = {name: q for name, q in costs.items() if name.startswith("srcu_")}
    assert {q.source for q in mine.values()} == {"Wang2017a"}
    for q in mine.values():
        assert other in q.where + q.note
        assert machine not in q.where + q.note


def test_srcu_on_the_two_sockets_costs_a_refused_fault_what_page_fault3_says() -> None:
    n = datasets.measurements().set_index("id")["number"]
    extra = 1e9 / n["m0734"] - 1e9 / n["m0733"]
    assert catalog.machine("lkp-skl-192").costs["srcu_read_ns"].value == pytest.approx(extra, rel=0.01)


@pytest.mark.parametrize("op", UPDATE_OPS)
def test_fault_update_does_each_update_after_so_many_faults(op: str) -> None:
    machine, workload, _ = with_settings(
        catalog.machine("guest-5.17"), catalog.workload("fault-update"),
        parse([f"workload.update_op={op}", "workload.faults_per_update=16", "workload.dedicated_updaters=1"]),
    )  # fmt: skip
    given = phases(workload.program, workload)
    more = op == "mmapt"
    assert faults_per_cycle(machine, workload) == 16 + more
    assert [turns(machine, workload, p) for p in given if p.op == "recycle"] == [512 // 16 - more * 2]
    network = build(machine, workload, PROTOCOLS["spf_mmseq"], 2)
    updates = sum(part != "fault" for part in UPDATE_OPS[op])
    assert network.updates_per_cycle == pytest.approx(updates + 1 / (30 if more else 32))
    assert network.n_threads == 3
    assert network.units_per_cycle == 16 + more


def test_choices_say_what_the_faults_are() -> None:
    kinds = {name: fault_kind(catalog.workload(name)) for name in UNITS}
    assert {kinds.pop("page_fault2"), kinds.pop("page_fault3")} == {"file", "shared"}
    assert set(kinds.values()) == {"anonymous"}
    assert catalog.workload("kernbench").choice("mode") == "processes"
    assert set(catalog.workload("fault-update").choices) == set(CHOICES)


def test_a_build_is_as_many_faults_as_were_counted() -> None:
    """kernbench -M: ten builds and one to warm up; user and system time of one build, spread over its faults."""
    faults = float(datasets.counters().set_index("id").loc["c11", "faults"]) / 11
    n = datasets.measurements().set_index("id")["number"]
    build_of = catalog.workload("kernbench")
    assert build_of.units_per_cycle == pytest.approx(1 / faults, rel=1e-4)
    each = 1e9 * (n["m0513"] + n["m0515"]) / faults
    think = build_of.parameters["think_ns"]
    assert think.low < each - 2400 < think.high
    assert think.value == pytest.approx(each - 2400, rel=0.02)
