"""One shard: tars of images, a manifest, the rejects, and a commit that is written last.

Pairs are in one tar, controls in another, so that all samples of a tar have the same members:
``<pair_id>.mask.png``, ``.real.jpg``, ``.fake.jpg``, ``.json``, or ``.control.jpg``, ``.json``.
A shard without a commit does not exist. Leaving the ``with`` block by an exception commits
nothing and leaves no files behind.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from datagen.core.digests import sha256_file
from datagen.errors import ReleaseError
from datagen.release.clip_schema import FRAMES, manifest_schema
from datagen.release.commit import Commit, FileRecord, commit_name
from datagen.release.folder import Folder
from datagen.release.manifest import ManifestFile, broken_manifest_rows
from datagen.release.names import ShardName
from datagen.release.sample import sample_json
from datagen.release.schema import REJECTS
from datagen.release.tables import write_table

__all__ = ["MediaFile", "ShardWriter", "StoredFile"]

_BLOCK = 512  # of a tar: the header before each file


@dataclass(frozen=True, slots=True)
class MediaFile:
    """An encoded image, clip or mask, stored in a tar as ``<pair_id>.<role>.<suffix>``.

    Attributes:
        role: ``real``, ``control``, ``fake`` or ``mask``.
        suffix: File suffix without a dot.
        data: Encoded bytes.
    """

    role: str
    suffix: str
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a tar of the shard.

    Attributes:
        path: Path of the tar relative to the release.
        offset: Offset of the file's first byte in the tar.
        data: Content of the file.
    """

    path: str
    offset: int
    data: bytes


class ShardWriter:
    """Writes one shard; leaving the ``with`` block commits it, an exception does not.

    Args:
        folder: The release.
        names: Names of the shard and its files.
        digest: Digest of everything that decides the content, see ``Commit``.
        clips: Whether the shard holds clips, and so a table of frames.
        identity: Whether its rows tell whom the fakes resemble.

    Attributes:
        networks: What the networks ran on, see ``Commit``; filled by the caller.
        commit: The commit, after the block was left without an exception.
    """

    def __init__(
        self,
        folder: Folder,
        names: ShardName,
        digest: str,
        clips: bool = False,
        identity: bool = False,
    ) -> None:
        self._clips = clips
        self._schema = manifest_schema(clips, identity)
        self._folder = folder
        self._names = names
        self._digest = digest
        self._rows: list[dict[str, Any]] = []
        self._frames: list[dict[str, Any]] = []
        self._rejects: list[dict[str, Any]] = []
        self._pairs = self._controls = self._bytes = 0
        self._tars: dict[str, _Tar] = {}
        self.networks: dict[str, Mapping[str, Any]] = {}
        self.commit: Commit | None = None

    def __enter__(self) -> Self:
        """Open the staging folder and the tar of the pairs."""
        with ExitStack() as stack:
            self._staging = Path(stack.enter_context(self._folder.staging()))
            self._open = stack
            self._tar(self._names.media)
            self._open = stack.pop_all()
        return self

    def _tar(self, name: str) -> _Tar:
        if name not in self._tars:
            path = self._staging / f"tar{len(self._tars)}"
            self._tars[name] = _Tar(path)
            self._open.callback(self._tars[name].close)
        return self._tars[name]

    def add_image(self, pair_id: str, image: MediaFile) -> StoredFile:
        """Append one image or mask to its tar."""
        name = self._names.controls if image.role == "control" else self._names.media
        offset = self._tar(name).add(f"{pair_id}.{image.role}.{image.suffix}", image.data)
        self._bytes += len(image.data)
        return StoredFile(name, offset, image.data)

    def add_frames(
        self, pair_id: str, role: str, suffix: str, frames: Sequence[bytes]
    ) -> StoredFile:
        """Append the frames of a clip as one file each.

        Returns:
            The bytes of the tar from the header of the first frame to the end of the last one.
        """
        name = self._names.controls if role == "control" else self._names.media
        tar = self._tar(name)
        offsets = [
            tar.add(f"{pair_id}.{role}.{number:06d}.{suffix}", data)
            for number, data in enumerate(frames)
        ]
        self._bytes += sum(map(len, frames))
        start, end = offsets[0] - _BLOCK, offsets[-1] + len(frames[-1])
        return StoredFile(name, start, tar.read(start, end))

    def add_rows(self, rows: list[dict[str, Any]], frames: Sequence[dict[str, Any]] = ()) -> None:
        """Add the manifest rows of the pair whose images were added last, and those of frames."""
        self._frames += frames
        facts = sample_json(rows)
        for name in dict.fromkeys(row["media_path"] for row in rows):
            self._tar(name).add(f"{rows[0]['pair_id']}.json", facts)
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
        with self._open:
            if error is None:
                for tar in self._tars.values():
                    tar.finish()
                self._commit()

    def _refuse_broken(self, table: pa.Table) -> None:
        """Refuse rows that no reader would accept."""
        names = self._names
        sizes = {name: tar.path.stat().st_size for name, tar in self._tars.items()}
        file = ManifestFile(
            names.release, names.shard, sizes[names.media], sizes.get(names.controls, 0)
        )
        for broken in broken_manifest_rows(table, file):
            raise ReleaseError(
                f"shard {names.shard} cannot be released: {broken}. Change what gives this value: "
                "the source, its card, the recipe or a plug-in",
                key=broken.column,
                row=broken.row,
            )

    def _commit(self) -> None:
        places = {
            **{name: tar.path for name, tar in self._tars.items()},
            self._names.manifest: self._staging / "manifest",
            self._names.rejects: self._staging / "rejects",
        }
        table = write_table(self._rows, self._schema, self._staging / "manifest")
        self._refuse_broken(table)
        if self._clips:
            places[self._names.frames] = self._staging / "frames"
            write_table(self._frames, FRAMES, self._staging / "frames")
        write_table(self._rejects, REJECTS, self._staging / "rejects")
        codes = sorted({row["code"] for row in self._rejects})
        self.commit = Commit(
            shard=self._names.shard,
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
        self._folder.remove(commit_name(self._names.shard))  # that of another plan
        for name, path in places.items():
            self._folder.put(path, name)
        self._folder.write(commit_name(self._names.shard), self.commit.to_json())


class _Tar:
    """A tar that is being written, in the plainest form."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, name: str, data: bytes) -> int:
        """Append a file; return the offset of its content, in bytes."""
        info = tarfile.TarInfo(name)
        info.size = len(data)  # time, owner and mode stay constant: same items, same bytes
        offset = self._file.tell() + _BLOCK
        self._tar.addfile(info, io.BytesIO(data))
        return offset

    def read(self, start: int, end: int) -> bytes:
        """Return bytes that were appended."""
        self._file.flush()
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def finish(self) -> None:
        """Write the end mark and close the file."""
        self._tar.close()
        self._file.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()
