"""Adding the user's own weight cards: checked, and copied into the store."""

from __future__ import annotations

from pathlib import Path

from datagen.core.files import write_atomically
from datagen.core.text import reason
from datagen.core.yaml_io import yaml_text
from datagen.errors import CardError
from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.catalog import shipped_weight_cards
from datagen.weights.store import WeightStore

__all__ = ["add_card"]


def add_card(store: WeightStore, path: Path, replace: bool = False) -> tuple[WeightCard, Path]:
    """Copy a card to ``cards/ID.yaml`` of the store, where it is found by its id.

    Args:
        store: The store to add it to.
        path: File of the card.
        replace: Replace an existing card of that id.

    Returns:
        The card, and the path of the copy.

    Raises:
        CardError: The card is wrong; it takes the id of a shipped card without adding anything
            to it; a card of that id exists; the folder cannot be written.
    """
    card = read_weight_card(path)
    if card.id in shipped_weight_cards() and card.permits is None and not card.sha256:
        raise CardError(
            f"{path}: id {card.id!r} is that of a shipped card, and this card states neither "
            "'permits' (with grounds) nor a sha256, so it would only hide the shipped one. State "
            "one of them, or choose another id",
            path=path,
            key="id",
        )
    place = store.cards_folder / f"{card.id}.yaml"
    if place.exists() and not replace:
        raise CardError(f"{place} already exists. Use --replace to replace it with {path}")
    try:
        write_atomically(place, yaml_text(path, CardError).encode())
    except OSError as error:
        raise CardError(
            f"{place} cannot be written: {reason(error)}. Point DATAGEN_WEIGHTS at a "
            "folder of yours"
        ) from None
    return card, place
