"""The table on disk: a folder of Parquet parts that pandas reads as one, in the order of the design.

A part is complete or absent. `_sweep.json` says what the table is of; readers of Parquet skip names that start so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sources import BadInput
from .axes import Column
from .plan import Plan, point_seed

HEAD = "_sweep.json"
KEY = b"spfmodel"
TEMPORARY = ".part."


@dataclass(frozen=True, kw_only=True)
class Part:
    """A task's rows as a Parquet file."""

    chunk: int
    content: bytes
    failed: int
    """rows without a result"""


def encoded(
    plan: Plan, chunk: int, inputs: Mapping[str, Column], outputs: Mapping[str, NDArray[np.float64]],
    reasons: NDArray[np.object_],
) -> Part:  # fmt: skip
    """Columns as a Parquet file in memory, its units and provenance in the schema.

    Inputs keep all their digits; outputs have seven (float32), more than any solver is good for.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]

    start, stop = plan.span(chunk)
    failed = int(np.count_nonzero(reasons != None))  # noqa: E711 - elementwise
    columns: dict[str, Any] = {"point": pa.array(np.arange(start, stop))}
    columns |= {name: pa.array(values) for name, values in inputs.items()}
    columns |= {name: pa.array(values.astype(np.float32)) for name, values in outputs.items()}
    if plan.solver != "closed":
        columns["seed"] = pa.array([point_seed(plan.seed, point) for point in range(start, stop)], pa.uint64())
    columns["reason"] = pa.array(reasons, pa.string())
    units = units_of(plan)
    about = {"rows": stop - start, "failed": failed, **plan.identity}
    fields = [pa.field(n, a.type, metadata={"unit": units[n]} if n in units else None) for n, a in columns.items()]
    schema = pa.schema(fields, metadata={KEY: json.dumps(about, sort_keys=True).encode()})
    sink = pa.BufferOutputStream()
    floats = [f.name for f in fields if pa.types.is_floating(f.type)]
    others = [f.name for f in fields if not pa.types.is_floating(f.type)]
    pq.write_table(
        pa.table(list(columns.values()), schema=schema), sink, compression="zstd", compression_level=1,
        use_dictionary=others, use_byte_stream_split=floats, write_statistics=False,
    )  # fmt: skip
    return Part(chunk=chunk, content=sink.getvalue().to_pybytes(), failed=failed)


def units_of(plan: Plan) -> dict[str, str]:
    """Units by column, of those that have one."""
    return {axis.name: axis.unit for axis in plan.axes if axis.unit} | plan.columns()


class Folder:
    """The folder of a sweep's table."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path, self.plan = path, plan

    def part(self, chunk: int) -> Path:
        """The file of a task's rows; their names sort as their numbers do."""
        return self.path / f"part-{chunk:08d}.parquet"

    def open(self, head: Mapping[str, object], *, resume: bool) -> None:
        """Make the folder, or find it as it was left; refused where it holds anything else."""
        if self.path.exists() and not self.path.is_dir():
            raise BadInput(f"{self.path} is a file, and a sweep writes a folder of parts; name another")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            left = {file.name for file in self.path.iterdir() if not file.name.startswith(TEMPORARY)}
        except OSError as error:
            raise BadInput(f"{self.path} can't be made ({error.strerror}); name a folder that can") from None
        if resume and left:
            self._refuse_other_sweeps()
        elif left - {HEAD}:
            raise BadInput(f"{self.path} exists; go on with --resume, or name another output")
        else:
            self._replace(self.path / HEAD, json.dumps(head, indent=1, sort_keys=True).encode())

    def _refuse_other_sweeps(self) -> None:
        try:
            found = json.loads((self.path / HEAD).read_text(encoding="utf-8"))
            before = {key: found["identity"][key] for key in self.plan.identity}
        except (OSError, ValueError, KeyError, TypeError):
            raise BadInput(f"{self.path} is not the output of a sweep; name another") from None
        changed = [key.removesuffix("_sha256") for key, value in self.plan.identity.items() if before[key] != value]
        if changed:
            raise BadInput(
                f"{self.path} was begun with another {' and '.join(changed)}, so --resume would mix two tables; "
                "name another output"
            )

    def write(self, part: Part) -> None:
        """Put a part in its place, whole."""
        self._replace(self.part(part.chunk), part.content)

    def _replace(self, path: Path, content: bytes) -> None:
        fresh = self.path / f"{TEMPORARY}{os.getpid()}"
        try:
            with fresh.open("wb") as file:
                file.write(content)
            fresh.replace(path)
        except OSError as error:
            raise BadInput(f"{path} can't be written ({error.strerror}); make room, then --resume") from None

    def done(self) -> dict[int, int]:
        """Failed rows by task, of the parts that are there and whole."""
        names = {file.name for file in self.path.glob("part-*.parquet")}
        chunks = [chunk for chunk in range(self.plan.chunks) if self.part(chunk).name in names]
        found = {chunk: self._failed(chunk) for chunk in chunks}
        return {chunk: failed for chunk, failed in found.items() if failed is not None}

    def _failed(self, chunk: int) -> int | None:
        """Failed rows of a part; None if it is damaged, or not of this sweep."""
        from pyarrow import ArrowException
        from pyarrow.parquet import read_schema

        try:
            about = json.loads((read_schema(self.part(chunk)).metadata or {})[KEY])
        except (ArrowException, OSError, ValueError, KeyError):
            return None
        start, stop = self.plan.span(chunk)
        ours = about.items() >= self.plan.identity.items() and about["rows"] == stop - start
        return int(about["failed"]) if ours else None

    def tidy(self) -> None:
        """Remove what a killed run left half written."""
        for file in self.path.glob(f"{TEMPORARY}*"):
            file.unlink(missing_ok=True)


def remaining(plan: Plan, done: Iterable[int]) -> list[int]:
    """Tasks that are left, in order."""
    have = set(done)
    return [chunk for chunk in range(plan.chunks) if chunk not in have]
