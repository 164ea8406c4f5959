"""What `validate` asks: which published rows are a base and a candidate that the model can speak to."""

from __future__ import annotations

from typing import NamedTuple


class Ask(NamedTuple):
    """What has published candidate rows, and a table here."""

    machine: str
    workload: str
    protocol: str
    mode: str = "threads"


CELLS = (
    Ask("x86-vm-16", "ebizzy-mTRp", "spf_rwlock"),
    Ask("power8-80", "ebizzy-mTRp", "spf_rwlock"),
    Ask("x86-vm-16", "ebizzy-mTt", "spf_rwlock_v11"),
    Ask("power8-80", "ebizzy-mTt", "spf_rwlock_v11"),
    Ask("skylake-112", "pft", "spf_mmseq"),
    Ask("icelake-128", "pft", "per_vma_lock"),
    Ask("broadwell-56", "pft", "per_vma_refcnt"),
    Ask("ivb-ep-40", "multi-fault", "spf_srcu"),
    Ask("lkp-skl-192", "malloc1", "spf_rwlock"),
    Ask("lkp-skl-192", "brk1", "spf_rwlock"),
    Ask("lkp-skl-192", "page_fault1", "spf_rwlock"),
    Ask("lkp-skl-192", "page_fault2", "spf_rwlock"),
    Ask("lkp-skl-192", "page_fault3", "spf_rwlock"),
    Ask("lkp-skl-192", "page_fault2", "spf_rwlock_v11"),
    Ask("lkp-skl-192", "page_fault3", "spf_rwlock_v11"),
    Ask("lkp-skl-192", "page_fault3", "spf_rwlock", "processes"),
    Ask("lkp-skl-192", "brk1", "spf_rwlock_v11", "processes"),
    Ask("power8-80", "brk1", "spf_rwlock_v11"),
    Ask("power8-80", "page_fault3", "spf_rwlock_v11"),
)
"""One vote per machine, workload and mode; several protocols of one workload share it."""
CORE = CELLS[:5]
"""The cells of the series itself, with short cycles: the report shows these."""
