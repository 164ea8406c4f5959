"""The machine that was measured: facts, costs with their owners, the rest from its class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import catalog
from ..machine import Machine
from ..sources import Quantity
from . import costs, sharing
from .facts import cpu_model, facts, prior_class
from .plan import writers
from .probes import PAGES
from .robust import Estimate
from .session import Session

NAME = "this-host"


def machine_of(session: Session) -> Machine:
    """A machine that `predict` takes. No cost of it rests on a run in which faults and updates compete."""
    known = facts(session.topology)
    name = prior_class(known)
    prior = catalog.prior(name).costs
    inherited = {n: replace(q, note=f"{q.note} (class {name})".strip()) for n, q in prior.items()}
    cpus = f"{known['cpus']} CPUs" if known["cpus"] > 1 else "1 CPU"
    return Machine(
        name=NAME, title=f"{cpu_model()}, {cpus}, Linux {known['kernel']}", source="spfmodel measure, on this host",
        costs=inherited | measured_costs(session, prior), **known,
    )  # fmt: skip


def measured_costs(session: Session, prior: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """What the estimates say. prior : of the class, for what is a small difference of large times"""
    found: dict[str, Estimate] = dict(session.estimates)
    cpus, cores = len(session.topology.cpus), session.topology.cores
    near = next((kind for kind in ("socket", "smt", "cross") if f"pingpong_{kind}" in found), "")
    if near:
        found |= {"line": _half(found[f"pingpong_{near}"]), "handoff": found[f"pingpong_{near}"]}
    vmas = tuple(int(n.partition("@")[2]) for n in found if n.startswith("mmap_munmap@"))
    groups: list[Mapping[str, costs.Derivation]] = [
        costs.faults(), costs.updates(writers(cpus)), costs.pages(PAGES, vmas), costs.lines(near or "socket")
    ]  # fmt: skip
    return costs.costs(groups, found) | sharing.costs(found, cpus, cores, prior)


def _half(trip: Estimate) -> Estimate:
    """One transfer of a round trip."""
    return replace(trip, median=trip.median / 2, low=trip.low / 2, high=trip.high / 2, draws=trip.draws / 2)
