"""A machine written to one file reads back as it was."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from spfmodel import catalog
from spfmodel.machine import Calibration, Draws, FittedParameter, Machine
from spfmodel.machine_file import calibrations_toml, machine_toml


def calibrated(name: str) -> Machine:
    """A shipped machine with an invented calibration; awkward numbers and text on purpose."""
    fit = Calibration(
        workload="pft",
        rows=("m1041", 'mine "2021".csv:3'),
        baseline="mmap_sem",
        protocols_used=("mmap_sem", "ideal"),
        parameters={
            "line_ns": FittedParameter(median=np.float64(92.1), low=1 / 3, high=1e300, unit="ns", origin="data")
        },
        draws=Draws(names=("line_ns", "wake_ns"), values=np.array([[90.1, 2e4], [1e-7, 1 / 7]])),
    )
    return dataclasses.replace(catalog.machine(name), calibrations={"pft": fit})


@pytest.mark.parametrize("name", catalog.machine_names())
def test_machine_reads_back_as_written(name: str, tmp_path: Path) -> None:
    machine = calibrated(name)
    file = tmp_path / "fitted.toml"
    file.write_text(machine_toml(machine))
    back = catalog.machine(file)
    assert back.costs == machine.costs
    for field in dataclasses.fields(Machine):
        if field.name not in ("costs", "calibrations"):
            assert getattr(back, field.name) == getattr(machine, field.name)
    assert machine_toml(back) == file.read_text()


def test_calibration_reads_back_to_the_last_digit(tmp_path: Path) -> None:
    machine = calibrated("skylake-112")
    file = tmp_path / "fitted.toml"
    file.write_text(machine_toml(machine))
    wrote, read = machine.calibrations["pft"], catalog.machine(file).calibrations["pft"]
    np.testing.assert_array_equal(read.draws.values, wrote.draws.values)
    assert read.draws.names == wrote.draws.names
    assert dataclasses.replace(read, draws=wrote.draws) == wrote


def test_calibrations_alone_make_a_file_too(tmp_path: Path) -> None:
    text = calibrations_toml(calibrated("x86-vm-16").calibrations.values())
    assert text.startswith("[[calibration]]\nworkload = ")
    assert calibrations_toml([]) == ""
