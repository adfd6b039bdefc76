"""Engine ``ray``: a bounded window of tasks on a local or an existing Ray cluster."""

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

from datagen.engine.allocator import ALLOCATOR_ENV
from datagen.engine.base import Outcome, Task
from datagen.engine.board import Board, attempt_noted
from datagen.engine.flights import Flights, Patience
from datagen.engine.loopback import on_loopback
from datagen.engine.placement import max_concurrent, ray_options
from datagen.engine.resources import Resources
from datagen.engine.room import check_room
from datagen.errors import EngineError, RunError

__all__ = ["RayEngine"]

K = TypeVar("K")
R = TypeVar("R")

# How often a key is restarted after its worker process or node died.
_CRASH_RETRIES = 3
_CONNECT_SECONDS = 5.0

# Ray's proxy reports with these words, and with no error class of its own, that the server process
# for a new client died while it started.
_SERVER_DIED = ("Starting Ray client server failed", "ZombieProcess")
_JOIN_PAUSES = (1.0, 3.0, 6.0)

# Beside the allocator: libraries use one thread per worker and stay off the network.
WORKER_ENV: Mapping[str, str] = {
    **ALLOCATOR_ENV,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "GLOG_minloglevel": "2",
}

_ADVICE = (
    "Memory or the number of processes may be limited (ulimit, container): raise the limit, lower "
    "--workers, or run with --inline"
)

# Settings of the user that workers need to find weights and caches.
_FORWARDED = ("DATAGEN_WEIGHTS", "DATAGEN_CACHE")


