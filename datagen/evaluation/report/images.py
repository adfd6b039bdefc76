"""The images a detector is most sure about, and wrong."""

from __future__ import annotations

import base64
import html
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.digests import sha256_bytes
from datagen.evaluation.evaluate import Evaluation
from datagen.release.reader import Release

__all__ = ["false_alarms", "image_cards", "missed_fakes"]

SHOWN = 12

Whole = npt.NDArray[np.int64]


def missed_fakes(found: Evaluation) -> Whole:
    """Return fakes below the threshold, lowest score first, each photograph once; sample places."""
    sample = found.sample
    wrong = np.flatnonzero(sample.label & (sample.probability < found.subject.threshold))
    return _distinct(wrong[::-1], sample.photograph)


def false_alarms(found: Evaluation) -> Whole:
    """Return reals from the threshold on, highest score first, each photograph once."""
    sample = found.sample
    wrong = np.flatnonzero(~sample.label & (sample.probability >= found.subject.threshold))
    return _distinct(wrong, sample.photograph)


def image_cards(release: Release, found: Evaluation, places: Whole) -> str:
    """Return the images of a release as HTML figures with their bytes inside."""
    rows = found.rows.table.take(found.sample.row[places]).to_pylist()
    scores = found.sample.probability[places]
    return "".join(_card(release, row, score) for row, score in zip(rows, scores, strict=True))


def _distinct(places: Whole, photograph: Whole) -> Whole:
    _, first = np.unique(photograph[places], return_index=True)
    return places[np.sort(first)[:SHOWN]]


def _card(release: Release, row: dict[str, Any], score: float) -> str:
    degrade = row["degradation"] or "no damage"
    severity = "" if row["severity"] is None else f", severity {row['severity']}"
    what = row["method"] if row["label"] else f"real, of a pair of {row['method']}"
    words = f"{what}; {degrade}{severity}"
    return (
        f"<figure>{_image(release, row)}"
        f"<figcaption><b>{score:.3f}</b> {html.escape(words)}<br>"
        f"<code>{html.escape(row['sample_id'])}</code></figcaption></figure>"
    )


def _image(release: Release, row: dict[str, Any]) -> str:
    """Return it as HTML; the numbers of a report are worth having where images are gone."""
    try:
        data = release.bytes_of(row)
    except FileNotFoundError:
        return f"<p>{html.escape(row['media_path'])} is not there</p>"
    if sha256_bytes(data) != row["sha256"]:
        return f"<p>its bytes in {html.escape(row['media_path'])} are not those of the release</p>"
    text = base64.b64encode(data).decode()
    return f'<img alt="" src="data:{row["media_type"]};base64,{text}">'
