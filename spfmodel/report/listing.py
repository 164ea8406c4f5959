"""Tables for a notebook's page: words to the left, numbers to the right, no row numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler


def listing(rows: Iterable[Mapping[str, object]], **formats: str) -> Styler:
    """Show rows as a table. formats : by column, such as `"{:.1%}"`; other numbers lose their fraction."""
    import pandas as pd

    table = pd.DataFrame(list(rows))
    words = {
        column: [{"selector": "", "props": "text-align: left"}] for column in table.select_dtypes(exclude="number")
    }
    shown = table.style.hide().format(precision=0, thousands=",").set_table_styles(words)  # type: ignore[arg-type]
    return shown.format(formats) if formats else shown  # type: ignore[arg-type]
