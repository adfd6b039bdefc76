"""Making sure that every weight file of a run is on this machine."""

from __future__ import annotations

from collections.abc import Iterable

from datagen.core.progress import Progress
from datagen.errors import WeightsError, one_per_line
from datagen.weights.card import WeightCard
from datagen.weights.pull import can_be_pulled
from datagen.weights.store import WeightStore

__all__ = ["obtain_weights"]


def obtain_weights(
    store: WeightStore, cards: Iterable[WeightCard], progress: Progress
) -> dict[str, str]:
    """Return the digest of each weight file by card id; download what is missing.

    Args:
        store: Where the files are.
        cards: The cards of the files.
        progress: Shows which file is being fetched.

    Raises:
        WeightsError: Files that cannot be downloaded are missing (all are named, before anything
            is downloaded), a download failed, or a file is not the one its card names.
    """
    wanted = list(cards)
    problems = []
    for card in wanted:
        if store.find(card) is None and not can_be_pulled(card):
            try:
                store.fetch(card)
            except WeightsError as error:
                problems.append(str(error))
    if len(problems) > 1:
        head = f"{len(problems)} weight files must be put in place by hand:"
        raise WeightsError(one_per_line(head, problems))
    if problems:
        raise WeightsError(problems[0])
    found: dict[str, str] = {}
    for card in wanted:
        with progress.status(f"weights {card.id}"):
            store.fetch(card)
            found[card.id] = store.digest(card)
    return found
