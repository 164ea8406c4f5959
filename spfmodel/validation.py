"""One run of `validate`: predicts with a progress bar, scores, and keeps the result for the report's page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from . import remembered, scoreboard
from .outfile import check_writable, replace_file
from .prediction import Interval
from .progress import progress
from .provenance import ROOT, data_sha256, stamp
from .raw_cells import N_DRAWS, raw_cells
from .sources import BadInput
from .validate import Cell, scored

STORED = ROOT / "reports" / "validation.json"
"""what the report's page shows: written by `spfmodel validate -o`"""


def run(
    *, seed: int = 1, jobs: int = 2, n_draws: int = N_DRAWS, fresh: bool = False, out: Path | None = None
) -> tuple[dict[str, Any], list[Cell]]:
    """Predict and score every cell: the object of `validate --json`, and the cells.

    fresh : ignore what was computed before; out : also write the object there
    """
    check_writable(out, "the file")
    kept = remembered.folder()
    with progress("validating") as tell:
        raw = raw_cells(seed=seed, tell=tell, kept=None if fresh else kept, jobs=jobs, n_draws=n_draws)
    remembered.prune(kept)
    found = scored(raw, seed=seed)
    content = scoreboard.as_json(found, raw) | {"draws": n_draws, "provenance": provenance(seed, n_draws)}
    if out is not None:
        replace_file(out, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return content, found


def provenance(seed: int, n_draws: int) -> dict[str, str]:
    """Where a result came from, and the hash of the code that decides it."""
    return {**stamp({"verb": "validate", "seed": seed, "draws": n_draws}), "code_sha256": remembered.code()}


def stored(file: Path = STORED) -> tuple[list[Cell], dict[str, Any]]:
    """The cells of an earlier run and all that it said. Raises BadInput where there is none."""
    if not file.exists():
        raise BadInput(f"{file}: no such file; run spfmodel validate -o {file}")
    content = json.loads(file.read_text(encoding="utf-8"))
    return [_cell(told) for told in content["cells"]], content


def stale(content: Mapping[str, Any]) -> str:
    """What has changed since, in words; empty if nothing has."""
    then = content["provenance"]
    changed = [
        what
        for what, key, now in (("data", "data_sha256", data_sha256()), ("code", "code_sha256", remembered.code()))
        if then[key] != now
    ]
    return f"{' and '.join(changed)} changed since: run spfmodel validate -o" if changed else ""


def _cell(told: Mapping[str, Any]) -> Cell:
    """A cell as JSON told it: intervals and tuples again."""
    kinds = {f.name: f.type for f in fields(Cell)}
    return Cell(**{name: _typed(value, str(kinds[name])) for name, value in told.items()})


def _typed(value: Any, kind: str) -> Any:
    if kind == "Interval":
        return Interval(**value)
    if kind.startswith("dict"):
        return {key: tuple(items) for key, items in value.items()}
    return tuple(value) if kind.startswith("tuple") else value
