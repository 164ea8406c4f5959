"""What a notebook showed is kept beside it: figures and tables as Parquet, numbers as JSON.

Runs inside the notebook's kernel: the report runner starts it with `keep_what_is_shown`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sources import BadInput

if TYPE_CHECKING:
    import pandas as pd

KEPT_PATH = "SPFMODEL_KEPT"
"""environment variable: the folder to keep things in; the report runner sets it for each notebook"""


def keep(**found: object) -> None:
    """Keep numbers (JSON) and tables (Parquet: a DataFrame, or rows as mappings) beside the executed notebook.

    In JupyterLab, where no folder is set, nothing is written.

    >>> keep(gain=5.28, curve=[{"threads": 1, "gain": 1.0}])
    """
    if target := os.environ.get(KEPT_PATH):
        folder = Path(target)
        file = folder / "numbers.json"
        numbers = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        for name, value in found.items():
            if _is_table(value):
                write_table(folder / f"{name}.parquet", value)
            else:
                numbers[name] = value
        try:
            file.write_text(json.dumps(numbers, indent=1, allow_nan=False), encoding="utf-8")
        except (TypeError, ValueError) as error:
            raise BadInput(f"keep({', '.join(found)}): {error}; give finite numbers, texts, or a table.") from None


def _is_table(value: object) -> bool:
    return hasattr(value, "to_parquet") or (isinstance(value, list) and all(isinstance(row, Mapping) for row in value))


def write_table(file: Path, table: Any, about: Mapping[str, object] | None = None) -> None:
    """Write a table as Parquet. about : goes into the schema's metadata, as JSON under `spfmodel`."""
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    frame = table.copy() if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
    frame.columns = [name if isinstance(name, str) else str(name) for name in frame.columns]
    for name in frame.select_dtypes("object"):
        frame[name] = frame[name].map(str)
    content = pa.Table.from_pandas(frame, preserve_index=_named(frame))
    told = {b"spfmodel": json.dumps(about, default=str).encode()} if about else {}
    pq.write_table(content.replace_schema_metadata({**(content.schema.metadata or {}), **told}), file)


def _named(frame: pd.DataFrame) -> bool:
    """Whether the index says something."""
    return any(name is not None for name in frame.index.names)


def keep_what_is_shown() -> None:
    """Keep every figure and table that a cell shows, and give figures their text alternative.

    Figures by a method of their class, since IPython forgets their formatters when it makes them inline.
    """
    from IPython.core.getipython import get_ipython
    from matplotlib.figure import Figure

    shell, target = get_ipython(), os.environ.get(KEPT_PATH)
    if shell is None or target is None:
        return
    folder = Path(target)
    plain = shell.display_formatter.formatters["text/plain"]  # type: ignore[union-attr]
    Figure._repr_pretty_ = lambda shown, text, _: text.text(_figure(shown, folder))  # type: ignore[attr-defined]
    plain.for_type_by_name("pandas", "DataFrame", lambda shown, text, _: text.text(_table(shown, folder)))
    plain.for_type_by_name(
        "pandas.io.formats.style", "Styler", lambda shown, text, _: text.text(_table(shown.data, folder))
    )


def _figure(figure: Any, folder: Path) -> str:
    """A figure in words, after writing its numbers."""
    from .drawn import captions, numbers, words

    found = numbers(figure)
    if found:
        write_table(_next(folder, "figure"), found, {"figure": words(figure), "panels": captions(figure)})
    return words(figure)


def _table(table: Any, folder: Path) -> str:
    """A table as text, after writing its numbers."""
    write_table(_next(folder, "table"), table)
    return repr(table)


def _next(folder: Path, what: str) -> Path:
    """The next free name: figure-1.parquet, figure-2.parquet, ..."""
    return folder / f"{what}-{1 + len(list(folder.glob(f'{what}-*.parquet')))}.parquet"
