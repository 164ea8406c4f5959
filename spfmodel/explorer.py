"""The explorer of the notebook: four knobs, and the gain and the fallback frequency at once, by formula.

Each step solves two networks, baseline and candidate, for all pauses at once; costs are at their medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import catalog
from .machine import Machine, Workload
from .network import Solution
from .program import build
from .protocols import PROTOCOLS
from .solvers import solve
from .sources import BadInput

if TYPE_CHECKING:
    from ipywidgets import VBox  # type: ignore[import-untyped]

Floats = NDArray[np.float64]
THREADS = (2, 4, 8, 16, 32, 64, 128)
FAULTS_PER_UPDATE = (1, 2, 4, 8, 16, 64, 256, 1024)
VMAS = (10, 100, 1000, 10_000, 60_000)
PAUSE_NS = np.geomspace(100.0, 1e6, 25)
"""own work of a thread between its faults, (P,)"""
MOST_CURVES = 512


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What can be turned."""

    machine: str = "x86-vm-16"
    protocol: str = "spf_rwlock"
    n_threads: int = 16
    faults_per_update: int = 8
    vmas: int = 100


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What a step shows, each (P,) along PAUSE_NS."""

    gain: Floats
    """throughput over mmap_sem's, ratio"""
    fallback_share: Floats
    """of attempts, 0 to 1"""
    faults_per_s: Floats
    """of all threads, candidate"""
    error_band: float | None
    """how far off the formulas' throughput may be, relative: see `network.Solution`"""


def step(knobs: Knobs) -> Curves:
    """Gain and fallback frequency for every pause, by the closed solver, costs at their medians.

    >>> curves = step(Knobs(protocol="ideal", n_threads=2))
    >>> bool((curves.gain > 0.9).all()), float(curves.fallback_share.max())
    (True, 0.0)
    """
    base, found = _solved(replace(knobs, protocol="mmap_sem")), _solved(knobs)
    gain = found.throughput_per_s / base.throughput_per_s
    rate, band = found.throughput_per_s, found.error_band
    return Curves(gain=gain, fallback_share=found.fallback_share, faults_per_s=rate, error_band=band)


@lru_cache(MOST_CURVES)
def _solved(knobs: Knobs) -> Solution:
    if knobs.protocol not in PROTOCOLS:
        raise BadInput(f"unknown protocol {knobs.protocol}; choose one of {', '.join(PROTOCOLS)}")
    machine, workload = median_costs(knobs)
    network = build(machine, workload, PROTOCOLS[knobs.protocol], knobs.n_threads, draws={"think_ns": PAUSE_NS})
    return solve(network, solver="closed")


def median_costs(knobs: Knobs) -> tuple[Machine, Workload]:
    """The machine, and fault-update with these numbers: each thread maps and unmaps elsewhere after so many faults."""
    machine, workload = _read(knobs.machine)
    turned = {"faults_per_update": float(knobs.faults_per_update), "extra_vmas": float(knobs.vmas)}
    fixed = {n: replace(workload.parameters[n], value=v, low=v, high=v) for n, v in turned.items()}
    return machine, replace(workload, parameters={**workload.parameters, **fixed})


@lru_cache(8)
def _read(machine: str) -> tuple[Machine, Workload]:
    return catalog.machine(machine), catalog.workload("fault-update")


def sentence(knobs: Knobs, curves: Curves) -> str:
    """What the curves say, at the shortest pause and at the largest gain."""
    best, most = int(np.argmax(curves.gain)), float(curves.fallback_share.max())
    peak = f", at most {curves.gain[best]:.2f} times (pauses of {PAUSE_NS[best] / 1e3:.3g} µs)" if best else ""
    back = f"up to {most:.3%} of attempts fall back" if most >= 1e-5 else "hardly an attempt falls back (under 0.001 %)"
    first = (
        f"{knobs.protocol} with {knobs.n_threads} threads: {curves.gain[0]:.2f} times mmap_sem at the shortest pause"
    )
    band = (
        f" By formula, throughputs to {curves.error_band:.0%}: `spfmodel predict` simulates."
        if curves.error_band
        else ""
    )
    return f"{first}{peak}; {back}.{band}"


def shown(knobs: Knobs) -> str:
    """A step as HTML: the sentence and both curves."""
    from .plots.live import Axis, curve

    curves = step(knobs)
    pauses = Axis(title="own work between faults, µs", low=0.1, high=1000.0)
    peak = max(2.0, float(curves.gain.max()))
    gain = Axis(title="throughput over mmap_sem's", low=min(0.5, float(curves.gain.min())), high=peak)
    back = Axis(title="attempts that fall back, %", low=1e-3, high=100.0)
    pictures = (
        curve(PAUSE_NS / 1e3, curves.gain, pauses, gain, mark=1.0),
        curve(PAUSE_NS / 1e3, 100 * curves.fallback_share, pauses, back),
    )
    return f"<p>{sentence(knobs, curves)}</p>" + "".join(pictures)


def panel(knobs: Knobs | None = None) -> VBox:
    """The widgets: knobs above, sentence and curves below, drawn anew at each turn."""
    import ipywidgets as widgets

    start = knobs or Knobs()
    turns = {
        "protocol": widgets.Dropdown(options=[p for p in PROTOCOLS if p != "mmap_sem"], value=start.protocol),
        "n_threads": _slider(THREADS, start.n_threads),
        "faults_per_update": _slider(FAULTS_PER_UPDATE, start.faults_per_update),
        "vmas": _slider(VMAS, start.vmas),
    }
    screen = widgets.HTML(shown(start))

    def turned(_change: object) -> None:
        screen.value = shown(replace(start, **{name: turn.value for name, turn in turns.items()}))

    labels = ("protocol", "threads", "faults per update", "VMAs")
    for turn, label in zip(turns.values(), labels, strict=True):
        turn.description, turn.style = label, {"description_width": "9em"}
        turn.observe(turned, names="value")
    return widgets.VBox([*turns.values(), screen])


def _slider(options: Sequence[int], value: int) -> Any:
    import ipywidgets as widgets

    known = sorted({*options, value})
    return widgets.SelectionSlider(options=known, value=value)
