"""A sweep on processes and on a local Dask cluster, killed at random moments, and with workers killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import numpy as np
import pytest
from sweep_recipes import FORMULAS, SIMULATED, content, recipe, swept

from spfmodel.sweep import executor

KILLS = 20
pytestmark = pytest.mark.verification


def started(path: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """A sweep in a session of its own."""
    quiet = subprocess.DEVNULL
    main = "from spfmodel.cli import main; main()"
    words = [sys.executable, "-c", main, "sweep", str(path), "-o", str(out), "--resume", *more]
    return subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True)


def alive(group: int) -> bool:
    """Whether any process of a group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def gone(group: int) -> None:
    """Wait until a group has no process left; fail if one stays."""
    for _ in range(100):
        if not alive(group):
            return
        sleep(0.1)
    raise AssertionError("a worker outlives who started it")


def test_killed_at_random_moments_it_goes_on_to_the_same_table(tmp_path: Path) -> None:
    """SIGKILL to the process that writes, at random times within an undisturbed run: every kill leaves a table."""
    path = recipe(tmp_path, FORMULAS, ("points = 500", "points = 2_000_000"))
    begin = monotonic()
    assert started(path, tmp_path / "whole", "--jobs", "2").wait() == 0
    took = monotonic() - begin
    rng, seen = np.random.default_rng(), []
    for _ in range(KILLS):
        run = started(path, tmp_path / "out", "--jobs", "2")
        sleep(rng.uniform(0, took))
        run.kill()
        run.wait()
        gone(run.pid)
        seen.append(len(list((tmp_path / "out").glob("part-*"))))
    assert started(path, tmp_path / "out", "--jobs", "2").wait() == 0
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert any(0 < parts < len(content(tmp_path / "whole")) - 1 for parts in seen), f"no kill hit midway: {seen}"


def test_ctrl_c_leaves_with_130_and_no_worker_stays(tmp_path: Path) -> None:
    path = recipe(tmp_path, SIMULATED, ("points = 120", "points = 2000"))
    run = started(path, tmp_path / "out", "--jobs", "2")
    while not list((tmp_path / "out").glob("part-*")):
        assert run.poll() is None
        sleep(0.1)
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(60) == 130
    gone(run.pid)


def test_a_dask_cluster_gives_the_same_table_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand simulated points: serial, by processes, and by two Dask workers of which one dies midway."""
    path = recipe(tmp_path, SIMULATED, ("points = 120", "points = 1000"))
    swept(path, tmp_path / "serial")
    swept(path, tmp_path / "processes", jobs=2)
    killed: list[int] = []
    real = executor.results

    def results(pool, workers, *more):  # type: ignore[no-untyped-def]
        def kill() -> None:
            sleep(3)
            victim = next(iter(pool._client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
            killed.append(victim)

        Thread(target=kill).start()
        return real(pool, workers, *more)

    monkeypatch.setattr("spfmodel.sweep.run.results", results)
    assert swept(path, tmp_path / "dask", jobs=2, cluster="local").points == 1000
    assert killed
    assert content(tmp_path / "serial") == content(tmp_path / "processes") == content(tmp_path / "dask")
