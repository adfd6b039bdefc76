"""One shard: a tar of images, a manifest, the rejects, and a commit that is written last.

A shard without a commit does not exist. Leaving the ``with`` block by an exception commits
nothing and leaves no files behind.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from datagen.core.digests import sha256_file
from datagen.errors import ReleaseError
from datagen.release.commit import Commit, FileRecord, commit_name
from datagen.release.folder import Folder
from datagen.release.manifest import ManifestFile, broken_manifest_rows
from datagen.release.schema import MANIFEST, REJECTS
from datagen.release.tables import write_table

__all__ = ["MediaFile", "ShardWriter"]

_BLOCK = 512  # of a tar: the header before each file


@dataclass(frozen=True, slots=True)
class MediaFile:
    """An encoded image or mask, stored in the tar as ``<pair_id>.<role>.<suffix>``.

    Attributes:
        role: ``real``, ``control``, ``fake`` or ``mask``.
        suffix: File suffix without a dot.
        data: Encoded bytes.
    """

    role: str
    suffix: str
    data: bytes


class ShardWriter:
    """Writes one shard; leaving the ``with`` block commits it, an exception does not.

    Args:
        folder: The release.
        shard: Name of the shard, e.g. ``train-000000``.
        digest: Digest of everything that decides the content, see ``Commit``.

    Attributes:
        media_name: Name of the shard's tar file in the release.
        networks: What the networks ran on, see ``Commit``; filled by the caller.
        commit: The commit, after the block was left without an exception.
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

    def add_image(self, pair_id: str, image: MediaFile) -> tuple[int, int]:
        """Append one image or mask; return its offset and size in the tar, in bytes."""
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
        """Add the row of a rejected item."""
        self._rejects.append(row)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit unless an exception was raised; clean up in any case."""
        with self._cleanup:
            if error is None:
                self._tar.close()
                self._file.close()
                self._commit()

    def _refuse_broken(self, table: pa.Table, media_bytes: int) -> None:
        """Refuse rows that no reader would accept."""
        for broken in broken_manifest_rows(table, ManifestFile(self._shard, media_bytes)):
            raise ReleaseError(
                f"shard {self._shard} cannot be released: {broken}. Change what gives this value: "
                "the source, its card, the recipe or a plug-in",
                key=broken.column,
                row=broken.row,
            )

    def _commit(self) -> None:
        places = {
            self.media_name: self._staging / "tar",
            f"manifest/{self._shard}.parquet": self._staging / "manifest",
            f"rejects/{self._shard}.parquet": self._staging / "rejects",
        }
        table = write_table(self._rows, MANIFEST, self._staging / "manifest")
        self._refuse_broken(table, places[self.media_name].stat().st_size)
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
        self._folder.remove(commit_name(self._shard))  # that of another plan
        for name, path in places.items():
            self._folder.put(path, name)
        self._folder.write(commit_name(self._shard), self.commit.to_json())
