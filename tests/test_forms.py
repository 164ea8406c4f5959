"""Files of machines, workloads and calibrations: one's own are read, wrong ones refused in one sentence."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.sources import BadInput
from spfmodel.tables import data_root

HOLD = """
[costs.update_hold_ns]
value = 4110.0
low = 3200.0
high = 5300.0
unit = "ns"
kind = "measured"
source = "Dufour2018f"
"""
MACHINE = (data_root() / "machines" / "power8-80.toml").read_text() + HOLD
WORKLOAD = (data_root() / "workloads" / "ebizzy-mTRp.toml").read_text()
CALIBRATION = """
[[calibration]]
workload = "ebizzy-mTRp"
rows = ["m0071", "m0075"]
baseline = "mmap_sem"
names = ["wake_ns", "update_hold_ns"]
draws = [[14000.0, 4100.0], [15000.0, 4000.0], [13000.0, 4300.0]]
[calibration.parameters.wake_ns]
median = 14000.0
low = 13000.0
high = 15000.0
unit = "ns"
from = "data"
"""


def machine_file(tmp_path: Path, old: str = "", new: str = "", more: str = "") -> Path:
    """The shipped power8-80 with a hold of its own, and with something changed."""
    assert old in MACHINE
    file = tmp_path / "mine.toml"
    file.write_text(MACHINE.replace(old, new, 1) + more)
    return file


def workload_file(tmp_path: Path, old: str, new: str) -> Path:
    """The shipped ebizzy-mTRp with something changed."""
    assert old in WORKLOAD
    file = tmp_path / "mine.toml"
    file.write_text(WORKLOAD.replace(old, new, 1))
    return file


def refusal(read: Callable[[], object]) -> str:
    """The sentence with which something is refused: one line, no traceback of pydantic's."""
    with pytest.raises(BadInput) as refused:
        read()
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    return sentence


def test_own_file_by_path_equals_the_shipped_machine(tmp_path: Path) -> None:
    file = machine_file(tmp_path)
    mine, shipped = catalog.machine(file).costs, catalog.machine("power8-80").costs
    assert {**mine, "update_hold_ns": shipped["update_hold_ns"]} == shipped
    assert mine["update_hold_ns"].value == 4110
    assert catalog.machine(str(file)).cpus == 80
    assert catalog.prior(str(file)).cpus == 80


def test_machine_without_prior_must_bring_every_cost(tmp_path: Path) -> None:
    file = machine_file(tmp_path, 'prior = "power8"\n', "")
    remedy = 'add [costs.steal_probability], or prior = "x86-2s" or another class'
    assert refusal(lambda: catalog.machine(file)) == f"{file}: no cost steal_probability; {remedy}"


# fmt: off
WRONG_MACHINES = [
    ("value = 4110.0", "value = -4110.0", "costs.update_hold_ns runs low 3200, middle -4110, high 5300"),
    ("low = 3200.0", "low = -3200.0", "update_hold_ns reaches down to -3200; give only positive numbers"),
    ("low = 3200.0", "low = 0.0", "costs.update_hold_ns reaches down to 0; give only positive numbers"),
    ("value = 4110.0", "value = nan", "costs.update_hold_ns.value is nan; give a finite number"),
    ("high = 5300.0", "high = inf", "costs.update_hold_ns.high is inf; give a finite number"),
    ("low = 3200.0", "low = 4200.0", "runs low 4200, middle 4110, high 5300; put them in ascending order"),
    ("high = 5300.0", "high = 4000.0", "runs low 3200, middle 4110, high 4000; put them in ascending order"),
    ("value = 4110.0", 'value = "4110"', "update_hold_ns.value is '4110'; input should be a valid number"),
    ("low = 3200.0\n", "", "costs.update_hold_ns.low is missing; add it"),
    ("low = 3200.0", "lo = 3200.0", "unknown key costs.update_hold_ns.lo; did you mean low?"),
    ('unit = "ns"\n', "", "costs.update_hold_ns.unit is missing; add it"),
    ('unit = "ns"', 'unit = ""', "costs.update_hold_ns.unit is empty; fill it in"),
    ('unit = "ns"', 'unit = "us"', "costs.update_hold_ns has unit us; convert it to ns"),
    ('"measured"\nsource = "Dufour2018f"\n', '"measured"\n', "update_hold_ns.source is missing; add it"),
    ('"measured"\nsource = "Dufour2018f"', '"measured"\nsource = " "', "update_hold_ns.source is empty"),
    ('kind = "measured"', 'kind = "guessed"', "costs.update_hold_ns.kind is 'guessed'; input should be"),
    ("[costs.update_hold_ns]", "[costs.update_hold]", "update_hold is unknown; did you mean update_hold_ns?"),
    ("[costs.update_hold_ns]", "[cost.update_hold_ns]", "unknown key cost; did you mean costs?"),
    ("cpus = 80\n", "", "cpus is missing; add it"),
    ("cpus = 80", "cpu = 80", "unknown key cpu; did you mean cpus?"),
    ("cpus = 80", "cpus = 80\nnodes = 2", "unknown key nodes; did you mean numa_nodes?"),
    ("cpus = 80", "cpus = 0", "cpus is 0; input should be greater than or equal to 1"),
    ("cpus = 80", "cpus = 8", "has cores = 10 above cpus = 8; cpus counts hardware threads"),
    ("cpus = 80", "cpus = 80.5", "cpus is 80.5; input should be a valid integer"),
    ("cpus = 80", "cpus = ", "not valid TOML ("),
    ("sockets = 2", "sockets = 11", "has sockets = 11 above cores = 10; give each socket a core"),
    ('kernel = "4.16"', 'kernel = "new"', "kernel is 'new'; "),
    ("page_kib = 64", "page_kib = 5", "page_kib is 5; input should be 4, 8, 16 or 64"),
    ('thp = "madvise"', 'thp = "sometimes"', "thp is 'sometimes'; input should be"),
    ('source = "Dufour2018f"', 'source = ""', "source is empty; fill it in"),
    ('prior = "power8"', 'prior = "power9"', "unknown prior power9; did you mean power8?"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "said"), WRONG_MACHINES)
