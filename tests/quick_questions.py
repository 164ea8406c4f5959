"""Questions that are answered quickly: shipped machines with the first few of their draws."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from spfmodel import PROTOCOLS, Machine, Prediction, Question, load_machine, load_workload, predict
from spfmodel.machine import Draws

DRAWS = 8


@cache
def quick(name: str) -> Machine:
    """A shipped machine with the first few draws of its calibrations."""
    machine = load_machine(name)
    few = {
        workload: replace(c, draws=Draws(names=c.draws.names, values=c.draws.values[:DRAWS]))
        for workload, c in machine.calibrations.items()
    }
    return replace(machine, calibrations=few)


def question(on: str = "x86-vm-16", workload: str = "ebizzy-mTRp", **more: object) -> Question:
    """What is asked; more : other fields of `Question`."""
    base = Question(machine=quick(on), workload=load_workload(workload), baseline=PROTOCOLS["mmap_sem"])
    return replace(base, **more)  # type: ignore[arg-type]


@cache
def found(protocol: str, n: int = 16, on: str = "x86-vm-16", workload: str = "ebizzy-mTRp") -> Prediction:
    """One prediction, made once."""
    return predict(question(on, workload), [PROTOCOLS[protocol]], [n])[0]
