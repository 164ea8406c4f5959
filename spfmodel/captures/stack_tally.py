"""Who took mmap_lock for read, or gave up an attempt: counted by call graph, or by instruction where there is none."""

from __future__ import annotations

from collections import Counter

from .capture import MOST_NAMES, Capture, LockUse
from .stacks import FALLBACK, classify, read_frame
from .trace_line import field
from .wording import printable

MOST_STACKS, MOST_FRAMES = 1 << 12, 1 << 8


class Stacks:
    """Collects the call graph below an event until the next event; remembers what each graph meant."""

    READ, GIVEN_UP = "read", "given up"

    def __init__(self, capture: Capture, use: LockUse) -> None:
        self.capture, self.use = capture, use
        self.wanted = ""
        self.lines: list[bytes] = []
        self.meanings: dict[bytes, tuple[str, str]] = {}
        self.instructions: Counter[bytes] = Counter()

    def want(self, what: str) -> None:
        """The functions that follow belong to an event that matters."""
        self.wanted = what

    def add(self, line: bytes) -> None:
        """One function, inner ones first."""
        if self.wanted and len(self.lines) < MOST_FRAMES:
            self.lines.append(line[:500])

    def fell(self, line: bytes) -> None:
        """A user fault fell back: keep its instruction."""
        instruction = field(line, b" ip=")[:20]
        if instruction and (instruction in self.instructions or len(self.instructions) < MOST_NAMES):
            self.instructions[instruction] += 1

    def end(self) -> None:
        """The call graph is complete."""
        wanted, lines, self.wanted, self.lines = self.wanted, self.lines, "", []
        if not lines:
            return
        kind, caller = self._meaning(b"\n".join(lines))
        if wanted == self.READ:
            self.use.by_stack[kind] += 1
        self.capture.called(kind if wanted == self.READ else FALLBACK, caller)

    def conclude(self) -> None:
        """Without call graphs the instructions say who fell back."""
        if self.use.by_stack:
            return
        for instruction, times in self.instructions.items():
            self.capture.called(FALLBACK, f"ip {printable(instruction)}", times)

    def _meaning(self, key: bytes) -> tuple[str, str]:
        known = self.meanings.get(key)
        if known is None:
            if len(self.meanings) >= MOST_STACKS:
                self.meanings.clear()
            frames = [read_frame(printable(line)) for line in key.split(b"\n")]
            known = self.meanings[key] = classify([frame for frame in frames if frame])
        return known