def test_wrong_machine_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = machine_file(tmp_path, old, new)
    sentence = refusal(lambda: catalog.machine(file))
    assert sentence.startswith(str(file))
    assert said in sentence


def test_cost_that_is_a_bare_number_is_refused(tmp_path: Path) -> None:
    file = machine_file(tmp_path, more="\n[costs]\nwake_ns = 5.0\n".replace("[costs]", "[costs.wake_ns]\nvalue = 1"))
    assert "wake_ns" in refusal(lambda: catalog.machine(file))
    head = MACHINE.split("[costs.")[0]
    file.write_text(head + "[costs]\nwake_ns = 20000\n")
    assert "costs.wake_ns is 20000; make it a table of value, low, high, unit" in refusal(lambda: catalog.machine(file))


def test_share_above_one_is_refused(tmp_path: Path) -> None:
    owner = 'unit = "share"\nkind = "prior"\nsource = "judgement"\n'
    file = machine_file(tmp_path, more=f"\n[costs.zap_share]\nvalue = 0.5\nlow = 0.1\nhigh = 1.5\n{owner}")
    assert refusal(lambda: catalog.machine(file)) == f"{file}: costs.zap_share reaches up to 1.5; a share is at most 1"


def test_prior_that_builds_on_itself_is_refused(tmp_path: Path) -> None:
    shutil.copytree(data_root(), tmp_path / "data")
    file = tmp_path / "data" / "priors" / "x86-2s.toml"
    file.write_text(file.read_text().replace('prior = "kernel"', 'prior = "x86-vm"'))
    assert "builds on this file itself" in refusal(lambda: catalog.prior("x86-vm", tmp_path / "data"))


@pytest.mark.parametrize("read", [catalog.machine, catalog.prior, catalog.workload])
def test_unknown_names_are_refused_with_the_nearest(read: Callable[[str], object], tmp_path: Path) -> None:
    assert re.match(r"unknown \w+ x86-vm-61; ", refusal(lambda: read("x86-vm-61")))
    missing = str(tmp_path / "none.toml")
    assert refusal(lambda: read(missing)) == f"{missing}: no such file; give the path of a TOML file, or a shipped name"
    assert "cannot be read" in refusal(lambda: read(str(tmp_path) + "/"))


def test_nearest_name_is_suggested() -> None:
    assert "did you mean x86-vm-16?" in refusal(lambda: catalog.machine("x86-vm-61"))
    assert "did you mean ebizzy-mTRp?" in refusal(lambda: catalog.workload("ebizzy-mTRP"))
    assert "did you mean x86-2s?" in refusal(lambda: catalog.prior("x86-2"))


