"""What this host is: its CPUs, its kernel, and the class of machines whose costs stand in for what is not measured."""

from __future__ import annotations

import gzip
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..sources import BadInput
from .libc import SYSTEM_CALLS
from .mappings import PAGE, system_call
from .topology import Topology

ARCHES = {"x86_64": "x86_64", "aarch64": "arm64", "ppc64le": "ppc64"}
"""what uname calls it -> what machine files call it"""
SYSTEM = Path("/sys")
CONFIGS = ("/proc/config.gz", "/boot/config-{release}", "/lib/modules/{release}/config")


def system_numbers() -> dict[str, int]:
    """Numbers of the system calls that are needed; refused in one sentence where nothing can be measured."""
    system, machine = platform.system(), platform.machine()
    if system != "Linux":
        raise BadInput(f"measure needs Linux, and this is {system}; run it on the machine that you ask about")
    if machine not in SYSTEM_CALLS:
        known = ", ".join(SYSTEM_CALLS)
        raise BadInput(
            f"measure knows the system calls of {known} only, not of {machine}; write a machine file by hand"
        )
    numbers = SYSTEM_CALLS[machine]
    if system_call(numbers["getppid"]) < 0 or system_call(numbers["brk"]) < 0:
        raise BadInput("raw system calls are forbidden here (seccomp); run measure outside of this sandbox")
    _check_pinning()
    return dict(numbers)


def _check_pinning() -> None:
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    except OSError as error:
        raise BadInput(f"threads can't be pinned to CPUs here ({error.strerror}); allow sched_setaffinity") from None


def text(path: str | Path) -> str:
    """A small file of /sys or /proc; empty where it is not to be had."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def kernel_version() -> str:
    """Such as 6.18."""
    found = re.match(r"\d+\.\d+", platform.release())
    return found.group() if found else "0.0"


def version_pair(kernel: str) -> tuple[int, int]:
    """(6, 18) of 6.18.44."""
    major, minor = kernel.split(".")[:2]
    return int(major), int(re.match(r"\d*", minor).group() or 0)  # type: ignore[union-attr]


def configuration() -> Mapping[str, str]:
    """The kernel's configuration, where it tells: CONFIG_X -> y, m, n or a value."""
    for pattern in CONFIGS:
        file = Path(pattern.format(release=platform.release()))
        try:
            raw = file.read_bytes()
            content = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode(errors="replace")
        except (OSError, EOFError):
            continue
        found = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", content, re.MULTILINE))
        return found | dict.fromkeys(re.findall(r"^# (CONFIG_\w+) is not set$", content, re.MULTILINE), "n")
    return {}


def is_virtual() -> bool:
    """Whether a hypervisor runs this machine, as far as it can be seen."""
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", text("/proc/cpuinfo"), re.MULTILINE)
    product = text(SYSTEM / "class/dmi/id/product_name") + text(SYSTEM / "class/dmi/id/sys_vendor")
    guest = re.search(r"KVM|QEMU|Virtual|VMware|Xen|HVM|Amazon EC2|Google Compute", product)
    return bool(flags or guest or Path("/proc/device-tree/hypervisor").exists() or text(SYSTEM / "hypervisor/type"))


def thp() -> str:
    """always, madvise or never."""
    found = re.search(r"\[(always|madvise|never)\]", text(SYSTEM / "kernel/mm/transparent_hugepage/enabled"))
    return found.group(1) if found else "never"


def cpu_model() -> str:
    """The processor's name, where the kernel tells."""
    found = re.search(r"^(?:model name|cpu)\s*:\s*(.+)$", text("/proc/cpuinfo"), re.MULTILINE)
    return " ".join(found.group(1).split()) if found else platform.machine()


def facts(topology: Topology) -> dict[str, Any]:
    """The facts of a machine file; CPUs that this process may not use do not count."""
    config = configuration()
    return {
        "arch": ARCHES[platform.machine()], "cpus": len(topology.cpus), "cores": topology.cores,
        "sockets": topology.sockets, "numa_nodes": topology.numa_nodes, "page_kib": PAGE // 1024,
        "kernel": kernel_version(), "virtual": is_virtual(), "thp": thp(),
        "spin_on_owner": config.get("CONFIG_RWSEM_SPIN_ON_OWNER", "y") == "y",
    }  # fmt: skip


def prior_class(known: Mapping[str, Any]) -> str:
    """The class of machines that this one is most like.

    >>> prior_class({"arch": "x86_64", "virtual": True, "sockets": 1})
    'x86-vm'
    """
    if known["arch"] != "x86_64":
        return "power8" if known["arch"] == "ppc64" else "arm64-phone"
    if known["virtual"]:
        return "x86-vm"
    if "AMD" in cpu_model() and known["sockets"] > 1:
        return "amd-2s"
    return {1: "x86-1s", 2: "x86-2s"}.get(known["sockets"], "x86-4s")


def vma_lock_protocol() -> str:
    """What this kernel's user-mode faults try first: the name of a protocol; empty: they always take mmap_lock."""
    if "speculative_pgfault" in text("/proc/vmstat"):
        return "spf_rcu"
    if "spf_attempt" in text("/proc/vmstat"):
        return "spf_mmseq"
    version = version_pair(platform.release())
    if version < (6, 4) or configuration().get("CONFIG_PER_VMA_LOCK", "y") != "y":
        return ""
    return "per_vma_refcnt" if version >= (6, 15) else "per_vma_lock"
