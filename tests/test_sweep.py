"""A sweep's table: what is in it, that it is the same whoever computes it, and what interrupts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sweep_recipes import FORMULAS, SIMULATED, content, recipe, swept
from typed_lines import Typed, refused

from spfmodel import catalog
from spfmodel.program import build
from spfmodel.protocols import PROTOCOLS
from spfmodel.settings import parse, with_settings
from spfmodel.solvers import solve
from spfmodel.sweep import load, plan, run
from spfmodel.sweep.plan import at_medians, point_seed


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CLOSED_CHUNK", 150)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A recipe and its finished output, in four parts."""
    folder = tmp_path_factory.mktemp("sweep")
    path, out = recipe(folder, FORMULAS), folder / "out.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "CLOSED_CHUNK", 150)
        assert swept(path, out).failed == 0
    return path, out


def test_pandas_reads_all_rows_in_the_order_of_the_design(table: tuple[Path, Path]) -> None:
    found = pd.read_parquet(table[1])
    assert found.point.tolist() == list(range(500))
    assert len(list(table[1].glob("part-*"))) == 4
    assert found.reason.isna().all()
    assert (found["speedup:spf_rwlock"] > 0.5).all()
    ratio = found["throughput_per_s:spf_rwlock"] / found["throughput_per_s:mmap_sem"]
    assert found["speedup:spf_rwlock"].to_numpy() == pytest.approx(ratio.to_numpy(), rel=1e-6)
    causes = found.filter(regex="abort_share:.*:spf_rwlock").sum(axis=1)
    assert causes.to_numpy() == pytest.approx(found["fallback_share:spf_rwlock"].to_numpy(), rel=1e-5)


def test_the_schema_has_units_and_provenance_and_no_clock(table: tuple[Path, Path]) -> None:
    schema = pq.read_schema(next(iter(table[1].glob("part-*"))))
    units = {f.name: f.metadata[b"unit"].decode() for f in schema if f.metadata}
    assert (units["line_ns"], units["speedup:spf_rwlock"], units["throughput_per_s:mmap_sem"]) == (
        "ns",
        "ratio",
        "records/s",
    )
    about = json.loads(schema.metadata[b"spfmodel"])
    assert {"recipe_sha256", "data_sha256", "code_sha256", "version", "libraries"} <= set(about)
    assert about["recipe_sha256"] == load(table[0]).identity["recipe_sha256"]


