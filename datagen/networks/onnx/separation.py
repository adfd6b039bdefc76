"""Proof that an embedder tells people apart: on drawn people, whose identity is certain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from datagen.core.arrays import Image
from datagen.errors import WeightsError
from datagen.faces.indexing.apart import different_people
from datagen.networks.onnx.identity import IdentityNetwork, face_input
from datagen.networks.onnx.session import Floats

__all__ = ["Separation", "check_separation", "separation_of"]

_PEOPLE, _EACH, _SIDE = 16, 2, 320
_SEED = 16
_LEAST_GAP = 0.15
_LEAST_RIGHT = 0.95


class Separation(NamedTuple):
    """Cosine similarities of faces of several people.

    Attributes:
        same: Mean of two images of one person.
        different: Mean of two people.
        right: Share of comparisons of a same with a different pair in which the same is nearer.
        apart: What one of a thousand pairs of different people reaches.
    """

    same: float
    different: float
    right: float
    apart: float


def separation_of(
    embed: Callable[[Sequence[Image]], Floats], network: IdentityNetwork
) -> Separation:
    """Return how an embedder separates drawn people.

    Args:
        embed: Embeds faces that ``face_input`` has taken.
        network: The embedder, for its input.
    """
    from datagen.sources.procedural.portrait import render

    faces, people = [], []
    for person in range(_PEOPLE):
        for take in range(_EACH):
            portrait = render(_SEED, person, take, _SIDE)
            faces.append(face_input(portrait.image, portrait.landmarks, network.contract))
            people.append(person)
    vectors, whose = embed(faces), np.array(people)
    upper = np.triu_indices(len(faces), 1)
    cosines = (vectors @ vectors.T)[upper]
    same = (whose[:, None] == whose[None])[upper]
    right = float(np.mean(cosines[same][:, None] > cosines[~same][None]))
    apart = different_people(vectors, people)
    assert apart is not None
    return Separation(float(cosines[same].mean()), float(cosines[~same].mean()), right, apart)


def check_separation(network: IdentityNetwork) -> str:
    """Return in words how an embedder separates people.

    Raises:
        WeightsError: It does not, as when its input has another range.
    """
    found = separation_of(network, network)
    words = (
        f"drawn people: same {found.same:.2f}, different {found.different:.2f}, told apart in "
        f"{found.right:.0%}"
    )
    if found.same - found.different < _LEAST_GAP or found.right < _LEAST_RIGHT:
        raise WeightsError(
            f"weight card {network.card_id!r}: the embedder does not tell people apart ({words}). "
            "Correct the card: 'values' is the range of its input, 'color' the order of its "
            "channels, 'template' or 'box' where the face lies"
        )
    return (
        f"{words}; on drawn people only 'nearer to' holds: one of a thousand pairs of different "
        f"ones reaches {found.apart:.2f}, on photographs {network.contract.match:.2f}"
    )
