"""The source contract: list images without reading pixels, then give the bytes of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import fsspec

from datagen.core.arrays import Box, Image, Landmarks, Mesh
from datagen.core.schema import Frozen, parse
from datagen.errors import RecipeError, SourceError
from datagen.sources.card import SourceCard

__all__ = ["IMAGE_SUFFIXES", "NoOptions", "Record", "Source", "unique", "without_suffix"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

# What filesystems call the time or the digest of the last change: local, S3, Azure, Google, the
# web, memory.
_CHANGED = ("mtime", "LastModified", "last_modified", "ETag", "etag", "updated", "created")


class NoOptions(Frozen):
    """Options of a layout that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One image (or one given face in it) as its layout lists it.

    Attributes:
        image_id: Unique within the source.
        path: Relative to the source's root, ``/`` between parts; empty without files.
        identity: Who it is, unique within the source.
        age: In years, as the source states it; ``None`` when it does not. So for the rest.
        split: Official split of the source.
        license: SPDX expression of this image, where it has one of its own.
        attribution: Whom to name for this image.
        landmarks, mesh, box, pose: Where the source knows them; pixels of the upright image;
            pose is yaw, pitch, roll in degrees.
        size: Width and height, for sources without files.
        extra: Anything else, kept as it is.
    """

    image_id: str
    path: str = ""
    identity: str
    age: float | None = None
    sex: str | None = None
    ethnicity: str | None = None
    split: str | None = None
    license: str | None = None
    attribution: str | None = None
    landmarks: Landmarks | None = None
    mesh: Mesh | None = None
    box: Box | None = None
    pose: tuple[float, float, float] | None = None
    size: tuple[int, int] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


class Source(ABC):
    """A card with the place where its files are.

    Attributes:
        layout: Its name in cards.
        options: Model of the card's ``options``.
        has_files: False for a source that makes its images on demand through ``render``.
        version: Raised when ``render`` changes its bytes.
        render_seconds: What ``render`` takes on one core, for estimates.
    """

    layout: ClassVar[str]
    options: ClassVar[type[Frozen]] = NoOptions
    has_files: ClassVar[bool] = True
    version: ClassVar[int] = 1
    render_seconds: ClassVar[float] = 0.0

    def __init__(self, card: SourceCard, root: str, config: Frozen) -> None:
        self.card = card
        self.root = root
        self.config: Any = config

    @classmethod
    def build(
        cls, card: SourceCard, root: str, override: Mapping[str, Any], where: str = ""
    ) -> Self:
        """Make the source from its card; ``override`` replaces single options."""
        if cls.has_files and not root:
            raise RecipeError(f"{where or card.id}: source {card.id!r} needs a 'root' folder")
        if root and not cls.has_files:
            raise RecipeError(f"{where or card.id}: source {card.id!r} has no files: remove 'root'")
        return cls(card, root, cls.configure(card, override, where))

    @classmethod
    def configure(cls, card: SourceCard, override: Mapping[str, Any], where: str) -> Frozen:
        """Return the options of the card with single ones replaced, checked."""
        options = {**card.options, **override}
        label = f"options of source {card.id!r}"
        return parse(cls.options, options, label, RecipeError, prefix=where)

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """List the images in a fixed order, reading listings and tables only.

        Raises:
            SourceError: A table or folder is not as the layout says, with file and row.
        """

    def render(self, image_id: str) -> Image:
        """Make the image of a source without files."""
        raise NotImplementedError(f"source {self.card.id!r} has files: read them")

    def digest_options(self) -> dict[str, Any]:
        """Return the options that name a rendered image, as its digest takes them."""
        return dict(self.config.model_dump(mode="json"))

    @cached_property
    def _place(self) -> tuple[Any, str]:
        filesystem, path = fsspec.core.url_to_fs(self.root)
        return filesystem, str(path).rstrip("/")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open filesystem behind: a worker opens its own."""
        return {key: value for key, value in self.__dict__.items() if key != "_place"}

    def full_path(self, path: str) -> str:
        """Return the path inside the root's filesystem."""
        return f"{self._place[1]}/{path}"

    def read(self, path: str) -> bytes:
        """Return the bytes of one file.

        Raises:
            FileNotFoundError, OSError: As the filesystem says.
        """
        data = self._place[0].cat_file(self.full_path(path))
        return bytes(data)

    def exists(self, path: str) -> bool:
        """Say whether a file is there."""
        return bool(self._place[0].exists(self.full_path(path)))

    def stamp(self, path: str) -> str:
        """Return a short text that changes when the file does, without reading it."""
        info = self._place[0].info(self.full_path(path))
        changed = next((str(info[key]) for key in _CHANGED if info.get(key)), "")
        return f"{info.get('size')}:{changed}"

    def find(self, under: str = "") -> list[str]:
        """Return all files below ``under``, relative to the root, in sorted order.

        Raises:
            SourceError: The root is not there.
        """
        filesystem, root = self._place
        top = f"{root}/{under}" if under else root
        if not filesystem.isdir(top):
            raise SourceError(f"source {self.card.id!r}: no folder {top!r}")
        found = filesystem.find(top, detail=True)
        # A pipe or a device would be waited for without end.
        plain = (path for path, info in found.items() if info.get("type") == "file")
        return sorted(str(path)[len(root) + 1 :] for path in plain)

    def read_text(self, path: str, what: str) -> str:
        """Return a table or listing as text.

        Raises:
            SourceError: Missing (naming ``what`` it is) or not UTF-8.
        """
        try:
            return self.read(path).decode("utf-8-sig")
        except FileNotFoundError:
            raise SourceError(
                f"source {self.card.id!r}: {what} {self.full_path(path)!r} is missing"
            ) from None
        except UnicodeDecodeError as error:
            raise SourceError(
                f"source {self.card.id!r}: {what} {self.full_path(path)!r} is not UTF-8: {error}"
            ) from None


def unique(records: Iterator[Record], source_id: str) -> Iterator[Record]:
    """Pass the records on, refusing what would later be taken for another image.

    Raises:
        SourceError: Two records have one image id (naming both paths), or a name is not Unicode
            and could be written to no table.
    """
    paths: dict[str, str] = {}
    for record in records:
        for name in (record.image_id, record.path, record.identity):
            if not _is_unicode(name):
                raise SourceError(
                    f"source {source_id!r}: the name {name!r} is not valid Unicode: rename the "
                    "file or folder"
                )
        if record.path.startswith("/") or ".." in record.path.split("/"):
            raise SourceError(
                f"source {source_id!r}: the path {record.path!r} leaves the root, and what lies "
                "there is not what the card speaks of"
            )
        if record.image_id in paths:
            raise SourceError(
                f"source {source_id!r}: image id {record.image_id!r} is given twice, by "
                f"{paths[record.image_id]!r} and by {record.path!r}. Rename or remove one of "
                "them; in a table, name a column of ids"
            )
        paths[record.image_id] = record.path
        yield record


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate: bytes of a file name in another encoding
        return False
    return True


def without_suffix(path: str) -> str:
    """Return a path without the ending of its file name."""
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and "/" not in suffix else path


def images(paths: Iterable[str]) -> Iterator[str]:
    """Yield the paths that end like an image and are not hidden."""
    for path in paths:
        if path.lower().endswith(IMAGE_SUFFIXES) and not path.rpartition("/")[2].startswith("."):
            yield path
