"""Stated minors: their identities, and every copy of their images under any other name."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, ClassVar, TypeAlias

import numpy as np

from datagen.core.arrays import Box, Image
from datagen.core.spelling import folded
from datagen.errors import RecipeError
from datagen.faces.analyzers import Analyzer, Detection
from datagen.faces.crop import face_box
from datagen.faces.indexing.duplicates import NearHashes
from datagen.faces.indexing.likeness import Thumbnails, alike, marks, may_be_alike
from datagen.rights import is_adult
from datagen.sources.base import Record

__all__ = ["FindByFace", "Fingerprint", "Place", "Refusal", "Seen", "copies_of_minors", "minors_of"]

Place: TypeAlias = "tuple[str, str]"
"""Id of a source and of an image in it."""

Refusal: TypeAlias = "tuple[str, str]"
"""Code and detail of a reject."""

FindByFace: TypeAlias = "Callable[[Sequence[Seen]], list[tuple[Seen, Seen]]]"
"""Returns for images those of the others in which a face is theirs, as pairs."""

_SAME_FACE = 0.3
_MAX_KEPT = 2048


def minors_of(records: Iterable[Record]) -> dict[str, float]:
    """Return the identities of a source for which some image states a minor's age, and that age.

    Args:
        records: All records of the source, also those that its options leave out.
    """
    found: dict[str, float] = {}
    for record in records:
        if record.age is not None and not is_adult(record.age):
            found.setdefault(folded(record.identity), record.age)
    return found


class Fingerprint(Analyzer):
    """Finds the places of the faces of minors: neither mesh nor embedding of them is kept.

    Args:
        analyzer: Finds the faces.
    """

    name: ClassVar[str] = "fingerprint"

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer

    @property
    def version(self) -> str:
        """See base class."""
        return f"fingerprint-2-{self._analyzer.version}"

    def open(self) -> None:
        """See base class."""
        self._analyzer.open()

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """See base class."""
        try:
            found = self._analyzer.analyze(image, record)
            return [replace(one, mesh=None, embedding=None) for one in found]
        except RecipeError:  # no landmarks are given: the whole image is compared
            return []


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """An image that was read.

    Attributes:
        source: Id of its source.
        record: Its record.
        sha256: Digest of the file.
        phash: Perceptual hash; ``None`` if the pixels were not read.
        faces: Rows of the analyzer, one for each of its faces.
        middle: Of a video, the time stamp of the frame that stands for it.
        shown: Of a video, time stamps of its frames or some of them, their hashes, and those of
            the frames when mirrored.
        turned: Perceptual hash of the mirrored image, or of the mirrored frame.
    """

    source: str
    record: Record
    sha256: str
    phash: str | None
    faces: tuple[Mapping[str, Any], ...] = ()
    middle: int | None = None
    shown: tuple[tuple[int, str, str], ...] = ()
    turned: str | None = None

    @property
    def place(self) -> Place:
        """Source and id of the image."""
        return self.source, self.record.image_id

    @property
    def person(self) -> tuple[str, str]:
        """Source and name of the identity."""
        return self.source, folded(self.record.identity)

    def stills(self) -> Iterator[Seen]:
        """Yield the image, or the frames of the video as images."""
        yield self
        for pts, hash_, turned in self.shown:
            if pts != self.middle:
                yield replace(self, phash=hash_, middle=pts, faces=(), shown=(), turned=turned)


def copies_of_minors(
    minors: Sequence[Seen],
    others: Sequence[Seen],
    look: Callable[[Seen], Thumbnails | None],
    by_face: FindByFace | None = None,
) -> dict[Place, Refusal]:
    """Return which images are refused because of the minors, and why.

    A copy shows the minor, so the identity that it is listed under is the minor as well, and so
    on until nothing is added. Only a second face in one image, told apart by boxes or landmarks,
    is another person: then the image alone is refused.

    Args:
        minors: Images of identities that are stated to be minors.
        others: All other images that could be used.
        look: Returns the thumbnails of an image; ``None`` if it cannot be read.
        by_face: Finds those in which a face is that of one of some images.
    """
    search = _Copies(others, look, by_face)
    by_person: Mapping[tuple[str, str], list[Seen]] = _grouped(others)
    refused: dict[Place, Refusal] = {}
    excluded: set[tuple[str, str]] = set()
    queue = deque((image, image) for image in minors)
    while queue:
        search.prepare([image for image, _ in queue])
        image, origin = queue.popleft()
        shown = f"of image {origin.record.image_id!r} of source {origin.source!r}"
        for copy in search.of(image, excluded):
            if copy.place not in refused:
                refused[copy.place] = ("copy_of_minor", f"a copy {shown}")
                queue.append((copy, origin))
            if copy.person in excluded or _another_face(image, copy):
                continue
            excluded.add(copy.person)
            detail = f"its image {copy.record.image_id!r} is a copy {shown}"
            for one in by_person[copy.person]:
                if one.place not in refused:
                    refused[one.place] = ("minor_identity", detail)
                    queue.append((one, origin))
    return refused


def _grouped(images: Iterable[Seen]) -> dict[tuple[str, str], list[Seen]]:
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for image in images:
        found[image.person].append(image)
    return found


class _Copies:
    """Finds the copies of an image: equal bytes, a near hash and near pixels, or an equal face."""

    def __init__(
        self,
        images: Sequence[Seen],
        look: Callable[[Seen], Thumbnails | None],
        by_face: FindByFace | None,
    ) -> None:
        self._by_face = by_face
        self._prepared: dict[Seen, list[Seen]] = {}
        self._by_bytes: dict[str, list[Seen]] = defaultdict(list)
        for image in images:
            self._by_bytes[image.sha256].append(image)
        self._hashed = [
            (image, still) for image in images for still in image.stills() if still.phash
        ]
        self._hashes = NearHashes([still.phash or "" for _, still in self._hashed])
        self._look = lru_cache(maxsize=_MAX_KEPT)(look)
        self._marks: dict[Seen, Thumbnails] = {}

    def prepare(self, images: Sequence[Seen]) -> None:
        """Compare the faces of images that will be asked for, all those not seen yet at once."""
        fresh = [image for image in images if image not in self._prepared]
        if self._by_face is not None and fresh:
            self._prepared |= {image: [] for image in fresh}
            for image, copy in self._by_face(fresh):
                self._prepared[image].append(copy)

    def of(self, image: Seen, known: Container[tuple[str, str]]) -> Iterator[Seen]:
        """Yield the copies of an image among the others, itself never; some of them twice.

        Args:
            image: The image, or the video.
            known: People of whom every image is refused: they are not looked at again.
        """
        by_face = self._prepared.get(image, ())
        for other in (*self._by_bytes.get(image.sha256, ()), *by_face):
            if other is not image:
                yield other
        for still in image.stills():
            for turned, hash_ in ((False, still.phash), (True, still.turned)):
                for number in self._hashes.near(hash_) if hash_ else ():
                    other, its = self._hashed[number]
                    if other.sha256 == image.sha256 or other.person in known:
                        continue
                    if self._alike(still, its, turned):
                        yield other

    def _alike(self, first: Seen, second: Seen, turned: bool) -> bool:
        if not may_be_alike(_turned(self._mark(first), turned), self._mark(second)):
            return False
        one, other = self._look(first), self._look(second)
        return one is not None and other is not None and alike(_turned(one, turned), other)

    def _mark(self, image: Seen) -> Thumbnails:
        if image not in self._marks:
            found = self._look(image)
            self._marks[image] = () if found is None else marks(found)
        return self._marks[image]


def _turned(of: Thumbnails, turned: bool) -> Thumbnails:
    """Return the thumbnails, mirrored if asked: faces lie on a template that is symmetric."""
    return tuple(one[:, ::-1] for one in of) if turned else of


def _another_face(first: Seen, second: Seen) -> bool:
    """Return whether two records of one image state faces at different places in it."""
    if first.sha256 != second.sha256:
        return False
    one, other = _stated_box(first.record), _stated_box(second.record)
    if one is None or other is None:
        return False
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    both = float(np.prod(np.maximum(high - low, 0.0)))
    smaller = min(float(np.prod(box[2:] - box[:2])) for box in (one, other))
    return both < _SAME_FACE * max(smaller, 1e-9)


def _stated_box(record: Record) -> Box | None:
    if record.box is not None:
        return record.box
    return None if record.landmarks is None else face_box(record.landmarks)
