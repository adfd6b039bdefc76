"""The JSON member of a sample: the facts of a pair, for readers that have only the tars.

Every sample of every tar has the same keys with values of the same types, and none is null, because
readers such as Hugging Face ``datasets`` derive the columns of a whole set from its first samples.
What is unknown or absent is ``""`` or -1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from datagen.release.rows import is_absent

__all__ = ["CLIP_JSON_KEYS", "IDENTITY_JSON_KEYS", "JSON_KEYS", "sample_json"]

_POINTS = 136

_TEXTS = (
    *("release_id", "pair_id", "base_id", "split", "method", "family", "method_params"),
    *("degradation", "enhancer", "encoder", "media_type", "source", "image_id", "identity_id"),
    *("donor_image_id", "donor_identity_id", "sex", "ethnicity", "degradation_params"),
)
_INTEGERS = ("item", "method_version", "severity", "width", "height", "mask_peak")
_FLOATS = {"change": 3, "change_released": 3, "mask_area": 5, "age": 2}
_LISTS = {"weights": " ", "licenses": "; ", "purposes": " ", "attribution": "\n"}
_KINDS = {"real": 0, "fake": 1, "control": 0}

JSON_KEYS: Mapping[str, str] = {
    **dict.fromkeys(_TEXTS, "text, as in the manifest's row of the fake"),
    **dict.fromkeys(_INTEGERS, "whole number, as in the manifest's row of the fake"),
    **{name: f"number, rounded to {places} decimals" for name, places in _FLOATS.items()},
    **{name: f"the manifest's list, joined by {sign!r}" for name, sign in _LISTS.items()},
    **{f"label_{kind}": f"{label}, the label of the {kind}" for kind, label in _KINDS.items()},
    **{f"sha256_{kind}": f"sha256 of the encoded {kind}" for kind in _KINDS},
    **{
        f"{name}_{kind}": f"{count} numbers, rounded to 2 decimals; -1: unknown"
        for kind in ("real", "fake")
        for name, count in (("box", 4), ("landmarks", _POINTS))
    },
}
"""Every key with its meaning."""

_CLIP_INTEGERS = ("frames", "fps_num", "fps_den", "stride", "start_frame", "start_pts")
_CLIP_TEXTS = ("track_id", "motion")

CLIP_JSON_KEYS: Mapping[str, str] = {
    **dict.fromkeys(_CLIP_INTEGERS, "whole number, as in the manifest's row of the fake"),
    **dict.fromkeys(_CLIP_TEXTS, "text, as in the manifest's row of the fake"),
    "segments": "the manifest's list of the fake, as JSON: `[[0, 32]]`",
}
"""The keys of a clip beside the others."""


_IDENTITY = ("similarity_target", "similarity_donor")

IDENTITY_JSON_KEYS: Mapping[str, str] = dict.fromkeys(
    _IDENTITY, "number, rounded to 4 decimals; -2: unknown"
)
"""The keys of a release with an embedder beside the others."""


def sample_json(rows: Iterable[Mapping[Any, Any]]) -> bytes:
    """Return the JSON of a pair as UTF-8.

    Args:
        rows: The manifest rows of the pair, one per image.
    """
    by_kind = {str(row["kind"]): row for row in rows}
    fake = by_kind["fake"]
    found: dict[str, Any] = {name: _text(fake.get(name)) for name in _TEXTS}
    found |= {name: _integer(fake.get(name)) for name in _INTEGERS}
    found |= {name: _number(fake.get(name), places) for name, places in _FLOATS.items()}
    found |= {name: sign.join(fake[name]) for name, sign in _LISTS.items()}
    found |= {f"label_{kind}": label for kind, label in _KINDS.items()}
    for kind in _KINDS:
        found[f"sha256_{kind}"] = by_kind[kind]["sha256"] if kind in by_kind else ""
    for kind in ("real", "fake"):
        found[f"box_{kind}"] = _numbers(by_kind[kind].get("box"), 4)
        found[f"landmarks_{kind}"] = _numbers(by_kind[kind].get("landmarks"), _POINTS)
    if not is_absent(fake.get("frames")):
        found |= {name: int(fake[name]) for name in _CLIP_INTEGERS}
        found |= {name: str(fake[name]) for name in _CLIP_TEXTS}
        segments = [[int(end) for end in ends] for ends in fake["segments"]]
        found["segments"] = json.dumps(segments)
    if _IDENTITY[0] in fake:
        found |= {name: _cosine(fake[name]) for name in _IDENTITY}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _text(value: Any) -> str:
    return "" if is_absent(value) else str(value)


def _integer(value: Any) -> int:
    return -1 if is_absent(value) else int(value)


def _number(value: Any, places: int) -> float:
    return -1.0 if is_absent(value) else round(float(np.float32(value)), places)


def _cosine(value: Any) -> float:
    return -2.0 if is_absent(value) else round(float(np.float32(value)), 4)


def _numbers(values: Any, count: int) -> list[float]:
    if values is None:
        return [-1.0] * count
    exact = np.asarray(values, np.float32).astype(np.float64)  # as the manifest keeps them
    rounded: list[float] = np.round(exact, 2).tolist()
    return rounded
