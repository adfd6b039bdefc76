"""The rule of each column of the manifest: what a row may hold, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping

from datagen.core.media import SUFFIXES
from datagen.release.grammar import Between, Items, Json, OneOf, Rule, Text
from datagen.release.names import RELEASE_ID, SPLITS, TAR

__all__ = [
    "KINDS",
    "MAX_IMAGE_BYTES",
    "MAX_SIDE",
    "MAX_TAR_BYTES",
    "REJECT_RULES",
    "RULES",
]

KINDS: Mapping[str, int] = {"real": 0, "control": 0, "fake": 1}
"""Label by kind of image."""

MAX_SIDE = 8192
"""Most pixels of an image's side: four times what a recipe can ask for; decoded, 200 MB."""

MAX_IMAGE_BYTES = 256 << 20
"""Most bytes of an encoded image: more than the pixels of the largest one, not encoded."""

MAX_TAR_BYTES = 64 << 30
"""Most bytes of a shard's media: ten thousand of its largest lossless images."""

_FAMILIES = (
    *("pseudo_fake", "face_swap", "reenactment", "attribute_edit", "morph", "reconstruction"),
    "synthesis",
)
_PURPOSES = ("research", "commercial", "redistribute")
_FAR = 1e6  # pixels: a face may lie outside of its crop, but not that far
_MAX_NUMBER = 2**40

_ID = Text(128, "[A-Za-z0-9_-]+", "letters, digits, '_' and '-'")
_TAR = Text(160, TAR, "such as media/quickstart-v1-train-000000.tar")
_SHA256 = Text(64, "[0-9a-f]{64}", "64 hex digits", 64)
# Ids of images and identities are names of others: any letters, and no file is named after them.
_NAME = Text(128, r"[^\x00-\x1f\x{7f}-\x{9f}]+", "a name without control characters")
_LONG_NAME = Text(2200, r"[^\x00-\x1f\x{7f}-\x{9f}]+", "a name without control characters")
_NETWORK = Text(256, "[a-z0-9][a-z0-9_-]*@[0-9a-f]{64}", "id@sha256")
_JSON = Json(64 << 10, 2000)
_PLACE = Between(0, MAX_TAR_BYTES)
_SIZE = Between(1, MAX_IMAGE_BYTES)
_COUNT = Between(0, _MAX_NUMBER)
_SIDE = Between(1, MAX_SIDE)
_PIXELS = Between(-_FAR, _FAR)
_ANGLE = Between(-360, 360)
_LEVELS = Between(0, 255)

RULES: Mapping[str, Rule] = {
    "release_id": Text(80, RELEASE_ID, "<name>-v<version>-<12 hex digits>"),
    "sample_id": _ID,
    "pair_id": _ID,
    "kind": OneOf(tuple(KINDS)),
    "label": OneOf((0, 1)),
    "split": OneOf(SPLITS),
    "media_path": _TAR,
    "media_offset": _PLACE,
    "media_size": _SIZE,
    "media_type": OneOf(tuple(SUFFIXES)),
    "width": _SIDE,
    "height": _SIDE,
    "sha256": _SHA256,
    "phash": Text(16, "[0-9a-f]{16}", "16 hex digits", 16),
    "mask_path": _TAR,
    "mask_offset": _PLACE,
    "mask_size": _SIZE,
    "source": _NAME,
    "image_id": _LONG_NAME,
    "identity_id": _LONG_NAME,
    "source_sha256": _SHA256,
    "crop": Items(Between(-1e9, 1e9), 6, 6),
    "donor_image_id": _LONG_NAME,
    "donor_identity_id": _LONG_NAME,
    "method": _NAME,
    "method_version": _COUNT,
    "family": OneOf(_FAMILIES),
    "method_params": _JSON,
    "weights": Items(_NETWORK, 64),
    "degradation": _NAME,
    "severity": Between(0, 5),
    "degradation_params": _JSON,
    "enhancer": _NETWORK,
    "encoder": _JSON,
    "recipe_digest": _SHA256,
    "item": _COUNT,
    "base_id": _ID,
    "attempt": _COUNT,
    "box": Items(_PIXELS, 4, 4),
    "landmarks": Items(_PIXELS, 136, 136),
    "age": Between(0, 200),
    "sex": Text(1024),
    "ethnicity": Text(1024),
    "yaw": _ANGLE,
    "pitch": _ANGLE,
    "roll": _ANGLE,
    "change": _LEVELS,
    "change_released": _LEVELS,
    "mask_area": Between(0, 1),
    "mask_peak": _LEVELS,
    "psnr": Between(-100, 200),
    "licenses": Items(Text(8192), 256),
    "purposes": Items(OneOf(_PURPOSES), 3),
    "attribution": Items(Text(64 << 10), 256),
}
"""By column. What depends on the shard (split, tar, its size) is checked in ``manifest``."""

_DETAIL = Text(1 << 20)

REJECT_RULES: Mapping[str, Rule] = {
    "stage": OneOf(("index", "item")),
    "code": Text(1024),
    "detail": _DETAIL,  # the words of a library, perhaps
    "source": Text(4096),
    "image_id": Text(8192),  # also of names that a manifest refuses
    "pair_id": _ID,
    "split": OneOf(SPLITS),
    "item": _COUNT,
    "method": _NAME,
    "degradation": _NAME,
    "donor_image_id": _LONG_NAME,
}
