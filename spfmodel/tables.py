"""Reads one CSV table and refuses, in one sentence, what has no unit, no source or a column missing."""

from __future__ import annotations

import sys
from csv import DictReader
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING

from .sources import BadInput
from .unchanged import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Protocol

    import pandas as pd

    class Maker(Protocol):
        """A table of a data folder, by default the shipped one."""

        def __call__(self, root: Path | None = None) -> pd.DataFrame:
            """Read it. root : the data folder."""


# fmt: off
MEASUREMENTS = [
    "id", "source", "protocol", "variant", "kernel", "arch", "machine_key", "machine", "cpus", "threads",
    "benchmark", "command", "metric", "unit", "value", "stddev", "repetitions", "thp", "notes",
]
COUNTERS = [
    "id", "source", "kernel", "protocol", "arch", "machine", "cpus", "threads", "command", "faults", "spf",
    "notes",
]
PRIMITIVES = [
    "id", "category", "primitive", "arch", "machine", "unit", "value", "source", "notes", "single",
]
SETTING = [
    "kernel", "where", "protocol", "threads", "mode", "dedicated_updaters", "extra_vmas", "faults_per_update",
    "one_vma", "region_kib", "think_ns", "touch", "update_op", "updater_think_ns",
]
RUNS = ["unit", "median", "q25", "q75", "n"]
# fmt: on


def data_root() -> Path:
    """The project's data: beside the package in a clone, else where a wheel puts it."""
    for root in (Path(__file__).resolve().parents[1] / "data", Path(sys.prefix) / "share" / "spfmodel" / "data"):
        if root.is_dir():
            return root
    raise BadInput(f"{root}: no such folder; install spfmodel from its wheel, or run it from a clone of the project")


def read_table(name: str, columns: Sequence[str], root: Path | None) -> pd.DataFrame:
    """A table as text, blanks as empty strings; refused if it cannot be read or lacks a column."""
    import pandas as pd

    file = (root or data_root()) / "published" / name
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: cannot be read ({error}); mend or restore the file") from None
    for column in columns:
        if column not in table:
            raise BadInput(f"{name}: no column {column}; add it to the header and fill it in each row")
    return table


def made_once(*names: str) -> Callable[[Maker], Maker]:
    """Decorate what makes a table of these files of `published`: made again when one of them changes.

    Each caller gets a copy of its own (pandas copies a column when it is written to).
    """

    def decorate(make: Maker) -> Maker:
        @lru_cache(maxsize=4)
        def kept(root: Path | None, states: tuple[tuple[int, ...] | None, ...]) -> pd.DataFrame:
            del states
            return make(root)

        @wraps(make)
        def table(root: Path | None = None) -> pd.DataFrame:
            folder = (root or data_root()) / "published"
            states = tuple(state_of(folder / name) for name in names)
            return make(root) if None in states else kept(root, states).copy(deep=False)

        return table

    return decorate


def citations(root: Path | None = None) -> dict[str, str]:
    """Citation of each source key, without pandas; refused where the file lacks a column or a cell."""
    file = (root or data_root()) / "published" / "sources.csv"
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [(row["source"].strip(), row["citation"]) for row in DictReader(lines)]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise BadInput(f"{file}: cannot be read ({error}); mend or restore the file") from None
    return dict(rows)


def refuse_blanks(table: pd.DataFrame, name: str, columns: Iterable[str]) -> None:
    """Refuse the first row with a blank in one of the columns."""
    for column in columns:
        blank = table[column].str.strip() == ""
        if blank.any():
            raise BadInput(f"{name}: {_row(table, int(blank.argmax()))} has no {column}; write it in column {column}")


def owned_table(name: str, columns: Sequence[str], root: Path | None) -> pd.DataFrame:
    """A table whose rows have an id of their own, a value, a unit and a source."""
    table = read_table(name, columns, root)
    refuse_blanks(table, name, ["id", "unit", "value", "source"])
    twice = table["id"].duplicated()
    if twice.any():
        raise BadInput(f"{name}: id {table['id'][twice].iloc[0]} is there twice; give each row its own in column id")
    return table


def runs_table(name: str, columns: Sequence[str], root: Path | None) -> pd.DataFrame:
    """A table of our own runs: median, quartiles and n as floats, settings as text."""
    table = read_table(name, columns, root)
    refuse_blanks(table, name, ["kernel", *RUNS])
    for column in ("median", "q25", "q75", "n"):
        numbers = to_number(table[column])
        if numbers.isna().any():
            row = int(numbers.isna().argmax())
            given = table[column].iloc[row]
            raise BadInput(f"{name}: {_row(table, row)} has {column} {given}; write a number in column {column}")
        table[column] = numbers
    return table


def _row(table: pd.DataFrame, place: int) -> str:
    """How to find a row: its id, its source key, or its line in the file."""
    for key in ("id", "source"):
        if key in table and table[key].iloc[place].strip():
            return f"row {table[key].iloc[place]}"
    return f"line {place + 2}"


def refuse_unknown(table: pd.DataFrame, name: str, root: Path | None) -> None:
    """Refuse the first row whose source has no citation."""
    cited = read_table("sources.csv", ["source"], root)
    unknown = ~table["source"].isin(cited["source"])
    if unknown.any():
        place = int(unknown.argmax())
        key = table["source"].iloc[place]
        raise BadInput(f"{name}: {_row(table, place)} has source {key}; cite {key} in sources.csv, or correct it")


def with_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Adds `number` and `caution`; the printed text stays as it is."""
    table["number"] = to_number(table["value"])
    table["caution"] = ""
    table.loc[table["unit"].str.startswith("not stated"), "caution"] = "unit not stated: only for ratios"
    sic = [f"{value} is sic" in note for value, note in zip(table["value"], table["notes"], strict=True)]
    table.loc[sic, "caution"] = "as printed (sic), probably a misprint"
    bad = table["number"].isna()
    table.loc[bad, "caution"] = "printed as '" + table.loc[bad, "value"] + "': not one number"
    return table


def to_number(text: pd.Series[str]) -> pd.Series[float]:
    """Finite floats; NaN for anything else."""
    import pandas as pd

    numbers = pd.to_numeric(text, errors="coerce").astype(float)
    return numbers.where(numbers.abs() < float("inf"))
