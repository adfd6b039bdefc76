"""One file by HTTP: what came before a break is kept, and gone on from at the next try."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

from datagen.core.digests import sha256_file
from datagen.errors import WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.lock import alone

__all__ = ["Tell", "download"]

Tell: TypeAlias = Callable[[int, int | None], None]
"""Hears how many bytes are there and how many there will be, or ``None``: not known."""

_SECONDS = 60
_PIECE = 1 << 20


def download(card: WeightCard, path: Path, start: str, tell: Tell | None = None) -> Path:
    """Fetch ``card.address`` to ``path`` through a ``.part`` file that is named by the digest.

    Two processes that want the same file wait for each other.

    Args:
        card: With an address.
        path: Where the file shall lie.
        start: Beginning of each message: which file is missing, under which license.
        tell: Hears of progress.

    Raises:
        WeightsError: The folder cannot be written; nobody answers; the line broke (what came is
            kept); the digest is another one (what came is removed) or is not known (what came is
            kept for the next try).
    """
    part = path.parent / f".{card.sha256[:16] or 'unknown'}-{path.name}.part"
    advice = f"{start}Get it from {card.address} (sha256 {card.sha256 or 'unknown'}), put it there"
    try:
        with alone(part) as out:
            if not path.exists():  # else another process was quicker
                _fill(card, out, advice, tell)
                _judge(card, part, path, advice)
    except OSError as error:  # those of the line are dealt with where it is read
        raise WeightsError(
            f"{advice}. {path.parent} cannot be written: {error}. Point DATAGEN_WEIGHTS at a "
            "folder of yours, or let its owner put the file there"
        ) from None
    return path


def _fill(card: WeightCard, out: IO[bytes], advice: str, tell: Tell | None) -> None:
    """Append what is missing."""
    have = out.seek(0, os.SEEK_END)  # another process may have written while we waited
    if card.size is not None and have >= card.size:
        return
    try:
        answer = _ask(card.address, have)
        if have and not _goes_on(answer, have):
            out.truncate(have := 0)
            out.seek(0)
            if answer.status == 206:  # some other part
                answer.close()
                answer = _ask(card.address, have)
        with answer:
            told = answer.headers.get("Content-Length")
            want = have + int(told) if told and told.isdecimal() else None
            while piece := answer.read(_PIECE):
                out.write(piece)
                if tell is not None:
                    tell(out.tell(), want)
        out.flush()
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing beyond what we have
            return
        raise WeightsError(f"{advice}. The download failed: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        out.flush()
        raise WeightsError(f"{advice}. The download failed: {error}. {_kept(out)}") from None
    if want is not None and out.tell() < want:
        raise WeightsError(
            f"{advice}. The download broke off after {out.tell()} of {want} bytes. {_kept(out)}"
        )


def _ask(address: str, have: int) -> http.client.HTTPResponse:
    # Compressed in transit it would have other lengths than on disk.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(address, headers=headers)  # noqa: S310  # the card's pattern
    answer = urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310
    assert isinstance(answer, http.client.HTTPResponse)
    return answer


def _goes_on(answer: http.client.HTTPResponse, have: int) -> bool:
    told = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status == 206 and told is not None and int(told[1]) == have


def _kept(out: IO[bytes]) -> str:
    return "What came is kept: run again to go on" if out.tell() else "Nothing came"


def _judge(card: WeightCard, part: Path, path: Path, advice: str) -> None:
    """Put the whole file in its place, or refuse it."""
    found, size = sha256_file(part), part.stat().st_size
    if not card.sha256:
        # Under the name that the next try with a card of this digest goes on from.
        part.replace(part.with_name(f".{found[:16]}-{path.name}.part"))
        raise WeightsError(
            f"{card.address} gave {size} bytes with sha256 {found}. The card of {card.id!r} knows "
            "no digest, so nobody says that this is the right file. Compare with what its makers "
            f"publish; if it is, put that sha256 into a card of your own ('datagen weights add "
            f"CARD') and run 'datagen weights pull {card.id}' again: it is not loaded twice"
        )
    if found != card.sha256:
        part.unlink()
        raise WeightsError(
            f"{card.address} gave a file of {size} bytes with sha256 {found}, the card says "
            f"{card.sha256}: refused and removed. {advice}"
        )
    part.replace(path)
