"""Recipes of a sweep: what is known becomes a plan, what is not is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_floors import modules, own_imports, room

from spfmodel.sources import BadInput
from spfmodel.sweep import Plan, load
from spfmodel.sweep.identity import ROOMS

RECIPE = """
[sweep]
machine = "x86-vm-16"
workload = "fault-update"
protocols = ["spf_rwlock"]
design = "grid"
outputs = ["speedup", "abort_share"]
[set]
kernel = "5.10"
workload.think_ns = 500
[axes]
threads = { values = [2, 8] }
line_ns = { log_range = [10, 1000], steps = 3 }
workload.faults_per_update = { log_integers = [4, 64], steps = 3 }
"workload.update_op" = { values = ["mmap", "brk"] }
"""


def written(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return load(written(tmp_path_factory.mktemp("recipe")))


def test_a_recipe_becomes_a_plan(plan: Plan) -> None:
    assert (plan.points, plan.solver, plan.baseline) == (36, "closed", "mmap_sem")
    assert [p.name for p in plan.protocols] == ["mmap_sem", "spf_rwlock"]
    assert (plan.machine.kernel, plan.workload.parameters["think_ns"].value) == ("5.10", 500)
    assert {a.name: a.levels for a in plan.axes} == {
        "threads": (2, 8),
        "line_ns": (10.0, pytest.approx(100.0), 1000.0),
        "workload.faults_per_update": (4, 16, 64),
        "workload.update_op": ("mmap", "brk"),
    }


def test_only_costs_and_times_leave_a_program_its_shape(plan: Plan) -> None:
    assert [a.name for a in plan.axes if not a.shapes] == ["line_ns"]


def test_columns_have_units(plan: Plan) -> None:
    assert plan.columns()["speedup:spf_rwlock"] == "ratio"
    assert plan.columns()["abort_share:vma_changed:spf_rwlock"] == "share"
    assert not [name for name in plan.columns() if name.endswith(":mmap_sem")]


def test_another_recipe_is_another_table(plan: Plan, tmp_path: Path) -> None:
    same = load(written(tmp_path, RECIPE.replace("[set]", "# a remark\n[set]")))
    assert same.identity == plan.identity
    for old, new in [('"speedup"', '"fallback_share"'), ("500", "501"), ("1000]", "1001]"), ("x86-vm-16", "power8-80")]:
        assert load(written(tmp_path, RECIPE.replace(old, new))).identity != plan.identity


REFUSED = [
    ("machine =", "machin =", r"sweep: unknown key machin; did you mean machine\?"),
    ("x86-vm-16", "x86-vm-61", r"unknown machine x86-vm-61; did you mean x86-vm-16\?"),
    ("spf_rwlock", "spf_rwlok", r"unknown protocol spf_rwlok; did you mean spf_rwlock\?"),
    ("line_ns =", "lime_ns =", r"axes.lime_ns is unknown; did you mean line_ns\?"),
    ("workload.faults_per", "workload.fault_per", r"axes.workload.fault_per_update is unknown; did you mean faults_p"),
    ("workload.faults_per_update", "workload.touched_kib", r"axes.workload.touched_kib: fault-update has no such par"),
    ("kernel =", "kernle =", r"set.kernle is unknown; did you mean kernel\?"),
    ('"5.10"', '"linux"', r"set.kernel=linux: "),
    ("[set]", "[setting]", r"unknown key setting; did you mean set\?"),
    ('"abort_share"', '"aborts_share"', r"sweep.outputs has aborts_share, which is unknown; did you mean abort_share"),
    ("1000], steps", "1000], step", r"axes.line_ns: unknown key step; did you mean steps\?"),
    ("[10, 1000]", "[1000, 10]", r"axes.line_ns: runs from 1000 to 10; put the lower end first"),
    ("[10, 1000]", "[0, 1000]", r"axes.line_ns: has log_range from 0; a logarithmic range starts above 0"),
    ("[10, 1000]", "[10, 100, 1000]", r"axes.line_ns: log_range is "),
    (", steps = 3 }\nw", " }\nw", r"axes.line_ns has log_range without steps; a grid needs them"),
    ("log_range = [10, 1000], steps = 3", "values = [1, 1]", r"axes.line_ns: has a value twice; keep one"),
    ("log_range = [10, 1000], steps = 3", "values = [-1, 1]", r"axes.line_ns=-1: give a finite number above 0"),
    (
        "log_range = [10, 1000], steps = 3",
        "values = [1], range = [1, 2]",
        r"axes.line_ns: has values and range; give one",
    ),
    ('"mmap", "brk"', '"mmap", "brc"', r"axes.workload.update_op=brc: choose one of mmap, brk"),
    ("[2, 8]", "[2, 8.5]", r"axes.threads has 8.5; give whole numbers from 1 to 4096"),
    ("kernel =", "line_ns = 3\nkernel =", r"line_ns is both set and an axis; keep one"),
    ('"grid"', '"lhs"', r"sweep.points is missing; lhs needs a number of points"),
    ('"grid"', '"lhs"\npoints = "many"', r"sweep: points is 'many'; "),
    ('"grid"', '"sobol"\npoints = 2_000_000_000', r"sweep.points is 2000000000; a Sobol design has at most 1073741824"),
    ('["spf_rwlock"]', '["ideal", "ideal"]', r"sweep.protocols has ideal twice; keep one"),
]


@pytest.mark.parametrize(("old", "new", "said"), REFUSED, ids=[f"{new[:25]}" for _, new, _ in REFUSED])
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in RECIPE
    path = written(tmp_path, RECIPE.replace(old, new))
    with pytest.raises(BadInput, match=f"^{path}: {said}") as refused:
        load(path)
    assert "\n" not in str(refused.value)


def test_the_code_of_a_table_is_all_that_it_is_computed_by() -> None:
    """Rooms that the evaluation of a point reaches, directly or not, are in the hash of its code."""
    found: set[str] = set()
    left = [module for module in modules() if room(module) == "sweep" and module not in ("sweep.recipe", "sweep.run")]
    while left:
        new = set(own_imports(left.pop())) - found - {"sweep", "__init__"}
        found |= new
        left += [module for module in modules() if room(module) in new]
    assert found <= set(ROOMS)
