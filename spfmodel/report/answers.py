"""What a notebook says at its end: one sentence, and claims beside what was measured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, model_validator

from ..sources import BadInput
from .wording import first_error

ANSWERS_PATH = "SPFMODEL_ANSWERS"
"""environment variable: the file that `answer` writes; the report runner sets it for each notebook"""


class Strict(BaseModel):
    """A boundary model: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Interval(Strict):
    """A value with its interval, in the claim's unit."""

    median: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat

    @model_validator(mode="after")
    def ordered(self) -> Interval:
        """Refuse an interval whose ends are in the wrong order."""
        if not self.low <= self.median <= self.high:
            raise ValueError(f"low {self.low}, median {self.median}, high {self.high} are not in order")
        return self


class Claim(Strict):
    """One predicted number beside the published one."""

    machine: str
    """title of the machine, for a reader: x86 VM"""
    claim: str
    """what is predicted: ebizzy -mTRp speed-up, 32 threads"""
    unit: str
    """`x` (a ratio of throughputs), `share` (0 to 1, shown in %), or a unit that is shown as it is"""
    predicted: Interval
    measured: Interval | FiniteFloat | None = None
    """the published value, in the same unit; None where none was published"""
    source: str = ""
    """where the measured value was read"""
    status: Literal["predicted", "fitted"] = "predicted"
    """`fitted` where rows of this protocol were used in the calibration"""

    @property
    def measured_median(self) -> float | None:
        """The measured value without its interval."""
        return self.measured.median if isinstance(self.measured, Interval) else self.measured

    @property
    def measured_ends(self) -> tuple[float, float] | None:
        """The lowest and the highest measured value."""
        if isinstance(self.measured, Interval):
            return self.measured.low, self.measured.high
        return None if self.measured is None else (self.measured, self.measured)


class Answer(Strict):
    """What a notebook found."""

    sentence: str
    """the answer to its question, in one sentence"""
    claims: tuple[Claim, ...] = ()


def answer(found: dict[str, object]) -> Answer:
    """Record a notebook's answer: its `sentence` and, if any, its `claims` (their keys: `Claim`).

    Under the report runner it lands beside the executed notebook; in JupyterLab it is only checked.

    >>> answer({"sentence": "SPF doubles ebizzy."}).sentence
    'SPF doubles ebizzy.'
    """
    try:
        checked = Answer.model_validate(found)
    except ValidationError as error:
        raise BadInput(f"The notebook's answer is malformed: {first_error(error)}.") from None
    if target := os.environ.get(ANSWERS_PATH):
        Path(target).write_text(checked.model_dump_json(indent=1), encoding="utf-8")
    return checked
