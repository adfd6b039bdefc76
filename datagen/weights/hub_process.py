"""The process that downloads from the hub, and the one that waits for it no longer than it should.

The library has a time limit for each request and none for all of them, and parts of it are no
Python: only a process can be ended.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from datagen.core.digests import sha256_file
from datagen.core.text import first_line
from datagen.errors import WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.download import MAX_SIZE
from datagen.weights.http import Deadline

__all__ = ["GatedError", "HubError", "fetch_watched"]

_PAUSE = 0.2
_STILL = 900.0  # seconds without a byte: large files are digested in the end
_MORE = 64 << 20  # notes of the downloader


class HubError(Exception):
    """The hub cannot be reached, refuses, or is too slow."""


class GatedError(HubError):
    """The authors of a repository require each user to accept their terms first."""


def fetch_watched(
    card: WeightCard, part: Path, advice: str, deadline: Deadline | None = None
) -> list[str]:
    """Download what is missing of a card's repository, in a process of its own.

    Args:
        card: A card with ``hub`` and a revision.
        part: Folder to which the files are written.
        advice: End of each message about the card.
        deadline: Until when the files must have come; by default that of any download.

    Returns:
        The names of files that differ from the hub's listing.

    Raises:
        HubError: The download failed.
        WeightsError: The hub lists or sends more bytes than the card says.
    """
    task = {"card": card.model_dump(mode="json"), "part": str(part), "advice": advice}
    process = subprocess.Popen(
        [sys.executable, "-m", "datagen.weights.hub_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(task).encode() + b"\n")
        process.stdin.flush()  # and not closed: the process ends with this one
        _wait(process, part, (card.size or MAX_SIZE) + _MORE, deadline or Deadline(), advice)
        assert process.stdout is not None
        return _answer(process.stdout.read())
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what the process has not taken
                    pipe.close()


def _wait(
    process: subprocess.Popen[bytes], part: Path, most: int, deadline: Deadline, advice: str
) -> None:
    size = _size(part)
    moved = time.monotonic()
    while process.poll() is None:
        time.sleep(_PAUSE)
        grown = _size(part) - size
        if grown > 0:
            size, moved = size + grown, time.monotonic()
            deadline.received(grown)
        if size > most:
            raise WeightsError(f"the hub sent {size} bytes, at most {most} are taken. {advice}")
        try:
            deadline.left()
        except TimeoutError as error:
            raise HubError(str(error)) from None
        if time.monotonic() - moved > _STILL:
            raise HubError(f"nothing came for {_STILL / 60:g} minutes")


def _size(part: Path) -> int:
    """Return the bytes that have come, without those that a file only has room for."""
    size = 0
    for folder, _, names in os.walk(part):
        for name in names:
            try:
                about = os.lstat(os.path.join(folder, name))
            except OSError:  # it was moved meanwhile
                continue
            size += min(about.st_size, getattr(about, "st_blocks", about.st_size) * 512)
    return size


def _answer(said: bytes) -> list[str]:
    try:
        found = json.loads(said)
    except ValueError:
        raise HubError("the process that downloads has ended without an answer") from None
    kind, words = found.get("kind"), found.get("words", "")
    if kind == "done":
        return [str(name) for name in found["wrong"]]
    raise {"gated": GatedError, "refused": WeightsError}.get(kind, HubError)(words)


def _main() -> None:
    """Read a task from the first line of the input, and print what came of it."""
    task = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from huggingface_hub import errors

    try:
        card = WeightCard.model_validate(task["card"])
        wrong = _fetch(card, Path(task["part"]), task["advice"])
        answer: dict[str, Any] = {"kind": "done", "wrong": wrong}
    except errors.GatedRepoError as error:
        answer = {"kind": "gated", "words": first_line(error)}
    except WeightsError as error:
        answer = {"kind": "refused", "words": str(error)}
    except Exception as error:  # noqa: BLE001  # of any of the libraries below
        answer = {"kind": "failed", "words": first_line(error) or type(error).__name__}
    sys.stdout.buffer.write(json.dumps(answer).encode())  # a pipe to the process that asked
    sys.stdout.flush()
    os._exit(0)  # threads of a download that failed are not waited for


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _fetch(card: WeightCard, part: Path, advice: str) -> list[str]:
    """Download what is missing; return the names of files that differ from the hub's listing."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        filter_repo_objects,
        logging,
    )

    assert card.hub is not None
    hub = card.hub
    quiet: Any = logging.set_verbosity_error
    quiet()  # its retries would print many lines; the outcome is reported by the process that waits
    endpoint = os.environ.get("HF_ENDPOINT")
    patterns = [f"{hub.subfolder}/{name}".lstrip("/") for name in hub.files or ("*",)]
    tree = HfApi(endpoint=endpoint).list_repo_tree(hub.repo, recursive=True, revision=hub.revision)
    listed: list[Any] = [entry for entry in tree if hasattr(entry, "blob_id")]
    wanted = filter_repo_objects(listed, allow_patterns=patterns, key=lambda entry: entry.path)
    size = sum(entry.size for entry in wanted)
    if size > (card.size or MAX_SIZE):
        said = f"the card says {card.size}" if card.size else f"{MAX_SIZE} are allowed"
        raise WeightsError(f"the hub lists {size} bytes, but {said}: refused. {advice}")
    snapshot_download(
        hub.repo,
        revision=hub.revision,
        allow_patterns=patterns,
        local_dir=part,
        endpoint=endpoint,
    )
    files = [(entry, part / entry.path) for entry in listed]
    return [entry.path for entry, file in files if file.is_file() and not _is(entry, file)]


def _is(entry: Any, file: Path) -> bool:
    """Compare a file with the hub's listing: large files by sha256, others by git's blob id."""
    if entry.lfs is not None:
        return bool(sha256_file(file) == entry.lfs.sha256)
    content = file.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return bool(blob.hexdigest() == entry.blob_id)


if __name__ == "__main__":
    _main()
