"""Reading a release: its record, its rows, its images and its pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import pyarrow as pa

from datagen.core.arrays import Image, Mask
from datagen.core.json_io import MAX_JSON
from datagen.core.text import near
from datagen.errors import ReleaseError
from datagen.release.folder import Folder
from datagen.release.json_columns import json_object
from datagen.release.manifest import MANIFEST_FOLDER, manifest_file, read_manifest, split_of
from datagen.release.pairs import ReleasedPair, pairs_of
from datagen.release.pixels import bytes_of_row, decoded, decoded_mask
from datagen.release.record import RELEASE_NAME
from datagen.release.record_model import parse_record, record_digest
from datagen.release.schema import MANIFEST

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Release", "Row", "damage_of", "read_record"]

Row: TypeAlias = "Mapping[Any, Any] | pd.Series[Any]"
"""A row of the manifest: a dict, or a row of the pandas table."""


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

    def __init__(self, folder: str | Path | Folder) -> None:
        self.folder = folder if isinstance(folder, Folder) else Folder(str(folder))
        self.record = read_record(self.folder)
        if problem := damage_of(self.record):
            raise ReleaseError(
                f"{self.folder}/{RELEASE_NAME}: {problem}. Rerun the same 'datagen generate', "
                "which writes it anew, or get the release again",
                path=f"{self.folder}/{RELEASE_NAME}",
                key="digest",
            )

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
            f"{counts['pairs']} pairs, {counts['images']} images>"
        )

    def _repr_html_(self) -> str:
        """Show the release and a few of its pairs in a notebook."""
        from datagen.release.notebook import release_html

        return release_html(self)

    @property
    def splits(self) -> list[str]:
        """The splits of the release, in the order of the manifest."""
        return list(dict.fromkeys(split_of(name) for name in self.manifest_files()))

    def manifest_files(self, splits: Sequence[str] | None = None) -> list[str]:
        """Return the names of the manifest's files, one per shard.

        Args:
            splits: Only the shards of these splits; by default all.

        Raises:
            ReleaseError: The release has no such split.
        """
        names = [name for name in self.record["files"] if name.startswith(MANIFEST_FOLDER)]
        if splits is None:
            return names
        known = list(dict.fromkeys(map(split_of, names)))
        for split in splits:
            if split not in known:
                raise ReleaseError(
                    f"{self.folder}: the release has no split {split!r}.{near(split, known)} "
                    f"It has: {', '.join(known)}",
                    path=self.folder.address,
                    key="split",
                )
        return [name for name in names if split_of(name) in splits]

    @overload
    def table(
        self,
        columns: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
        format: Literal["pandas"] = "pandas",
        dictionary: Sequence[str] = (),
    ) -> pd.DataFrame: ...

    @overload
    def table(
        self,
        columns: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
        *,
        format: Literal["arrow"],
        dictionary: Sequence[str] = (),
    ) -> pa.Table: ...

    def table(
        self,
        columns: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
        format: Literal["pandas", "arrow"] = "pandas",
        dictionary: Sequence[str] = (),
    ) -> pd.DataFrame | pa.Table:
        """Return the manifest, one row per image, in the order of the shards.

        Args:
            columns: Names of the columns to read; by default all. The columns are documented in
                ``manifests/SCHEMA.md``.
            splits: Only the rows of these splits; by default all.
            format: ``"pandas"`` or ``"arrow"``.
            dictionary: Text columns to read as dictionaries (pandas: categories), which saves
                memory where few values repeat.

        Raises:
            ReleaseError: The release has no such split or column, or a file of the manifest is
                missing or damaged.
        """
        files = self.record["files"]
        tables = [
            read_manifest(self.folder, manifest_file(files, name), columns, dictionary)
            for name in self.manifest_files(splits)
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
            where: Only pairs whose fake has these values in the manifest: each key is a column,
                each value is one value, or a list or other collection of allowed ones; ``None``
                matches a missing value. Example: ``{"degradation": "jpeg", "severity": [4, 5]}``.

        Raises:
            ReleaseError: The release has no such split or method, or the manifest no such column.
        """
        splits = [split] if isinstance(split, str) else split
        return pairs_of(self, self.manifest_files(splits), method, where or {})

    def pair(self, pair_id: str) -> ReleasedPair:
        """Return one pair.

        Args:
            pair_id: Id of the pair, as in the manifest.

        Raises:
            ReleaseError: The release has no such pair.
        """
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

        return list(verify(self.folder, pixels))

    def bytes_of(self, row: Row) -> bytes:
        """Return the encoded image of a manifest row, with one seek."""
        return bytes_of_row(self.folder, self.record["files"], row)

    def image(self, row: Row) -> Image:
        """Return the decoded image of a manifest row."""
        return decoded(self.bytes_of(row), row)

    def mask_bytes(self, row: Row) -> bytes:
        """Return the mask of a fake's row as a PNG file."""
        return bytes_of_row(self.folder, self.record["files"], row, "mask")

    def mask(self, row: Row) -> Mask:
        """Return the mask of a fake's row."""
        return decoded_mask(self.mask_bytes(row), row)

    @staticmethod
    def params(row: Row) -> dict[str, Any]:
        """Return the parameters that the method drew for the pair of a manifest row."""
        return json_object(row, "method_params")


def read_record(folder: Folder) -> dict[str, Any]:
    """Return the content of a release's ``release.json``, checked except for its own digest.

    Raises:
        ReleaseError: See ``Release``.
    """
    try:
        data = folder.read(RELEASE_NAME, limit=MAX_JSON)
    except (FileNotFoundError, NotADirectoryError):
        commits = len(folder.names("commits"))
        if commits:
            raise ReleaseError(
                f"{folder} is not finished ({commits} shards are committed, {RELEASE_NAME} not "
                "found): rerun the same 'datagen generate'"
            ) from None
        raise ReleaseError(
            f"{folder} is not a datagen release ({RELEASE_NAME} not found)"
        ) from None
    return parse_record(data, f"{folder}/{RELEASE_NAME}")


def damage_of(record: Mapping[str, Any]) -> str:
    """Return whether a record differs from its own digest, as the end of a sentence, or nothing."""
    try:
        fits = record.get("digest") in (None, record_digest(record))
    except ValueError:  # an infinite number, a lone surrogate: datagen writes neither
        fits = False
    return "" if fits else "its content differs from its own digest: it is damaged or was changed"
