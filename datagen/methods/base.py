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
"""What was drawn for one pair; goes to the manifest as JSON and makes the image again."""


class NoOptions(Frozen):
    """Options of a method that has none."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a method may look at: the target and, when the method wants one, the donor.

    Both are crops at the released size; neither may be written to.
    """

    target: FaceCrop
    donor: FaceCrop | None = None

    def need_donor(self) -> FaceCrop:
        """Return the donor of a method that declares ``needs_donor``."""
        if self.donor is None:
            raise ValueError("this method needs a donor and the plan gave none")
        return self.donor


@dataclass(frozen=True, slots=True)
class Result:
    """A fake with its truth.

    Attributes:
        image: The fake, of the target's shape.
        mask: Where and how strongly the target was replaced; 0 means equal bit for bit.
        landmarks: The fake's own 68 points.
        real: The target as the pair's real member, when the method alters that side too
            (as self-blending may); ``None`` means the untouched crop. The fake equals *this*
            outside the mask.
        placed: Whether ``landmarks`` say where the fake's face lies. Of a face that is wholly made
            up nobody knows it; then they are left out of its row, with box and pose.
    """

    image: Image
    mask: Mask
    landmarks: Landmarks
    real: Image | None = None
    placed: bool = True


class Method(ABC):
    """One manipulation.

    ``sample`` is the only place that sees a generator. ``apply`` and ``control`` are pure
    functions of the context and the params: same arguments, same bytes.

    Attributes:
        name: Its name in recipes and manifests.
        version: Raised by one whenever the bytes of a fake change.
        family: What kind of manipulation it is.
        options: Model of the extra keys of its entry in a recipe.
        params: Model of what ``sample`` returns.
        needs_donor: Whether the plan must choose a donor.
        needs_mesh: Whether the analyzer must give the 478-point mesh.
        has_control: Whether ``control`` exists for this family.
        min_change: Smallest visible change, in gray levels averaged under the mask; a fake
            below it is drawn again.
        min_control_psnr: Decibels inside the mask below which a control is a bug. Lower where the
            network's own size loses more: a control must show that loss.
        paper: Authors, year and title of what it follows.
        learned: Whether it needs files of weights; its options then name their cards.
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

    def __init__(self, config: Frozen) -> None:
        self.config = config

    def weight_ids(self) -> tuple[str, ...]:
        """Return the ids of the weight cards that make the fake, each once; reads no file."""
        return ()

    def donor_identities(self) -> frozenset[str] | None:
        """Return who may lend, as ``source/identity``; ``None``: anybody."""
        return None

    def enhancer_id(self) -> str | None:
        """Return the id of the card whose network goes over all members of the pair."""
        return None

    def resources(self) -> Resources:
        """Return what one worker must keep free for it."""
        return Resources()

    @classmethod
    def build(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Make the method from the extra keys of its entry; an unknown key is an error."""
        label = f"options of method {cls.name!r}"
        return cls(parse(cls.options, dict(options), label, RecipeError, prefix=where))

    @abstractmethod
    def sample(self, rng: np.random.Generator, ctx: Context) -> Params:
        """Draw the params of one pair; may look at the context, never at anything else."""

    @abstractmethod
    def apply(self, ctx: Context, params: Any) -> Result:
        """Make the fake.

        Raises:
            ItemError: The face cannot be manipulated; becomes a row of ``rejects/``.
        """

    def control(self, ctx: Context, params: Any) -> Image:
        """Send the target's own content through the same path without the manipulation.

        Returns:
            An image of the target's shape that equals the pair's real outside the mask of
            ``apply`` and differs from it by resampling alone inside: ``min_control_psnr``.
        """
        raise NotImplementedError(f"method {self.name!r} says has_control but has none")
