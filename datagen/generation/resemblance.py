"""Whom a fake resembles: its target or its donor, by an embedder."""

from __future__ import annotations

from typing import NamedTuple

from datagen.core.rounding import rounded
from datagen.methods import Context, Result
from datagen.networks.onnx.identity import cosine, open_identity

__all__ = ["Resembles", "resembles"]


class Resembles(NamedTuple):
    """Cosine similarities of a fake's face.

    Attributes:
        target: To the target's; ``None`` if it is unknown where the fake's face lies.
        donor: To the donor's; ``None`` without a donor as well.
    """

    target: float | None
    donor: float | None


def resembles(card_id: str, ctx: Context, result: Result) -> Resembles:
    """Compare a fake with the crops that it was made from.

    Args:
        card_id: Id of the weight card of an embedder.
        ctx: Target and donor.
        result: The fake.

    Raises:
        ItemError: The embedder fails on a face.
    """
    if not result.placed:
        return Resembles(None, None)
    network = open_identity(card_id)
    made = network.face(result.image, result.landmarks)
    faces = [
        None if face is None else network.face(face.image, face.landmarks)
        for face in (ctx.target, ctx.donor)
    ]
    target, donor = (None if face is None else rounded(cosine(made, face)) for face in faces)
    return Resembles(target, donor)
