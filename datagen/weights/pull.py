"""Getting weights that are not on this machine: by address or from the hub, checked at the end."""

from __future__ import annotations

from pathlib import Path

from datagen.errors import WeightsError
from datagen.weights.card import WeightCard
from datagen.weights.download import Tell, download
from datagen.weights.hub import download_repository

__all__ = ["can_be_pulled", "pull_weights"]


def can_be_pulled(card: WeightCard) -> bool:
    """Say whether the card names all that a checked download takes; asks nobody."""
    if card.form == "insightface":
        return False
    return bool(card.hub.revision) if card.hub is not None else bool(card.address and card.sha256)


def pull_weights(
    card: WeightCard, folder: Path, unseen: bool = False, tell: Tell | None = None
) -> Path:
    """Fetch what ``card`` names into ``folder`` and return where it lies.

    Insightface packs are never fetched: each user accepts their makers' terms.

    Args:
        card: Of a file or folder that is not there.
        folder: ``DATAGEN_WEIGHTS``.
        unseen: Fetch a file of which no digest is known too, to say its digest; it is refused all
            the same.
        tell: Hears of the progress of a single file.

    Raises:
        WeightsError: It cannot be had, or is not what the card says.
    """
    start = (
        f"weight file {card.file!r} ({card.title}) is not in {folder}. License: {card.license}. "
    )
    if card.form == "insightface":
        raise WeightsError(
            f"{start}A model pack is not downloaded for you: read its terms at {card.homepage}, "
            f"get {card.file}.zip there and unpack it into {folder / 'models' / card.file}"
        )
    if card.hub is not None:
        if not card.hub.revision:
            raise WeightsError(
                f"{start}The card names the hub's repository {card.hub.repo} without a revision, "
                f"and a branch would move: download it into {folder / card.file} yourself, or "
                "state the commit under hub.revision in a card of your own"
            )
        return download_repository(card, folder / card.file, start)
    if not card.address:
        where = card.homepage or "whoever made it (its card names no homepage)"
        raise WeightsError(
            f"{start}It has no public address: get it from {where} and put it at "
            f"{folder / card.file}"
        )
    if not card.sha256 and not unseen:
        raise WeightsError(
            f"{start}Its card has an address, {card.address}, and no sha256, so nobody could say "
            f"whether that gives the right file. 'datagen weights pull {card.id}' tells the "
            "digest of what lies there, for a card of your own"
        )
    return download(card, folder / card.file, start, tell)
