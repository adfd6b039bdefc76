"""The commit of a shard: the small file, written last, that makes the shard exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from datagen.core.digests import canonical_json, sha256_bytes
from datagen.errors import ReleaseError
from datagen.release.folder import Folder
from datagen.release.record_model import CommitModel, parse_commit
from datagen.release.schema import SCHEMA_VERSION

__all__ = [
    "COMMITS",
    "Commit",
    "FileRecord",
    "commit_name",
    "file_record",
    "is_whole",
    "read_commit",
    "read_commits",
    "shard_of_commit",
]

COMMITS = "commits/"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Digest and size of one file of a release.

    Attributes:
        sha256: 64 hex digits.
        size: Size in bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What a finished shard contains.

    Attributes:
        shard: Name of the shard, e.g. ``train-000000``.
        digest: Digest of everything that decides the content: recipe, range, index, versions.
        items: Number of planned items; each became a pair or a reject.
        pairs: Number of pairs.
        controls: Number of controls.
        rejects: Number of rejected items by code.
        media_bytes: Total size of images and masks in bytes.
        files: Files of the shard by name relative to the release.
        networks: What the network of each method ran on: device, precision, batch, versions.
        schema: Version of the manifest schema.
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
    schema: int = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """Return the bytes of the commit file."""
        return (canonical_json(asdict(self)) + "\n").encode()


def commit_name(shard: str) -> str:
    """Return the name of a shard's commit file."""
    return f"{COMMITS}{shard}.json"


def shard_of_commit(name: str) -> str:
    """Return the shard of a commit file."""
    return name.removeprefix(COMMITS).removesuffix(".json")


def read_commit(folder: Folder, shard: str) -> Commit | None:
    """Return a shard's commit, ``None`` if it is missing, damaged or of another schema."""
    return read_commits(folder, [shard]).get(shard)


def read_commits(folder: Folder, shards: Sequence[str]) -> dict[str, Commit]:
    """Return the commits of shards by name, without those that ``read_commit`` would not find."""
    found = folder.read_all([commit_name(shard) for shard in shards])
    commits = {shard_of_commit(name): _parsed(data, name) for name, data in found.items()}
    return {
        shard: commit
        for shard, commit in commits.items()
        if commit is not None and commit.shard == shard
    }


def _parsed(data: bytes, name: str) -> Commit | None:
    try:
        found = parse_commit(data, name)
    except ReleaseError:
        return None  # damaged: the shard is made again
    if found.schema_ != SCHEMA_VERSION:
        return None
    body = {key: getattr(found, key) for key in CommitModel.model_fields if key != "schema_"}
    files = {name: FileRecord(file.sha256, file.size) for name, file in found.files.items()}
    return Commit(**{**body, "files": files})


def is_whole(folder: Folder, commit: Commit) -> bool:
    """Say whether every file of a shard has the digest that its commit names.

    Hashing costs a hundredth of making the shard, so a resumed run can afford to be sure.
    """
    try:
        return all(
            sha256_bytes(folder.read(name)) == record.sha256
            for name, record in commit.files.items()
        )
    except FileNotFoundError:
        return False


def file_record(data: bytes) -> FileRecord:
    """Return digest and size of a file's bytes."""
    return FileRecord(sha256_bytes(data), len(data))