class RayEngine:
    """Runs keys as Ray tasks; a context manager that stops the cluster if it started one.

    Args:
        workers: Maximum number of tasks at once; by default the CPUs of the cluster.
        address: Cluster to join: ``auto``, ``HOST:PORT`` or ``ray://HOST:PORT``. ``None`` starts
            a cluster on this machine, which no other machine can reach.
        patience: How long to wait for a task, and whom to tell.
    """

    def __init__(
        self,
        workers: int | None = None,
        address: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._requested = workers
        self._address = address
        self._patience = patience or Patience()
        self._started = False
        self.workers = workers or 1

    def __enter__(self) -> Self:
        """Start or join the cluster.

        Raises:
            EngineError: It cannot be reached, or has no CPUs.
            RunError: It cannot be started on this machine.
        """
        if self._address is None:
            check_room()
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_LOG_TO_STDERR", "0")
        import ray

        if not ray.is_initialized():
            with _signals_kept():
                self._start(ray)
        total = int(ray.cluster_resources().get("CPU", 0))
        if total < 1:
            self.__exit__(None, None, None)
            raise EngineError(
                f"the Ray cluster at {self._address or 'this machine'} has no CPUs: start its "
                "nodes with CPUs, or run with --inline"
            )
        self.workers = min(self._requested or total, total)
        return self

    def _start(self, ray: Any) -> None:
        environment = {**WORKER_ENV, **{k: os.environ[k] for k in _FORWARDED if k in os.environ}}
        common: dict[str, Any] = {
            "runtime_env": {"env_vars": environment},
            "logging_level": "ERROR",
            "log_to_driver": False,
        }
        try:
            if self._address is None:
                # Without "local" Ray would join the cluster of another run, and end with that run.
                with on_loopback() as own:
                    ray.init("local", num_cpus=self._requested, **own, **common)
            else:
                _check_reachable(self._address)
                _join(ray, self._address, common)
                self._warn_of_open_doors()
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            where = f"at {self._address}" if self._address else "on this machine"
            raise EngineError(
                f"no Ray cluster could be reached {where}: {_last_line(error)}. Check --address; "
                "if the cluster asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN; "
                "start one with 'ray start --head', or run with --inline"
            ) from None
        except Exception as error:  # noqa: BLE001  # of no class of its own
            raise RunError(f"Ray did not start: {_last_line(error)}. {_ADVICE}") from None
        self._started = True

    def _warn_of_open_doors(self) -> None:
        if not _has_token():
            self._patience.tell(
                f"the Ray cluster at {self._address} was joined without a token: whoever reaches "
                "its ports can run code on its nodes. Start them with RAY_AUTH_MODE=token "
                "(docs/running.md)"
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the cluster if it was started here; a joined cluster keeps running."""
        if self._started:
            import ray

            ray.shutdown()
            self._started = False

    def run(self, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        """See ``Engine``.

        Raises:
            DeviceError: No node of the cluster has the task's ``resources``.
            RunError: The cluster has failed.
        """
        import ray

        try:
            yield from self._run(ray, task, keys)
        except ray.exceptions.RayError as error:
            raise RunError(
                f"the Ray cluster failed: {_last_line(error)}. Rerun to go on. {_ADVICE}"
            ) from None

    def _run(self, ray: Any, task: Task[K, R], keys: Iterable[K]) -> Iterator[Outcome[K, R]]:
        needs = getattr(task, "resources", Resources())
        at_once = min(self.workers, max_concurrent(needs, ray.nodes()))
        remote = ray.remote(max_retries=_CRASH_RETRIES, **ray_options(needs))(attempt_noted)
        shared, board = ray.put(task), Board()
        flights: Flights[K, R] = Flights(
            ray,
            lambda number, key: remote.remote(board, number, shared, key),
            task,
            board,
            self._patience,
            own=at_once if self._started and self._address is None else 0,
        )
        queue = iter(keys)
        # When the caller leaves early (Ctrl-C, an error), nothing is canceled: the few tasks in
        # flight end with the cluster or finish. Ray's core aborts the driver when a canceled task
        # completes after all ("Tried to complete task that was not pending").
        try:
            while True:
                # One more than the workers, so that no worker waits for the driver.
                room = max(at_once + 1 - len(flights), 0 if flights.waiting else 1)
                for key in islice(queue, room):
                    flights.begin(key)
                if not flights.waiting:
                    return
                yield from flights.landed(lambda reference, key: _collect(ray, reference, key))
                yield from flights.unable(at_once, queue)
        finally:
            flights.forget()


def _collect(ray: Any, reference: Any, key: K) -> Outcome[K, Any]:
    try:
        outcome: Outcome[K, Any] = ray.get(reference)
    except ray.exceptions.RayError as error:
        crashed = f"{type(error).__name__}: {_last_line(error)}"
        text = (
            f"its worker process died {_CRASH_RETRIES + 1} times, or could not load the task "
            f"({crashed})"
        )
        return Outcome(key, None, RunError(text), _CRASH_RETRIES + 1)
    return outcome


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the caller's SIGTERM handler, which Ray's native start-up code replaces."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if main and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _join(ray: Any, address: str, common: Mapping[str, Any]) -> None:
    """Join a cluster; retry when the server behind its client port fails to start.

    Ray's proxy forks that server while it runs threads, which occasionally kills the new process.
    """
    for pause in (*_JOIN_PAUSES, None):
        try:
            ray.init(address=address, **common)
            return
        except (ConnectionError, RuntimeError) as error:
            if pause is None or not any(words in str(error) for words in _SERVER_DIED):
                raise
            with contextlib.suppress(Exception):
                ray.shutdown()  # clears a half-connected client
            time.sleep(pause)


def _has_token() -> bool:
    """Say whether this process shows a token to the clusters that it joins."""
    import ray._raylet

    raylet: Any = ray._raylet
    return bool(raylet.get_authentication_mode() == raylet.AuthenticationMode.TOKEN)


def _check_reachable(address: str) -> None:
    """Fail within seconds when no process listens there; Ray itself would wait for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()


def _last_line(error: BaseException) -> str:
    return str(error).strip().rpartition("\n")[2] or type(error).__name__


def stop_on_terminate() -> None:
    """Make SIGTERM end the run like Ctrl-C, so that schedulers can stop it cleanly."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, interrupt)
