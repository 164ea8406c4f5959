"""Predictions that were computed before, kept by their content: the same networks, seed, events and code.

The key holds every number that the solvers see and the text of every module that takes part, so
that a changed cost, measurement of a baseline or line of code computes anew, and nothing else does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .network import Network
from .prediction import Prediction, Question, draws_for, events_for, predict
from .program import build
from .protocols.vocabulary import Protocol

Floats = NDArray[np.float64]
ROOMS = (
    "primitives",
    "protocols",
    "solvers",
    "network.py",
    "pricing.py",
    "placement.py",
    "program.py",
    "prediction.py",
)
"""modules that turn a network into draws, beside those that the key's arrays show"""
KEPT_BYTES = 200_000_000
"""of the oldest results more than this are thrown away"""


def folder() -> Path:
    """Where results are kept: the user's cache, as XDG says."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spfmodel" / "predictions"


def draws(question: Question, candidate: Protocol, n_threads: int, kept: Path | None = None) -> Mapping[str, Floats]:
    """`Prediction.draws` of one candidate without structural terms. kept : folder of earlier results; None: compute."""
    bare = without_structure(question)
    if kept is None:
        return _draws("", bare, candidate, n_threads)
    from joblib import Memory  # type: ignore[import-untyped, unused-ignore]

    memory = Memory(kept, verbose=0)
    found: Mapping[str, Floats] = memory.cache(_draws, ignore=["question", "candidate", "n_threads"])(
        content(bare, candidate, n_threads), bare, candidate, n_threads
    )
    return found


def prune(kept: Path) -> None:
    """Throw the oldest results away, if there are too many."""
    from joblib import Memory  # type: ignore[import-untyped, unused-ignore]

    Memory(kept, verbose=0).reduce_size(bytes_limit=KEPT_BYTES)


def without_structure(question: Question) -> Question:
    """The same question of a machine whose structural terms are zero."""
    costs = question.machine.costs
    bare = {n: replace(q, value=0.0, low=0.0, high=0.0) for n, q in costs.items() if n.startswith("structural_sd_")}
    return replace(question, machine=replace(question.machine, costs={**costs, **bare}))


def content(question: Question, candidate: Protocol, n_threads: int) -> str:
    """Hash of all that the draws depend on: both networks, events, seed, solver, and the code."""
    priced = draws_for(question)
    digest = sha256(f"{code()} {question.solver} {question.seed}".encode())
    for protocol, kernel in (
        (question.baseline, question.baseline_kernel), (candidate, question.candidate_kernel)
    ):  # fmt: skip
        network = build(question.machine, question.workload, protocol, n_threads, draws=priced, kernel=kernel)
        digest.update(_bytes(network) + str(events_for(network)).encode())
    return digest.hexdigest()


def _bytes(network: Network) -> bytes:
    values = (getattr(network, f.name) for f in fields(network))
    return b"\0".join(v.tobytes() if isinstance(v, np.ndarray) else repr(v).encode() for v in values)


@cache
def code() -> str:
    """Hash of the modules that take part."""
    here = Path(__file__).parent
    files = [
        file for room in ROOMS for file in ([here / room] if room.endswith(".py") else (here / room).rglob("*.py"))
    ]
    digest = sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _draws(key: str, question: Question, candidate: Protocol, n_threads: int) -> Mapping[str, Floats]:
    del key
    (found,) = predict(question, [candidate], [n_threads])
    return _plain(found)


def _plain(found: Prediction) -> dict[str, Floats]:
    return {name: np.asarray(values) for name, values in found.draws.items()}
