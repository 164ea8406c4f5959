"""The published tables are complete, and a number without an owner is refused."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from spfmodel import datasets
from spfmodel.sources import BadInput

OWNED = {"measurements": datasets.measurements, "primitives": datasets.primitives}
HOST = {
    "host_throughput": datasets.host_throughput,
    "host_counters": datasets.host_counters,
    "host_primitives": datasets.host_primitives,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the shipped tables, to be spoilt."""
    shutil.copytree(datasets.data_root() / "published", tmp_path / "published")
    return tmp_path


def spoil(root: Path, name: str, column: str, value: str, row: int = 5) -> str:
    """Write `value` into one cell; returns the row's id, or its line."""
    file = root / "published" / f"{name}.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table.loc[row, column] = value
    table.to_csv(file, index=False)
    return str(table["id"][row]) if "id" in table else f"line {row + 2}"


def drop(root: Path, name: str, column: str) -> None:
    """Remove a column."""
    file = root / "published" / f"{name}.csv"
    pd.read_csv(file, dtype=str, keep_default_na=False).drop(columns=column).to_csv(file, index=False)


def test_shipped_tables_have_all_rows() -> None:
    sizes = {name: len(read()) for name, read in {**OWNED, **HOST}.items()}
    assert sizes == {
        "measurements": 1824, "primitives": 137, "host_throughput": 4879, "host_counters": 3611,
        "host_primitives": 743,
    }  # fmt: skip
    assert len(datasets.counters()) == 19
    assert len(datasets.sources()) == 58


@pytest.mark.parametrize("name", OWNED)
@pytest.mark.parametrize("column", ["unit", "source", "value", "id"])
def test_row_without_owner_is_refused(root: Path, name: str, column: str) -> None:
    spoil(root, name, column, "  ")
    with pytest.raises(BadInput, match=rf"^{name}\.csv: (row|line) .* has no {column}; write it in column {column}$"):
        OWNED[name](root)


def test_refusal_names_the_row(root: Path) -> None:
    row = spoil(root, "measurements", "unit", "")
    with pytest.raises(BadInput, match=rf"^measurements\.csv: row {row} has no unit; write it in column unit$"):
        datasets.measurements(root)


@pytest.mark.parametrize("name", ["measurements", "counters"])
def test_uncited_source_is_refused(root: Path, name: str) -> None:
    row = spoil(root, name, "source", "Nobody1999a")
    reader = {"measurements": datasets.measurements, "counters": datasets.counters}[name]
    with pytest.raises(BadInput, match=rf"^{name}\.csv: row {row} has source Nobody1999a; cite .* sources\.csv"):
        reader(root)


def test_source_without_citation_is_refused(root: Path) -> None:
    spoil(root, "sources", "citation", "")
    with pytest.raises(BadInput, match=r"^sources\.csv: row Dufour2017e has no citation"):
        datasets.sources(root)


def test_same_id_twice_is_refused(root: Path) -> None:
    spoil(root, "measurements", "id", "m0001")
    with pytest.raises(BadInput, match=r"id m0001 is there twice; give each row its own"):
        datasets.measurements(root)


@pytest.mark.parametrize("name", [*OWNED, *HOST])
def test_missing_column_is_refused(root: Path, name: str) -> None:
    drop(root, name, "unit")
    with pytest.raises(BadInput, match=rf"^{name}\.csv: no column unit; add it to the header"):
        ({**OWNED, **HOST})[name](root)


@pytest.mark.parametrize("name", HOST)
@pytest.mark.parametrize(("column", "value"), [("unit", ""), ("median", "fast"), ("q75", "nan"), ("n", "inf")])
def test_host_row_must_be_numbers_with_unit(root: Path, name: str, column: str, value: str) -> None:
    row = spoil(root, name, column, value)
    with pytest.raises(BadInput, match=rf"^{name}\.csv: {row} has (no )?{column}"):
        HOST[name](root)


