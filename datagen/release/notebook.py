"""How a release shows itself in a notebook: a few of its pairs, side by side.

Of clips the middle frames are shown: ``datagen show`` plays them.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from datagen.core.html import data_url, render_html
from datagen.core.images import encode_png
from datagen.errors import DatagenError
from datagen.release.clips import Clip, Masks, is_clip

if TYPE_CHECKING:
    from datagen.release.pairs import ReleasedPair
    from datagen.release.reader import Release

__all__ = ["image_tag", "release_html"]

_SHOWN = 4
_SIDE = 128


def release_html(release: Release) -> str:
    """Return an HTML fragment with the counts of a release and its first pairs."""
    pairs, problem = [], ""
    try:
        for pair in islice(release.pairs(), _SHOWN):
            pairs.append(_pair(release, pair))
    except (DatagenError, OSError) as error:  # a notebook shows what there is
        problem = str(error)
    return render_html(
        "datagen.release",
        "release.html.j2",
        record=release.record,
        folder=release.folder,
        pairs=pairs,
        problem=problem,
        side=_SIDE,
        media="clips" if release.has_clips else "images",
    )


def _pair(release: Release, pair: ReleasedPair) -> dict[str, Any]:
    images: list[Any]
    rows = [pair.rows.get(kind) for kind in ("real", "fake", "control")]
    if is_clip(pair.row):
        images = [row and _middle(release.clip(row)) for row in rows]
        images.append(_middle(release.masks(pair.row)))
    else:
        images = [row and data_url(release.bytes_of(row), str(row["media_type"])) for row in rows]
        images.append(data_url(release.mask_bytes(pair.row)))
    return {"method": pair.method, "images": images}


def _middle(clip: Clip | Masks) -> str:
    return data_url(encode_png(clip[len(clip) // 2]))


def image_tag(media_type: str, data: bytes) -> str:
    """Return an HTML image that carries its own bytes."""
    return f'<img width="{_SIDE}" src="{data_url(data, media_type)}">'
