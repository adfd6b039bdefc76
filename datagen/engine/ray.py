"""Engine ``ray``: a bounded window of tasks on a local or a given Ray cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from datagen.engine.base import Outcome, Task, attempt
from datagen.engine.placement import asked_of_ray, room_for
from datagen.engine.resources import Resources
from datagen.errors import EngineError, RunError

__all__ = ["RayEngine"]

K = TypeVar("K")
R = TypeVar("R")

# A worker process or a node may die this often under one key before the key is given up.
_CRASH_RETRIES = 3
_KNOCK_SECONDS = 5.0

# How Ray's proxy tells that the server for a new client died at birth.
_STILLBORN = ("Starting Ray client server failed", "ZombieProcess")
_JOIN_PAUSES = (1.0, 3.0, 6.0)

# With the default malloc every large array is mapped and faulted in anew, which costs as much as
# the arithmetic; these keep freed memory in the process. The rest keeps libraries to one thread
# a worker and off the network.
WORKER_ENV: Mapping[str, str] = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "MALLOC_TOP_PAD_": "16777216",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "GLOG_minloglevel": "2",
}

# What a worker must know of the user's settings to find weights and caches.
_PASSED_ON = ("DATAGEN_WEIGHTS", "DATAGEN_CACHE")


class RayEngine:
    """Runs keys as Ray tasks; a context manager that starts and stops what it started.

    Args:
        workers: Tasks at once; by default all CPUs of the cluster.
        address: ``None`` starts a cluster on this machine; ``auto``, ``HOST:PORT`` or
            ``ray://HOST:PORT`` joins one.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self._asked = workers
        self._address = address
        self._ours = False
        self.workers = workers or 1

    def __enter__(self) -> Self:
        """Start or join the cluster.

        Raises:
            EngineError: It cannot be reached, or has no CPUs.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_LOG_TO_STDERR", "0")
        import ray

        if not ray.is_initialized():
            with _own_signals():
                self._start(ray)
        total = int(ray.cluster_resources().get("CPU", 0))
        if total < 1:
            self.__exit__(None, None, None)
            raise EngineError(
                f"the Ray cluster at {self._address or 'this machine'} has no CPUs: start its "
                "nodes with CPUs, or run with --inline"
            )
        self.workers = min(self._asked or total, total)
        return self

    def _start(self, ray: Any) -> None:
        environment = {**WORKER_ENV, **{k: os.environ[k] for k in _PASSED_ON if k in os.environ}}
        common: dict[str, Any] = {
            "runtime_env": {"env_vars": environment},
            "logging_level": "ERROR",
            "log_to_driver": False,
        }
        try:
            if self._address is None:
                # Without an address Ray would join another run's cluster, and end with it.
                ray.init("local", num_cpus=self._asked, include_dashboard=False, **common)
            else:
                _knock(self._address)
                _join(ray, self._address, common)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            where = f"at {self._address}" if self._address else "on this machine"
            raise EngineError(
                f"no Ray cluster could be reached {where}: {_last_line(error)}. Check --address; "
                "if the cluster asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN; "
                "start one with 'ray start --head', or run with --inline"
            ) from None
        self._ours = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what was started here; joining a cluster leaves it running."""
        if self._ours:
            import ray

            ray.shutdown()
            self._ours = False

    def run(self, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """See ``Engine``.

        Raises:
            DeviceError: The task's ``resources`` are on no node of the cluster.
        """
        import ray

        needs = getattr(task, "resources", Resources())
        at_once = min(self.workers, room_for(needs, ray.nodes()))
        remote = ray.remote(max_retries=_CRASH_RETRIES, **asked_of_ray(needs))(attempt)
        shared = ray.put(task)
        queue = iter(keys)
        flying: dict[Any, K] = {}
        # Left early (Ctrl-C, or the caller has seen enough), nothing is canceled: the few tasks in
        # flight end with the cluster or by themselves. Ray's core aborts the driver when a task
        # that was canceled answers all the same ("Tried to complete task that was not pending").
        while True:
            # One more than the workers, so that none waits for the driver.
            for key in islice(queue, at_once + 1 - len(flying)):
                flying[remote.remote(shared, key)] = key
            if not flying:
                return
            done, _ = ray.wait(list(flying), num_returns=1)
            key = flying.pop(done[0])
            yield _collect(ray, done[0], key)


def _collect(ray: Any, reference: Any, key: K) -> Outcome[K, Any]:
    try:
        outcome: Outcome[K, Any] = ray.get(reference)
    except ray.exceptions.RayError as error:
        crashed = f"{type(error).__name__}: {_last_line(error)}"
        text = f"its worker was lost {_CRASH_RETRIES + 1} times, or could not load it ({crashed})"
        return Outcome(key, None, RunError(text), _CRASH_RETRIES + 1)
    return outcome


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the caller's SIGTERM handler, which Ray's native start-up replaces behind Python."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if main and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _join(ray: Any, address: str, common: Mapping[str, Any]) -> None:
    """Join a cluster; the server behind its client port may come up at the second try only.

    Ray's proxy forks that server beside threads of its own, which now and then kills it at birth.
    """
    for pause in (*_JOIN_PAUSES, None):
        try:
            ray.init(address=address, **common)
            return
        except (ConnectionError, RuntimeError) as error:
            if pause is None or not any(words in str(error) for words in _STILLBORN):
                raise
            with contextlib.suppress(Exception):
                ray.shutdown()  # what is left of a client that was half connected
            time.sleep(pause)


def _knock(address: str) -> None:
    """Fail in seconds where nobody listens: Ray itself would wait for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()


def _last_line(error: BaseException) -> str:
    return str(error).strip().rpartition("\n")[2] or type(error).__name__


def stop_on_terminate() -> None:
    """Let SIGTERM end the run as Ctrl-C does, so that schedulers can stop it cleanly."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, interrupt)
