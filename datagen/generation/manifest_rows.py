"""The manifest rows of a pair and the row of a reject."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datagen.core.arrays import Affine, Image, Landmarks
from datagen.core.digests import canonical_json, sha256_bytes
from datagen.core.phash import phash
from datagen.errors import ItemError
from datagen.faces.crop import face_box
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face
from datagen.generation.encoding import Encoding
from datagen.methods import Method
from datagen.planning import Item
from datagen.rights import Terms, combine

__all__ = ["Member", "PairFacts", "index_reject_row", "member_row", "reject_row"]

LABELS: Mapping[str, int] = {"real": 0, "control": 0, "fake": 1}


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What is the same for all members of a pair.

    Attributes:
        terms: Of the target, and of the donor where there is one.
        params: Of the method, JSON-like.
        attempt: Which draw was taken.
        degradation: Name of the damage; ``None``: the recipe has none.
        weights: Terms of the networks that made the fake, by ``id@sha256``.
        enhancer: The network that went over all members and its terms; ``None``: there is none.
    """

    item: Item
    method: Method
    params: Mapping[str, Any]
    attempt: int
    target: Face
    crop: FaceCrop
    matrix: Affine
    donor: Face | None
    terms: tuple[Terms, Terms | None]
    encoding: Encoding
    recipe_digest: str
    degradation: str | None
    weights: Mapping[str, Terms]
    enhancer: tuple[str, Terms] | None


@dataclass(frozen=True, slots=True)
class Member:
    """One image of a pair, encoded, with where its bytes lie in the tar.

    Attributes:
        landmarks: ``None``: nobody knows, nor does anybody know the pose.
        turn: By how many degrees the damage has turned it, > 0: clockwise.
    """

    kind: str
    image: Image
    landmarks: Landmarks | None
    data: bytes
    media_path: str
    media_offset: int
    turn: float
    measured: Mapping[str, Any]


def member_row(pair: PairFacts, member: Member) -> dict[str, Any]:
    """Return the manifest row of one image."""
    item, target, crop = pair.item, pair.target, pair.crop
    fake, marks = member.kind == "fake", member.landmarks
    donor = pair.donor if fake else None
    networks = dict(pair.weights) if fake else {}
    if pair.enhancer is not None:
        networks |= [pair.enhancer]
    own, lent = pair.terms
    parts = [own, *([lent] if fake and lent is not None else []), *networks.values()]
    terms = combine(parts) if len(parts) > 1 else own
    return {
        "sample_id": f"{item.pair_id}-{member.kind}",
        "pair_id": item.pair_id,
        "kind": member.kind,
        "label": LABELS[member.kind],
        "split": item.split,
        "media_path": member.media_path,
        "media_offset": member.media_offset,
        "media_size": len(member.data),
        "media_type": pair.encoding.media_type,
        "width": member.image.shape[1],
        "height": member.image.shape[0],
        "sha256": sha256_bytes(member.data),
        "phash": phash(member.image),
        "source": target.source,
        "image_id": target.face_id,
        "identity_id": crop.identity,
        "source_sha256": target.sha256,
        "crop": [float(value) for value in pair.matrix.ravel()],
        "donor_image_id": donor.face_id if donor else None,
        "donor_identity_id": f"{donor.source}/{donor.identity}" if donor else None,
        "method": pair.method.name,
        "method_version": pair.method.version,
        "family": pair.method.family,
        "method_params": canonical_json(dict(pair.params)),
        "weights": list(networks),
        "degradation": pair.degradation,
        "severity": item.severity,
        "enhancer": pair.enhancer[0] if pair.enhancer else None,
        "encoder": canonical_json(pair.encoding.record()),
        "recipe_digest": pair.recipe_digest,
        "item": item.number,
        "base_id": item.base_id,
        "attempt": pair.attempt,
        "box": None if marks is None else face_box(marks).tolist(),
        "landmarks": None if marks is None else marks.ravel().tolist(),
        "age": target.age,
        "sex": target.sex,
        "ethnicity": target.ethnicity,
        "yaw": None if marks is None else _known(crop.yaw),
        "pitch": None if marks is None else _known(crop.pitch),
        "roll": None if marks is None else _known(crop.roll + member.turn),
        "licenses": list(terms.licenses),
        "purposes": terms.purposes(),
        "attribution": list(terms.attribution),
        **member.measured,
    }


def _known(angle: float) -> float | None:
    return None if math.isnan(angle) else math.remainder(angle, 360.0)


def reject_row(
    item: Item,
    method: str,
    degradation: str | None,
    target: Face,
    donor: Face | None,
    error: ItemError,
) -> dict[str, Any]:
    """Return the row of a planned pair that was not made."""
    return {
        "stage": "item",
        "code": error.code,
        "detail": error.detail,
        "source": target.source,
        "image_id": target.face_id,
        "pair_id": item.pair_id,
        "split": item.split,
        "item": item.number,
        "method": method,
        "degradation": degradation,
        "donor_image_id": donor.face_id if donor else None,
    }


def index_reject_row(source: str, image_id: str, code: str, detail: str) -> dict[str, Any]:
    """Return the row of an image or face that the index refused."""
    return {
        "stage": "index",
        "code": code,
        "detail": detail,
        "source": source,
        "image_id": image_id,
    }
