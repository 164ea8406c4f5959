"""One design, one table. `PROTOCOLS` lists them by name, in the order of their history."""

from . import (
    ideal,
    mmap_sem,
    per_vma_lock,
    per_vma_refcnt,
    range_lock,
    spf_mmseq,
    spf_rcu,
    spf_rwlock,
    spf_rwlock_v11,
    spf_srcu,
)
from .vocabulary import AbortCause, Action, Protocol, Resource, Step

TABLES = (
    mmap_sem, spf_srcu, spf_rwlock, spf_rwlock_v11, spf_rcu, spf_mmseq, per_vma_lock, per_vma_refcnt, range_lock,
    ideal,
)  # fmt: skip
PROTOCOLS: dict[str, Protocol] = {table.PROTOCOL.name: table.PROTOCOL for table in TABLES}

__all__ = ["PROTOCOLS", "AbortCause", "Action", "Protocol", "Resource", "Step"]
