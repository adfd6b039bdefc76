"""One shard: a tar of images, a manifest, the rejects, and a commit that is written last.

A shard whose commit is not there does not exist. Leaving the ``with`` block by an exception
commits nothing and leaves nothing behind.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import canonical_json, sha256_bytes, sha256_file
from datagen.release.folder import Folder
from datagen.release.schema import MANIFEST, REJECTS

__all__ = [
    "Commit",
    "FileRecord",
    "Picture",
    "ShardWriter",
    "is_whole",
    "read_commit",
    "write_table",
]

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Digest and size of one file of a release."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What a shard holds.

    Attributes:
        digest: Names what the shard must hold: recipe, range, index, versions.
        items: Planned items; each is a made pair or a reject.
        rejects: How many items were rejected, by code.
        media_bytes: Bytes of the images and masks.
        networks: By method, what its network ran on: device, precision, batch, versions.
        files: By name relative to the release.
    """

    shard: str
    digest: str
    items: int
    pairs: int
    controls: int
    rejects: Mapping[str, int]
    media_bytes: int
    files: Mapping[str, FileRecord]
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return the bytes of the commit file."""
        return (canonical_json(asdict(self)) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded bytes that go into the tar as ``<pair_id>.<role>.<suffix>``."""

    role: str
    suffix: str
    data: bytes


def commit_name(shard: str) -> str:
    """Return where a shard's commit lies."""
    return f"commits/{shard}.json"


def read_commit(folder: Folder, shard: str) -> Commit | None:
    """Return a shard's commit, ``None`` when it is not there or not readable as one."""
    try:
        body = json.loads(folder.read(commit_name(shard)))
        files = {name: FileRecord(**record) for name, record in body.pop("files").items()}
        return Commit(files=files, **body)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return None  # damaged: the shard is made again


def is_whole(folder: Folder, commit: Commit) -> bool:
    """Say whether every file of a shard has the bytes that its commit names.

    Hashing costs a hundredth of making, so that a resumed run can be sure.
    """
    try:
        return all(
            sha256_bytes(folder.read(name)) == record.sha256
            for name, record in commit.files.items()
        )
    except FileNotFoundError:
        return False


class ShardWriter:
    """Writes one shard; ``with`` commits on success only.

    Args:
        folder: The release.
        shard: Its name, ``train-000000``.
        digest: See ``Commit``.
    """

    def __init__(self, folder: Folder, shard: str, digest: str) -> None:
        self._folder = folder
        self._shard = shard
        self._digest = digest
        self._rows: list[dict[str, Any]] = []
        self._rejects: list[dict[str, Any]] = []
        self._pairs = self._controls = self._bytes = 0
        self.media_name = f"media/{shard}.tar"
        self.networks: dict[str, Mapping[str, Any]] = {}
        self.commit: Commit | None = None

    def __enter__(self) -> Self:
        """Open the staging folder and the tar."""
        with ExitStack() as stack:
            self._staging = Path(stack.enter_context(self._folder.staging()))
            self._file = stack.enter_context((self._staging / "tar").open("wb"))
            self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)
            self._cleanup = stack.pop_all()
        return self

    def add_image(self, pair_id: str, image: Picture) -> tuple[int, int]:
        """Append one image and return its offset and size in the tar."""
        info = tarfile.TarInfo(f"{pair_id}.{image.role}.{image.suffix}")
        info.size = len(image.data)  # time, owner and mode stay constant: same items, same bytes
        offset = self._file.tell() + _BLOCK
        self._tar.addfile(info, io.BytesIO(image.data))
        self._bytes += len(image.data)
        return offset, len(image.data)

    def add_rows(self, rows: list[dict[str, Any]]) -> None:
        """Add the manifest rows of one pair."""
        self._rows += rows
        self._pairs += 1
        self._controls += sum(row["kind"] == "control" for row in rows)

    def add_reject(self, row: dict[str, Any]) -> None:
        """Add the row of an item that was not made."""
        self._rejects.append(row)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit if nothing was raised; clean up in any case."""
        with self._cleanup:
            if error is None:
                self._tar.close()
                self._file.close()
                self._commit()

    def _commit(self) -> None:
        places = {
            self.media_name: self._staging / "tar",
            f"manifest/{self._shard}.parquet": self._staging / "manifest",
            f"rejects/{self._shard}.parquet": self._staging / "rejects",
        }
        write_table(self._rows, MANIFEST, self._staging / "manifest")
        write_table(self._rejects, REJECTS, self._staging / "rejects")
        codes = sorted({row["code"] for row in self._rejects})
        self.commit = Commit(
            shard=self._shard,
            digest=self._digest,
            items=self._pairs + len(self._rejects),
            pairs=self._pairs,
            controls=self._controls,
            rejects={code: sum(row["code"] == code for row in self._rejects) for code in codes},
            media_bytes=self._bytes,
            files={
                name: FileRecord(sha256_file(path), path.stat().st_size)
                for name, path in places.items()
            },
            networks=self.networks,
        )
        self._folder.remove(commit_name(self._shard))  # of another plan
        for name, path in places.items():
            self._folder.put(path, name)
        self._folder.write(commit_name(self._shard), self.commit.to_json())


def write_table(rows: list[dict[str, Any]], schema: pa.Schema, path: Path) -> None:
    """Write rows as Parquet; the same rows give the same bytes.

    Raises:
        ValueError: A row lacks a column that may not be null.
    """
    for column in schema:
        if not column.nullable and any(row.get(column.name) is None for row in rows):
            raise ValueError(f"column {column.name!r} may not be null")
    pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")


def table_bytes(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    """Return the Parquet bytes of rows."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), sink, compression="zstd")
    return sink.getvalue()


def file_record(data: bytes) -> FileRecord:
    """Return digest and size of bytes."""
    return FileRecord(sha256_bytes(data), len(data))
