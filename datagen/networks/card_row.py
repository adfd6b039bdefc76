"""A weight card as a row of a list: what it permits, and where its file is."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.networks.check_card import permitted
from datagen.weights.store import WeightStore
from datagen.weights.whereabouts import is_pulled, whereabouts

__all__ = ["CardRow", "card_row"]


@dataclass(frozen=True, slots=True)
class CardRow:
    """A weight card in a list.

    Attributes:
        id: Its id.
        title: Its title.
        license: Its license.
        permits: What the images of its network may be used for, as a sentence.
        own: Whether it is the user's own card.
        path: Where its file is; ``None`` if it is not on this machine.
        size: Bytes of the file, as the card states them.
        pulled: Whether ``datagen weights pull`` gets the file.
        how: Where the file is, or how to get it, as a sentence.
    """

    id: str
    title: str
    license: str
    permits: str
    own: bool
    path: str | None
    size: int | None
    pulled: bool
    how: str

    @property
    def purposes(self) -> str:
        """What it permits, without the verb."""
        return self.permits.removeprefix("permits ")

    @property
    def brief(self) -> str:
        """Where the file is, in a few words."""
        size = f", {self.size / 1e6:.0f} MB" if self.size else ""
        where = "here" if self.path else f"{'pull' if self.pulled else 'by hand'}{size}"
        return f"{where}, your card" if self.own else where


def card_row(store: WeightStore, card_id: str) -> CardRow:
    """Return the row of a card.

    Raises:
        UserError: There is no such card, or it cannot be read.
    """
    card = store.card(card_id)
    path = store.find(card)
    return CardRow(
        id=card.id,
        title=card.title,
        license=card.license,
        permits=permitted(card),
        own=store.is_own(card_id),
        path=None if path is None else str(path),
        size=card.size,
        pulled=is_pulled(card),
        how=whereabouts(store, card),
    )
