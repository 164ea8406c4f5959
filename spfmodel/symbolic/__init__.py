"""The closed forms, derived by sympy: shown in notebooks, compared with the numeric code in tests.

Every function derives its result (from a sum, an integral or balance equations) instead of stating it.
Symbols are positive; times and rates are in any one unit. One file per primitive.
"""

from .cacheline import batched_transfer, repairman_throughput, same_socket_share, throughput_ceiling
from .grace_period import GracePeriods, grace_periods
from .lookup import drain_from, empty_from, full_tree_depth, poisson_integral
from .reader_writer import saturated_op_time, saturated_op_time_limit
from .refcount import longest_of, many_lines_throughput
from .seqcount import Success, seqcount_success
from .spin_trylock import engset_loss
from .symbols import symbols

__all__ = [
    "GracePeriods",
    "Success",
    "batched_transfer",
    "drain_from",
    "empty_from",
    "engset_loss",
    "full_tree_depth",
    "grace_periods",
    "longest_of",
    "many_lines_throughput",
    "poisson_integral",
    "repairman_throughput",
    "same_socket_share",
    "saturated_op_time",
    "saturated_op_time_limit",
    "seqcount_success",
    "symbols",
    "throughput_ceiling",
]
