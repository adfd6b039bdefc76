"""Downloading one file over HTTP; a partial download is kept and resumed by the next try."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from datagen.core.digests import sha256_file
from datagen.core.files import locked, move_into_place
from datagen.errors import WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.http import Deadline, open_address

__all__ = ["MAX_SIZE", "OnProgress", "download"]

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes received and the total, ``None`` if it is unknown."""

_PIECE = 1 << 20
MAX_SIZE = 64 << 30
"""Most bytes of a file or folder whose card states no size."""

_LENGTH = re.compile(r"[0-9]{1,18}")


def download(
    card: WeightCard, path: Path, start: str, on_progress: OnProgress | None = None
) -> Path:
    """Download ``card.address`` to ``path`` through a ``.part`` file that is named by the digest.

    Of several processes that want the same file, one downloads it and the others wait.

    Args:
        card: A card with an address.
        path: Path of the file.
        start: Beginning of each message: which file is missing, under which license.
        on_progress: Called with the progress.

    Raises:
        WeightsError: The folder cannot be written; the server does not answer; the connection
            broke or is too slow (the partial file is kept); the file is longer than the card says,
            or its digest differs (the file is removed) or is unknown (it is kept for the next try).
    """
    part = path.parent / f".{card.sha256[:16] or 'unknown'}-{path.name}.part"
    digest = card.sha256 or "unknown"
    advice = f"{start}Get it from {card.address} (sha256 {digest}) and put it there"
    try:
        with locked(part.with_suffix(".lock"), remove=True):
            if not path.exists():  # else another process was faster
                with _appending(part) as out:
                    _fill(card, out, advice, on_progress)
                _judge(card, part, path, advice)
    except OSError as error:  # errors of the connection are handled where it is read
        raise WeightsError(
            f"{advice}. {path.parent} cannot be written: {error}. Point DATAGEN_WEIGHTS at a "
            "folder of yours, or let its owner put the file there"
        ) from None
    return path


def _no_link(path: str, flags: int) -> int:
    """Open a file of ours, and neither what a link names nor a pipe, which would be waited for."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


@contextmanager
def _appending(part: Path) -> Iterator[IO[bytes]]:
    """Open the partial file; after an error an empty one is removed."""
    try:
        with open(part, "ab", opener=_no_link) as out:
            yield out
    except BaseException:
        if part.is_file() and not part.is_symlink() and not part.stat().st_size:
            part.unlink()
        raise


def _fill(card: WeightCard, out: IO[bytes], advice: str, on_progress: OnProgress | None) -> None:
    """Append the missing bytes."""
    have = out.seek(0, os.SEEK_END)
    if card.size is not None and have >= card.size:
        return
    try:
        deadline = Deadline()
        answer = _ask(card.address, have, deadline)
        if have and not _continues(answer, have):
            out.truncate(have := 0)
            out.seek(0)
            if answer.status == 206:  # some other part
                answer.close()
                answer = _ask(card.address, have, deadline)
        length = answer.headers.get("Content-Length", "")
        expected = have + int(length) if _LENGTH.fullmatch(length) else None
        with answer:
            _refuse_longer(card, out, expected or 0, advice)
            while piece := answer.read1(_PIECE):
                _refuse_longer(card, out, out.tell() + len(piece), advice)
                out.write(piece)
                if on_progress is not None:
                    on_progress(out.tell(), expected)
        out.flush()
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # the partial file is already complete
            return
        raise WeightsError(f"{advice}. The download failed: {error}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:  # also of odd addresses
        out.flush()
        raise WeightsError(f"{advice}. The download failed: {error}. {_kept(out)}") from None
    if expected is not None and out.tell() < expected:
        raise WeightsError(
            f"{advice}. The connection broke after {out.tell()} of {expected} bytes. {_kept(out)}"
        )


def _refuse_longer(card: WeightCard, out: IO[bytes], size: int, advice: str) -> None:
    """Refuse a file that is longer than the card says, before its bytes fill the disk."""
    if size <= (card.size or MAX_SIZE):
        return
    out.truncate(0)
    said = f"the card says {card.size} bytes" if card.size else f"{MAX_SIZE} bytes are allowed"
    raise WeightsError(
        f"{card.address} returned {size} bytes or more, but {said}: refused and removed. {advice}"
    )


def _ask(address: str, have: int, deadline: Deadline) -> http.client.HTTPResponse:
    # Compressed in transit, the lengths would differ from those on disk.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    return open_address(address, headers, deadline)


def _continues(answer: http.client.HTTPResponse, have: int) -> bool:
    span = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status == 206 and span is not None and int(span[1]) == have


def _kept(out: IO[bytes]) -> str:
    return "The partial file is kept: rerun to resume" if out.tell() else "Nothing was received"


def _judge(card: WeightCard, part: Path, path: Path, advice: str) -> None:
    """Move the complete file to its place, or refuse it."""
    found, size = sha256_file(part), part.stat().st_size
    if not card.sha256:
        # The name from which a card with this digest resumes.
        part.replace(part.with_name(f".{found[:16]}-{path.name}.part"))
        raise WeightsError(
            f"{card.address} returned {size} bytes with sha256 {found}. The card of {card.id!r} "
            "has no digest, so the file cannot be verified. Compare the digest with the one that "
            "its authors publish; if they agree, put it into a card of your own ('datagen weights "
            f"add CARD') and rerun 'datagen weights pull {card.id}': the file is kept and not "
            "downloaded again"
        )
    if found != card.sha256:
        part.unlink()
        raise WeightsError(
            f"{card.address} returned {size} bytes with sha256 {found}, but the card says "
            f"{card.sha256}: refused and removed. {advice}"
        )
    move_into_place(part, path)
