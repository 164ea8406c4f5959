"""One design, one table. `PROTOCOLS` lists them by name."""

from . import ideal, mmap_sem, spf_mmseq, spf_rwlock
from .vocabulary import AbortCause, Action, Protocol, Resource, Step

PROTOCOLS: dict[str, Protocol] = {p.PROTOCOL.name: p.PROTOCOL for p in (mmap_sem, spf_rwlock, spf_mmseq, ideal)}

__all__ = ["PROTOCOLS", "AbortCause", "Action", "Protocol", "Resource", "Step"]
