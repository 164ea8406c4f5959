"""An answer of a capture as tidy rows: shares with their intervals, times as cumulated shares, callers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .captures import Answer, Share, share_of
from .captures.text import DID, TO_NS

Row = dict[str, Any]
ALL = "all fallbacks"


def shares(answer: Answer) -> list[Row]:
    """Fallbacks as shares of attempts: all of them, then by cause, then by file. name, kind, share, low, high."""
    found, whole = answer.evidence, answer.share
    if found is None or whole is None:
        return []
    rows = [_row(ALL, "all", whole)]
    for cause, count in sorted(found.by_cause.items(), key=lambda item: -item[1]):
        if count:
            rows.append(_row(cause, "cause", share_of(count, found.attempts, factor=whole.dispersion)))
    by_file = [_row(Path(part.path).name, "file", part.share) for part in answer.parts if part.share]
    return rows + (by_file if len(by_file) > 1 else [])


def _row(name: str, kind: str, share: Share) -> Row:
    return {"name": name, "kind": kind, "share": share.median, "low": share.low, "high": share.high}


def times(answer: Answer) -> list[Row]:
    """Waits and holds of mmap_lock: what (wait read, ...), at_ns, longer (share of them that took longer).

    A bin's count is known, not where in the bin its values lie: the share is exact at each bin's upper end.
    """
    rows: list[Row] = []
    for histogram in answer.histograms:
        scale, left = TO_NS.get(histogram.unit), float(histogram.count)
        if scale is None or not histogram.name.startswith(("wait ", "hold ")):
            continue
        for low, high, count in histogram.bins:
            if not any(row["what"] == histogram.name for row in rows):
                rows.append({"what": histogram.name, "at_ns": max(low, 1) * scale, "longer": 1.0})
            left -= count
            rows.append({"what": histogram.name, "at_ns": high * scale, "longer": left / histogram.count})
    return rows


def callers(answer: Answer, most: int = 10) -> list[Row]:
    """Who took mmap_lock, or waited for it, most frequent first: times, caller, what it did."""
    found = answer.callers.most_common(most)
    return [{"times": times, "caller": caller, "did": DID.get(did, did)} for (did, caller), times in found]
