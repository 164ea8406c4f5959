"""`show` lists what is known, and prints one of them with its sources."""

import json
from pathlib import Path

import pytest

from spfmodel import catalog, datasets, show
from spfmodel.protocols import PROTOCOLS
from spfmodel.show_text import grid
from spfmodel.sources import BadInput


@pytest.mark.parametrize("kind", show.KINDS)
def test_lists_have_names_and_titles(kind: str) -> None:
    found = show.items(kind)
    assert found["kind"] == kind
    assert found["items"]
    assert all(item["name"] and item["title"] for item in found["items"])
    json.dumps(found, allow_nan=False)


def test_lists_are_complete() -> None:
    def names(kind: str) -> set[str]:
        return {item["name"] for item in show.items(kind)["items"]}

    assert names("machines") == set(catalog.machine_names())
    assert names("workloads") == set(catalog.workload_names())
    assert names("protocols") == set(PROTOCOLS)
    assert names("costs") == set(catalog.cost_entries())
    assert names("sources") == set(datasets.sources()["source"])
    assert len(show.items()["items"]) == sum(len(show.items(kind)["items"]) for kind in show.KINDS)


def test_protocols_are_listed_with_what_a_fault_takes() -> None:
    lines = show.render("protocols").splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(PROTOCOLS)
    assert lines[2].endswith("2 atomics (2 mmap_line); mmap_sem for read; pte_lock")
    assert "Refused: file, shared, swap." in show.render("spf_mmseq")
    assert "A process with one thread tries, too; a fault in kernel mode does not try." in show.render("per_vma_lock")
    assert "Nothing is tried first.\nLock: range_lock." in show.render("range_lock")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocol_is_printed_as_its_step_table(name: str) -> None:
    text = show.render(name)
    assert PROTOCOLS[name].title in text
    for path, number, action, *_ in PROTOCOLS[name].rows():
        assert f"{path:<8}" in text
        assert any(line.split()[:3] == [path, str(number), action] for line in text.splitlines())


@pytest.mark.parametrize("name", [*catalog.machine_names(), *catalog.prior_names()])
def test_machine_shows_the_source_of_every_number(name: str) -> None:
    machine = catalog.prior(name)
    rows = {
        line.split()[0]: line for line in show.render(name).split("\nCalibrated on")[0].splitlines() if line.strip()
    }
    for cost, q in machine.costs.items():
        assert q.source in rows[cost]
        assert q.unit in rows[cost].split()


def test_machine_cites_the_keys_that_it_uses() -> None:
    detail = show.items("power8-80")["items"][0]
    assert "Laurent Dufour" in detail["citations"]["Dufour2018f"]
    assert detail["facts"]["page_kib"] == 64
    json.dumps(detail, allow_nan=False)


CALIBRATION = """
[[calibration]]
workload = "pft"
rows = ["m1041"]
names = ["line_ns"]
draws = [[90.0], [95.0]]
[calibration.parameters]
line_ns = { median = 92.0, low = 90.0, high = 95.0, unit = "ns", from = "data" }
"""


def test_calibration_is_shown_with_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text((datasets.data_root() / "machines" / "skylake-112.toml").read_text() + CALIBRATION)
    text = show.render(str(file))
    assert "Calibrated on pft (mmap_sem), rows m1041; 2 draws" in text
    assert ["line_ns", "92", "90", "95", "ns", "data"] in [line.split() for line in text.splitlines()]
    assert "Not calibrated" not in text


def test_workload_shows_its_cycle() -> None:
    text = show.render("ebizzy-mTRp")
    assert "Each thread repeats: update mmap; fault x faults; update munmap." in text
    assert "2 threads a CPU; 1 records a cycle" in text
    assert "source-code" in text


def test_workload_file_is_told_from_a_machine_file() -> None:
    assert show.items(str(datasets.data_root() / "workloads" / "pft.toml"))["kind"] == "workload"
    assert show.items(str(datasets.data_root() / "machines" / "power8-80.toml"))["kind"] == "machine"


def test_cost_is_shown_on_every_machine_with_its_reason() -> None:
    text = show.render("memory_ratio")
    for name in (*catalog.machine_names(), *catalog.prior_names()):
        assert f"\n{name} " in text
    assert "median of three machines" in text


def test_source_and_parameter_by_name() -> None:
    assert "2018-06-11" in show.render("Dufour2018f")
    assert "user work" in show.render("think_ns")


def test_unknown_name_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^nothing is called spf_rwlok; did you mean spf_rwlock\?$"):
        show.items("spf_rwlok")
    with pytest.raises(BadInput, match=r"no such file"):
        show.render("none/mine.toml")


def test_grid_aligns_columns() -> None:
    assert grid(("a", "bb"), [["1", "2"], ["333", ""]]).splitlines() == [
        "a    bb",
        "---  --",
        "1    2",
        "333",
    ]
