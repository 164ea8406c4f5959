"""What the tests of `measure` share: whether this host can be measured, and a short effort."""

from __future__ import annotations

import platform

import pytest

from spfmodel.measure.libc import SYSTEM_CALLS
from spfmodel.measure.probes import Host
from spfmodel.measure.session import Effort
from spfmodel.measure.topology import read

ABLE = platform.system() == "Linux" and platform.machine() in SYSTEM_CALLS
needs_linux = pytest.mark.skipif(not ABLE, reason=f"measures Linux on {', '.join(SYSTEM_CALLS)} only")
TINY = Effort(seconds=0, repeats=6, rounds=1, least=1)
CPUS = read().cpus if ABLE else []
two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")
HOST = Host(cpus=CPUS, numbers=SYSTEM_CALLS.get(platform.machine(), {}), repeats=6)
