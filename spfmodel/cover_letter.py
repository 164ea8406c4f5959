"""`spfmodel capture --compare`: the benchmark section of a cover letter, as text of 72 columns or as markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from .captures import Share
from .comparison import Comparison, Row, compared
from .difference import LEVEL, Spread

WIDTH = 72
SETTING = 11
"""columns of a setting in a table; a longer one gets a line of its own"""
MOST_LISTED = 5


def compare(base: Sequence[Path], candidate: Sequence[Path], markdown: bool = False) -> list[str]:
    """Lines of the section, from files, folders or globs of each side's runs.

    Raises BadInput where a file can't be read, or both sides have nothing in common.
    """
    found = compared(base, candidate)
    return [*(as_markdown(found) if markdown else as_text(found))]


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything in the section, in plain types; shares from 0 to 1, differences in %."""
    return {
        "level": LEVEL,
        "base": {"kernel": found.kernels[0], "files": found.files[0]},
        "candidate": {"kernel": found.kernels[1], "files": found.files[1]},
        "results": [_row_json(row) for row in found.rows],
        "events": [_row_json(row) for row in found.events],
        "only_in_base": found.only_one[0],
        "only_in_candidate": found.only_one[1],
    }


def _row_json(row: Row) -> dict[str, Any]:
    d = row.difference
    sides = zip(("base", "candidate"), (d.base, d.candidate), row.fallbacks, strict=True)
    return {
        "benchmark": row.tool, "metric": row.metric, "setting": row.setting, "unit": row.unit,
        **{name: {"mean": s.mean, "stddev": s.sd, "n": s.n, "fallback_share": _share_json(f)} for name, s, f in sides},
        "difference_percent": None if d.percent is None else {"value": d.percent, "low": d.low, "high": d.high},
        "p": d.p, "significant": d.significant, "words": d.words,
    }  # fmt: skip


def _share_json(share: Share | None) -> dict[str, float] | None:
    return {"median": share.median, "low": share.low, "high": share.high} if share else None


def as_text(found: Comparison) -> Iterator[str]:
    """Plain text, at most 72 columns."""
    yield from ("Benchmark results", "=================", *_sides(found), "")
    yield from wrap(_method(found), WIDTH)
    head = ("", "base", "sd", "candidate", "sd", "change", "95 % interval")
    for title, rows in _groups(found.rows):
        yield from ("", *wrap(title, WIDTH), _columns(head))
        for row in rows:
            yield from _text_row(row)
    yield from ("", "Changes in the manner of the 0-day robot:", "")
    yield from zero_day([*found.rows, *(row for row in found.events if row not in found.rows)])
    for note in _notes(found):
        yield from ("", *wrap(note, WIDTH))


def _sides(found: Comparison) -> list[str]:
    names = zip(("base", "candidate"), found.kernels, found.files, strict=True)
    told = [f"{name + ':':<11}{kernel or 'kernel not stated'}, {_plural(n, 'file')}" for name, kernel, n in names]
    return [line for each in told for line in wrap(each, WIDTH)]


def _method(found: Comparison) -> str:
    runs = [n for row in found.rows for n in (row.difference.base.n, row.difference.candidate.n)]
    each = f"{min(runs)} runs each" if min(runs) == max(runs) else f"{min(runs)} to {max(runs)} runs"
    if max(runs) == 1:
        return "A single run each: nothing can be said about noise. Repeat each at least 5 times, by turns."
    return (
        f"Means of {each}, with the standard deviation (sd) of one run; change of the candidate's mean, with its "
        "95 % interval (Welch's t on logarithms)."
    )


