"""What the cards of ONNX networks say together: a network and those that it leans on."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from datagen.errors import CardError
from datagen.weights import Network
from datagen.weights.io_contract import FaceInput, Task
from datagen.weights.store import WeightStore, weight_store

__all__ = ["face_of", "load_contract", "weight_closure"]


def load_contract(card_id: str, tasks: Sequence[Task]) -> Network:
    """Return the contract of a card whose network does one of ``tasks``.

    Raises:
        CardError: No such card, one without a contract, or one for something else.
    """
    network = _contract(card_id, weight_store())
    if network.task not in tasks:
        wanted = " or ".join(repr(task) for task in tasks)
        raise CardError(
            f"weight card {card_id!r}: network.task is {network.task!r}, wanted {wanted}. Name "
            "another card ('datagen weights list' shows all)"
        )
    return network


def face_of(network: Network) -> FaceInput:
    """Return how the aligned face goes in; every contract but a converter's has it."""
    assert network.face is not None
    return network.face


def weight_closure(card_id: str, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Return the id of a card, of its embedder and of its converter, as far as it has them.

    Raises:
        CardError: One of them is missing, or its network does something else.
    """
    network = load_contract(card_id, tasks)
    ids = [card_id]
    for other, task in _leans_on(network):
        load_contract(other, [task])
        ids.append(other)
    return tuple(ids)


def _leans_on(network: Network) -> list[tuple[str, Task]]:
    both: list[tuple[str, Task]] = [(network.embedder, "embed"), (network.converter, "convert")]
    return [(other, task) for other, task in both if other]


# A worker asks for every face; the folder is part of the key because the environment names it.
@functools.lru_cache(maxsize=64)
def _contract(card_id: str, store: WeightStore) -> Network:
    card = store.card(card_id)
    if card.network is None:
        raise CardError(
            f"weight card {card_id!r} (form {card.form!r}) has no 'network': it does not say how "
            "a face goes in. Write your own card with that key, and add it with 'datagen weights "
            "add CARD'"
        )
    return card.network
