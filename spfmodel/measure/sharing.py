"""What CPUs lose by working side by side: a slower core, a shared core, and what the kernel shares machine-wide.

Two of these costs are small differences of large times, which other guests of a host can hide. There a measurement
and what is believed of the class are weighed against each other, each by its spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..placement import CROWD
from ..solvers.mva import mva
from ..sources import Kind, Quantity
from .costs import SOURCE
from .robust import TAIL, Estimate, combined

Floats = NDArray[np.float64]
GRID = 801
"""values of a cost that are weighed"""
WIDEN = 1.5
"""factor on the spread of what is believed of a class: this machine may be unlike it"""
SURE = 0.01
"""relative error below which no time is known"""
FACTOR = 1.3
"""to both sides of a slope: the range is at least so wide"""


def slowdown(crowding: Floats, cores: int) -> Floats:
    """How much longer work takes with so many cores busy: 1 + c (1 - exp(-(r - 1) / CROWD)), as the model has it."""
    return np.asarray(1 - crowding * np.expm1(-(cores - 1) / CROWD))


def sibling_gain(alone_ns: Floats, together_ns: Floats) -> Floats:
    """Extra capacity of a core whose second hardware thread is busy: two do 2 t1 / t2 of what one does."""
    return np.asarray(np.clip(2 * alone_ns / together_ns - 1, 0.05, 1.0))


def fault_of_processes(demand_ns: Floats, alone_ns: float, slower: float, local_ns: float, processes: int) -> Floats:
    """Time of a fault when so many processes fault, ns: one queueing station besides work of their own.

    Exact mean value analysis. demand_ns : at the station; what a fault takes alone holds its local atomic already
    """
    think = max((alone_ns - local_ns) * slower, 1.0)
    demand = np.maximum(np.asarray(demand_ns, float), local_ns)
    return np.asarray(processes / mva(processes, think, demand[..., None]).throughput[-1])


def ipi_target(found: Mapping[str, Floats], counts: tuple[int, ...]) -> Floats:
    """Slope of a shootdown's time with the number of CPUs that run: least squares through all of them."""
    n = np.array(counts, float)
    times = np.stack([found[f"zap_running@{k}"] for k in counts])
    slope = np.tensordot(n - n.mean(), times, 1) / np.sum((n - n.mean()) ** 2)
    return np.asarray(np.maximum(slope, 1.0))


def weighed(prior: Quantity, says: Callable[[Floats], Floats], seen: float, sd: float) -> tuple[float, float, float]:
    """Median and 90 % range of a cost, from what is believed of it and one measurement that it explains.

    says : value of the cost -> what would be measured; seen, sd : what was, and its standard deviation
    """
    grid = prior.value * np.exp(WIDEN * prior.log_sd * ndtri((np.arange(GRID) + 0.5) / GRID))
    misfit = ((says(grid) - seen) / max(sd, SURE * abs(seen))) ** 2 / 2
    weight = np.cumsum(np.exp(misfit.min() - misfit))
    low, middle, high = (float(grid[np.searchsorted(weight, t * weight[-1])]) for t in (TAIL, 0.5, 1 - TAIL))
    return middle, low, high


def _quantity(found: tuple[float, float, float], unit: str, where: str, note: str = "") -> Quantity:
    value, low, high = found
    return Quantity(value=value, low=min(low, value), high=max(high, value), unit=unit, kind=Kind.MEASURED,
                    source=SOURCE, where=where, note=note)  # fmt: skip


def costs(found: Mapping[str, Estimate], cpus: int, cores: int, prior: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Costs from runs side by side. prior : of the class"""
    counts = tuple(sorted(int(n.partition("@")[2]) for n in found if n.startswith("zap_running@")))
    out = {}
    if len(counts) > 1:
        value, low, high = combined(lambda v: ipi_target(v, counts), {n: e for n, e in found.items() if "zap_r" in n})
        slope = (value, min(low, value / FACTOR), max(high, value * FACTOR))
        out["ipi_target_ns"] = _quantity(slope, "ns", "zap_running: slope with the number of CPUs that run")
    if {"compute_alone", "compute_siblings"} <= set(found):
        gain = combined(lambda v: sibling_gain(v["compute_alone"], v["compute_siblings"]), found)
        out["sibling_gain"] = _quantity(gain, "ratio", "compute_siblings over compute_alone")
    if {"compute_alone", "compute_cores"} <= set(found):
        out["crowding"] = _crowding(found, cores, prior)
        if {"fault_process", "fault_processes", "line"} <= set(found) and cpus > 1:
            out["memory_ratio"] = _memory(found, cpus, prior)
    return out


def _slower(found: Mapping[str, Estimate]) -> tuple[float, Floats]:
    """Work on all cores over work on one: value, and draws."""
    one, all_ = found["compute_alone"], found["compute_cores"]
    return max(all_.median / one.median, 1.0), np.maximum(all_.draws / one.draws, 1.0)


def _crowding(found: Mapping[str, Estimate], cores: int, prior: Mapping[str, Quantity]) -> Quantity:
    seen, draws = _slower(found)
    value = weighed(prior["crowding"], lambda c: slowdown(c, cores), seen, float(np.std(draws)))
    said = f"{seen:.3f} +- {np.std(draws):.3f} on {cores} cores; weighed with the class's {prior['crowding'].value:g}"
    return _quantity(value, "ratio", "compute_cores over compute_alone", said)


def _memory(found: Mapping[str, Estimate], cpus: int, prior: Mapping[str, Quantity]) -> Quantity:
    """What processes share of what threads share, from how much longer their faults take side by side."""
    slower, draws = _slower(found)
    one, all_ = found["fault_process"], found["fault_processes"]
    local, line, share = found["atomic_local"].median, found["line"].median, 1 - prior["memory_mm_share"].value
    more, sd = all_.median - slower * one.median, float(np.std(all_.draws - draws * one.draws))

    def says(ratio: Floats) -> Floats:
        return fault_of_processes(share * ratio * 2 * line, one.median, slower, local, cpus)

    value = weighed(prior["memory_ratio"], says, all_.median, sd)
    said = f"{more:.0f} +- {sd:.0f} ns a fault; weighed with the class's {prior['memory_ratio'].value:g}"
    return _quantity(value, "ratio", f"fault_processes ({cpus}) over fault_process, beyond compute_cores", said)
