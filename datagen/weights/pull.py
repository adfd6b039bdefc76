"""Downloading missing weights, by address or from the hub; the result is checked."""

from __future__ import annotations

from pathlib import Path

from datagen.errors import WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.download import OnProgress, download
from datagen.weights.hub import download_repository

__all__ = ["can_be_pulled", "pull_weights"]


def can_be_pulled(card: WeightCard) -> bool:
    """Say whether the card has all that a checked download needs; does not use the network."""
    if card.form == "insightface":
        return False
    return bool(card.hub.revision) if card.hub is not None else bool(card.address and card.sha256)


def pull_weights(
    card: WeightCard, folder: Path, unseen: bool = False, on_progress: OnProgress | None = None
) -> Path:
    """Download the file or folder of a card into ``folder`` and return its path.

    Insightface packs are never downloaded: each user must accept their authors' terms.

    Args:
        card: Card of a missing file or folder.
        folder: Folder of the weight store.
        unseen: Also download a file whose digest is unknown, to report the digest; the file is
            refused all the same.
        on_progress: Called with the progress of a single file.

    Raises:
        WeightsError: It cannot be downloaded, or differs from the card.
    """
    start = (
        f"weight file {card.file!r} ({card.title}) is not in {folder} (DATAGEN_WEIGHTS names the "
        f"folder). License: {card.license}. "
    )
    if card.form == "insightface":
        raise WeightsError(
            f"{start}Model packs are not downloaded for you: read the terms at {card.homepage}, "
            f"get {card.file}.zip there and unpack it into {folder / 'models' / card.file}"
        )
    if card.hub is not None:
        if not card.hub.revision:
            raise WeightsError(
                f"{start}The card names the hub's repository {card.hub.repo} without a revision, "
                f"and a branch would change: download it into {folder / card.file} yourself, or "
                "state the commit under hub.revision in a card of your own"
            )
        return download_repository(card, folder / card.file, start)
    if not card.address:
        where = card.homepage or "its authors (the card names no homepage)"
        raise WeightsError(
            f"{start}It cannot be downloaded automatically: get it from {where} and put it at "
            f"{folder / card.file}"
        )
    if not card.sha256 and not unseen:
        raise WeightsError(
            f"{start}Its card has an address, {card.address}, but no sha256, so the file could "
            f"not be verified. 'datagen weights pull {card.id}' reports the digest of the file "
            "at that address, for a card of your own"
        )
    return download(card, folder / card.file, start, on_progress)
