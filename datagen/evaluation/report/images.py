"""The mistakes of which a detector is most certain, as images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.core.digests import sha256_bytes
from datagen.core.html import data_url
from datagen.core.images import encode_png
from datagen.errors import MissingExtraError, ReleaseError
from datagen.evaluation.evaluate import Evaluation
from datagen.release.clips import clip_of, is_clip
from datagen.release.reader import Release

__all__ = ["ImageCard", "false_positives", "image_cards", "missed_fakes"]

SHOWN = 12

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ImageCard:
    """One image of the report.

    Attributes:
        sample_id: Its id in the manifest.
        score: Its probability of fake.
        caption: Method and degradation, as text.
        url: Data URL of the image, or of a clip's middle frame; empty if it cannot be read.
        problem: Reason for an empty URL.
    """

    sample_id: str
    score: float
    caption: str
    url: str
    problem: str


def missed_fakes(found: Evaluation) -> Integers:
    """Return the sample positions of fakes below the threshold, lowest score first.

    Each source image is shown once.
    """
    sample = found.sample
    wrong = np.flatnonzero(sample.label & (sample.probability < found.context.threshold))
    return _distinct(wrong[::-1], sample.source_image)


def false_positives(found: Evaluation) -> Integers:
    """Return the sample positions of reals at or above the threshold, highest score first.

    Each source image is shown once.
    """
    sample = found.sample
    wrong = np.flatnonzero(~sample.label & (sample.probability >= found.context.threshold))
    return _distinct(wrong, sample.source_image)


def image_cards(release: Release, found: Evaluation, places: Integers) -> list[ImageCard]:
    """Return the images at some sample positions."""
    rows = found.rows.table.take(found.sample.row[places]).to_pylist()
    scores = found.sample.probability[places]
    return [_card(release, row, float(score)) for row, score in zip(rows, scores, strict=True)]


def _distinct(places: Integers, source_image: Integers) -> Integers:
    _, first = np.unique(source_image[places], return_index=True)
    return places[np.sort(first)[:SHOWN]]


def _card(release: Release, row: dict[str, Any], score: float) -> ImageCard:
    degradation = row["degradation"] or "not degraded"
    severity = "" if row["severity"] is None else f", severity {row['severity']}"
    what = row["method"] if row["label"] else f"real of a pair by {row['method']}"
    caption = f"{what}; {degradation}{severity}"
    url, problem = _image(release, row)
    return ImageCard(row["sample_id"], score, caption, url, problem)


def _image(release: Release, row: dict[str, Any]) -> tuple[str, str]:
    """Return data URL and problem; the numbers of a report are useful without its images."""
    try:
        data = release.bytes_of(row)
    except ReleaseError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return "", f"{row['media_path']} is missing"
        return "", f"{row['media_path']} cannot be read: {error}"
    if sha256_bytes(data) != row["sha256"]:
        return "", f"its bytes in {row['media_path']} differ from the manifest"
    if not is_clip(row):
        return data_url(data, row["media_type"]), ""
    try:
        clip = clip_of(data, row)
    except (ReleaseError, MissingExtraError) as error:
        return "", str(error)
    return data_url(encode_png(clip[len(clip) // 2])), ""
