"""The same load in processes instead of threads: what is left to wait for when nothing of an mm is shared."""

from __future__ import annotations

import os

import numpy as np

from .job import Job
from .load import load
from .mappings import ground, numbers_at
from .probes import Host
from .together import Setting, jobs

NUMBERS = 4
"""results of one process: faults, updates, ns, ns of CPU time"""


def faults_per_s(host: Host, setting: Setting, nanos: int) -> float:
    """Faults per second of CPU time, summed over the processes; nan if one did not run.

    They never sleep: CPU time leaves out when others had the CPU. They are forked: nothing but the compiled loop runs
    in them, and they leave without clearing up.
    """
    with ground() as g:
        mine = jobs(g, host, setting, nanos)
        results = g.shared_words(8 * NUMBERS * setting.threads)
        load(mine[0]._replace(crew=1, nanos=0, shared=g.shared_words()), np.zeros(NUMBERS))
        children = [_child(host.cpus[k], k, mine[k], results) for k in range(setting.threads)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        if any(codes):
            return float("nan")
        rows = numbers_at(results, NUMBERS * setting.threads).reshape(-1, NUMBERS)
        return float((rows[:, 0] / np.maximum(rows[:, 3], 1.0)).sum() * 1e9)


def _child(cpu: int, k: int, job: Job, results: int) -> int:
    """Fork one process of the load; returns its id in the parent, and never in the child."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.sched_setaffinity(0, {cpu})
        out = np.zeros(NUMBERS)
        status = -load(job, out)
        numbers_at(results + k * NUMBERS * 8, NUMBERS)[:] = out
    finally:
        os._exit(status)
