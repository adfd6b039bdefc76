"""Where a weight file is, or how to get it; and which other cards it needs."""

from __future__ import annotations

from datagen.weights.card import WeightCard
from datagen.weights.store import WeightStore

__all__ = ["is_pulled", "needed_cards", "whereabouts"]


def whereabouts(store: WeightStore, card: WeightCard) -> str:
    """Return in one line where the files of a card are, or how to get them."""
    path = store.find(card)
    if path is not None:
        return f"here: {path}"
    size = f" ({card.size / 1e6:.0f} MB)" if card.size else ""
    if card.hub is not None and card.hub.revision:
        return f"not here: 'datagen weights pull {card.id}' gets {card.hub.repo} from the hub"
    if card.address and card.form != "insightface":
        pull = f"'datagen weights pull {card.id}'"
        if card.sha256:
            return f"not here: {pull} gets {card.address}{size}"
        return (
            f"not here: get it from {card.address}{size}; its card has no digest: {pull} shows it, "
            "for a card of your own"
        )
    place = store.folder / card.file
    return f"not here: get it from {card.homepage or 'its authors'}{size} and put it at {place}"


def is_pulled(card: WeightCard) -> bool:
    """Say whether ``datagen weights pull`` gets the files of a card and checks them."""
    if card.hub is not None and card.hub.revision:
        return True
    return bool(card.address and card.form != "insightface" and card.sha256)


def needed_cards(card: WeightCard) -> list[str]:
    """Return the ids of the other cards whose networks a card's network needs."""
    network = card.network
    return (
        [] if network is None else [name for name in (network.embedder, network.converter) if name]
    )
