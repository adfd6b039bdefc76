"""Any albumentations transform that does not move pixels."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import field_validator

from datagen.core.arrays import Image
from datagen.core.schema import Frozen
from datagen.core.text import near
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.albumentations_lazy import albumentations, checked

__all__ = ["AnyOptions", "AnyParams", "AnyTransform"]

_COMPOSITIONS = ("Compose", "OneOf", "RandomOrder", "Sequential", "SomeOf")
# Keys of a serialized ``Compose`` that concern boxes, points and further images.
_OF_TARGETS = {"bbox_params", "keypoint_params", "additional_targets", "is_check_shapes"}
_TRIAL = 64


class AnyOptions(Frozen):
    """Options of ``any``.

    Attributes:
        transform: Name of an albumentations class under ``name``, and its arguments, e.g.
            ``{name: CLAHE, clip_limit: [1, 4], p: 0.5}``, or the output of
            ``albumentations.to_dict``. ``p`` (0 to 1) defaults to 1. Compositions (``Compose``,
            ``OneOf``, ``SomeOf``, ``RandomOrder``, ``Sequential``) have a list ``transforms``.
    """

    transform: dict[str, Any]

    @field_validator("transform")
    @classmethod
    def _known(cls, transform: dict[str, Any]) -> dict[str, Any]:
        plain = _plain(transform)
        _try(_pipeline(plain))
        return plain


class AnyParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        transform: The transform, in the form ``{name: ..., p: ..., ...}``.
        seed: Seed of the random stream that the transform draws from when it is applied.
    """

    transform: dict[str, Any]
    seed: int


class AnyTransform(Degradation):
    """An albumentations transform, seeded so that all images of a pair are treated the same.

    It has no severities. Transforms that move pixels or remove parts of the image are refused,
    because masks and landmarks would no longer match.
    """

    name = "any"
    options = AnyOptions
    params = AnyParams
    levels = ()
    tints = True
    config: AnyOptions

    def __init__(self, config: AnyOptions) -> None:
        super().__init__(config)
        self._pipeline = _pipeline(config.transform)

    def sample(self, rng: np.random.Generator, shape: Shape) -> AnyParams:
        """Draw the seed."""
        return AnyParams(transform=self.config.transform, seed=int(rng.integers(2**53)))

    def apply(self, image: Image, params: AnyParams) -> Image:
        """Apply the transform to a copy of the image."""
        known = params.transform == self.config.transform
        pipeline = self._pipeline if known else _pipeline(params.transform)
        # One stream for all parts; ``set_random_seed`` would give each part the same numbers.
        pipeline.set_random_state(
            np.random.Generator(np.random.Philox(params.seed)), random.Random(params.seed)
        )
        return np.ascontiguousarray(pipeline(image=image.copy())["image"])

    def encoder(self, params: AnyParams) -> str:
        """Name albumentations and its version, which decides what a transform does."""
        return f"albumentations {albumentations().__version__}"


def _plain(node: object) -> dict[str, Any]:
    """Convert either form to ``{name, p, arguments...}`` with JSON-like values."""
    if not isinstance(node, Mapping):
        raise ValueError("must be a mapping such as {name: CLAHE, p: 1.0}")
    if "transform" in node and set(node) <= {"__version__", "transform"}:
        return _plain(node["transform"])
    rest = dict(node)
    name = rest.pop("__class_fullname__", None) or rest.pop("name", None)
    if not isinstance(name, str):
        raise ValueError("expected the name of an albumentations class under 'name'")
    name = name.rpartition(".")[2] if name.startswith("albumentations.") else name
    plain = {"name": name, "p": _chance(rest.pop("p", 1.0), name)}
    if name in _COMPOSITIONS:
        inner = rest.pop("transforms", None)
        if not isinstance(inner, list | tuple) or not inner:
            raise ValueError(f"transforms of {name}: must be a list")
        plain["transforms"] = [_plain(part) for part in inner]
        if name == "Compose":
            rest = {key: value for key, value in rest.items() if key not in _OF_TARGETS}
            if rest:
                found = ", ".join(rest)
                raise ValueError(
                    f"arguments of Compose: expected only 'transforms' and 'p', found {found}"
                )
    try:
        return plain | dict(json.loads(json.dumps(rest, allow_nan=False)))
    except (TypeError, ValueError):
        raise ValueError(f"arguments of {name}: expected values that JSON can represent") from None


def _chance(p: object, name: str) -> float:
    if isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1:
        raise ValueError(f"p of {name}: must be a number from 0 to 1, found {p!r}")
    return float(p)


def _built(plain: Mapping[str, Any]) -> Any:
    library = albumentations()
    arguments = {key: value for key, value in plain.items() if key != "name"}
    name, kind = plain["name"], getattr(library, plain["name"], None)
    if name in _COMPOSITIONS:
        parts = [_built(part) for part in arguments.pop("transforms")]
        if not any(part["p"] for part in plain["transforms"]):
            raise ValueError(f"transforms of {name}: must have at least one with p above 0")
        return checked(getattr(library, name), {**arguments, "transforms": parts})
    if not isinstance(kind, type) or not issubclass(kind, library.BasicTransform):
        known = [*_COMPOSITIONS, *_image_only(library)]
        raise ValueError(f"albumentations has no transform {name!r}.{near(name, known)}")
    if not issubclass(kind, library.ImageOnlyTransform):
        raise ValueError(
            f"transform {name} may move or remove pixels, so masks and landmarks would no longer "
            "match; use crop_pad, rotate or occlude instead"
        )
    return checked(kind, arguments)


def _image_only(library: Any) -> list[str]:
    found = ((name, getattr(library, name)) for name in dir(library))
    base = library.ImageOnlyTransform
    return [name for name, kind in found if isinstance(kind, type) and issubclass(kind, base)]


def _pipeline(plain: Mapping[str, Any]) -> Any:
    # Seeded, so that the initial state does not come from the system's entropy.
    return albumentations().Compose([_built(plain)], seed=0)


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, albumentations().BaseCompose):
        for part in node.transforms:
            yield from _leaves(part)
    else:
        yield node


def _try(pipeline: Any) -> None:
    """Run each part once: some need more than an image, or return something else."""
    image = np.full((_TRIAL, _TRIAL, 3), 128, np.uint8)
    for leaf in _leaves(pipeline):
        name = type(leaf).__name__
        try:
            out = leaf(image=image.copy(), force_apply=True)["image"]
        except Exception as problem:  # noqa: BLE001  whatever it raises, a recipe cannot use it
            detail = f"{type(problem).__name__} {problem}".strip()
            raise ValueError(f"transform {name} failed on an image: {detail}") from None
        if not isinstance(out, np.ndarray) or out.shape != image.shape or out.dtype != np.uint8:
            raise ValueError(f"transform {name} does not return an 8-bit image of the same size")
