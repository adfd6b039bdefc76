"""The user's own weight cards: checked, and laid beside the files they describe."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from datagen.errors import CardError
from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.catalog import own_cards_folder, shipped_weight_cards

__all__ = ["add_card"]


def add_card(path: Path, replace: bool = False) -> tuple[WeightCard, Path]:
    """Copy a card to ``cards/ID.yaml`` under ``DATAGEN_WEIGHTS``, where it is found by its id.

    Args:
        path: The card.
        replace: Take the place of one that is there.

    Returns:
        The card, and where it lies now.

    Raises:
        CardError: It is wrong; it takes the id of a card that ships without adding anything to
            it; one of that id is there already; the folder cannot be written.
    """
    card = read_weight_card(path)
    if card.id in shipped_weight_cards() and card.permits is None and not card.sha256:
        raise CardError(
            f"{path}: id {card.id!r} is that of a card that ships, and this one states neither "
            "'permits' (with grounds) nor a sha256, so it would only hide ours. State one of "
            "them, or choose another id"
        )
    place = own_cards_folder() / f"{card.id}.yaml"
    if place.exists() and not replace:
        raise CardError(f"{place} is there already. Say --replace to put {path} in its place")
    try:
        content = path.read_bytes()
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as out:
            out.write(content)
        os.chmod(out.name, 0o644)
        os.replace(out.name, place)
    except OSError as error:
        raise CardError(
            f"{place} cannot be written: {error}. Point DATAGEN_WEIGHTS at a folder of yours"
        ) from None
    return card, place
