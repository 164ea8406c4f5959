"""The closed forms, derived by sympy: shown in notebooks, compared with the numeric code in tests.

Every function derives its result (from a sum, an integral or balance equations) instead of stating it.
Symbols are positive; times and rates are in any one unit. One file per primitive.
"""

from .cacheline import batched_transfer, repairman_throughput, same_socket_share, throughput_ceiling
from .elasticity import elasticity
from .first_touch import collapse_met, tables_touched
from .grace_period import GracePeriods, grace_periods
from .ipi import longest_constant, longest_exponential
from .lookup import drain_from, empty_from, full_tree_depth, poisson_integral
from .reader_writer import saturated_op_time, saturated_op_time_limit
from .refcount import longest_of, many_lines_throughput
from .seqcount import (
    Success,
    changed_share,
    ended_by_section,
    seqcount_success,
    success_regular_writer,
    unhurt_share,
)
from .spin_trylock import engset_loss, same_table, spin_wait
from .symbols import symbols

__all__ = [
    "GracePeriods",
    "Success",
    "batched_transfer",
    "changed_share",
    "collapse_met",
    "drain_from",
    "elasticity",
    "empty_from",
    "ended_by_section",
    "engset_loss",
    "full_tree_depth",
    "grace_periods",
    "longest_constant",
    "longest_exponential",
    "longest_of",
    "many_lines_throughput",
    "poisson_integral",
    "repairman_throughput",
    "same_socket_share",
    "same_table",
    "saturated_op_time",
    "saturated_op_time_limit",
    "seqcount_success",
    "spin_wait",
    "success_regular_writer",
    "symbols",
    "tables_touched",
    "throughput_ceiling",
    "unhurt_share",
]
