"""What is known: protocols, machines, workloads, costs, sources, or all about one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import catalog
from .forms import nearest
from .machine import Calibration, Machine, Workload
from .protocols.vocabulary import Protocol
from .show_text import ROW, TEXTS, Item, grid
from .sources import BadInput, Quantity
from .tables import citations

FACTS = (
    "arch",
    "cpus",
    "cores",
    "sockets",
    "numa_nodes",
    "page_kib",
    "kernel",
    "virtual",
    "thp",
    "spin_on_owner",
)


def items(what: str = "", root: Path | None = None) -> dict[str, Any]:
    """{kind, items}: a kind's names with their titles; everything if empty; or all about one NAME.

    what : protocols, machines, priors, workloads, costs, parameters, sources, a name of one of them, or
           the path of a machine's, a workload's or a protocol's TOML file
    """
    if not what:
        return {"kind": "all", "items": [{**i, "kind": kind} for kind in KINDS for i in KINDS[kind](root)]}
    if what in KINDS:
        return {"kind": what, "items": KINDS[what](root)}
    kind, detail = _named(what, root)
    return {"kind": kind, "items": [detail]}


def about(noun: Protocol | Machine | Workload, root: Path | None = None) -> Item:
    """All about a noun in hand, as `items` says it of a name."""
    if isinstance(noun, Protocol):
        return _protocol(noun, {})
    return _machine(noun, root) if isinstance(noun, Machine) else _workload(noun)


def render(what: str = "", root: Path | None = None) -> str:
    """The same, to be read."""
    found = items(what, root)
    if found["kind"] in TEXTS:
        return TEXTS[found["kind"]](found["items"][0])
    columns = [c for c in ("kind", "name", "unit", "title", "takes") if any(c in i for i in found["items"])]
    return grid(columns, [[str(i.get(c, "")) for c in columns] for i in found["items"]])


def _protocols(_root: Path | None) -> list[Item]:
    from .protocols import PROTOCOLS
    from .protocols.footprint import footprint

    return [{"name": p.name, "title": p.title, "takes": footprint(p)} for p in PROTOCOLS.values()]


def _machines(root: Path | None) -> list[Item]:
    found = [catalog.machine(name, root) for name in catalog.machine_names(root)]
    return [{"name": m.name, "title": m.title, "calibrated_on": sorted(m.calibrations)} for m in found]


def _priors(root: Path | None) -> list[Item]:
    found = [catalog.prior(name, root) for name in catalog.prior_names(root)]
    return [{"name": m.name, "title": m.title} for m in found]


def _workloads(root: Path | None) -> list[Item]:
    found = [catalog.workload(name, root) for name in catalog.workload_names(root)]
    return [{"name": w.name, "title": w.title, "unit_of_work": w.unit} for w in found]


def _costs(root: Path | None) -> list[Item]:
    return [{"name": name, **asdict(entry)} for name, entry in catalog.cost_entries(root).items()]


def _parameters(root: Path | None) -> list[Item]:
    return [{"name": name, **asdict(entry)} for name, entry in catalog.parameter_entries(root).items()]


def _sources(root: Path | None) -> list[Item]:
    return [{"name": source, "title": citation} for source, citation in citations(root).items()]


KINDS: Mapping[str, Callable[[Path | None], list[Item]]] = {
    "protocols": _protocols,
    "machines": _machines,
    "priors": _priors,
    "workloads": _workloads,
    "costs": _costs,
    "parameters": _parameters,
    "sources": _sources,
}
"""What `show` lists, and how."""


def _named(what: str, root: Path | None) -> tuple[str, Item]:
    """Kind and full description of one name or file."""
    from .protocols import PROTOCOLS

    if what.endswith(".toml") or "/" in what:
        return _file(what, root)
    if what in PROTOCOLS:
        return "protocol", _protocol(PROTOCOLS[what], {})
    if what in catalog.machine_names(root) or what in catalog.prior_names(root):
        return "machine", _machine(catalog.prior(what, root), root)
    if what in catalog.workload_names(root):
        return "workload", _workload(catalog.workload(what, root))
    if what in catalog.cost_entries(root):
        return "cost", _cost(what, root)
    return _other(what, root)


def _other(what: str, root: Path | None) -> tuple[str, Item]:
    """A parameter, a source, or nothing that is known."""
    for kind in ("parameters", "sources"):
        for item in KINDS[kind](root):
            if item["name"] == what:
                return kind, item
    names = [item["name"] for item in items("", root)["items"]]
    hint = nearest(what, names) if len(nearest(what, names)) < 80 else "`spfmodel show` lists all names"
    raise BadInput(f"nothing is called {what}; {hint}")


def _file(path: str, root: Path | None) -> tuple[str, Item]:
    """A TOML file of one's own: a workload has a program, a protocol a path; a machine neither."""
    from .protocol_file import PATHS, read
    from .toml_file import read_toml

    content = read_toml(Path(path))
    if {"like", *PATHS} & set(content):
        own = read(Path(path))
        return "protocol", _protocol(own.protocol, own.costs)
    if "program" in content:
        return "workload", _workload(catalog.workload(path, root))
    return "machine", _machine(catalog.machine(path, root), root)