def test_unreadable_table_is_refused(root: Path) -> None:
    (root / "published" / "measurements.csv").write_text('a,b\n1,"2\n3,4,5\n')
    with pytest.raises(BadInput, match=r"measurements\.csv: cannot be read .*; mend or restore the file"):
        datasets.measurements(root)
    (root / "published" / "measurements.csv").unlink()
    with pytest.raises(BadInput, match=r"measurements\.csv: cannot be read"):
        datasets.measurements(root)


def test_text_value_is_kept_out_with_its_reason(root: Path) -> None:
    row = spoil(root, "measurements", "value", "about 5000")
    table = datasets.measurements(root)
    assert datasets.not_numeric(table) == [f"{row}: printed as 'about 5000': not one number"]
    assert row not in set(datasets.ratio_cells(table)["id"])
    assert datasets.not_numeric(datasets.measurements()) == []


def test_primitives_that_are_several_numbers_are_not_used() -> None:
    table = datasets.primitives().set_index("id")
    assert pd.isna(table.loc["C2C-1S-AMD_EPYC_7R13", "number"])
    assert pd.isna(table.loc["C2C-D-POWER7", "number"]), "three numbers although marked single"
    assert table.loc["C2C-D-Xeon_Gold_6242-cross", "number"] == 141.4
    assert (table["caution"] != "").sum() == table["number"].isna().sum() == 13


def test_misprint_is_kept_but_flagged() -> None:
    table = datasets.measurements().set_index("id")
    assert table.loc["m0052", "number"] == 616340
    assert table.loc["m0052", "caution"] == "as printed (sic), probably a misprint"
    assert table.loc["m0051", "caution"] == ""
    assert "m0052" not in set(datasets.ratio_cells()["id"])


def test_totals() -> None:
    table = datasets.measurements().set_index("id")
    assert table.loc["m0835", "total_per_s"] == pytest.approx(243391.2)
    assert table.loc["m0767", "total_per_s"] == pytest.approx(192 * 957.67)
    assert pd.isna(table.loc["m0657", "total_per_s"]), "an average over a sweep has no number of tasks"
    assert pd.isna(table.loc["m1021", "total_per_s"]), "per CPU"
    assert table.loc["m1041", "total_per_s"] == pytest.approx(573625.4990333333)
    assert table.loc["m0005", "total_per_s"] == pytest.approx(149441555 / 60)


def test_ratio_cells_pair_base_and_candidate() -> None:
    cells = datasets.ratio_cells().set_index("id")
    assert cells.loc["m0072", "speedup"] == pytest.approx(60902.26 / 11485.14)
    assert cells.loc["m0072", "base_ids"] == ["m0071"]
    assert cells.loc["m0836", "speedup"] == pytest.approx(238527.5 / 243391.2)
    pft = cells[(cells["machine_key"] == "skylake-112") & (cells["metric"] == "faults/s (mean)")]
    assert list(pft["n_threads"]) == [1, 4, 7, 12, 21, 30, 48, 79, 110, 112]
    assert pft["speedup"].iloc[-1] == pytest.approx(8579052.9205 / 3627510.9602, rel=1e-6)


def test_ratio_cells_of_durations_are_turned_round() -> None:
    table = datasets.measurements()
    cells = datasets.ratio_cells(table[table["metric"] == "Elapsed Time"])
    first = cells.iloc[0]
    assert first["speedup"] == pytest.approx(first["base"] / first["candidate"])
    assert not set(datasets.ratio_cells()["metric"]) & {"System Time", "Percent CPU", "Context Switches"}


def test_repeated_base_rows_count_by_their_median() -> None:
    cells = datasets.ratio_cells()
    several = cells[cells["base_ids"].map(len) > 1]
    numbers = datasets.measurements().set_index("id")["number"]
    assert len(several) > 0
    for ids, base in zip(several["base_ids"], several["base"], strict=True):
        assert base == pytest.approx(numbers[ids].median())


def test_ratio_cells_follow_a_permuted_copy(root: Path) -> None:
    spoil(
        root,
        "measurements",
        "value",
        "1",
        row=int(datasets.measurements().index[datasets.measurements()["id"] == "m0072"][0]),
    )
    cells = datasets.ratio_cells(datasets.measurements(root)).set_index("id")
    assert cells.loc["m0072", "speedup"] == pytest.approx(1 / 11485.14)
