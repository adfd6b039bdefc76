"""Options and parameters of ``landmark_swap``."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, field_validator

from datagen.core.schema import Frozen

__all__ = ["BLENDS", "Blend", "Identity", "LandmarkSwapOptions", "LandmarkSwapParams", "Transfer"]

Blend: TypeAlias = Literal["alpha", "poisson", "pyramid"]
Identity: TypeAlias = Literal["varied", "clear", "strong"]
Transfer: TypeAlias = Literal["reinhard", "histogram", "covariance"]

BLENDS: dict[Blend, float] = {"alpha": 0.6, "poisson": 0.2, "pyramid": 0.2}
"""Blends with their relative frequencies."""


class LandmarkSwapOptions(Frozen):
    """Options of ``landmark_swap``.

    Attributes:
        blend: Blends that may be drawn; of all three, ``alpha`` three times as often as each of
            the others.
        identity: ``varied``: from the donor's face in full to a weak blend in the target's shape;
            ``clear``: at least half of the donor's inner geometry, with much of its own light;
            ``strong``: always all of it, at full weight and up to the hair.
    """

    blend: tuple[Blend, ...] = Field(tuple(BLENDS), min_length=1)
    identity: Identity = "clear"

    @field_validator("blend")
    @classmethod
    def _once(cls, blend: tuple[Blend, ...]) -> tuple[Blend, ...]:
        if len(set(blend)) < len(blend):
            raise ValueError("a blend is listed twice")
        return blend


class LandmarkSwapParams(Frozen):
    """Parameters of one fake.

    Attributes:
        lift: Height of the mask above each of the ten brow points, as a share of the forehead;
            < 0: it ends between brows and eyes, and the target's brows stay.
        feather: Width of the soft edge, as a share of the face's width.
        transfer: Statistics of the target's colors that are transferred.
        color: Strength of the color transfer, 0 to 1.
        light: Strength of the transfer of low-frequency light and shade, 0 to 1.
        ratio: Weight of the donor where the mask is full, 0 to 1.
        shape: Share of the donor's shape in brows, eyes, nose and mouth: 0 = the target's.
        mouth: ``warped``: the donor's, warped to ``shape``; ``donor``: in the donor's own shape,
            if only one of the two faces has its mouth open; ``target``: the target's teeth show
            between the donor's lips.
        eyes: ``target``: the target's eyes show between the donor's lids.
        warp: ``mesh``: affine in each triangle; ``thin_plate``: the smoothest map.
        blend: ``alpha``: alpha blending; ``poisson``: the donor's gradients with the target's
            colors along the rim; ``pyramid``: multi-band blending.
    """

    lift: list[float]
    feather: float
    transfer: Transfer
    color: float
    light: float
    ratio: float
    shape: float
    mouth: Literal["warped", "donor", "target"]
    eyes: Literal["donor", "target"]
    warp: Literal["mesh", "thin_plate"]
    blend: Blend
