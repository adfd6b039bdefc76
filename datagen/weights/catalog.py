"""The weight cards that ship with the package."""

from __future__ import annotations

from pathlib import Path

from datagen.weights.card import WeightCard, read_weight_card

__all__ = ["read_shipped_card", "shipped_card_path", "shipped_weight_cards"]

_FOLDER = Path(__file__).parent / "cards"


def shipped_weight_cards() -> list[str]:
    """Return the ids of the shipped cards."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def shipped_card_path(card_id: str) -> Path:
    """Return the path that a shipped card of that id has, or would have."""
    return _FOLDER / f"{card_id}.yaml"


def read_shipped_card(card_id: str) -> WeightCard:
    """Return the shipped card of that id, whatever the user's own card says."""
    return read_weight_card(shipped_card_path(card_id))