def test_a_row_is_what_the_solver_says_of_that_point_alone(table: tuple[Path, Path]) -> None:
    """Formulas solve thousands of points as one array; each must be as if it were alone."""
    found = pd.read_parquet(table[1])
    machine, workload = at_medians(catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp"))
    for place in (0, 149, 321):
        row = found.iloc[place]
        names = ("line_ns", "update_hold_ns", "workload.think_ns")
        m, w, _ = with_settings(machine, workload, parse([f"{name}={float(row[name])!r}" for name in names]))
        alone = solve(build(m, w, PROTOCOLS["spf_rwlock"], 16), solver="closed")
        for name in ("throughput_per_s", "fallback_share", "fault_p99_ns"):
            assert getattr(alone, name)[0] == pytest.approx(row[f"{name}:spf_rwlock"], rel=1e-4)


def test_axes_that_shape_the_program_are_solved_apart(tmp_path: Path) -> None:
    path = recipe(tmp_path, FORMULAS, ("threads = 16\n", ""), ("[axes]", "[axes]\nthreads = { values = [1, 4] }"))
    swept(path, tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out")
    for n, rows in found.groupby("threads"):
        row = rows.iloc[7]
        m, w = at_medians(catalog.machine("x86-vm-16"), catalog.workload("ebizzy-mTRp"))
        draws = {k: np.array([row[k]]) for k in ("line_ns", "update_hold_ns")}
        draws["think_ns"] = np.array([row["workload.think_ns"]])
        alone = solve(build(m, w, PROTOCOLS["mmap_sem"], int(str(n)), draws=draws), solver="closed")
        assert alone.throughput_per_s[0] == pytest.approx(row["throughput_per_s:mmap_sem"], rel=1e-4)


def test_a_simulated_row_has_its_own_seed_and_is_found_again_by_it(tmp_path: Path) -> None:
    path = recipe(tmp_path, SIMULATED, ("points = 120", "points = 12"))
    swept(path, tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out")
    assert found.seed.tolist() == [point_seed(1, i) for i in range(12)]
    row = found.iloc[5]
    m, w = at_medians(catalog.machine("x86-vm-16"), catalog.workload("fault-update"))
    typed = [f"line_ns={float(row.line_ns)!r}", f"workload.faults_per_update={row['workload.faults_per_update']}"]
    m, w, _ = with_settings(m, w, parse(typed))
    network = build(m, w, PROTOCOLS["spf_rwlock"], int(row.threads))
    alone = solve(network, solver="des", seed=int(row.seed), events=1000)
    assert np.float32(alone.throughput_per_s[0]) == row["throughput_per_s:spf_rwlock"]


def test_a_point_that_fails_keeps_its_reason_and_stops_nobody(tmp_path: Path, typed: Typed) -> None:
    more = "[axes]\ncores = { values = [8, 32] }\nworkload.think_ns = { range = [100, 900], steps = 2 }"
    path = recipe(tmp_path, FORMULAS[: FORMULAS.index("[axes]")], ("sobol", "grid"), ("points = 500", ""))
    path.write_text(path.read_text() + more)
    status, out, err = typed("sweep", str(path), "-o", str(tmp_path / "out"))
    assert (status, err) == (1, "")
    assert "2 points failed" in out
    found = pd.read_parquet(tmp_path / "out")
    assert found.reason.isna().tolist() == [True, True, False, False]
    assert found.reason[3] == "has cores = 32 above cpus = 16; cpus counts hardware threads"
    assert found["speedup:spf_rwlock"].isna().tolist() == [False, False, True, True]
    assert typed("sweep", str(path), "-o", str(tmp_path / "out"), "--resume", "--json")[0] == 1


def test_an_error_in_an_array_is_pinned_on_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    evaluate = import_module("spfmodel.sweep.evaluate")
    real = evaluate.solve

    def picky(network: object, **more: object) -> object:
        if len(network.value_ns) > 1 or network.rwsem_ns[0, 0] > 50_000:  # type: ignore[attr-defined]
            raise ZeroDivisionError("no such thing")
        return real(network, **more)

    monkeypatch.setattr(evaluate, "solve", picky)
    path = recipe(
        tmp_path,
        FORMULAS,
        ("points = 500", "points = 8"),
        ("line_ns = ", "wake_ns = { range = [2e4, 8e4] }\nline_ns = "),
    )
    assert swept(path, tmp_path / "out").failed == 4
    found = pd.read_parquet(tmp_path / "out")
    assert (found.reason == "ZeroDivisionError: no such thing").tolist() == (found.wake_ns > 50_000).tolist()


def test_a_number_that_is_none_is_a_failure(tmp_path: Path) -> None:
    """One thread alone without updates or locks has no time of an update to speak of, but a number; 0/0 has none."""
    from importlib import import_module

    evaluate = import_module("spfmodel.sweep.evaluate")
    table = evaluate._Table({}, {"a": np.array([1.0, np.nan]), "b": np.array([1.0, 2.0])}, np.full(2, None, object))
    evaluate._refuse_what_is_not_finite(table)
    assert table.reasons.tolist() == [None, "a is not a finite number here"]
    assert np.isnan(table.outputs["b"]).tolist() == [False, True]


def test_an_existing_output_is_refused_and_another_recipe_too(
    table: tuple[Path, Path], typed: Typed, tmp_path: Path
) -> None:
    path, out = table
    before = content(out)
    assert "exists; go on with --resume" in refused(typed, "sweep", str(path), "-o", str(out))
    other = recipe(tmp_path, FORMULAS, ("20, 200", "20, 201"))
    said = refused(typed, "sweep", str(other), "-o", str(out), "--resume")
    assert "begun with another recipe" in said
    assert content(out) == before
    for name in ("file.txt", "other/file.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert "is a file" in refused(typed, "sweep", str(path), "-o", str(tmp_path / "file.txt"), "--resume")
    assert "not the output of a sweep" in refused(typed, "sweep", str(path), "-o", str(tmp_path / "other"), "--resume")


def test_other_code_or_data_is_refused(table: tuple[Path, Path], typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spfmodel.sweep.identity.data_sha256", lambda: "other")
    said = refused(typed, "sweep", str(table[0]), "-o", str(table[1]), "--resume")
    assert "begun with another data" in said


def interrupted(after: int) -> Callable[..., object]:
    """The evaluation of a task, which Ctrl-C stops after some."""
    real, count = run.evaluate, 0

    def evaluate(*words: object) -> object:
        nonlocal count
        count += 1
        if count > after:
            raise KeyboardInterrupt
        return real(*words)  # type: ignore[arg-type]

    return evaluate


def test_an_interrupted_sweep_goes_on_to_the_same_table(
    table: tuple[Path, Path], typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = table
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(run, "evaluate", interrupted(2))
        assert typed("sweep", str(path), "-o", str(out), "--resume", "--jobs", "1")[0] == 130
    assert len(list(out.glob("part-*"))) == 2
    (out / "part-00000001.parquet").write_bytes(b"PAR1 torn")
    (out / ".part.77").write_bytes(b"half")
    status, said, _ = typed("sweep", str(path), "-o", str(out), "--resume", "--jobs", "1", "--json")
    assert (status, json.loads(said)["found"]) == (0, 150)
    assert content(out) == content(whole)


def test_the_verb_prints_json(table: tuple[Path, Path], typed: Typed) -> None:
    status, out, _ = typed("sweep", str(table[0]), "-o", str(table[1]), "--resume", "--json")
    found = json.loads(out)
    assert (status, found["points"], found["failed"], found["units"]["line_ns"]) == (0, 500, 0, "ns")


def test_bad_options_are_refused(table: tuple[Path, Path], typed: Typed, tmp_path: Path) -> None:
    assert "--jobs is -1" in refused(typed, "sweep", str(table[0]), "-o", str(tmp_path / "new"), "--jobs", "-1")
    assert "nobody answers" in refused(typed, "sweep", str(table[0]), "-o", str(tmp_path / "new"), "--cluster", "here")
    assert "no such file" in refused(typed, "sweep", str(tmp_path / "none.toml"), "-o", str(tmp_path / "new"))
