"""How a release shows itself in a notebook: a few of its pairs, side by side."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from datagen.errors import DatagenError

if TYPE_CHECKING:
    from datagen.release.pairs import ReleasedPair
    from datagen.release.reader import Release

__all__ = ["image_tag", "release_html"]

_SHOWN = 4
_SIDE = 128


def release_html(release: Release) -> str:
    """Return an HTML fragment with the counts of a release and its first pairs."""
    record = release.record
    counts = record["counts"]
    head = (
        f"<strong>{html.escape(str(record['name']))}</strong> version {record['version']}: "
        f"{counts['pairs']} pairs, {counts['images']} images in "
        f"<code>{html.escape(str(release.folder))}</code>"
    )
    body = "".join(_rows(release))
    header = "<tr><th>method</th><th>real</th><th>fake</th><th>control</th><th>mask</th></tr>"
    return f"<div><p>{head}</p><table>{header}{body}</table></div>"


def _rows(release: Release) -> Iterator[str]:
    try:
        for pair in islice(release.pairs(), _SHOWN):
            yield _row(release, pair)
    except (DatagenError, OSError) as error:  # a notebook shows what there is
        yield f'<tr><td colspan="5">{html.escape(str(error))}</td></tr>'


def _row(release: Release, pair: ReleasedPair) -> str:
    cells = [html.escape(pair.method)]
    for kind in ("real", "fake", "control"):
        row = pair.rows.get(kind)
        cells.append(
            "" if row is None else image_tag(str(row["media_type"]), release.bytes_of(row))
        )
    cells.append(image_tag("image/png", release.mask_bytes(pair.row)))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def image_tag(media_type: str, data: bytes) -> str:
    """Return an HTML image that carries its own bytes."""
    text = base64.b64encode(data).decode()
    return f'<img width="{_SIDE}" src="data:{html.escape(media_type)};base64,{text}">'
