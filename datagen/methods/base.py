"""The method contract: draw every random choice first, then apply without randomness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np

from datagen.core.arrays import Image, Landmarks, Mask
from datagen.core.schema import Frozen, parse
from datagen.engine.resources import Resources
from datagen.errors import RecipeError
from datagen.faces.face import FaceCrop

__all__ = ["Context", "Family", "Method", "NoOptions", "Params", "Result"]

Family: TypeAlias = Literal[
    "pseudo_fake",
    "face_swap",
    "reenactment",
    "attribute_edit",
    "morph",
    "reconstruction",
    "synthesis",
]

Params: TypeAlias = Frozen
"""Values drawn for one pair; the manifest stores them as JSON, and they make the image again."""


class NoOptions(Frozen):
    """Options model of a method without options."""


@dataclass(frozen=True, slots=True)
class Context:
    """Input of a method: crops at the released size, with read-only arrays.

    Attributes:
        target: The face to manipulate.
        donor: The face whose identity or part is transferred; ``None`` unless the method
            declares ``needs_donor``.
    """

    target: FaceCrop
    donor: FaceCrop | None = None

    def need_donor(self) -> FaceCrop:
        """Return the donor of a method that declares ``needs_donor``.

        Raises:
            ValueError: There is no donor.
        """
        if self.donor is None:
            raise ValueError("this method needs a donor, but the context has none")
        return self.donor


@dataclass(frozen=True, slots=True)
class Result:
    """A fake with its truth.

    Attributes:
        image: The fake, ``(height, width, 3)`` uint8 with the target's shape.
        mask: Where and how strongly the fake replaces the real, ``(height, width)`` uint8; where
            it is 0 the two are equal bit for bit.
        landmarks: The 68 points of the fake's face, ``(68, 2)`` float32 in pixels.
        real: The pair's real image, if the method alters that side too (as self-blending may);
            ``None`` means the untouched target. The fake equals this image outside the mask.
        placed: Whether ``landmarks`` are the position of the fake's face. False for a face that
            is entirely synthesized, whose position is unknown; its manifest row then has no
            landmarks, box and pose.
    """

    image: Image
    mask: Mask
    landmarks: Landmarks
    real: Image | None = None
    placed: bool = True


class Method(ABC):
    """One manipulation.

    Only ``sample`` receives a random generator. ``apply`` and ``control`` are pure functions of
    the context and the params: same arguments, same bytes. A method that breaks this contract at
    run time ends the run with a ``ContractError``.

    Attributes:
        name: Name in recipes and manifests.
        version: Version of the output; raised by one whenever the bytes of a fake change.
        family: Kind of manipulation.
        options: Model of the additional keys of the method's entry in a recipe.
        params: Model of the values that ``sample`` returns.
        needs_donor: Whether the plan must choose a donor.
        needs_mesh: Whether the face analyzer must provide the 478-point mesh.
        has_control: Whether the method implements ``control``.
        min_change: Smallest accepted visible change, in 8-bit intensity levels averaged under
            the mask; if a fake changes less, its params are drawn again.
        min_control_psnr: Smallest accepted PSNR of a control inside the mask, in dB. Lower it for
            a network whose resolution loses more: the control must show that loss.
        paper: Authors, year and title of the paper that the method follows.
        learned: Whether the method needs weight files; its options then name their cards.
        added_options: Options that came after the others, with the value at which the method
            makes what it made before: there they don't count in the digest of a recipe.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    family: ClassVar[Family]
    options: ClassVar[type[Frozen]] = NoOptions
    params: ClassVar[type[Frozen]]
    needs_donor: ClassVar[bool] = False
    needs_mesh: ClassVar[bool] = False
    has_control: ClassVar[bool] = True
    min_change: ClassVar[float]
    min_control_psnr: ClassVar[float] = 30.0
    paper: ClassVar[str] = ""
    learned: ClassVar[bool] = False
    added_options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, config: Frozen) -> None:
        self.config = config

    def weight_ids(self) -> tuple[str, ...]:
        """Return the ids of the weight cards of the fake, without duplicates; reads no file."""
        return ()

    def donor_identities(self) -> frozenset[str] | None:
        """Return the allowed donors as ``source/identity``; ``None`` allows all."""
        return None

    def enhancer_id(self) -> str | None:
        """Return the id of the card whose network processes all images of the pair, if any."""
        return None

    def resources(self) -> Resources:
        """Return the resources that one worker needs for the method."""
        return Resources()

    @classmethod
    def build(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Build the method from the additional keys of its entry in a recipe.

        Args:
            options: The keys and their values.
            where: Dotted key of the entry, for messages.

        Raises:
            RecipeError: A key is unknown or a value is out of range.
        """
        label = f"options of method {cls.name!r}"
        return cls(parse(cls.options, dict(options), label, RecipeError, prefix=where))

    @abstractmethod
    def sample(self, rng: np.random.Generator, ctx: Context) -> Params:
        """Draw the params of one pair.

        Args:
            rng: Random generator of this pair and attempt.
            ctx: Target and donor; the only other input.

        Raises:
            ItemError: The face cannot be manipulated; becomes a row of ``rejects/``.
        """

    @abstractmethod
    def apply(self, ctx: Context, params: Any) -> Result:
        """Make the fake.

        Args:
            ctx: Target and donor.
            params: Return value of ``sample``.

        Raises:
            ItemError: The face cannot be manipulated; becomes a row of ``rejects/``.
        """

    def control(self, ctx: Context, params: Any) -> Image:
        """Process the target's own content like a fake, without the manipulation.

        Args:
            ctx: Target and donor.
            params: Return value of ``sample``.

        Returns:
            An image of the target's shape. It equals the pair's real outside the mask of
            ``apply``; inside, it differs by resampling only, see ``min_control_psnr``.
        """
        raise NotImplementedError(
            f"method {self.name!r} declares has_control, but does not implement 'control'"
        )
