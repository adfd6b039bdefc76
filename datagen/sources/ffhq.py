"""Layout ``ffhq``: Flickr-Faces-HQ (Karras et al., CVPR 2019) with its metadata file."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import numpy as np

from datagen.core.arrays import Box, Landmarks
from datagen.core.schema import Frozen
from datagen.core.text import shortened
from datagen.errors import SourceError
from datagen.sources.age_columns import IgnoredColumns, refuse_unread_ages
from datagen.sources.ages import Ages
from datagen.sources.base import Record, Source
from datagen.sources.cells import check_box

__all__ = ["Ffhq", "FfhqOptions"]

_ENTRY = {"images1024": "image", "in_the_wild": "in_the_wild"}
_PARTS = ("image", "thumbnail", "in_the_wild", "metadata")
_PROSE = ("photo_title", "author", "photo_url", "license_url", "country")  # of strangers
_SPLITS = {"training": "train", "validation": "val"}

# The five licenses in the set's README, by URL without scheme, "www." and trailing slash.
_LICENSES = {
    "creativecommons.org/licenses/by/2.0": "CC-BY-2.0",
    "creativecommons.org/licenses/by-nc/2.0": "CC-BY-NC-2.0",
    "creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "creativecommons.org/publicdomain/mark/1.0": "LicenseRef-PDM",
    "usa.gov/copyright.shtml": "LicenseRef-US-Gov",
}
_KEPT = ("photo_title", "country", "date_uploaded", "license")


class FfhqOptions(IgnoredColumns):
    """Options of the layout ``ffhq``.

    Attributes:
        metadata: File name of the metadata.
        which: The aligned images, or the photographs that they were cropped from. The thumbnails
            have no landmarks and are not supported.
        ages: CSV table of ages (``image``, ``age``) by number or file name of the image.
    """

    metadata: str = "ffhq-dataset-v2.json"
    which: Literal["images1024", "in_the_wild"] = "images1024"
    ages: str = ""


class Ffhq(Source):
    """Flickr-Faces-HQ: each image is an identity of its own, with license, author and landmarks."""

    layout: ClassVar[str] = "ffhq"
    options: ClassVar[type[Frozen]] = FfhqOptions
    looks_for_ages: ClassVar[bool] = True

    def records(self) -> Iterator[Record]:
        """See base class."""
        ages = Ages(self, self.config.ages)
        entries = self._entries()
        self._refuse_ages(entries)
        example = ""
        for key in sorted(entries, key=self._number):
            example = f"{int(key):05d}"
            yield self._record(key, entries.pop(key), ages)
        ages.check_matched(example)

    def _entries(self) -> dict[str, Any]:
        name = self.config.metadata
        try:
            entries = json.loads(self.read_text(name, "metadata"), object_pairs_hook=_no_repeats)
        except ValueError as error:
            raise self.error(f"not the metadata of FFHQ: {str(error)[:200]}", name) from None
        except RecursionError:
            raise self.error("not the metadata of FFHQ: nested too deeply", name) from None
        if not isinstance(entries, dict):
            raise self.error(f"expected images by number, found {type(entries).__name__}", name)
        return entries

    def _refuse_ages(self, entries: dict[str, Any]) -> None:
        facts = (
            part
            for entry in entries.values()
            if isinstance(entry, dict)
            for part in (
                {key: part for key, part in entry.items() if not _is_part(key, part)},
                *(part for key, part in entry.items() if _is_part(key, part)),
            )
        )
        where = f"source {self.card.id!r}: {self.config.metadata}"
        advice = "state it in a table of ages, options: {ages: FILE}"
        refuse_unread_ages(facts, _PROSE, self.config.ignore, where, advice)

    def _number(self, key: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", key):
            raise self.error(
                f"expected an image's number as key, found {shortened(key)}", self.config.metadata
            )
        return int(key)

    def _record(self, key: str, entry: Any, ages: Ages) -> Record:
        where = f"source {self.card.id!r}: {self.config.metadata}, image {key!r}"
        part = _ENTRY[self.config.which]
        try:
            image, about = entry[part], entry["metadata"]
            path = str(image["file_path"])
            landmarks = _points(image["face_landmarks"], where)
            rect = image.get("face_rect")
            split = _SPLITS[entry["category"]]
            license = _license(str(about["license_url"]))
            named = [str(about[field]).strip() for field in ("author", "photo_url")]
        except (KeyError, TypeError, AttributeError) as error:
            raise self.error(
                "expected category (training or validation), metadata (author, photo_url, "
                f"license_url) and {part} (file_path, face_landmarks); wrong or missing: {error}",
                self.config.metadata,
                f"image {key!r}",
            ) from None
        image_id = f"{int(key):05d}"
        names = (image_id, str(int(key)), path, path.rpartition("/")[2])
        return Record(
            image_id=image_id,
            path=path,
            identity=image_id,
            age=ages.of(names, image_id),
            split=split,
            license=license,
            attribution=", ".join(filter(None, named)),
            landmarks=landmarks,
            box=None if rect is None else _box(rect, where),
            extra={field: str(about[field]) for field in _KEPT if about.get(field)},
        )


def _is_part(key: str, value: Any) -> bool:
    return key in _PARTS and isinstance(value, dict)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"key {twice[:80]!r} occurs twice")
    return found


def _license(address: str) -> str:
    plain = address.strip().lower().partition("://")[2].removeprefix("www.").rstrip("/")
    return _LICENSES.get(plain, "LicenseRef-Unknown")


def _points(value: Any, where: str) -> Landmarks:
    return _floats(value, (68, 2), f"{where}: face_landmarks")


def _box(value: Any, where: str) -> Box:
    found = _floats(value, (4,), f"{where}: face_rect")
    return check_box(found, f"{where}: face_rect")


def _floats(
    value: Any, shape: tuple[int, ...], where: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    try:
        found = np.array(value, np.float32)
    except (OverflowError, TypeError, ValueError):
        found = np.empty(0, np.float32)
    if found.shape != shape or not np.isfinite(found).all():
        raise SourceError(f"{where}: expected {shape} finite numbers, found {shortened(value)}")
    return found
