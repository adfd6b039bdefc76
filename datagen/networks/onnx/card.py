"""Weight cards of ONNX networks: a network and those it depends on."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from datagen.errors import CardError
from datagen.weights import Network
from datagen.weights.io_contract import FaceInput, Task
from datagen.weights.store import WeightStore, weight_store

__all__ = ["face_of", "load_contract", "weight_closure"]


def load_contract(card_id: str, tasks: Sequence[Task]) -> Network:
    """Return the contract of a card whose network has one of ``tasks``.

    Raises:
        CardError: The card is missing, has no contract, or has another task.
    """
    network = _contract(card_id, weight_store())
    if network.task not in tasks:
        wanted = " or ".join(repr(task) for task in tasks)
        raise CardError(
            f"weight card {card_id!r}: network.task is {network.task!r}, expected {wanted}. Name "
            "another card ('datagen weights list' shows all)"
        )
    return network


def face_of(network: Network) -> FaceInput:
    """Return the format of the aligned face, which every contract but a converter's has."""
    assert network.face is not None
    return network.face


def weight_closure(card_id: str, tasks: Sequence[Task]) -> tuple[str, ...]:
    """Return the ids of a card and, if it has them, of its embedder and its converter.

    Raises:
        CardError: One of them is missing or has another task.
    """
    network = load_contract(card_id, tasks)
    ids = [card_id]
    for other, task in _dependencies(network):
        load_contract(other, [task])
        ids.append(other)
    return tuple(ids)


def _dependencies(network: Network) -> list[tuple[str, Task]]:
    both: list[tuple[str, Task]] = [(network.embedder, "embed"), (network.converter, "convert")]
    return [(other, task) for other, task in both if other]


# Cached, because a worker asks for it for every face.
@functools.lru_cache(maxsize=64)
def _contract(card_id: str, store: WeightStore) -> Network:
    card = store.card(card_id)
    if card.network is None:
        raise CardError(
            f"weight card {card_id!r} (form {card.form!r}) has no 'network' section, which "
            "describes the input. Write a card of your own with that key, and add it with "
            "'datagen weights add CARD'"
        )
    return card.network
