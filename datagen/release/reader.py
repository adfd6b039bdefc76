"""Reading a release: its record, its rows, its images and its pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal, overload

import pyarrow as pa

from datagen.core.arguments import flag, found, text, text_or_texts
from datagen.core.arrays import Image, Mask
from datagen.core.json_io import MAX_JSON
from datagen.core.text import counted, near
from datagen.errors import ReleaseError
from datagen.release.clips import Clip, Masks, clip_of, is_clip, masks_of
from datagen.release.folder import Folder
from datagen.release.frames import frames_of_clip
from datagen.release.json_columns import json_object
from datagen.release.manifest import MANIFEST_FOLDER, manifest_file, read_manifest, split_of
from datagen.release.names import release_id
from datagen.release.pairs import ReleasedPair, pairs_of
from datagen.release.pixels import bytes_of_row, decoded, decoded_mask
from datagen.release.record import RELEASE_NAME
from datagen.release.record_model import parse_record, record_digest
from datagen.release.rows import Row, checked_row
from datagen.release.schema import MANIFEST
from datagen.release.whereabouts import meant_instead

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Release", "Row", "damage_of", "folder_of", "read_record"]


class Release:
    """A finished release: its pairs, its manifest as a table, and its images.

    ``len(release)`` is the number of pairs, and iterating yields every pair. Images are read only
    when they are asked for, rows one shard at a time.

    Args:
        folder: Path or address of the release, e.g. ``"out"`` or ``"s3://bucket/name"``.

    Attributes:
        folder: The folder that holds the release.
        record: The content of its ``release.json``.

    Raises:
        ReleaseError: There is no release, it is not finished, or its schema is not supported.
    """

    def __init__(self, folder: str | PathLike[str] | Folder | Release) -> None:
        self.folder = folder_of(folder)
        self.record = read_record(self.folder)
        if problem := damage_of(self.record):
            raise ReleaseError(
                f"{self.folder}/{RELEASE_NAME}: {problem}. Rerun the same 'datagen generate', "
                "which writes it anew, or get the release again",
                path=f"{self.folder}/{RELEASE_NAME}",
                key="digest",
            )

    def __eq__(self, other: object) -> bool:
        """Say whether both are the same release in the same place."""
        if not isinstance(other, Release):
            return NotImplemented
        return self.folder.address == other.folder.address and self.record == other.record

    def __hash__(self) -> int:
        """Return a hash of the place."""
        return hash(self.folder.address)

    def __len__(self) -> int:
        """Return the number of pairs."""
        return int(self.record["counts"]["pairs"])

    def __iter__(self) -> Iterator[ReleasedPair]:
        """Iterate over all pairs, in the order of the manifest."""
        return self.pairs()

    def __repr__(self) -> str:
        """Return name, version, place and size."""
        counts = self.record["counts"]
        return (
            f"<Release {self.record['name']} v{self.record['version']} in {self.folder}: "
            f"{counted(counts['pairs'], 'pair')}, "
            f"{counted(counts['images'], 'clip' if self.has_clips else 'image')}>"
        )

    def _repr_html_(self) -> str:
        """Show the release and a few of its pairs in a notebook."""
        from datagen.release.notebook import release_html

        return release_html(self)

    @property
    def splits(self) -> list[str]:
        """The splits of the release, in the order of the manifest."""
        return list(dict.fromkeys(split_of(name) for name in self.manifest_files()))

    @property
    def has_clips(self) -> bool:
        """Whether the release holds clips instead of images."""
        return any(name.startswith("frames/") for name in self.record["files"])

    @property
    def embedder(self) -> str | None:
        """The embedder that told whom the fakes resemble, ``id@sha256``; ``None`` without one."""
        found = self.record["made"]["with"].get("embedder")
        return None if found is None else str(found)

    def manifest_files(self, split: str | Sequence[str] | None = None) -> list[str]:
        """Return the names of the manifest's files, one per shard.

        Args:
            split: Only the shards of this split, or of these; by default all.

        Raises:
            ReleaseError: The release has no such split.
        """
        names = [name for name in self.record["files"] if name.startswith(MANIFEST_FOLDER)]
        if split is None:
            return names
        splits = text_or_texts(split, "split", ReleaseError)
        known = list(dict.fromkeys(map(split_of, names)))
        for one in splits:
            if one not in known:
                raise ReleaseError(
                    f"{self.folder}: the release has no split {one!r}.{near(one, known)} "
                    f"It has: {', '.join(known)}",
                    path=self.folder.address,
                    key="split",
                )
        return [name for name in names if split_of(name) in splits]

    @overload
    def table(
        self,
        columns: str | Sequence[str] | None = None,
        split: str | Sequence[str] | None = None,
        format: Literal["pandas"] = "pandas",
        dictionary: str | Sequence[str] = (),
    ) -> pd.DataFrame: ...

    @overload
    def table(
        self,
        columns: str | Sequence[str] | None = None,
        split: str | Sequence[str] | None = None,
        *,
        format: Literal["arrow"],
        dictionary: str | Sequence[str] = (),
    ) -> pa.Table: ...

    def table(
        self,
        columns: str | Sequence[str] | None = None,
        split: str | Sequence[str] | None = None,
        format: Literal["pandas", "arrow"] = "pandas",
        dictionary: str | Sequence[str] = (),
    ) -> pd.DataFrame | pa.Table:
        """Return the manifest, one row per image, in the order of the shards.

        Args:
            columns: Names of the columns to read; by default all. The columns are documented in
                ``manifests/SCHEMA.md``.
            split: Only the rows of this split, or of these; by default all.
            format: ``"pandas"`` or ``"arrow"``.
            dictionary: Text columns to read as dictionaries (pandas: categories), which saves
                memory where few values repeat.

        Raises:
            ReleaseError: The release has no such split or column, or a file of the manifest is
                missing or damaged.
        """
        if format not in ("pandas", "arrow"):
            raise ReleaseError(
                f"format: must be 'pandas' or 'arrow' ({found(format)})", key="format"
            )
        if columns is not None:
            columns = text_or_texts(columns, "columns", ReleaseError)
        dictionary = text_or_texts(dictionary, "dictionary", ReleaseError)
        tables = [
            read_manifest(self.folder, manifest_file(self.record, name), columns, dictionary)
            for name in self.manifest_files(split)
        ]
        if not tables:
            schema = (
                MANIFEST if columns is None else pa.schema([MANIFEST.field(c) for c in columns])
            )
            tables = [schema.empty_table()]
        table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
        return table if format == "arrow" else table.to_pandas()

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """The whole manifest, kept in memory; ``table`` reads only what is needed."""
        return self.table()

    def pairs(
        self,
        split: str | Sequence[str] | None = None,
        method: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> Iterator[ReleasedPair]:
        """Iterate over pairs, in the order of the manifest.

        Args:
            split: Only pairs of this split, or of these.
            method: Only pairs of this method, or of these.
            where: Only pairs whose fake has these values in the manifest (the rows of its real
                and control are not looked at): each key is a column,
                each value is one value, or a list or other collection of allowed ones; ``None``
                matches a missing value. Example: ``{"degradation": "jpeg", "severity": [4, 5]}``.

        Raises:
            ReleaseError: The release has no such split or method, or the manifest no such column.
        """
        return pairs_of(self, self.manifest_files(split), method, where)

    def pair(self, pair_id: str) -> ReleasedPair:
        """Return one pair.

        Args:
            pair_id: Id of the pair, as in the manifest.

        Raises:
            ReleaseError: The release has no such pair.
        """
        text(pair_id, "pair_id", "'quickstart-test-00000000'", ReleaseError)
        for pair in self.pairs(where={"pair_id": pair_id}):
            return pair
        raise ReleaseError(
            f"{self.folder}: the release has no pair {pair_id!r}",
            path=self.folder.address,
            row=pair_id,
        )

    def verify(self, pixels: bool = False) -> list[str]:
        """Compare the release with its own record; return the problems, none when it is whole.

        Args:
            pixels: Also compare each fake with its real outside the mask, where the release is
                lossless (PNG) and the pair is not degraded.
        """
        from datagen.release.verify import verify

        return list(verify(self.folder, flag(pixels, "pixels")))

    def bytes_of(self, row: Row) -> bytes:
        """Return the encoded image of a manifest row, with one seek."""
        return self._bytes_of(row, "media")

    def image(self, row: Row) -> Image:
        """Return the decoded image of a manifest row."""
        return decoded(self.bytes_of(_still(row)), row)

    def mask_bytes(self, row: Row) -> bytes:
        """Return the mask of a fake's row as a PNG file."""
        return self._bytes_of(row, "mask")

    def mask(self, row: Row) -> Mask:
        """Return the mask of a fake's row."""
        return decoded_mask(self.mask_bytes(_still(row)), row)

    def clip(self, row: Row) -> Clip:
        """Return the decoded clip of a manifest row, ``(frames, height, width, 3)`` uint8 RGB.

        Raises:
            ReleaseError: The row is an image, or its clip is damaged.
        """
        return clip_of(self.bytes_of(_moving(row)), row)

    def masks(self, row: Row) -> Masks:
        """Return the masks of a fake clip's row, ``(frames, height, width)`` uint8.

        Raises:
            ReleaseError: The row is an image or no fake, or its masks are damaged.
        """
        return masks_of(self.mask_bytes(_moving(row)), row)

    def frames(self, row: Row) -> pd.DataFrame:
        """Return the rows of the frames of a clip, as ``manifests/SCHEMA.md`` says.

        Raises:
            ReleaseError: The row is an image, or the table of frames is damaged.
        """
        row = checked_row(_moving(row), ("sample_id", "media_path"))
        return frames_of_clip(self.folder, self.record["release_id"], row)

    def _bytes_of(self, row: Row, what: str) -> bytes:
        row = checked_row(row, (f"{what}_path", f"{what}_offset", f"{what}_size"))
        try:
            return bytes_of_row(self.folder, self.record["files"], row, what)
        except OSError as error:
            path = f"{self.folder}/{row[f'{what}_path']}"
            missing = isinstance(error, FileNotFoundError)
            raise ReleaseError(
                f"{path} {'is missing' if missing else f'cannot be read: {error}'}. Rerun the same "
                "'datagen generate', which makes it anew, or get the release again",
                path=path,
            ) from error

    @staticmethod
    def params(row: Row) -> dict[str, Any]:
        """Return the parameters that the method drew for the pair of a manifest row."""
        return json_object(checked_row(row, ("method_params",)), "method_params")


