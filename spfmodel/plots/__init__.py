"""Figures: a tidy table in, `Axes` out; one function for each question that is asked."""

from .captures import fallback_shares, lock_times
from .indices import both_ways, index_bars, save_sensitivity, tornado
from .locks import lock_capacity, lock_rates, rwsem_eras
from .maps import collapse, gain_map, measured_dots
from .predictions import against_measured, curves, measured_points, predicted_against_measured, save_prediction
from .rooms import classic_shares, counted_against_said, flush_loops
from .steps import journeys
from .style import LOOKS, label, look, new_axes, number_axis, thread_axis, use_style

__all__ = [
    "LOOKS", "against_measured", "both_ways", "classic_shares", "collapse", "counted_against_said", "curves",
    "fallback_shares", "flush_loops", "gain_map", "index_bars", "journeys", "label", "lock_capacity", "lock_rates",
    "lock_times", "look", "measured_dots", "measured_points", "new_axes", "number_axis", "predicted_against_measured",
    "rwsem_eras", "save_prediction", "save_sensitivity", "thread_axis", "tornado", "use_style",
]  # fmt: skip
