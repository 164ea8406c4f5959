"""Machine code on disk: void when any constant or function of its sources changes, made once, and the same function."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

from spfmodel import machine_code
from spfmodel.primitives import chance, ziggurat
from spfmodel.primitives.compiled import _collect, compiled, compiled_entry
from spfmodel.solvers import closed, engine, lock_models


def entry_of(module: ModuleType) -> dict[str, str]:
    """What an entry of its own is made of that calls a module's function."""
    exec("def g(x):\n    return made.f(x) + made.constant\n", names := {"made": module, "__name__": "other"})
    sources: dict[str, str] = {}
    _collect(names["g"], sources)
    return sources


def module_of(constant: float, increment: int) -> ModuleType:
    """A module with one constant and one compiled function."""
    module = ModuleType("made")
    source = f"@compiled\ndef f(x: int) -> int:\n    return x + {increment}\n"
    exec(source, names := {"compiled": compiled})
    module.__dict__.update(constant=constant, f=names["f"])
    return module


@pytest.mark.parametrize("other", [(1.6, 2), (1.5, 3)])
def test_other_code_is_made_anew(other: tuple[float, int]) -> None:
    assert entry_of(module_of(*other)) != entry_of(module_of(1.5, 2)) == entry_of(module_of(1.5, 2))


def sources_of(entry: Any) -> dict[str, str]:
    """What an entry's machine code is made of."""
    _collect(entry.py_func, sources := {})
    return sources


def test_the_loop_on_disk_belongs_to_all_that_it_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """However deep; a formula's constant is none of the simulation's."""
    loop, formulas = sources_of(engine.run), sources_of(closed.run)
    for module, name, mine in (
        (chance, "MOST_STAGES", True),
        (ziggurat, "EXP_X", True),
        (lock_models, "WRITES", False),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, getattr(module, name) + 1)
            assert (sources_of(engine.run) != loop) == mine
            assert (sources_of(closed.run) != formulas) != mine


class Given(NamedTuple):
    """Arguments of every kind."""

    whole: int
    table: Any
    pair: tuple[float, int]


@compiled
def doubled(x: float) -> float:
    return 2 * x


@compiled_entry
def weigh(given: Given, scale: float, out: Any, more: int = 3) -> int:
    """Sums over a table, whatever its strides."""
    for i in range(given.table.shape[0]):
        for j in range(given.table.shape[1]):
            out[i] += scale * doubled(given.table[i, j]) * given.pair[0] + more
    return given.whole + given.pair[1] + given.table.size


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return machine_code.folder()


def test_machine_code_does_what_its_function_does() -> None:
    """On a contiguous table and on one with strides; numbers may be numpy's, booleans too."""
    whole = np.arange(24.0).reshape(4, 6)
    for table, number in ((whole, 5), (whole.T[::2, 1:], np.int64(5)), (whole[:, ::3], True)):
        out, more = np.zeros(len(table)), np.zeros(len(table))
        given = Given(number, table, (0.5, 7))
        assert weigh(given, np.float64(1.5), out) == number + 7 + table.size
        assert np.array_equal(out, (1.5 * table + 3).sum(axis=1))
        weigh(given, out=more, scale=1.5, more=4)
        assert np.array_equal(more, (1.5 * table + 4).sum(axis=1))


def test_a_missing_argument_is_an_error() -> None:
    with pytest.raises(TypeError):
        weigh(Given(1, np.ones((1, 1)), (0.5, 7)), scale=1.0)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        weigh(Given(1, np.ones((1, 1)), (0.5, 7)))  # type: ignore[call-arg]


def test_a_result_may_be_a_float_or_nothing() -> None:
    @compiled_entry
    def half(x: int) -> float:
        return x / 2

    @compiled_entry
    def nothing(out: Any) -> None:
        out[0] = 7.0

    out = np.zeros(1)
    assert (half(3), nothing(out), out[0]) == (1.5, None, 7.0)


def test_what_cannot_be_kept_is_refused(home: Path) -> None:
    @compiled_entry
    def both(x: int) -> tuple[int, int]:
        return x, x

    with pytest.raises(TypeError, match="returns UniTuple"):
        both(3)
    assert not list(home.glob("*.o"))


def test_one_makes_it_and_the_others_wait(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def make() -> bytes:
        sleep(0.05)
        return b"code"

    with ThreadPoolExecutor(4) as pool:
        got = [pool.submit(machine_code.kept, "a.o", make, "Compiling, once ...") for _ in range(4)]
    assert [found.result() for found in got] == [b"code"] * 4
    assert capsys.readouterr() == ("", "spfmodel: Compiling, once ...\n")
    assert [file.name for file in home.iterdir()] == ["a.o"]


def test_where_nothing_can_be_kept_one_sentence_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file where a folder should be")
    assert machine_code.kept("a.o", lambda: b"code", "Compiling, once ...") == b"code"
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "set XDG_CACHE_HOME to a folder that can be written to" in err


def test_the_oldest_goes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_code, "MOST_FILES", 2)
    for name in "abc":
        machine_code.kept(f"{name}.o", name.encode, "Compiling ...")
        sleep(0.01)
    assert sorted(file.name for file in home.iterdir()) == ["b.o", "c.o"]
