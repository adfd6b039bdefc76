"""The cards that ship and those of the user; the user's card of an id stands before ours."""

from __future__ import annotations

from pathlib import Path

from datagen.core.text import near
from datagen.errors import CardError
from datagen.weights.card import WeightCard, read_weight_card
from datagen.weights.store import weights_folder

__all__ = [
    "known_weight_cards",
    "load_weight_card",
    "own_cards_folder",
    "read_shipped_card",
    "shipped_weight_cards",
]

_FOLDER = Path(__file__).parent / "cards"


def own_cards_folder() -> Path:
    """Return where the user's cards lie: ``cards`` under ``DATAGEN_WEIGHTS``."""
    return weights_folder() / "cards"


def shipped_weight_cards() -> list[str]:
    """Return the ids of the cards that the package ships."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def read_shipped_card(card_id: str) -> WeightCard:
    """Return the card of that id that the package ships, whatever the user's own says."""
    return read_weight_card(_FOLDER / f"{card_id}.yaml")


def known_weight_cards() -> list[str]:
    """Return the ids of all cards, shipped and the user's own."""
    own = (path.stem for path in own_cards_folder().glob("*.yaml"))
    return sorted({*shipped_weight_cards(), *own})


def load_weight_card(card_id: str) -> WeightCard:
    """Read a card by its id.

    Raises:
        CardError: No card of that id (with the near ones), or a wrong one.
    """
    for folder in (own_cards_folder(), _FOLDER):
        path = folder / f"{card_id}.yaml"
        if path.exists():
            card = read_weight_card(path)
            if card.id != card_id:
                raise CardError(f"{path}: id is {card.id!r}, the file's name says {card_id!r}")
            return card
    hint = near(card_id, known_weight_cards())
    raise CardError(
        f"no weight card {card_id!r}.{hint} 'datagen weights list' shows all; 'datagen weights add "
        "CARD' adds your own"
    )
