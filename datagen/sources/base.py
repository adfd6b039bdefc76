"""The source contract: list images without reading pixels, then return the bytes of one."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self, cast

from datagen.core.arrays import Image
from datagen.core.image_headers import MAX_IMAGE_FILE
from datagen.core.schema import Frozen, parse
from datagen.core.storage import Storage, open_storage
from datagen.errors import ImageError, RecipeError, SourceError
from datagen.sources.card import SourceCard
from datagen.sources.listing import (
    IMAGE_SUFFIXES,
    OUTSIDE,
    VIDEO_SUFFIXES,
    TooManyLinksError,
    local_files,
    only_with,
    without_system,
)
from datagen.sources.record import Record, unique, without_suffix
from datagen.sources.text_files import decoded

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_VIDEO_FILE",
    "VIDEO_SUFFIXES",
    "NoOptions",
    "Record",
    "Source",
    "unique",
    "without_suffix",
]

MAX_VIDEO_FILE = 1 << 36
"""Bytes of a video: many hours of any codec that is read."""

MAX_LISTING = 1 << 30
"""Bytes of a table or listing; that of FFHQ, the largest, has a quarter of it."""


# Keys under which filesystems give the time or digest of the last change: local, S3, Azure, Google,
# HTTP, memory.
_CHANGED = ("mtime", "LastModified", "last_modified", "ETag", "etag", "updated", "created")


class NoOptions(Frozen):
    """Options of a layout without options."""


class Source(ABC):
    """A set of face images: its card, and where its files are.

    Attributes:
        layout: Name of the layout in cards.
        options: Model of the card's ``options``.
        clip_options: Those of the options that change clips alone, and no image.
        has_files: Whether images are files; otherwise ``render`` makes them on demand.
        version: Version of ``render``, raised when its output changes.
        render_seconds: Seconds per image that ``render`` takes on one core, for estimates.
        looks_for_ages: Whether the layout itself refuses ages in its tables that nothing reads;
            otherwise the extra columns of its records are searched.
        allow_outside: Whether tables and listings may lie outside of the root, and whether links
            may lead there.
        passed_over: What the last listing found and did not take: entries by kind.
    """

    layout: ClassVar[str]
    options: ClassVar[type[Frozen]] = NoOptions
    clip_options: ClassVar[frozenset[str]] = frozenset()
    has_files: ClassVar[bool] = True
    version: ClassVar[int] = 1
    render_seconds: ClassVar[float] = 0.0
    looks_for_ages: ClassVar[bool] = False
    allow_outside: bool = False

    def __init__(self, card: SourceCard, root: str, config: Frozen) -> None:
        self.card = card
        self.root = root
        self.config: Any = config
        self.passed_over: Counter[str] = Counter()

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

    def clip_records(self) -> Iterator[Record]:
        """List the videos in a fixed order: files, or clips that are rendered without a file.

        Raises:
            SourceError: The layout has no videos, or a table or folder does not have this layout.
        """
        raise self.error(f"the layout {self.layout!r} lists no videos")

    def other_clips(self) -> Iterator[Record]:
        """List what states something of an identity and is not among the videos; see ``others``."""
        return iter(())

    @property
    def has_clips(self) -> bool:
        """Whether its layout knows videos."""
        return type(self).clip_records is not Source.clip_records

    def label_of(self, record: Record) -> str | None:
        """Return who is in an image by the source, where the card has every image count alone."""
        return None

    def render(self, image_id: str) -> Image:
        """Return an image of a source without files."""
        raise NotImplementedError(f"source {self.card.id!r} has files: read them")

    def render_frame(self, image_id: str, frame: int) -> Image:
        """Return a frame of a clip of a source without files.

        Args:
            image_id: Id of one of the ``clip_records``.
            frame: Number of the frame, from 0.

        Raises:
            SourceError: There is no such clip or frame.
        """
        raise NotImplementedError(f"source {self.card.id!r} renders no clips")

    def frame_record(self, record: Record, frame: int) -> Record:
        """Return the record of a clip without a file, as one of its frames is: its geometry.

        Raises:
            SourceError: There is no such clip or frame.
        """
        raise NotImplementedError(f"source {self.card.id!r} renders no clips")

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

    def clip_digest_options(self) -> dict[str, Any]:
        """Return the options that enter the digest of a rendered clip."""
        return self.digest_options()

    @cached_property
    def _place(self) -> tuple[Storage, str]:
        try:
            return open_storage(self.root)
        except ValueError as error:
            raise self.error(f"root {self.root!r}: {error}") from None

    @property
    def is_local(self) -> bool:
        """Whether its files are on this machine."""
        return self._place[0].is_local

    def missing_bucket(self) -> str:
        """Return the name of the root's bucket if there is none of that name, or else nothing."""
        storage, path = self._place
        return storage.missing_bucket(path)

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
            ImageError: It is no regular file (a pipe would be waited for), or a link that leads
                outside of the root.
        """
        full = self._real(path)
        if self.is_local and Path(full).exists() and not Path(full).is_file():
            raise ImageError("not a regular file")
        return bytes(self._place[0].cat_file(full))

    def open(self, path: str) -> BinaryIO:
        """Open one file, to read it in parts; close it.

        Raises:
            OSError: The file does not exist or cannot be read.
            ImageError: See ``read``.
        """
        full = self._real(path)
        if not self.is_local:
            return cast(BinaryIO, self._place[0].open(full, "rb"))
        if Path(full).exists() and not Path(full).is_file():
            raise ImageError("not a regular file")
        return Path(full).open("rb")

    def _real(self, path: str) -> str:
        """Return the full path of a file, on this machine with its links resolved.

        Raises:
            ImageError: A link leads outside of the root.
        """
        full = self.full_path(path)
        if not self.is_local:
            return full
        real = os.path.realpath(full)
        if not self.allow_outside and not Path(real).is_relative_to(self._real_root):
            raise ImageError(
                f"{OUTSIDE}, and the card covers what lies below it. Copy the file there, or allow "
                "it with --allow-outside"
            )
        return real

    @cached_property
    def _real_root(self) -> str:
        return os.path.realpath(self._place[1])

    def exists(self, path: str) -> bool:
        """Return whether a file exists."""
        return bool(self._place[0].exists(self.full_path(path)))

    def stamp(self, path: str, limit: int = MAX_IMAGE_FILE) -> str:
        """Return a short text that changes when a file changes, without reading it.

        Args:
            path: File below the root.
            limit: Bytes of the largest file that is read.

        Raises:
            FileNotFoundError: It does not exist.
            ImageError: It is no file, larger than any that is read, or a link that leads outside
                of the root.
        """
        info = self._place[0].info(self._real(path))
        if info.get("type", "file") != "file":
            raise ImageError(f"not a file, but a {info['type']}")
        if (info.get("size") or 0) > limit:
            raise ImageError(f"too large: a file of {info['size']:,} bytes; the limit is {limit:,}")
        changed = next((str(info[key]) for key in _CHANGED if info.get(key)), "")
        return f"{info.get('size')}:{changed}"

    def find(self, under: str = "") -> list[str]:
        """Return all files below ``under``, relative to the root, in sorted order.

        Links are followed below the root, or everywhere with ``allow_outside``. Hidden files and
        what systems put into folders are left out. What is, is counted in ``passed_over``.

        Raises:
            SourceError: There is no such folder, or links multiply it.
        """
        filesystem, root = self._place
        top = self.full_path(under) if under else root
        if not filesystem.isdir(top):
            if filesystem.exists(top):
                raise self.error(f"{top!r} is a file, expected a folder")
            raise self.error(f"no folder {top!r}")
        if self.is_local:
            try:
                self._real(under)
                return local_files(root, top, self.allow_outside, self.passed_over)
            except (ImageError, TooManyLinksError) as error:
                raise self.error(f"{top!r}: {error}") from None
        found = filesystem.find(top, detail=True)
        files = [str(path)[len(root) + 1 :] for path, info in found.items() if _is_file(info)]
        return sorted(without_system(files, self.passed_over))

    def find_images(self, under: str = "") -> list[str]:
        """Return the files of ``find`` that have an image extension; the others are counted."""
        return list(only_with(IMAGE_SUFFIXES, self.find(under), self.passed_over))

    def find_videos(self, under: str = "") -> list[str]:
        """Return the files of ``find`` that have a video extension; the others are counted."""
        return list(only_with(VIDEO_SUFFIXES, self.find(under), self.passed_over))

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
            if not self.is_local:
                raise  # storage that cannot be reached now: a rerun may succeed
            raise self.error(f"{shown} cannot be read: {error.strerror or error}") from None

    def read_text(self, path: str, what: str) -> str:
        """Return a table or listing as text; see ``read_table``.

        Raises:
            SourceError: The file is missing or not UTF-8.
        """
        data = self.read_table(path, what)
        shown = f"source {self.card.id!r}: {what} {self.full_path(path)!r}"
        return decoded(data, shown, self.root)


def _is_file(info: Mapping[str, Any]) -> bool:
    return bool(info.get("type") == "file")
