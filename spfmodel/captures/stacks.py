"""Call graphs: whether a lock was taken by a user-mode fault that fell back, by a kernel-mode fault, or otherwise."""

from __future__ import annotations

from dataclasses import dataclass

FAULT_ENTRIES = {
    "asm_exc_page_fault", "exc_page_fault", "page_fault", "async_page_fault", "do_page_fault", "__do_page_fault",
    "do_user_addr_fault", "handle_page_fault", "___do_page_fault", "hash__do_page_fault", "do_mem_abort",
    "do_translation_fault", "el0_da", "el0_ia", "el1_abort", "el0t_64_sync_handler", "el0t_64_sync",
    "el1h_64_sync_handler", "el1h_64_sync", "el0_sync", "el0_sync_handler", "data_access_common_virt",
    "instruction_access_common_virt", "handle_page_fault_data", "do_exception",
}  # fmt: skip
"""functions between a faulting instruction and the fault path: x86, arm64, powerpc, s390"""
KERNEL_ENTRIES = {"el1_abort", "el1h_64_sync_handler", "el1h_64_sync"}
SYSCALLS = ("entry_SYSCALL", "do_syscall_64", "el0_svc", "system_call", "ret_from_fork", "kthread")
ANON_PREPARE = {"__vmf_anon_prepare", "vmf_anon_prepare", "__anon_vma_prepare"}
FALLBACK, KERNEL_FAULT, ANON_VMA, OTHER = "fallback", "kernel fault", "anon_vma", "other read"


@dataclass(frozen=True)
class Frame:
    """One function of a call graph."""

    symbol: str
    kernel: bool | None = None
    """whether it is the kernel's; None: not stated"""


def read_frame(line: str) -> Frame | None:
    r"""Read a line such as `ffffffff815dd083 lock_mm_and_find_vma+0xf3 ([kernel.kallsyms])`; None if it is none.

    >>> read_frame("\t    7f6d644f2ad7 [unknown] ([unknown])")
    Frame(symbol='[unknown]', kernel=False)
    """
    words = line.split(None, 1)
    if not words or not _is_address(words[0]):
        return None
    rest = words[1] if len(words) > 1 else "[unknown]"
    symbol, _, place = rest.rpartition(" (") if rest.endswith(")") else (rest, "", "")
    kernel = _is_kernel(words[0], place)
    return Frame(plain_symbol(symbol.strip() or "[unknown]"), kernel)


def plain_symbol(symbol: str) -> str:
    """A function without the offset in it.

    >>> plain_symbol("elf_load+0x28a"), plain_symbol("operator+(int)")
    ('elf_load', 'operator+(int)')
    """
    name, plus, offset = symbol.rpartition("+0x")
    return name if plus and name and _is_address(offset.partition("/")[0]) else symbol


def classify(frames: list[Frame]) -> tuple[str, str]:
    """Say what took the lock, and for whom: (kind, caller).

    frames : innermost first. The caller of a fallback is the user's function that faulted, or `(user code)` where the
    graph ends at the kernel's edge; of a kernel-mode fault the kernel's function that touched the page; of anything
    else the outermost function below the entry of system calls.
    """
    entry = next((i for i, frame in enumerate(frames) if frame.symbol in FAULT_ENTRIES), None)
    if entry is None:
        return OTHER, _syscall(frames)
    above = frames[:entry]
    after = entry
    while after < len(frames) and frames[after].symbol in FAULT_ENTRIES:
        after += 1
    caller = frames[after].symbol if after < len(frames) else "(user code)"
    if _in_kernel(frames, entry, after):
        return KERNEL_FAULT, caller
    if any(frame.symbol in ANON_PREPARE for frame in above):
        return ANON_VMA, caller
    return FALLBACK, caller


def _in_kernel(frames: list[Frame], entry: int, after: int) -> bool:
    """Whether the instruction that faulted is the kernel's."""
    if any(frame.symbol in KERNEL_ENTRIES for frame in frames[entry:after]):
        return True
    rest = frames[after:]
    if rest and rest[0].kernel is not None:
        return rest[0].kernel
    return any(frame.symbol.startswith(SYSCALLS) for frame in rest)


def _syscall(frames: list[Frame]) -> str:
    """The system call, or the outermost function of the kernel that is known."""
    inside = [frame.symbol for frame in frames if frame.kernel is not False]
    called = [symbol for symbol in inside if symbol.startswith(("__x64_sys_", "__arm64_sys_", "__se_sys_", "sys_"))]
    return called[0] if called else inside[-1] if inside else "[unknown]"


def _is_address(word: str) -> bool:
    return 0 < len(word) <= 18 and all(c in "0123456789abcdefABCDEFx" for c in word)


def _is_kernel(address: str, place: str) -> bool | None:
    """By the object's name, else by the address: the upper half is the kernel's."""
    if place.startswith(("[kernel", "[guest.kernel")) or place.endswith((".ko)", ".ko.xz)", ".ko.zst)")):
        return True
    if place and place != "[unknown])":
        return place.startswith("[") and not place.startswith(("[vdso", "[vsyscall", "[heap", "[stack", "[unknown"))
    return len(address.removeprefix("0x")) == 16 and address.removeprefix("0x")[0] in "89abcdefABCDEF"
