"""The result of `validate`: cells, scores by class, rivals, and the markdown that the README shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from . import rivals
from .raw_cells import LEAST_SHARE, SHARES, RawCell
from .score import Point, aggregate, coverage, ordered
from .validate import Cell

HEAD = "| machine | workload | protocol | threads | quantity | predicted (80 %) | measured | ln(p/m) | covered |"
SCORES = (
    "| predictor | class | votes | median error | 90 % of errors below | bias | sign right | 80 % intervals cover "
    "| median width | interval score |"
)
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
MODEL = "spfmodel"


def point(cell: Cell) -> Point:
    """A cell as scores want it."""
    ends = (cell.predicted.low, cell.predicted.high, cell.predicted95.low, cell.predicted95.high)
    values = np.log(np.maximum([cell.predicted.median, *ends, cell.measured], LEAST_SHARE)).tolist()
    return Point._make([cell.vote, *values])


def classes(found: Sequence[Cell]) -> dict[str, dict[str, float | bool]]:
    """Scores of the speed-up cells by class and pooled, and of the shares that were counted."""
    votes = [c for c in found if c.quantity == "speedup"]
    kinds = sorted({c.kind for c in votes})
    out = {k: aggregate([point(c) for c in votes if k in (c.kind, "pooled")]) for k in [*kinds, "pooled"] if votes}
    for name in SHARES:
        shares = [point(c) for c in found if c.quantity == name]
        out |= {name: aggregate(shares)} if shares else {}
    return out


def rival_classes(found: Sequence[RawCell], root: Path | None = None) -> dict[str, dict[str, dict[str, float | bool]]]:
    """The same scores of each rival; `speaks` is the share of cells of which it has something to say."""
    cells = [c for c in found if c.quantity == "speedup"]
    out = {}
    for name in rivals.RIVALS:
        said, speaks = rivals.points(name, cells, root)
        scores = {}
        for kind in [*sorted({c.kind for c in cells}), "pooled"]:
            mine = [i for i, c in enumerate(cells) if kind in (c.kind, "pooled")]
            scores[kind] = aggregate([said[i] for i in mine]) | {"speaks": float(np.mean([speaks[i] for i in mine]))}
        out[name] = scores
    return out


def protocol_order(found: Sequence[Cell]) -> tuple[int, int]:
    """Pairs of protocols on one machine, workload and number of threads: put in the right order, of how many."""
    groups: dict[tuple[str, int], list[Cell]] = {}
    for c in found:
        if c.quantity == "speedup":
            groups.setdefault((c.vote, c.n_threads), []).append(c)
    counts = [
        ordered([float(np.log(c.predicted.median)) for c in g], [float(np.log(c.measured)) for c in g])
        for g in groups.values()
    ]
    return sum(right for right, _ in counts), sum(pairs for _, pairs in counts)


def nominal_coverage(found: Sequence[Cell]) -> dict[str, list[float]]:
    """Share of votes inside of their central intervals, level by level: all speed-ups, and each class."""
    votes = [c for c in found if c.quantity == "speedup"]
    kinds = ["pooled", *sorted({c.kind for c in votes})]
    return {
        k: coverage([c.below for c in some], [c.vote for c in some], LEVELS)
        for k in kinds
        for some in [[c for c in votes if k in (c.kind, "pooled")]]
    }


def as_json(found: Sequence[Cell], raw: Sequence[RawCell], root: Path | None = None) -> dict[str, Any]:
    """The object of `validate --json`, without provenance."""
    right, pairs = protocol_order(found)
    return {
        "cells": [asdict(c) for c in found], "classes": classes(found), "rivals": rival_classes(raw, root),
        "protocol_order": {"right": right, "pairs": pairs},
        "coverage": {"levels": list(LEVELS), "votes": nominal_coverage(found)},
    }  # fmt: skip


def table(found: Sequence[Cell]) -> list[str]:
    """The cells as a markdown table."""
    return [HEAD, "---".join("|" * HEAD.count("|")), *(f"| {' | '.join(_row(c))} |" for c in found)]


def report(content: dict[str, Any], found: Sequence[Cell]) -> list[str]:
    """All that the README shows: cells, scores, lessons."""
    return [*table(found), "", *scores(content), "", *lessons(content)]


def scores(content: dict[str, Any]) -> list[str]:
    """The scores of model and rivals as a markdown table, from what `as_json` returns."""
    out = [SCORES, "---".join("|" * SCORES.count("|"))]
    out += [f"| {MODEL} | {kind} | {' | '.join(_scored(a))} |" for kind, a in content["classes"].items()]
    for name, by_class in content["rivals"].items():
        out.append(f"| {name} | pooled | {' | '.join(_scored(by_class['pooled']))} |")
    return out


def lessons(content: dict[str, Any]) -> list[str]:
    """In words: the order of protocols, where a rival does better, and the known misses."""
    order = content["protocol_order"]
    out = [f"- Of {order['pairs']} pairs of protocols that differ clearly, {order['right']} come in the right order."]
    for name, by_class in content["rivals"].items():
        better = [k for k, a in by_class.items() if a["interval_score"] < content["classes"][k]["interval_score"]]
        closer = [k for k, a in by_class.items() if a["median_abs_error"] < content["classes"][k]["median_abs_error"]]
        told = (("closer", closer), ("better scored", better))
        words = [f"{what} in {', '.join(kinds)}" for what, kinds in told if kinds]
        out.append(f"- Rival *{name}* is {' and '.join(words) or 'beaten in every class'}.")
    missed = [c for c in content["cells"] if c["known_miss"]]
    out.append(f"- {len(missed)} of {len(content['cells'])} cells lie beyond their 95 % interval.")
    names = ("machine", "workload", "protocol", "quantity")
    return out + [f"- Miss: {', '.join(c[name] for name in names)}: {c['known_miss']}" for c in missed]


def _scored(a: dict[str, Any]) -> list[str]:
    verdict = "" if a["compatible_80"] else f" (not 80 %: p = {a['binomial_p']:.3f})"
    return [
        str(a["votes"]), f"{a['median_abs_error']:.3f}", f"{a['p90_abs_error']:.2f}", f"{a['bias']:+.3f}",
        f"{a['sign_right']:.0%} of {a['signs_asked']}", f"{a['covered_80']:.0%}{verdict}", f"{a['median_width']:.2f}",
        f"{a['interval_score']:.2f}",
    ]  # fmt: skip


def _row(c: Cell) -> list[str]:
    """One line of the table; shares in per cent."""
    percent = c.quantity != "speedup"

    def shown(value: float) -> str:
        return f"{100 * value:.1f} %" if percent else f"{value:.2f}"

    covered = "yes" if c.covered else ("95 % only" if c.covered95 else "no")
    interval = f"{shown(c.predicted.median)} ({shown(c.predicted.low)} to {shown(c.predicted.high)})"
    return [
        c.machine, c.workload, c.protocol, str(c.n_threads), c.quantity.replace("_", " "), interval,
        shown(c.measured), f"{c.error:+.2f}", covered + (", range only" if c.range_only else ""),
    ]  # fmt: skip