def _groups(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Rows of one benchmark and metric together, under a title."""
    by_metric = groupby(sorted(rows, key=lambda row: rows_first(rows, row)), key=lambda row: (row.tool, row.metric))
    out = []
    for (tool, metric), group in by_metric:
        kept = list(group)
        unit = kept[0].unit
        better = " (more is better)" if unit.endswith("/s") else " (less is better)" if unit == "s" else ""
        out.append((f"{tool}: {metric}{', ' + unit if unit else ''}{better}", kept))
    return out


def rows_first(rows: Sequence[Row], row: Row) -> int:
    """Place of the first row of the same benchmark and metric."""
    return next(i for i, each in enumerate(rows) if (each.tool, each.metric) == (row.tool, row.metric))


def _columns(cells: Sequence[str]) -> str:
    widths = (SETTING, 11, 7, 12, 7, 9, 15)
    first, *rest = cells
    return (first.ljust(widths[0]) + "".join(c.rjust(w) for c, w in zip(rest, widths[1:], strict=True))).rstrip()


def _text_row(row: Row) -> Iterator[str]:
    """A row of numbers, and below it in words: significance, runs, fallbacks."""
    d = row.difference
    short = len(row.setting) < SETTING
    if not short:
        yield from wrap(row.setting, WIDTH)
    numbers = (number(d.base.mean), _sd(d.base), number(d.candidate.mean), _sd(d.candidate), *_change(row))
    yield _columns((row.setting if short else "", *numbers))
    runs = f"{d.base.n} and {_plural(d.candidate.n, 'run')}"
    yield from wrap(f"{d.words}, {runs}; {_fallbacks(row)}", WIDTH, initial_indent="  ", subsequent_indent="  ")


def number(value: float) -> str:
    """A mean: at least four digits, at most 11 columns.

    >>> number(1234567.8), number(12.3456), number(0.000123456), number(3e12)
    ('1,234,568', '12.35', '0.0001235', '3e+12')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e8 else f"{value:.4g}"


def _sd(spread: Spread) -> str:
    return "-" if spread.sd_percent is None else f"{spread.sd_percent:.1f} %"


def _signed(value: float) -> str:
    return f"{value:+.1f}" if abs(value) < 99.95 else f"{value:+.0f}" if abs(value) < 9999 else f"{value:+.0e}"


def _change(row: Row) -> tuple[str, str]:
    d = row.difference
    change = "-" if d.percent is None else f"{_signed(d.percent)} %"
    return change, "-" if d.low is None or d.high is None else f"[{_signed(d.low)}, {_signed(d.high)}]"


def _fallbacks(row: Row) -> str:
    if row.fallbacks == (None, None):
        return "fallbacks not counted"
    return "fallbacks: " + ", ".join(
        f"{name} {_share(share)}" for name, share in zip(("base", "candidate"), row.fallbacks, strict=True)
    )


def _share(share: Share | None) -> str:
    if share is None:
        return "not counted"
    return f"{_percent(share.median)} % [{_percent(share.low)}, {_percent(share.high)}]"


def _percent(share: float) -> str:
    """Three digits, and none beyond 1 in a million.

    >>> _percent(0.1619), _percent(0.000064), _percent(1e-9)
    ('16.2', '0.0064', '0')
    """
    return f"{round(100 * share, 4):.3g}"


def zero_day(rows: Sequence[Row]) -> Iterator[str]:
    """The table of Intel's 0-day robot: base, %change, candidate, metric."""
    yield "            base                  candidate"
    yield "---------------- --------------------------"
    yield "         %stddev   %change          %stddev"
    yield "             \\        |                \\"
    for row in rows:
        d = row.difference
        change = "   -" if d.percent is None else f"{_signed(d.percent)}%"
        left = f"{_bare(d.base.mean):>10}{_plus_minus(d.base)}{change:>10}{_bare(d.candidate.mean):>11}"
        parts = (row.tool.replace(" ", "-"), row.setting, row.metric)
        name = ".".join(part.replace(" ", "_") for part in parts if part)
        head, *more = wrap(name, WIDTH - 45) or [""]
        yield f"{left}{_plus_minus(d.candidate)}  {head}"
        yield from (" " * 45 + line for line in more)


def _bare(value: float) -> str:
    return f"{value:.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def _plus_minus(spread: Spread) -> str:
    """Six columns: nothing below 0.5 %."""
    known = spread.sd_percent
    return " " * 6 if known is None or known < 0.5 else f" +-{min(known, 999):2.0f}%".rjust(6)


def _notes(found: Comparison) -> Iterator[str]:
    tested = [row.difference for row in found.rows if row.difference.p is not None]
    if len(tested) > 1:
        yield (
            f"{len(tested)} comparisons: if nothing had changed, about {len(tested) * (1 - LEVEL):.2g} of them "
            "would be called significant by chance."
        )
    for name, only in zip(("base", "candidate"), found.only_one, strict=True):
        if only:
            more = f" and {len(only) - MOST_LISTED} more" if len(only) > MOST_LISTED else ""
            yield f"In the {name} only, so not compared: {'; '.join(only[:MOST_LISTED])}{more}."


def as_markdown(found: Comparison) -> Iterator[str]:
    """The same as markdown tables."""
    yield from ("## Benchmark results", "", *(f"- {line}" for line in _sides(found)), "", _method(found))
    for title, rows in _groups(found.rows):
        yield from ("", f"### {_cell(title)}", "")
        yield "| setting | base | candidate | change (95 % interval) | significance | fallbacks, base | candidate |"
        yield "|---|---:|---:|---:|---|---:|---:|"
        yield from map(_markdown_row, rows)
    for note in _notes(found):
        yield from ("", _cell(note))
    yield from ("", "Changes in the manner of the 0-day robot:", "", "```")
    yield from zero_day([*found.rows, *(row for row in found.events if row not in found.rows)])
    yield "```"


def _markdown_row(row: Row) -> str:
    d = row.difference
    sides = [f"{number(s.mean)} +- {_sd(s)} (n = {s.n})" for s in (d.base, d.candidate)]
    change, interval = _change(row)
    shares = [_share(share) for share in row.fallbacks]
    return "| " + " | ".join(map(_cell, (row.setting, *sides, f"{change} {interval}", d.words, *shares))) + " |"


def _cell(text: str) -> str:
    """Text that no character of which markdown or HTML takes for its own."""
    for special in "\\|*_`<>":
        text = text.replace(special, "\\" + special)
    return text


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"
