"""Design studies: a recipe's points through the solvers, streamed to Parquet (docs/sweeps.md)."""

from .axes import Axis
from .parts import Part
from .plan import Plan
from .recipe import load
from .run import Outcome, Work, prepare, sweep

__all__ = ["Axis", "Outcome", "Part", "Plan", "Work", "load", "prepare", "sweep"]
