"""The log of one shard, ``logs/<shard>.jsonl``: what happened to it, and how long it took.

It stands outside of the release: no digest covers it, no reader opens it, and a run that cannot
write it makes the same bytes. On a local disk each line is written when it happens, so that it
survives a worker that dies; in object storage a shard's lines are put at its end.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datagen.core.text import reason
from datagen.errors import DatagenError, ItemError
from datagen.errors.redact import portable
from datagen.release import Folder
from datagen.release.names import LOGS

__all__ = ["ShardLog", "log_name"]

_MOST = 1 << 20  # bytes of an older log in object storage that is kept


def log_name(shard: str) -> str:
    """Return the name of a shard's log in the folder of the release."""
    return f"{LOGS}/{shard}.jsonl"


class ShardLog:
    """Writes the events of one shard and adds up the seconds of its stages.

    Args:
        folder: Folder of the release.
        shard: Name of the shard.

    Attributes:
        problem: Why the log could not be written; empty if it could.
    """

    def __init__(self, folder: Folder, shard: str) -> None:
        self._folder = folder
        self._name = log_name(shard)
        self._lines: list[bytes] = []
        self._started = time.monotonic()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.problem = ""

    def add(self, event: str, **facts: Any) -> None:
        """Write one event; credentials and absolute paths are left out.

        Args:
            event: Name of the event.
            facts: What is to be known about it, JSON-like.
        """
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        line = json.dumps(portable({"time": now, "event": event, **facts}), default=str)
        self._lines.append(f"{line}\n".encode())
        if self._folder.local is not None:
            self.flush()

    def reject(self, pair_id: str, method: str, error: ItemError) -> None:
        """Write that a pair was rejected, and why."""
        self.add("reject", pair=pair_id, method=method, code=error.code, detail=error.detail)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds that the context lasts to a stage."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] += time.monotonic() - started

    def seconds(self) -> dict[str, float]:
        """Return the seconds by stage, and of all so far."""
        found = {name: round(spent, 3) for name, spent in sorted(self._seconds.items())}
        return {**found, "all": round(time.monotonic() - self._started, 3)}

    def flush(self) -> None:
        """Write what was not written yet; a failure is noted and breaks nothing."""
        data = b"".join(self._lines)
        self._lines.clear()
        try:
            if self._folder.local is None:
                self._folder.write(self._name, self._older() + data)
            else:
                self._folder.append(self._name, data)
        except Exception as error:  # noqa: BLE001  # of any storage: a log costs no shard
            self.problem = self.problem or reason(error)

    def _older(self) -> bytes:
        try:
            return self._folder.read(self._name, limit=_MOST)
        except (FileNotFoundError, DatagenError):
            return b""