# fmt: off
WRONG_WORKLOADS = [
    ('op = "mmap"', 'op = "map"', "program.0.op is 'map'; input should be"),
    ('op = "mmap"\n', "", 'program.0 has do = "update" with op = ""; an update needs an op'),
    ('do = "fault"\nrepeat', 'do = "fault"\nrepeats', "unknown key program.1.repeats; did you mean repeat?"),
    ('= "faults"', '= "pages"', 'repeats by "pages", which is no parameter; add [parameters.pages]'),
    ("units_per_cycle = 1.0", "units_per_cycle = 0", "units_per_cycle is 0; input should be greater than 0"),
    ("threads_per_cpu = 2.0", "threads_cpu = 2.0", "unknown key threads_cpu; did you mean threads_per_cpu?"),
    ("[parameters.think_ns]", "[parameters.thinks_ns]", "thinks_ns is unknown; did you mean think_ns?"),
    ("low = 20.0", "low = -2.0", "parameters.think_ns reaches down to -2; give no negative numbers"),
    ('unit = "KiB"', 'unit = "MiB"', "parameters.touched_kib has unit MiB; convert it to KiB"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "said"), WRONG_WORKLOADS)
def test_wrong_workload_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = workload_file(tmp_path, old, new)
    sentence = refusal(lambda: catalog.workload(file))
    assert sentence.startswith(str(file))
    assert said in sentence


def test_calibration_in_the_machine_file(tmp_path: Path) -> None:
    found = catalog.machine(machine_file(tmp_path, more=CALIBRATION)).calibrations["ebizzy-mTRp"]
    assert found.rows == ("m0071", "m0075")
    assert found.protocols_used == ("mmap_sem",)
    assert found.parameters["wake_ns"].origin == "data"
    assert found.draws.names == ("wake_ns", "update_hold_ns")
    np.testing.assert_array_equal(found.draws.values[1], [15000.0, 4000.0])


def test_calibration_beside_the_shipped_machine(tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(data_root(), root)
    shutil.rmtree(root / "calibrations", ignore_errors=True)
    assert catalog.machine("power8-80", root).calibrations == {}
    (root / "calibrations").mkdir()
    (root / "calibrations" / "power8-80.toml").write_text(CALIBRATION)
    assert list(catalog.machine("power8-80", root).calibrations) == ["ebizzy-mTRp"]
    assert catalog.machine(root / "machines" / "power8-80.toml", root).calibrations, "by path, too"


# fmt: off
WRONG_CALIBRATIONS = [
    ("[14000.0, 4100.0]", "[14000.0]", "calibration.0 needs draws of 2 numbers each"),
    ("[14000.0, 4100.0]", "[14000.0, -1.0]", "draws.0.1 is -1.0; input should be greater than or equal to 0"),
    ("[14000.0, 4100.0]", "[14000.0, nan]", "calibration.0.draws.0.1 is nan"),
    ('["wake_ns", ', '["wakes_ns", ', "names wakes_ns, which is unknown; did you mean wake_ns?"),
    ('from = "data"', 'from = "guess"', "calibration.0.parameters.wake_ns.from is 'guess'"),
    ("low = 13000.0", "low = 14500.0", "wake_ns runs low 14500, middle 14000, high 15000"),
    ("median = 14000.0", "media = 14000.0", "0.parameters.wake_ns.media; did you mean median?"),
    ('baseline = "mmap_sem"', 'base = "mmap_sem"', "unknown key calibration.0.base; did you mean baseline?"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "said"), WRONG_CALIBRATIONS)
def test_wrong_calibration_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in CALIBRATION
    file = machine_file(tmp_path, more=CALIBRATION.replace(old, new, 1))
    sentence = refusal(lambda: catalog.machine(file))
    assert sentence.startswith(str(file))
    assert said in sentence


def test_two_calibrations_of_one_workload_are_refused(tmp_path: Path) -> None:
    file = machine_file(tmp_path, more=CALIBRATION + CALIBRATION)
    assert "calibration of ebizzy-mTRp is there twice; keep one" in refusal(lambda: catalog.machine(file))


def test_facts_can_be_set_and_are_checked() -> None:
    machine = catalog.machine("x86-vm-16")
    assert catalog.with_facts(machine, {"cpus": 32, "cores": 16, "kernel": "5.12"}).cpus == 32
    assert "has cores = 16 above cpus = 8" in refusal(lambda: catalog.with_facts(machine, {"cpus": 8}))
    assert "did you mean cpus?" in refusal(lambda: catalog.with_facts(machine, {"cpu": 8}))
    assert "cpus is 0" in refusal(lambda: catalog.with_facts(machine, {"cpus": 0}))
