"""The contact sheet of a release: real, fake, mask and difference side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd

from datagen.core.html import data_url, render_html
from datagen.core.images import encode_png
from datagen.core.text import near
from datagen.errors import ReleaseError
from datagen.release.clips import is_clip
from datagen.release.identity_schema import IDENTITY_NAMES
from datagen.release.json_columns import json_object, operations_of
from datagen.release.likeness import likeness_by_method
from datagen.release.reader import Release
from datagen.release.report.clip_sheet import clip_views

__all__ = ["write_contact_sheet"]

PAGE = "report/index.html"

# Differences are a few 8-bit intensity levels: shown four times as strong.
_GAIN = 4
# One in this many of a method's pairs is chosen among those with a control.
_CONTROL_EVERY = 3
_SHOWN = ("image_id", "donor_image_id", "split", "item", "attempt", "change", "mask_area")
_CLIP = ("frames", "fps_num", "fps_den", "stride", "start_frame", "track_id", "motion")
_DEGRADATION = ("degradation", "severity", "change_released", "psnr")
_LONGEST = 60


def write_contact_sheet(release: Release, count: int, method: str | None = None) -> str:
    """Write ``report/index.html`` and return its address.

    Args:
        release: A finished release.
        count: Maximum number of pairs to show, divided evenly among the methods and spread over
            the release.
        method: Show this method only.

    Raises:
        ReleaseError: The release has no such method.
    """
    manifest = release.manifest
    fakes = manifest[manifest["kind"] == "fake"]
    methods = sorted(fakes["method"].unique())
    if method is not None and method not in methods:
        raise ReleaseError(
            f"{release.folder}: the release has no pair of method {method!r}."
            f"{near(method, methods)} It has: {', '.join(methods)}"
        )
    wanted = [method] if method is not None else methods
    with_control = set(manifest.loc[manifest["kind"] == "control", "pair_id"])
    chosen = list(_chosen(fakes, wanted, count, with_control))
    shown = manifest[manifest["pair_id"].isin({row["pair_id"] for row in chosen})]
    rows = {(row["pair_id"], row["kind"]): row for row in shown.to_dict("records")}
    page = render_html(
        "datagen.release.report",
        "clip_sheet.html.j2" if release.has_clips else "contact_sheet.html.j2",
        record=release.record,
        likeness=likeness_by_method(fakes),
        pairs=[_pair(release, fake, rows) for fake in chosen],
        gain=_GAIN,
    )
    release.folder.write(PAGE, page.encode())
    return f"{release.folder.address}/{PAGE}"


def _chosen(
    fakes: pd.DataFrame, methods: Sequence[str], count: int, with_control: set[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the fakes to show."""
    for number, name in enumerate(methods):
        share = count // len(methods) + (number < count % len(methods))
        rows = fakes[fakes["method"] == name]
        controlled = rows[rows["pair_id"].isin(with_control)]
        some = _evenly(controlled, min(share, max(1, share // _CONTROL_EVERY)))
        rest = _evenly(rows.drop(some.index), share - len(some))
        for row in pd.concat([some, rest]).sort_index().to_dict("records"):
            yield {str(key): value for key, value in row.items()}


def _evenly(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    positions = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int))
    return rows.iloc[positions]


def _pair(
    release: Release, fake: dict[str, Any], rows: dict[tuple[str, str], Any]
) -> dict[str, Any]:
    """Return what the template shows of a pair: URLs of images, and facts."""
    real = rows.get((fake["pair_id"], "real"))
    control = rows.get((fake["pair_id"], "control"))
    if real is None or (real["width"], real["height"]) != (fake["width"], fake["height"]):
        raise ReleaseError(
            f"{release.folder}: pair {fake['pair_id']} has no real of its fake's size: 'datagen "
            "verify' lists what is wrong with the release",
            path=release.folder.address,
            row=fake["pair_id"],
        )
    facts = [(name, text) for name, text in _facts(fake) if text]
    if is_clip(fake):
        kinds = {"real": real, "fake": fake} | ({"control": control} if control else {})
        _check_equally_long(release, kinds)
        return {"views": clip_views(release, kinds, _GAIN), "facts": facts}
    difference = cv2.absdiff(release.image(real), release.image(fake)).astype(np.uint16) * _GAIN
    images = [
        _url(release, real),
        _url(release, control) if control else None,
        _url(release, fake),
        data_url(release.mask_bytes(fake)),
        data_url(encode_png(np.minimum(difference, 255).astype(np.uint8))),
    ]
    return {"images": images, "facts": facts}


def _check_equally_long(release: Release, rows: dict[str, Any]) -> None:
    fake = rows["fake"]
    for kind, row in rows.items():
        if any(row[name] != fake[name] for name in ("frames", "width", "height")):
            raise ReleaseError(
                f"{release.folder}: the {kind} of pair {fake['pair_id']} has other frames than its "
                "fake: 'datagen verify' lists what is wrong with the release",
                path=release.folder.address,
                row=fake["pair_id"],
            )


def _url(release: Release, row: Any) -> str:
    return data_url(release.bytes_of(row), row["media_type"])


def _facts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "pair", row["pair_id"]
    yield "method", f"{row['method']} ({row['family']})"
    identity = IDENTITY_NAMES if IDENTITY_NAMES[0] in row else ()
    for name in (*_SHOWN, *identity, *(_CLIP if is_clip(row) else ())):
        yield name, _text(row[name])
    if _text(row["degradation"]):
        for name in _DEGRADATION:
            yield name, _text(row[name])
        yield "operations", _operations(row)
    yield "encoder", _pairs(json_object(row, "encoder"))
    yield "params", _pairs(json_object(row, "method_params"))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {_shortened(value)}" for key, value in values.items())


def _operations(row: dict[str, Any]) -> str:
    return "; ".join(f"{one['use']} ({_pairs(one['params'])})" for one in operations_of(row))


def _shortened(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
