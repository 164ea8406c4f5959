"""What the other machines' calibrations say about a cost that machines share: partial pooling, one machine left out.

ln(cost of machine m) ~ N(mu, tau^2), its calibration says y_m with standard deviation s_m; mu is flat, tau half-normal.
A machine of the same kind that was not asked gets the predictive distribution: mean of mu, variance of mu plus tau^2,
over a grid of tau (Gelman et al., Bayesian Data Analysis, 5.4). Kinds: an architecture, on bare metal or as a guest.
The table sets it beside the prior that was written by hand: `python -m spfmodel.pooling`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import catalog
from .calibration import WIDER
from .machine import Calibration, Machine

Floats = NDArray[np.float64]
SHARED = (
    "wake_ns", "line_ns", "line_cross_ratio", "memory_ratio", "fault_work_ns", "update_hold_ns", "crowding",
    "zap_page_ns",
)  # fmt: skip
"""costs that hardware and kernel decide, not the benchmark"""
TAU_SCALE = 0.5
"""of ln(cost) from machine to machine: half-normal"""
TAUS = np.linspace(0.0, 2.0, 201)


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """One cost of one machine: what is believed by its prior, and what the others say. Medians in the cost's unit."""

    machine: str
    cost: str
    prior: float
    prior_sd: float
    """of ln(cost)"""
    median: float
    sd: float
    """of ln(cost) of a machine not asked"""
    teachers: tuple[str, ...]

    @property
    def apart(self) -> float:
        """How far the pooled median lies from the prior's, in the standard deviations of both."""
        return float(np.log(self.median / self.prior) / np.hypot(self.sd, self.prior_sd))


def predictive(y: Floats, s: Floats) -> tuple[float, float]:
    """Mean and standard deviation of a machine not asked. y, s : (M,) what M machines say, M at least 2.

    >>> mean, sd = predictive(np.array([1.0, 1.0, 1.0, 1.0]), np.full(4, 0.01))
    >>> round(mean, 3), sd < 0.2
    (1.0, True)
    """
    weight = 1 / (s**2 + TAUS[:, None] ** 2)
    total = weight.sum(axis=1)
    middle = (weight * y).sum(axis=1) / total
    logs = 0.5 * (np.log(weight).sum(axis=1) - np.log(total) - (weight * (y - middle[:, None]) ** 2).sum(axis=1))
    logs -= 0.5 * (TAUS / TAU_SCALE) ** 2
    share = np.exp(logs - logs.max())
    share /= share.sum()
    mean = float(share @ middle)
    return mean, float(np.sqrt(share @ (1 / total + TAUS**2 + (middle - mean) ** 2)))


def told(machine: Machine, calibrations: Iterable[Calibration], cost: str) -> tuple[float, float] | None:
    """What a machine's own rows say of ln(cost), its prior taken out again: mean, sd. None where they say nothing.

    A cost that was free in the fit had its prior widened, so most of what it says is the rows'.
    """
    best = None
    prior = machine.costs[cost]
    for c in calibrations:
        found = c.parameters.get(cost)
        if found is None or found.origin != "data":
            continue
        logs = np.log(c.draws.by_name()[cost])
        wide = WIDER * prior.log_sd
        precision = max(1 / float(logs.var()) - wide**-2, 0.05 * wide**-2)
        mean = (float(logs.mean()) / float(logs.var()) - np.log(prior.value) / wide**2) / precision
        if best is None or precision**-0.5 < best[1]:
            best = (float(mean), float(precision**-0.5))
    return best


def kind(machine: Machine) -> str:
    """Machines that may be pooled."""
    return f"{machine.arch}, guest" if machine.virtual else machine.arch


def pooled(
    machines: Mapping[str, Machine], calibrations: Mapping[str, Sequence[Calibration]], costs: Sequence[str] = SHARED
) -> list[Pooled]:
    """Every machine and cost about which at least two others of its kind say something.

    machines : by name, for their facts and priors; calibrations : by machine
    """
    out = []
    for cost in costs:
        said = {name: told(machines[name], found, cost) for name, found in calibrations.items()}
        for name, machine in machines.items():
            others = {o: t for o, t in said.items() if t and o != name and kind(machines[o]) == kind(machine)}
            if len(others) < 2:
                continue
            y, s = np.array(list(others.values())).T
            mean, sd = predictive(y, s)
            prior = machine.costs[cost]
            out.append(
                Pooled(
                    machine=name, cost=cost, prior=prior.value, prior_sd=prior.log_sd, median=float(np.exp(mean)),
                    sd=sd, teachers=tuple(others),
                )
            )  # fmt: skip
    return out


def shipped(root: Path | None = None) -> list[Pooled]:
    """The same over the shipped calibrations."""
    machines = {name: catalog.machine(name, root) for name in catalog.machine_names(root)}
    return pooled(machines, {name: list(m.calibrations.values()) for name, m in machines.items()})


def lines(found: Sequence[Pooled]) -> list[str]:
    """A Markdown table, machines of the same prior and the same teachers in one row; (sd of the logarithm)."""
    groups: dict[tuple[object, ...], list[Pooled]] = {}
    for p in found:
        groups.setdefault((p.cost, p.prior, p.prior_sd, p.teachers), []).append(p)
    out = ["| cost | for | prior | pooled | apart, sd | from the rows of |", "|---|---|---|---|---|---|"]
    for group in groups.values():
        p = group[0]
        for_whom = p.machine if len(group) == 1 else f"{p.machine} and {len(group) - 1} more"
        numbers = f"{p.prior:.4g} ({p.prior_sd:.2f}) | {p.median:.4g} ({p.sd:.2f}) | {p.apart:+.1f}"
        out.append(f"| {p.cost} | {for_whom} | {numbers} | {', '.join(p.teachers)} |")
    return out


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines(shipped())) + "\n")
