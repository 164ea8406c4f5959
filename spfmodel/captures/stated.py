"""What a capture states about itself in comments, whichever tool wrote it."""

from __future__ import annotations

import re

from .capture import MOST_NAMES, Capture

KERNEL = re.compile(r"^# ?(?:os release|kernel|uname -r)\s*:\s*(\S{1,80})", re.IGNORECASE)
UNAME = re.compile(r"^(?:# ?)?Linux (?:version )?(?:\S{1,64} )?(\d+\.\d+\S{0,60})")
FILTER = re.compile(r"^# ?filter\s*:\s*(\S{1,200})\s+(\S.{0,300})$", re.IGNORECASE)
THREADS = re.compile(r"^# ?threads\s*:\s*(\d{1,7})\s*$", re.IGNORECASE)
CPUS = re.compile(r"^# ?cpus\s*:\s*(\d{1,7})\s*$", re.IGNORECASE)
SECONDS = re.compile(r"^# ?seconds\s*:\s*(\d{1,9}(?:\.\d{1,9})?)\s*$", re.IGNORECASE)


def take_stated(capture: Capture, line: str) -> bool:
    """Take what a comment states; says whether the line is one.

    `# kernel: RELEASE`, `# filter: EVENT EXPRESSION`, `# seconds: S`, `# threads: N`, `# cpus: N`
    """
    if not line.startswith("#"):
        if line.startswith("Linux ") and (found := UNAME.match(line[:200])):
            capture.kernel = capture.kernel or found[1]
            return True
        return False
    if found := KERNEL.match(line[:200]) or UNAME.match(line[:200]):
        capture.kernel = capture.kernel or found[1]
    elif found := FILTER.match(line[:600]):
        _filter(capture, found[1], found[2].strip())
    elif found := SECONDS.match(line[:60]):
        capture.elapsed_s = float(found[1])
    elif found := THREADS.match(line[:60]):
        capture.threads = int(found[1])
    elif found := CPUS.match(line[:60]):
        capture.cpus = int(found[1])
    return not line.startswith("#CFG ")


def _filter(capture: Capture, event: str, expression: str) -> None:
    """Give the event's next listing this filter; `none` means that it has none."""
    label, number = event, 1
    while label in capture.filters:
        number += 1
        label = f"{event}#{number}"
    if len(capture.filters) < MOST_NAMES:
        capture.filters[label] = "" if expression == "none" else expression
