"""A change of any constant or function of the simulation makes its machine code on disk void."""

from __future__ import annotations

from types import ModuleType

import pytest

from spfmodel.primitives import chance, state
from spfmodel.primitives.compiled import compiled, fingerprint
from spfmodel.solvers import engine


def module_of(constant: float, increment: int) -> ModuleType:
    """A module with one constant and one compiled function."""
    module = ModuleType("made")
    source = f"@compiled\ndef f(x: int) -> int:\n    return x + {increment}\n"
    exec(source, names := {"compiled": compiled})
    module.__dict__.update(constant=constant, f=names["f"])
    return module


def test_same_code_same_fingerprint() -> None:
    assert fingerprint([module_of(1.5, 2)]) == fingerprint([module_of(1.5, 2)])


@pytest.mark.parametrize("other", [(1.6, 2), (1.5, 3)])
def test_other_code_other_fingerprint(other: tuple[float, int]) -> None:
    assert fingerprint([module_of(*other)]) != fingerprint([module_of(1.5, 2)])


def test_the_loop_on_disk_belongs_to_these_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = (chance, state)
    before = fingerprint(modules)
    monkeypatch.setattr(chance, "MOST_STAGES", 99)
    assert fingerprint(modules) != before
    assert [cell.cell_contents for cell in engine.run.py_func.__closure__] == [engine.STAMP]
