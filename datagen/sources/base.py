"""The source contract: list images without reading pixels, then return the bytes of one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from datagen.core.arrays import Box, Image, Landmarks, Mesh
from datagen.core.image_headers import MAX_IMAGE_FILE
from datagen.core.schema import Frozen, parse
from datagen.core.storage import Storage, open_storage
from datagen.core.text import shortened
from datagen.errors import ImageError, RecipeError, SourceError
from datagen.sources.card import SourceCard

__all__ = ["IMAGE_SUFFIXES", "NoOptions", "Record", "Source", "unique", "without_suffix"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")

MAX_LISTING = 1 << 30
"""Bytes of a table or listing; that of FFHQ, the largest, has a quarter of it."""

# Keys under which filesystems give the time or digest of the last change: local, S3, Azure, Google,
# HTTP, memory.
_CHANGED = ("mtime", "LastModified", "last_modified", "ETag", "etag", "updated", "created")
# What no release can hold as an id of an image or an identity.
_NO_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MAX_NAME = 2000  # bytes


class NoOptions(Frozen):
    """Options of a layout without options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One image, or one given face in it, as the layout lists it; ``None`` is not stated.

    Attributes:
        image_id: Id of the image, unique within the source.
        path: Path relative to the source's root, with ``/`` between parts; empty without files.
        identity: Name of the identity, unique within the source.
        age: Age in years.
        sex: Sex as the source states it.
        ethnicity: Ethnicity as the source states it.
        split: Official split of the source.
        license: SPDX expression of the image's own license.
        attribution: Attribution that this image requires.
        landmarks: The 68 points in pixels of the upright image.
        mesh: The 478-point mesh in pixels of the upright image.
        box: Face box ``x0, y0, x1, y1`` in pixels of the upright image.
        pose: Yaw, pitch and roll in degrees.
        size: Width and height in pixels, for sources without files.
        extra: Further columns, kept as they are.
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
    """A set of face images: its card, and where its files are.

    Attributes:
        layout: Name of the layout in cards.
        options: Model of the card's ``options``.
        has_files: Whether images are files; otherwise ``render`` makes them on demand.
        version: Version of ``render``, raised when its output changes.
        render_seconds: Seconds per image that ``render`` takes on one core, for estimates.
        allow_outside: Whether tables and listings may lie outside of the root.
    """

    layout: ClassVar[str]
    options: ClassVar[type[Frozen]] = NoOptions
    has_files: ClassVar[bool] = True
    version: ClassVar[int] = 1
    render_seconds: ClassVar[float] = 0.0
    allow_outside: bool = False

    def __init__(self, card: SourceCard, root: str, config: Frozen) -> None:
        self.card = card
        self.root = root
        self.config: Any = config

    @classmethod
    def build(
        cls, card: SourceCard, root: str, override: Mapping[str, Any], where: str = ""
    ) -> Self:
        """Return the source of a card; ``override`` replaces single options.

        Raises:
            RecipeError: ``root`` is missing, or given where none is needed, or an option is wrong.
        """
        key = where.removesuffix("options") + "root"
        if cls.has_files and not root:
            raise RecipeError(f"{key}: source {card.id!r} needs a 'root' folder", key=key)
        if root and not cls.has_files:
            raise RecipeError(f"{key}: source {card.id!r} has no files: remove the key", key=key)
        return cls(card, root, cls.configure(card, override, where))

    @classmethod
    def configure(cls, card: SourceCard, override: Mapping[str, Any], where: str) -> Frozen:
        """Return the checked options of the card, with single ones replaced."""
        options = {**card.options, **override}
        label = f"options of source {card.id!r}"
        return parse(cls.options, options, label, RecipeError, prefix=where)

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """List the images in a fixed order, reading only listings and tables.

        Raises:
            SourceError: A table or folder does not have this layout.
        """

    def others(self) -> Iterator[Record]:
        """List images that the options leave out, although the source states something of them.

        They are never used. The age that is stated with one of them counts for its identity.
        """
        return iter(())

    def label_of(self, record: Record) -> str | None:
        """Return who is in an image by the source, where the card has every image count alone."""
        return None

    def render(self, image_id: str) -> Image:
        """Return an image of a source without files."""
        raise NotImplementedError(f"source {self.card.id!r} has files: read them")

    def error(
        self, problem: str, file: str = "", place: str = "", row: int | None = None
    ) -> SourceError:
        """Return an error that names the source, and the file and row where it has them.

        Args:
            problem: What was found and what is expected.
            file: File below the root.
            place: Place in the file, e.g. ``row 3``.
            row: Number of the row, counted from 1.
        """
        where = f"source {self.card.id!r}: {', '.join(filter(None, (file, place)))}"
        path = f"{self.root}/{file}" if file else self.root
        return SourceError(f"{where.removesuffix(': ')}: {problem}", path=path, row=row)

    def digest_options(self) -> dict[str, Any]:
        """Return the options that enter the digest of a rendered image."""
        return dict(self.config.model_dump(mode="json"))

    @cached_property
    def _place(self) -> tuple[Storage, str]:
        try:
            return open_storage(self.root)
        except ValueError as error:
            raise self.error(f"root {self.root!r}: {error}") from None

    @property
    def _is_local(self) -> bool:
        return self._place[0].is_local

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open filesystem: each worker opens its own."""
        return {key: value for key, value in self.__dict__.items() if key != "_place"}

    def full_path(self, path: str) -> str:
        """Return a path below the root as a path of the root's filesystem.

        Raises:
            SourceError: It leads outside of the root, which the command line does not allow.
        """
        if path.startswith("/") or "://" in path or ".." in re.split(r"[/\\]", path):
            self.refuse_outside(path)
        return f"{self._place[1]}/{path}"

    def refuse_outside(self, path: str) -> None:
        """Check that a path outside of the root is allowed.

        Raises:
            SourceError: It is not.
        """
        if not self.allow_outside:
            raise self.error(
                f"{path!r} leads outside of the root. Copy the file below the root, or allow it "
                "with --allow-outside (in Python: load_recipe(..., allow_outside=True))"
            )

    def read(self, path: str) -> bytes:
        """Return the bytes of one file.

        Raises:
            OSError: The file does not exist or cannot be read.
            ImageError: It is no regular file: a pipe would be waited for.
        """
        full = self.full_path(path)
        if self._is_local and Path(full).exists() and not Path(full).is_file():
            raise ImageError("not a regular file")
        return bytes(self._place[0].cat_file(full))

    def exists(self, path: str) -> bool:
        """Return whether a file exists."""
        return bool(self._place[0].exists(self.full_path(path)))

    def stamp(self, path: str) -> str:
        """Return a short text that changes when an image changes, without reading it.

        Raises:
            FileNotFoundError: It does not exist.
            ImageError: It is no file, or larger than any image that is read.
        """
        info = self._place[0].info(self.full_path(path))
        if info.get("type", "file") != "file":
            raise ImageError(f"not a file, but a {info['type']}")
        if (info.get("size") or 0) > MAX_IMAGE_FILE:
            raise ImageError(
                f"too large: a file of {info['size']:,} bytes; the limit is {MAX_IMAGE_FILE:,}"
            )
        changed = next((str(info[key]) for key in _CHANGED if info.get(key)), "")
        return f"{info.get('size')}:{changed}"

    def find(self, under: str = "") -> list[str]:
        """Return all files below ``under``, relative to the root, in sorted order.

        Raises:
            SourceError: There is no such folder.
        """
        filesystem, root = self._place
        top = self.full_path(under) if under else root
        if not filesystem.isdir(top):
            raise self.error(f"no folder {top!r}")
        found = filesystem.find(top, detail=True)
        # Reading a pipe or a device could block forever.
        plain = (path for path, info in found.items() if info.get("type") == "file")
        return sorted(str(path)[len(root) + 1 :] for path in plain)

    def read_table(self, path: str, what: str) -> bytes:
        """Return the bytes of a table or listing.

        Args:
            path: File below the root.
            what: What the file is, for messages: ``table``.

        Raises:
            SourceError: The file is missing, too large or no file.
        """
        full = self.full_path(path)
        shown = f"{what} {full!r}"
        try:
            if (self._place[0].size(full) or 0) > MAX_LISTING:
                raise self.error(f"{shown} has more than {MAX_LISTING >> 20} MiB")
            return self.read(path)
        except FileNotFoundError:
            raise self.error(f"{shown} is missing") from None
        except ImageError as error:
            raise self.error(f"{shown} is {error}") from None
        except (IsADirectoryError, PermissionError, RuntimeError, ValueError) as error:
            raise self.error(f"{shown} cannot be read: {error}") from None
        except OSError as error:
            if not self._is_local:
                raise  # storage that cannot be reached now: a rerun may succeed
            raise self.error(f"{shown} cannot be read: {error.strerror or error}") from None

    def read_text(self, path: str, what: str) -> str:
        """Return a table or listing as text; see ``read_table``.

        Raises:
            SourceError: The file is missing or not UTF-8.
        """
        try:
            return self.read_table(path, what).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self.error(
                f"{what} {self.full_path(path)!r} is not UTF-8 (byte {error.start})"
            ) from None


def unique(records: Iterator[Record], source_id: str) -> Iterator[Record]:
    """Yield the records, and refuse those that could be confused with another image.

    Raises:
        SourceError: Two records share an image id, a path leaves the root, or a name is not valid
            Unicode, has control characters or is too long, so that no release could hold it.
    """
    paths: dict[str, str] = {}
    for record in records:
        for name in _texts(record):
            if not _is_unicode(name):
                raise SourceError(
                    f"source {source_id!r}: the name {shortened(name)} is not valid Unicode: "
                    "rename the file or folder"
                )
            if "\x00" in name:
                raise SourceError(
                    f"source {source_id!r}: {shortened(name)} holds the character U+0000"
                )
        for name in (record.image_id, record.identity):
            if _NO_NAME.search(name) or len(name.encode()) > _MAX_NAME:
                raise SourceError(
                    f"source {source_id!r}: the name {name[:80]!r} has control characters or more "
                    f"than {_MAX_NAME:,} bytes, and no release could hold it: rename the file or "
                    "folder, or change the table"
                )
        if record.path.startswith("/") or ".." in record.path.split("/"):
            raise SourceError(
                f"source {source_id!r}: the path {record.path!r} leads out of the root; the "
                "card only covers images below the root"
            )
        if record.image_id in paths:
            raise SourceError(
                f"source {source_id!r}: image id {record.image_id!r} is used twice, by "
                f"{paths[record.image_id]!r} and by {record.path!r}. Rename or remove one of "
                "them; for a table, set 'columns.id' to a column of unique ids"
            )
        paths[record.image_id] = record.path
        yield record


def _texts(record: Record) -> Iterator[str]:
    yield from (record.image_id, record.path, record.identity)
    stated = (record.sex, record.ethnicity, record.split, record.license, record.attribution)
    yield from filter(None, stated)
    for key, value in record.extra.items():
        yield from (key, value)


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate: a file name in another encoding
        return False
    return True


def without_suffix(path: str) -> str:
    """Return a path without its file name extension."""
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and "/" not in suffix else path


def images(paths: Iterable[str]) -> Iterator[str]:
    """Yield the paths that have an image extension and are not hidden."""
    for path in paths:
        if path.lower().endswith(IMAGE_SUFFIXES) and not path.rpartition("/")[2].startswith("."):
            yield path
