"""How a release shows itself in a notebook: a few of its pairs, side by side."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from datagen.core.html import data_url, render_html
from datagen.errors import DatagenError

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
    )


def _pair(release: Release, pair: ReleasedPair) -> dict[str, Any]:
    images = []
    for kind in ("real", "fake", "control"):
        row = pair.rows.get(kind)
        images.append(row and data_url(release.bytes_of(row), str(row["media_type"])))
    return {"method": pair.method, "images": [*images, data_url(release.mask_bytes(pair.row))]}


def image_tag(media_type: str, data: bytes) -> str:
    """Return an HTML image that carries its own bytes."""
    return f'<img width="{_SIDE}" src="{data_url(data, media_type)}">'
