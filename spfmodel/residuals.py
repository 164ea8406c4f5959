"""`python -m spfmodel.residuals`, a part of `make fits`: learns the structural terms from the misses of the cells.

Every machine that has measurements of a candidate gets what the *others* teach; all other machines
get what all of them teach. The same data give the same file, byte for byte.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from . import machine_file, remembered
from .catalog import EVERYONE, STRUCTURAL
from .outfile import replace_file
from .progress import progress
from .raw_cells import raw_cells, residuals
from .structural import SCALES, Residual, Spread, learn
from .tables import data_root

JOBS = 2
HEAD = """\
# Written by `make fits`, not by hand: what the costs do not explain, learnt from the misses of validate's cells.
# A machine's own table rests on the other machines alone; `everyone` is for machines without published candidates.
"""


def structural_toml(found: Sequence[Residual]) -> str:
    """data/structural.toml: a table for each machine that has residuals, and one for everyone else."""
    tables = [HEAD]
    for name in ("", *sorted({r.machine for r in found})):
        for term, spread in learn(found, without=name).items():
            tables.append(machine_file.table(f"{_key(name or EVERYONE)}.structural_sd_{term}", _quantity(term, spread)))
    return "\n".join(tables)


def _key(name: str) -> str:
    """A TOML key: quoted, if it is no bare one."""
    return name if name.replace("-", "").replace("_", "").isalnum() else f'"{name}"'


def _quantity(term: str, spread: Spread) -> dict[str, Any]:
    """A structural term with its owner."""
    who = ", ".join(spread.machines) or "no machine"
    numbers = {name: float(f"{getattr(spread, name):.3g}") for name in ("sd", "low", "high")}
    return {
        "value": numbers["sd"], "low": min(numbers["low"], numbers["sd"]), "high": max(numbers["high"], numbers["sd"]),
        "unit": "ratio", "kind": "prior",
        "source": "counters.csv" if term == "fallback" else "measurements.csv", "where": f"misses of validate on {who}",
        "note": f"model {spread.model_sd:.3f}, versions of a patch series {spread.versions_sd:.3f}; half-normal prior "
        f"of {SCALES[term]:g}",
    }  # fmt: skip


def main() -> int:
    """Predict every cell without structural terms, learn, write."""
    with progress("predicting cells") as tell:
        raw = raw_cells(tell=tell, kept=remembered.folder(), jobs=JOBS)
    file = data_root() / STRUCTURAL
    replace_file(file, structural_toml(residuals(raw)))
    sys.stdout.write(f"Structural terms are in {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