def _protocol(p: Protocol, costs: Mapping[str, Quantity]) -> Item:
    """A protocol's table, what it takes and who tries; costs : those that its file brings along."""
    from .protocols.footprint import footprint

    steps = [dict(zip(ROW, map(str, row), strict=True)) for row in p.rows()]
    head = {"name": p.name, "title": p.title, "source": p.source, "takes": footprint(p)}
    flags = {
        "skips_single_threaded": p.skips_single_threaded,
        "tries_kernel_mode": p.tries_kernel_mode,
        "refuses": list(p.refuses),
        "lock": p.lock or "the rwsem of the kernel's era",
    }
    return {**head, **flags, "steps": steps, "notes": list(p.notes), "costs": _quantities(costs)}


def _quantities(numbers: Mapping[str, Quantity]) -> list[Item]:
    return [{"name": name, **asdict(q), "kind": q.kind.value} for name, q in numbers.items()]


def _machine(m: Machine, root: Path | None) -> Item:
    """Facts, costs with their sources, calibrations, and the citations of the source keys used."""
    cited = {item["name"]: item["title"] for item in _sources(root)}
    used = sorted({m.source, *(q.source for q in m.costs.values())} & set(cited))
    facts = {name: getattr(m, name) for name in FACTS}
    return {
        "name": m.name,
        "title": m.title,
        "source": m.source,
        "facts": facts,
        "costs": sorted(_quantities(m.costs), key=lambda row: str(row["name"])),
        "calibrations": [_calibration(c) for c in m.calibrations.values()],
        "citations": {key: cited[key] for key in used},
    }


def _calibration(c: Calibration) -> Item:
    """What was fitted; the draws by their number only."""
    parameters = [{"name": name, **asdict(p)} for name, p in c.parameters.items()]
    head = {"workload": c.workload, "baseline": c.baseline, "rows": list(c.rows)}
    return {**head, "n_draws": len(c.draws.values), "parameters": parameters}


def _workload(w: Workload) -> Item:
    program = [" ".join(filter(None, (p.do, p.op, p.repeat and f"x {p.repeat}"))) for p in w.program]
    head = {
        "name": w.name,
        "title": w.title,
        "unit_of_work": w.unit,
        "command": w.command,
        "source": w.source,
    }
    scale = {"units_per_cycle": w.units_per_cycle, "threads_per_cpu": w.threads_per_cpu}
    return {**head, **scale, "program": program, "parameters": _quantities(w.parameters)}


def _cost(name: str, root: Path | None) -> Item:
    """One cost on every machine and class."""
    entry = catalog.cost_entries(root)[name]
    owners = [*catalog.prior_names(root), *catalog.machine_names(root)]
    on = {owner: _quantities({name: catalog.prior(owner, root).costs[name]})[0] for owner in owners}
    return {"name": name, **asdict(entry), "on": on}
