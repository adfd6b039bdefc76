"""Weight files on this machine: found by name, checked by size and digest, fetched when absent."""

from __future__ import annotations

import os
from pathlib import Path

from datagen.errors import WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.digest import digest_at, files_of, size_at
from datagen.weights.pull import pull_weights

__all__ = ["check_weights", "find_weights", "local_weights", "weights_digest", "weights_folder"]

_FOLDERS = ("insightface", "diffusers")
_FILES = ("onnx", "task")


def weights_folder() -> Path:
    """Return ``DATAGEN_WEIGHTS``, by default a folder of the user's cache."""
    named = os.environ.get("DATAGEN_WEIGHTS")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "datagen" / "weights"


def local_weights(card: WeightCard) -> Path | None:
    """Return where the card's file or folder lies on this machine; checks nothing.

    An insightface pack may also lie in ``models``, where the library itself unpacks it.
    """
    top = weights_folder()
    places = [top / card.file]
    if card.form == "insightface":
        places.insert(0, top / "models" / card.file)
    for place in places:
        # An empty folder holds no pack.
        if place.exists() and (card.form != "insightface" or files_of(card, place)):
            return place
    return None


def find_weights(card: WeightCard) -> Path:
    """Return the checked local file or folder of ``card``, downloading it first when it is absent.

    Raises:
        WeightsError: It is missing and cannot be had, is cut short, or its digest is another one;
            the message says which file, from where, and under which license.
    """
    path = local_weights(card)
    if path is None:
        return pull_weights(card, weights_folder())
    check_weights(card, path)
    return path


def weights_digest(card: WeightCard) -> str:
    """Return the sha256 of what lies on this machine for ``card``: see ``digest_at``.

    Raises:
        WeightsError: Nothing lies there; nothing is downloaded.
    """
    path = local_weights(card)
    if path is None:
        raise WeightsError(
            f"weight file {card.file!r} ({card.title}) is not in {weights_folder()}, so it has no "
            f"digest yet. 'datagen weights pull {card.id}' says how to get it"
        )
    return digest_at(card, path)


def check_weights(card: WeightCard, path: Path, fresh: bool = False) -> str:
    """Compare what lies at ``path`` with the card and return its digest.

    Args:
        card: What it must be.
        path: Of a file or folder that is there.
        fresh: Read everything again instead of trusting what was remembered.

    Raises:
        WeightsError: It is of another kind, size or digest than the card says.
    """
    kind = "folder" if path.is_dir() else "file"
    wanted = "folder" if card.form in _FOLDERS else "file" if card.form in _FILES else kind
    if kind != wanted:
        raise WeightsError(
            f"{path} is a {kind}; weights {card.id!r} of form {card.form!r} are a {wanted}. Move "
            f"it away and put the {wanted} there"
        )
    found = size_at(card, path)
    if card.size is not None and found != card.size:
        state = "is cut short" if found < card.size else "is too long"
        raise WeightsError(
            f"{path} {state}: {found} bytes, the card of {card.title} says {card.size}. "
            f"{_advice(card)}"
        )
    digest = digest_at(card, path, fresh)
    if card.sha256 and digest != card.sha256:
        raise WeightsError(
            f"{path} is not {card.title}: its sha256 is {digest}, the card says {card.sha256}. "
            f"{_advice(card)}"
        )
    return digest


def _advice(card: WeightCard) -> str:
    return (
        f"Remove it and run 'datagen weights pull {card.id}', or point DATAGEN_WEIGHTS at the "
        "right folder"
    )
