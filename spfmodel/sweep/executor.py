"""Who computes: this process, others on this host, or a cluster. All are `concurrent.futures.Executor`s."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from threading import Thread
from time import sleep
from typing import Any, TypeVar

from ..sources import BadInput

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
AHEAD = 2
"""tasks in flight per worker: one that runs and one that waits, so that nobody idles and memory stays bounded"""


class WorkerLost(RuntimeError):
    """A worker is gone and the task with it: one sentence says so."""


class Here(Executor):
    """Computes in this process, when asked."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # raised again where the result is asked for
            future.set_exception(error)
        return future


@contextmanager
def executor(jobs: int, cluster: str) -> Iterator[tuple[Executor, int]]:
    """An executor and how many tasks it takes at once.

    jobs : processes on this host; 1: this one. cluster : empty, `local`, or the address of a Dask scheduler
    """
    if cluster:
        with _dask(jobs, cluster) as found:
            yield found
    elif jobs == 1:
        yield Here(), 1
    else:
        with _processes(jobs) as found:
            yield found


@contextmanager
def _processes(jobs: int) -> Iterator[tuple[Executor, int]]:
    """Processes of joblib: fresh interpreters, which leave an interrupt to this one and end with it."""
    from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]

    pool = get_reusable_executor(max_workers=jobs, env=ONE_THREAD, initializer=serve, initargs=(os.getpid(),))
    try:
        yield pool, jobs
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def serve(parent: int) -> None:
    """Ignore Ctrl-C, since whoever started this process ends it; and end with it, should it be killed itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


@contextmanager
def _dask(jobs: int, address: str) -> Iterator[tuple[Executor, int]]:
    """A Dask cluster: one of `jobs` processes on this host, or one that runs already.

    The scheduler gives the tasks of a worker that died to another one.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise BadInput("--cluster needs dask.distributed; pip install 'spfmodel[cluster]'") from None
    os.environ.update(ONE_THREAD)
    with ExitStack() as stack:
        scheduler = address
        if address == "local":
            local = LocalCluster(  # type: ignore[no-untyped-call, unused-ignore]
                n_workers=jobs, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
            )
            scheduler = stack.enter_context(local)
        try:
            client = Client(scheduler, timeout=10)  # type: ignore[no-untyped-call, unused-ignore]
            stack.enter_context(client)
        except (OSError, ValueError) as error:
            raise BadInput(f"--cluster {address}: nobody answers ({error}); give `local` or tcp://HOST:PORT") from None
        workers = sum(client.nthreads().values())  # type: ignore[no-untyped-call, unused-ignore]
        pool = client.get_executor(pure=False)  # type: ignore[no-untyped-call, unused-ignore]
        yield pool, max(workers, jobs)


def results(
    pool: Executor, workers: int, work: Callable[[Shared, Task], Result], shared: Shared, tasks: Iterable[Task]
) -> Iterator[Result]:
    """Results of `work(shared, task)` as they come, in any order; tasks are handed out as workers become free."""
    pending: set[Future[Result]] = set()
    most = 1 if isinstance(pool, Here) else AHEAD * workers
    for task in tasks:
        pending.add(pool.submit(work, shared, task))
        if len(pending) >= most:
            yield from _finished(pending)
    while pending:
        yield from _finished(pending)


def _finished(pending: set[Future[Result]]) -> Iterator[Result]:
    """Wait for one at least; what is done leaves `pending`."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        pending.remove(future)
        try:
            yield future.result()
        except BadInput:
            raise
        except Exception as error:
            raise WorkerLost(f"a task could not be computed ({type(error).__name__}: {error})") from error