def _still(row: Row) -> Row:
    if is_clip(checked_row(row, ())):
        raise ReleaseError(
            f"{row.get('sample_id', 'the row')} is a clip: read it with Release.clip, its masks "
            "with Release.masks",
            key="media",
        )
    return row


def _moving(row: Row) -> Row:
    if not is_clip(checked_row(row, ())):
        raise ReleaseError(
            f"{row.get('sample_id', 'the row')} is an image: read it with Release.image, its mask "
            "with Release.mask",
            key="media",
        )
    return checked_row(row, ("width", "height", "media_type"))


def folder_of(release: object, name: str = "release") -> Folder:
    """Return the folder of a release, of its path or of its address.

    Args:
        release: The release, its path, its address or its folder.
        name: What messages call it.

    Raises:
        ReleaseError: It is something else.
    """
    if isinstance(release, Release):
        return release.folder
    if isinstance(release, Folder):
        return release
    if isinstance(release, str | PathLike):
        return Folder(str(fspath(release)))
    raise ReleaseError(f"{name}: must be a Release or its path, {found(release)}", key=name)


def read_record(folder: Folder) -> dict[str, Any]:
    """Return the content of a release's ``release.json``, checked except for its own digest.

    Raises:
        ReleaseError: See ``Release``.
    """
    try:
        data = folder.read(RELEASE_NAME, limit=MAX_JSON)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_release(folder) from None
    return parse_record(data, f"{folder}/{RELEASE_NAME}")


