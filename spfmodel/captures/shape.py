"""An answer as the JSON object that `capture --json` prints."""

from __future__ import annotations

from typing import Any

from .answer import WAYS, Answer, Part, success_of_faults
from .binomial import Share
from .capture import Capture
from .histogram import Histogram

QUANTILES = (0.5, 0.9, 0.99)


def as_json(answer: Answer) -> dict[str, Any]:
    """Everything that is known, in plain types; counts as printed, times in ns, shares from 0 to 1.

    `fallback_share` has the same shape as in `predict --json`; it is null, with a `reason`, where nothing says it.
    Where `range_only`, fallbacks are only known to be at most `fallbacks_at_most`.
    """
    found, bound = answer.evidence, answer.range_only
    return {
        "files": [_file(capture) for capture in answer.captures],
        "attempts": found.attempts if found else None,
        "successes": found.successes if found and not bound else None,
        "fallbacks": found.fallbacks if found and not bound else None,
        "fallbacks_at_most": found.fallbacks if found and bound else None,
        "fallback_share": _share(answer.share),
        "level": answer.share.level if answer.share else None,
        "range_only": bound,
        "reason": answer.reason,
        "by_cause": found.by_cause if found else {},
        "design": found.design if found else None,
        "basis": WAYS[found.basis] if found else None,
        "faults": answer.faults,
        "success_of_faults": _success(answer),
        "runs": [_part(part) for part in [*answer.parts, *answer.stints[:1000]]],
        "waits_and_holds": [_histogram(histogram) for histogram in answer.histograms],
        "callers": [
            {"did": did, "caller": caller, "times": times} for (did, caller), times in answer.callers.most_common(100)
        ],
        "unknown": answer.unknown,
        "notes": answer.notes,
    }


def _file(capture: Capture) -> dict[str, Any]:
    return {
        "path": capture.path,
        "tool": capture.tool,
        "kernel": capture.kernel,
        "events": capture.events,
        "elapsed_s": capture.elapsed_s,
        "threads": capture.threads,
        "lost": capture.lost,
        "results": [result.__dict__ for result in capture.results[:1000]],
    }


def _success(answer: Answer) -> float | None:
    """Of one file only: files count different things."""
    return success_of_faults(answer.captures[0].events) if len(answer.captures) == 1 else None


def _share(share: Share | None) -> dict[str, float] | None:
    return {"median": share.median, "low": share.low, "high": share.high} if share else None


def _part(part: Part) -> dict[str, Any]:
    found = part.evidence
    return {
        "of": part.path,
        "attempts": found.attempts if found else None,
        "fallbacks": found.fallbacks if found else None,
        "fallback_share": _share(part.share),
        "used": part.used,
    }


def _histogram(histogram: Histogram) -> dict[str, Any]:
    quantiles = {f"p{100 * q:g}": histogram.quantile(q) for q in QUANTILES}
    return {
        "what": histogram.name,
        "unit": histogram.unit,
        "count": histogram.count,
        "mean": histogram.mean,
        **{name: list(ends) if ends else None for name, ends in quantiles.items()},
        "bins": [list(each) for each in histogram.bins],
    }
