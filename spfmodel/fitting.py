"""`spfmodel fit`: from a user's table to a machine file and a verdict on each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import catalog, fit_table, machine_file, published
from .calibration import ROUNDS, Fit, fit, points
from .forms import nearest
from .identify import POINTS, worth
from .machine import Machine
from .outfile import check_writable, replace_file
from .progress import progress
from .protocols import PROTOCOLS
from .settings import Settings, parse, with_settings
from .shapes import fitted
from .sources import BadInput


def run(
    file: Path, *, workload: str, prior: str, use: Sequence[str], sets: Sequence[str], out: Path | None, seed: int
) -> tuple[dict[str, Any], list[str]]:
    """Calibrate and write the machine; returns the JSON object and the lines for people."""
    settings = _checked(file, use, parse(sets), out, seed)
    machine, w, _ = with_settings(replace(catalog.prior(prior), calibrations={}), catalog.workload(workload), settings)
    rows = fit_table.read(file, w, machine, use)
    done, total = 0, ticks(len(rows))
    with progress("fitting") as tell:

        def tick() -> None:
            nonlocal done
            done += 1
            tell(done, max(done, total), "")

        found = fit(machine, rows, workload=w, seed=seed, tick=tick)
        n = published.default_threads(machine, w)
        extra = worth(machine, w, found, catalog.workload("brk1"), n, tick=tick)
    if out:
        replace_file(out, machine_file.machine_toml(_calibrated(machine, found, out.stem, file)))
    asked = {"verb": "fit", "file": str(file), "workload": workload, "prior": prior, "use": list(use), "seed": seed}
    content = fitted(found, str(out) if out else "", w.name, asked | {"set": list(sets)}, extra)
    return content, _lines(content)


def ticks(rows: int) -> int:
    """Simulated draws of a fit of so many rows, and of the search for what to measure next, about."""
    first, later = points(rows)
    return rows * (first + ROUNDS * later) + 7 * POINTS


def _checked(file: Path, use: Sequence[str], settings: Settings, out: Path | None, seed: int) -> Settings:
    """The settings, if everything that was typed makes sense."""
    check_writable(out, "--output")
    if out and out.suffix != ".toml":
        raise BadInput(f"--output {out}: end the name in .toml, so that predict --machine takes it")
    if out and out.exists() and file.exists() and out.samefile(file):
        raise BadInput(f"--output {out} is the table itself; name another file")
    if seed < 0:
        raise BadInput(f"--seed is {seed}; give a whole number of at least 0")
    for name in use:
        if name not in PROTOCOLS:
            raise BadInput(f"--use {name}: unknown protocol; {nearest(name, PROTOCOLS)}")
    for key, version in settings.kernels.items():
        raise BadInput(f"--set {key}={version} is for predict; a fit has one kernel: --set kernel={version}")
    return settings


def _calibrated(machine: Machine, found: Fit, name: str, file: Path) -> Machine:
    """The machine with what was found, complete in itself."""
    return replace(
        machine, name=name, title=f"{machine.title}, calibrated on {file.name}", source=file.name,
        calibrations={found.calibration.workload: found.calibration},
    )  # fmt: skip


def _lines(content: dict[str, Any]) -> list[str]:
    """What people read: identified first, then what would help."""
    out = [f"{len(content['used_rows'])} rows of {content['workload']}"]
    for name in content["identified"]:
        p = content["parameters"][name]
        out.append(f"  {name:20} {p['median']:,.4g} {p['unit']} ({p['low']:,.4g} to {p['high']:,.4g}), from the data")
    out.append(f"  known only from the prior: {', '.join(content['prior_only'][:8])}, ...")
    best = content["next_measurement"]
    nothing = "No single measurement would narrow the predicted speed-ups by 1 % or more"
    out.append(f"Would help most: {best[0]}" if best else nothing)
    out += [f"  then: {words}" for words in best[1:3]]
    out += [f"Warning: {w}" for w in content["warnings"]]
    return [*out, f"Wrote {content['machine_file']}"] if content["machine_file"] else out