def _no_release(folder: Folder) -> ReleaseError:
    """Return the error for a folder without ``release.json``: which it is, and what to do."""
    commits = len(folder.names("commits"))
    if commits:
        verb = "is" if commits == 1 else "are"
        return ReleaseError(
            f"{folder} is not finished ({counted(commits, 'shard')} {verb} committed, "
            f"{RELEASE_NAME} not found): rerun the same 'datagen generate'",
            path=folder.address,
        )
    if folder.local is not None and folder.local.is_file():
        problem = "it is a file: name the folder that holds it"
    elif folder.exists():
        problem = f"{RELEASE_NAME} not found: {meant_instead(folder)}"
    elif bucket := folder.missing_bucket():
        problem = f"there is no bucket {bucket!r}, or it may not be listed: check the address"
    else:
        problem = "there is no such folder: check the path"
    return ReleaseError(f"{folder} is not a datagen release ({problem})", path=folder.address)


def damage_of(record: Mapping[str, Any]) -> str:
    """Return whether a record differs from its own digest, as the end of a sentence, or nothing."""
    try:
        fits = record.get("digest") in (None, record_digest(record))
    except ValueError:  # an infinite number, a lone surrogate: datagen writes neither
        fits = False
    if not fits:
        return "its content differs from its own digest: it is damaged or was changed"
    expected = release_id(record["name"], record["version"], record["recipe_digest"])
    if record["release_id"] != expected:
        return f"its release_id is {record['release_id']!r}, expected {expected!r}"
    return ""
