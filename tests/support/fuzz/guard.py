"""What a command must not do: leave its folder, connect, start programs, take too long or much."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["GIB", "Guard", "OvertimeError", "limit_memory"]

GIB = 2**30
_DEVICES = ("/dev/null", "/dev/tty", "/dev/urandom")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Events of the interpreter that change a path, with the positions of paths and of folder handles.
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.utime": ((0, 3),),
}
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")


class OvertimeError(BaseException):
    """An input took longer than its limit; commands that catch ``Exception`` don't catch this."""


class Guard:
    """Watches everything that the interpreter reports while an input runs.

    Args:
        outside: A folder beside the inputs that nothing may read or write.
    """

    def __init__(self, outside: Path) -> None:
        self._outside = os.path.realpath(outside)
        self._folder = ""
        self._connects = self._starts = False
        self._problems: list[str] = []
        self._inside = threading.local()
        sys.addaudithook(self._hook)

    @contextmanager
    def watching(
        self, folder: Path, problems: list[str], connects: bool, starts: bool, seconds: float
    ) -> Iterator[None]:
        """Watch until the end of the context.

        Args:
            folder: The one folder that may be written.
            problems: What was seen is added here.
            connects: Whether the input may ask for a connection; none is ever made.
            starts: Whether the input may start a program.
            seconds: Processor time that it may take, and a quarter of the waiting time.
        """
        self._problems = problems
        self._connects, self._starts = connects, starts
        before = _alarm(seconds)
        self._folder = os.path.realpath(folder)
        try:
            yield
        finally:
            self._folder = ""
            _no_alarm(before)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._folder or getattr(self._inside, "hook", False):
            return
        self._inside.hook = True
        try:
            self._check(event, arguments)
        finally:
            self._inside.hook = False

    def _check(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._opened(*arguments)
        elif event in _CHANGES:
            for at, handle in _CHANGES[event]:
                relative = handle is not None and arguments[handle] not in (-1, None)
                if not relative:  # a path below an open folder, as rmtree uses
                    self._changed(event, arguments[at])
        elif event in ("socket.connect", "socket.getaddrinfo"):
            if not self._connects:
                self._problems.append(f"{event} {arguments[-1 if 'connect' in event else 0]!r}")
            raise ConnectionRefusedError("no connections here")
        elif event in _PROGRAMS and not self._starts:
            self._refuse(f"{event} {arguments[0]!r}")

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        writes = any(sign in (mode or "") for sign in "wax+") or (flags or 0) & _WRITES
        if writes:
            self._changed("open for writing", path)
        elif self._below(path, self._outside):
            self._refuse(f"reads outside: {Path(os.fsdecode(path)).name}")

    def _changed(self, event: str, path: Any) -> None:
        if isinstance(path, int) or os.fsdecode(path) in _DEVICES:
            return
        if not self._below(path, self._folder):
            self._refuse(f"{event} outside: {os.fsdecode(path)[-80:]}")

    def _refuse(self, problem: str) -> None:
        self._problems.append(problem)
        raise PermissionError(f"guard: {problem}")

    @staticmethod
    def _below(path: Any, folder: str) -> bool:
        try:
            whole = os.path.realpath(os.fsdecode(path))
        except (ValueError, OSError):
            return True  # not a path: opening it fails
        return whole == folder or whole.startswith(folder + os.sep)


def limit_memory(more: int) -> None:
    """Let this process take some bytes of address space more than it has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _alarm(seconds: float) -> list[Callable[..., Any] | Any]:
    def ring(number: int, frame: Any) -> None:
        raise OvertimeError(f"over {seconds:g} s")

    before = [signal.signal(which, ring) for which in (signal.SIGPROF, signal.SIGALRM)]
    # Again each second: an exception in a callback of a library is lost.
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    signal.setitimer(signal.ITIMER_REAL, 4 * seconds, 1)
    return before


def _no_alarm(before: list[Any]) -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for which, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
        signal.signal(which, handler)
