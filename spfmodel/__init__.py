"""spfmodel: how Linux page-fault locking behaves under load, and what speculative page faults gain.

Nouns: `Machine`, `Workload`, `Protocol` (a table of steps). `build` makes a `Network` of the three,
`solve` turns it into a `Solution`; `fit` calibrates a machine, `predict` answers a `Question`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calibration import Fit, fit
    from .catalog import machine as load_machine
    from .catalog import workload as load_workload
    from .machine import Machine, Workload
    from .network import Network, Solution
    from .observations import Observation
    from .prediction import Prediction, Question, predict
    from .program import build
    from .protocols import PROTOCOLS, Protocol
    from .solvers import solve
    from .sources import BadInput, Quantity

ROOMS = {
    "sources": ("BadInput", "Quantity"),
    "machine": ("Machine", "Workload"),
    "protocols": ("PROTOCOLS", "Protocol"),
    "network": ("Network", "Solution"),
    "program": ("build",),
    "solvers": ("solve",),
    "observations": ("Observation",),
    "calibration": ("Fit", "fit"),
    "prediction": ("Prediction", "Question", "predict"),
    "catalog": ("load_machine", "load_workload"),
}
"""Public names by the module that they live in, from the lowest floor up; imported when first used."""

__all__ = [
    "PROTOCOLS", "BadInput", "Fit", "Machine", "Network", "Observation", "Prediction", "Protocol", "Quantity",
    "Question", "Solution", "Workload", "build", "fit", "load_machine", "load_workload", "predict", "solve",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name on first use: start-up stays quick."""
    for room, names in ROOMS.items():
        if name in names:
            return getattr(import_module(f".{room}", __name__), name.removeprefix("load_"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
