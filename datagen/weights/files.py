"""Weight files on this machine: found by name, checked by digest, fetched when absent."""

from __future__ import annotations

import http.client
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

from datagen.errors import WeightsError
from datagen.hashing import sha256_file
from datagen.weights.card import WeightCard

__all__ = ["find_weights", "weights_folder"]

_SECONDS = 60


def weights_folder() -> Path:
    """Return ``DATAGEN_WEIGHTS``, by default a folder of the user's cache."""
    named = os.environ.get("DATAGEN_WEIGHTS")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "datagen" / "weights"


def find_weights(card: WeightCard) -> Path:
    """Return the checked local file of ``card``, downloading it first when it is absent.

    Raises:
        WeightsError: It is missing and cannot be had, or its digest is another one; the message
            says which file, from where, and under which licence.
    """
    path = weights_folder() / card.file
    if not path.exists():
        _download(card, path)
    elif card.sha256 and (found := sha256_file(path)) != card.sha256:
        raise WeightsError(
            f"{path} is not {card.title}: its sha256 is {found}, the card says {card.sha256}. "
            "Remove the file, or point DATAGEN_WEIGHTS at the right folder"
        )
    return path


def _download(card: WeightCard, path: Path) -> None:
    advice = (
        f"weight file {card.file!r} ({card.title}) is not in {path.parent}. "
        f"Licence: {card.licence}. "
    )
    if not card.address:
        raise WeightsError(f"{advice}It has no public address: get it from {card.homepage}")
    advice += f"Get it from {card.address} (sha256 {card.sha256}) and put it there"
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as out:
            partial = Path(out.name)
            with urllib.request.urlopen(card.address, timeout=_SECONDS) as answer:  # noqa: S310
                shutil.copyfileobj(answer, out)
        found = sha256_file(partial)
        if found != card.sha256:
            raise WeightsError(
                f"{card.address} gave a file with sha256 {found}, the card says {card.sha256}: "
                f"refused and removed. {advice}"
            )
        partial.replace(path)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise WeightsError(f"{advice}. The download failed: {error}") from None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
