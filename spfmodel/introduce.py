"""How a noun introduces itself in a notebook: a protocol by its table, a machine by its sources, a fit by its verdict,
a prediction by a sentence and a figure.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO

from .calibration import Fit
from .machine import Machine, Workload
from .prediction import Prediction
from .protocols.vocabulary import Protocol
from .show import about
from .show_text import NUMBER, ROW, Item, number
from .sources import BadInput

FITTED = ("parameter", "median", "low", "high", "unit", "known from")


def html(noun: object) -> str:
    """HTML of a protocol, machine, workload, fit or prediction."""
    match noun:
        case Protocol():
            return _protocol(about(noun))
        case Machine():
            return _machine(about(noun))
        case Workload():
            return _workload(about(noun))
        case Fit():
            return _fit(noun)
        case Prediction():
            return _prediction(noun)
    raise BadInput(f"{type(noun).__name__} has no introduction; give a protocol, machine, workload, fit or prediction")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A plain table; columns that are empty throughout are left out.

    >>> table(["a", "b"], [[1, ""]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    """
    cells = [[escape(str(cell)) for cell in row] for row in rows]
    used = [i for i in range(len(header)) if any(row[i] for row in cells)]
    head = "".join(f"<th>{escape(header[i])}</th>" for i in used)
    body = "".join("<tr>" + "".join(f"<td>{row[i]}</td>" for i in used) + "</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _head(item: Item, *lines: object) -> str:
    said = "".join(f"<br>{escape(str(line))}" for line in lines if line)
    return f"<p><b>{escape(str(item['name']))}</b>: {escape(str(item['title']))}{said}</p>"


def _numbers(rows: Iterable[Item]) -> list[list[object]]:
    spans = ("value", "low", "high")
    return [
        [row["name"], *(number(row[k]) for k in spans), row["unit"], row["kind"], row["source"], row["where"]]
        for row in rows
    ]


def _protocol(item: Item) -> str:
    steps = [list(step.values()) for step in item["steps"]]
    return _head(item, item["source"], f"A fault takes {item['takes']}.") + table(ROW, steps)


def _machine(item: Item) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in item["facts"].items())
    fits = [f"Calibrated on {c['workload']}, rows {', '.join(c['rows'])}." for c in item["calibrations"]]
    cited = [f"{key}: {title}" for key, title in item["citations"].items()]
    costs = table(("cost", *NUMBER), _numbers(item["costs"]))
    sources = "".join(f"<li>{escape(line)}</li>" for line in cited)
    return _head(item, facts, *(fits or ["Not calibrated: all costs are priors."])) + costs + f"<ul>{sources}</ul>"


def _workload(item: Item) -> str:
    cycle = "; ".join(item["program"])
    parameters = table(("parameter", *NUMBER), _numbers(item["parameters"]))
    return _head(item, item["command"], f"Each thread repeats: {cycle}.") + parameters


def _fit(found: Fit) -> str:
    known = found.calibration.parameters
    said = (
        f"{len(found.observations)} rows of {found.calibration.workload} pin down {len(found.identified)} parameters: "
    )
    verdict = said + ", ".join(found.identified) + "." if found.identified else "The rows pin nothing down."
    rest = f"Known only from the prior: {', '.join(found.prior_only)}." if found.prior_only else ""
    rows = [
        [n, *(number(x) for x in (known[n].median, known[n].low, known[n].high)), known[n].unit, "the data"]
        for n in found.identified
        if n in known
    ]
    warnings = "".join(f"<li>{escape(w)}</li>" for w in found.warnings)
    return f"<p><b>{escape(verdict)}</b><br>{escape(rest)}</p>" + table(FITTED, rows) + f"<ul>{warnings}</ul>"


def _prediction(found: Prediction) -> str:
    rate, base = found.throughput_per_s.median, found.baseline_throughput_per_s.median
    more = f"{number(rate)} {found.unit}/s, baseline {number(base)}; by {found.method}; {found.status}."
    said = f"<p><b>{found.n_threads} threads: {escape(found.verdict)}</b><br>{escape(more)}</p>"
    return said + _picture(found)


def _picture(found: Prediction) -> str:
    """The draws of the speed-up, and its interval."""
    from matplotlib.figure import Figure

    from .plots.style import label, look
    from .report.drawn import words

    figure = Figure(figsize=(6, 2.4), dpi=90, layout="constrained")
    axes = figure.subplots()
    gain = found.speedup
    axes.hist(found.draws["speedup"], bins=24, color=look(found.protocol)[0], alpha=0.5)
    axes.axvspan(gain.low, gain.high, color="#9aa5b1", alpha=0.25, label="interval")
    axes.axvline(gain.median, color="black", label="median")
    axes.axvline(1.0, color="#d55e00", ls="--", label="no change")
    label(axes, f"{found.protocol}, {found.n_threads} threads", "throughput over the baseline's (ratio)", "draws")
    axes.legend()
    target = BytesIO()
    figure.savefig(target, format="png")
    image = b64encode(target.getvalue()).decode()
    return f'<img alt="{escape(words(figure), quote=True)}" src="data:image/png;base64,{image}">'
