"""The JSON objects that verbs print, and the tables beside them: contracts on names and shapes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from .prediction import Interval, Prediction, Question
from .provenance import stamp

if TYPE_CHECKING:
    from .calibration import Fit
    from .identify import Worth

NEXT_MEASUREMENT = {
    "update_hold_ns": "a contended write-only run: brk1_threads on all CPUs (the hold of an update)",
    "memory_ratio": "a process-mode run of the same benchmark (what stays shared without mmap_sem)",
    "wake_ns": "a base run of a faulting and updating benchmark, such as ebizzy -mTRp (the wake-up latency)",
    "line_ns": "a two-thread atomic ping-pong between sockets (the line transfer)",
    "fault_work_ns": "a single-thread run of the benchmark, or perf stat of one fault",
    "same_vma": "one run with the abort counters (how often an update hits the VMA that faults)",
}
"""What shows a cost, by its name."""


def prediction(p: Prediction) -> dict[str, Any]:
    """One entry of `predictions`."""
    shown = {f.name: getattr(p, f.name) for f in fields(p) if f.name not in ("draws", "unit")}
    return {name: _plain(value) for name, value in shown.items()}


def _plain(value: object) -> object:
    """Intervals, alone or by name, as tables of three numbers."""
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items()}
    return asdict(value) if isinstance(value, Interval) else value


def predictions(q: Question, found: Sequence[Prediction], asked: Mapping[str, object]) -> dict[str, Any]:
    """The object of `predict --json`."""
    return {
        "machine": q.machine.name, "workload": q.workload.name, "baseline": q.baseline.name, "level": q.level,
        "solver": q.solver, "seed": q.seed, "predictions": [prediction(p) for p in found],
        "provenance": stamp(asked),
    }  # fmt: skip


def fitted(
    found: Fit, machine_file: str, workload: str, asked: Mapping[str, object], worth: Sequence[Worth] = ()
) -> dict[str, Any]:
    """The object of `fit --json`. worth : extra measurements, what buys most first."""
    c = found.calibration
    parameters = {
        name: {"median": p.median, "low": p.low, "high": p.high, "unit": p.unit, "from": p.origin}
        for name, p in c.parameters.items()
    }
    ranked = sorted(found.prior_only, key=lambda n: -found.sensitivity[n])
    return {
        "machine_file": machine_file, "workload": workload, "used_rows": list(c.rows), "parameters": parameters,
        "identified": list(found.identified), "prior_only": ranked,
        "next_measurement": [str(w) for w in worth],
        "warnings": list(found.warnings), "provenance": stamp(asked),
    }  # fmt: skip


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of the same columns as CSV text; numbers read back equal."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def flat(found: Sequence[Prediction]) -> list[dict[str, object]]:
    """Predictions as rows of a CSV: one per protocol and number of threads."""
    rows = []
    for p in found:
        row: dict[str, object] = {"protocol": p.protocol, "n_threads": p.n_threads, "status": p.status}
        intervals = {
            "throughput_per_s": p.throughput_per_s, "baseline_throughput_per_s": p.baseline_throughput_per_s,
            "speedup": p.speedup, "attempt_share": p.attempt_share, "fallback_share": p.fallback_share,
            "baseline_fallback_share": p.baseline_fallback_share, "fault_mean_ns": p.fault_ns["mean"],
            "fault_p99_ns": p.fault_ns["p99"], "update_mean_ns": p.update_ns["mean"],
        }  # fmt: skip
        for name, interval in intervals.items():
            row |= {f"{name}_{end}": getattr(interval, end) for end in ("median", "low", "high")}
        rows.append(row | {"range_only": p.range_only, "bottleneck": p.bottleneck, "method": p.method})
    return rows
