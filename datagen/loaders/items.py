"""One item of a loader: an image with its label and facts, and what else was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.arguments import text_or_texts
from datagen.core.arrays import Image, Mask
from datagen.core.text import near
from datagen.errors import ReleaseError, UserError
from datagen.faces.forehead import landmarks_81
from datagen.release.pixels import decoded, original_bytes

__all__ = [
    "FIELDS",
    "KINDS",
    "Transform",
    "build_item",
    "checked_image",
    "checked_kinds",
    "checked_names",
    "checked_transform",
    "media_of",
    "needed",
]

KINDS = ("real", "fake", "control")
FIELDS = ("mask", "boundary", "landmarks", "landmarks_81", "other", "control")
"""What an item has only on request."""

Transform = Callable[[dict[str, Any]], Any]
"""What is applied to each item; the loader returns what it returns."""

_TEXTS = (
    *("release_id", "sample_id", "pair_id", "split", "kind", "identity_id"),
    *("method", "family", "degradation"),
)
_NUMBERS = ("label", "severity")


def checked_names(given: object, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return some of the allowed names, in their order.

    Args:
        given: One name or several.
        name: Name of the argument.
        allowed: The names.

    Raises:
        UserError: There is another one.
    """
    asked = text_or_texts(given, name)
    for one in asked:
        if one not in allowed:
            raise UserError(
                f"{name}: there is no {one!r}.{near(one, allowed)} Allowed: {', '.join(allowed)}",
                key=name,
            )
    return tuple(one for one in allowed if one in asked)


def checked_kinds(given: object) -> tuple[str, ...]:
    """Return kinds of image, at least one, in their order.

    Raises:
        UserError: There is no such kind, or none is named.
    """
    kinds = checked_names(given, "kinds", KINDS)
    if not kinds:
        raise UserError(f"kinds: name at least one of {', '.join(KINDS)}", key="kinds")
    return kinds


def checked_transform(given: Any) -> Transform | None:
    """Return what is applied to each item.

    Raises:
        UserError: It is neither a function nor ``None``.
    """
    if given is not None and not callable(given):
        raise UserError("transform: must be a function of an item, or None", key="transform")
    transform: Transform | None = given
    return transform


def needed(kind: str, fields: Sequence[str]) -> list[str]:
    """Return what must be decoded for an item: kinds of image, and ``mask``.

    Args:
        kind: Kind of the item's image.
        fields: What was asked for.
    """
    found = [kind]
    if kind == "fake" and ("mask" in fields or "boundary" in fields):
        found.append("mask")
    if "other" in fields:
        found.append(_other(kind))
    if "control" in fields and kind != "control":
        found.append("control")
    return found


def checked_image(data: bytes, row: Mapping[str, Any]) -> Image:
    """Return the decoded image of a row, after its bytes were compared with its digest.

    Args:
        data: The encoded image.
        row: ``sample_id``, ``sha256``, ``media_type``, ``width`` and ``height``.

    Raises:
        ReleaseError: They are other bytes than the release was made with.
    """
    return decoded(original_bytes(data, row), row)


def build_item(
    facts: Mapping[str, Any],
    fields: Sequence[str],
    decode: Callable[[str], npt.NDArray[np.uint8] | None],
) -> dict[str, Any]:
    """Return an item. No value is missing, so that items can be stacked into a batch.

    Args:
        facts: The row of its image; ``None`` where something is absent.
        fields: What was asked for.
        decode: Returns what ``needed`` names; ``None``: there is no control.
    """
    item = media_of(facts, fields, decode, "image")
    points = _points(facts.get("landmarks"))
    item |= {"landmarks": points} if "landmarks" in fields else {}
    item |= {"landmarks_81": landmarks_81(points)} if "landmarks_81" in fields else {}
    return item


def media_of(
    facts: Mapping[str, Any],
    fields: Sequence[str],
    decode: Callable[[str], npt.NDArray[np.uint8] | None],
    name: str,
) -> dict[str, Any]:
    """Return the facts of an item, and what of it is decoded.

    Args:
        facts: See ``build_item``.
        fields: See ``build_item``.
        decode: See ``build_item``.
        name: Key of the image or clip.
    """
    kind = str(facts["kind"])
    image = decode(kind)
    if image is None:
        raise ReleaseError(f"{facts['sample_id']}: the {name} is missing", row=facts["sample_id"])
    item: dict[str, Any] = {name: image}
    item |= {name: int(-1 if facts[name] is None else facts[name]) for name in _NUMBERS}
    item |= {name: "" if facts[name] is None else str(facts[name]) for name in _TEXTS}
    if "mask" in fields or "boundary" in fields:
        mask = decode("mask") if kind == "fake" else None
        mask = np.zeros(image.shape[:-1], np.uint8) if mask is None else mask
        item |= {"mask": mask} if "mask" in fields else {}
        item |= {"boundary": _boundary(mask)} if "boundary" in fields else {}
    if "other" in fields:
        item["other"] = decode(_other(kind))
    if "control" in fields:
        control = image.copy() if kind == "control" else decode("control")
        item["control"] = np.zeros_like(image) if control is None else control
        item["has_control"] = control is not None
    return item


def _other(kind: str) -> str:
    return "real" if kind == "fake" else "fake"


def _boundary(mask: Mask) -> npt.NDArray[np.float32]:
    """Return ``4 m (1 - m)``: 1 where half of a pixel was replaced (Li et al., CVPR 2020)."""
    weight = mask.astype(np.float32) / np.float32(255)
    return np.asarray(4 * weight * (1 - weight), np.float32)


def _points(values: Any) -> npt.NDArray[np.float32]:
    """Return landmarks rounded to a hundredth of a pixel, as the JSON members of tars have them."""
    if values is None:
        return np.full((68, 2), np.nan, np.float32)
    exact = np.asarray(values, np.float64)
    return np.round(exact, 2).astype(np.float32).reshape(68, 2)
