"""The house has floors: an import goes down or stays on its floor; the lower ones touch no file or clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "spfmodel"

FLOORS = {
    6: "cli asking evidence fitting calibrate checkup outfile shapes show show_text report progress plots measure "
    "captures capture_tables cli_capture capture_script kernel_at_hand comparison cover_letter application cli_advise "
    "cli_measure cli_report introduce explorer cli_sweep cli_sensitivity cli_validate cli_new validation residuals "
    "new_workload __init__ __main__",
    5: "decision vma_lines published_gains "
    "controlled_cells controlled_runs real_workloads "
    "srcu sweep validate controlled elsewhere flushes protocol_file fit_table published settings datasets tables "
    "pooling raw_cells misses rivals scoreboard remembered "
    "forms toml_file unchanged catalog machine_file provenance asks accounts",
    4: "first_look emulator posterior identify indices response sensitivity missing "
    "prediction verdict calibration fit_model observations symbolic bare_lock lock_bench journey advise advice_text "
    "difference structural score",
    3: "solvers",
    2: "network program pricing placement",
    1: "protocols machine workload sources introduced",
    0: "primitives machine_code",
}
FLOOR = {name: floor for floor, names in FLOORS.items() for name in names.split()}

OUTSIDE = {
    "argparse",
    "builtins",
    "io",
    "matplotlib",
    "multiprocessing",
    "os",
    "pathlib",
    "pydantic",
    "rich",
    "seaborn",
}
OUTSIDE |= {
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "time",
    "datetime",
    "typer",
    "papermill",
    "nbconvert",
    "pandas",
}
"""libraries that the floors below 5 have no use for"""


def modules() -> list[str]:
    """Every module of the package, as a dotted path below it."""
    files = sorted(PACKAGE.rglob("*.py"))
    return [".".join(file.relative_to(PACKAGE).with_suffix("").parts) for file in files]


def room(module: str) -> str:
    """The first part of a module's path: the room that the floors list."""
    return module.partition(".")[0]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))


def own_imports(module: str) -> Iterator[str]:
    """Rooms of the package that a module imports from, wherever in the file it does so."""
    here = ["spfmodel", *module.split(".")]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else []
            target = [*base, *(node.module.split(".") if node.module else [])]
            if target == ["spfmodel"]:
                yield from (alias.name for alias in node.names)
            elif target[0] == "spfmodel":
                yield target[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("spfmodel."))


def foreign_imports(module: str) -> Iterator[str]:
    """Libraries that a module imports."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


def test_the_walk_finds_imports() -> None:
    assert {"provenance", "sources", "report"} <= set(own_imports("report.batch"))
    assert "pathlib" in set(foreign_imports("report.batch"))


@pytest.mark.parametrize("module", modules())
def test_every_module_has_a_floor(module: str) -> None:
    assert room(module) in FLOOR, f"give {module} a floor in tests/test_floors.py"


@pytest.mark.parametrize("module", modules())
def test_imports_go_down_only(module: str) -> None:
    above = {name for name in own_imports(module) if FLOOR.get(name, 0) > FLOOR[room(module)]}
    assert not above, f"{module} imports from floors above its own: {sorted(above)}"


KEEPS_FILES = "machine_code"
"""on a lower floor, yet it keeps files: what numba compiled"""


@pytest.mark.parametrize("module", [m for m in modules() if FLOOR.get(room(m), 6) <= 4 and m != KEEPS_FILES])
def test_lower_floors_touch_no_file_clock_or_screen(module: str) -> None:
    calls = (node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
    called = {call.id for call in calls if isinstance(call, ast.Name)}
    assert not called & {"open", "print", "input"}
    assert not OUTSIDE & set(foreign_imports(module))


@pytest.mark.parametrize("module", [module for module in modules() if room(module) == "solvers"])
def test_solvers_know_no_protocol(module: str) -> None:
    assert not {"protocols", "machine", "catalog"} & set(own_imports(module))


def test_protocols_only_import_their_vocabulary_and_each_other() -> None:
    for module in modules():
        if room(module) == "protocols":
            assert set(own_imports(module)) <= {"protocols", "introduced"}
