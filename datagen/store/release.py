"""A release as a whole: what may be written into its folder, and the record that ends it."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from datagen.errors import ReleaseError
from datagen.hashing import canonical_json
from datagen.store.folder import Folder
from datagen.store.schema import REJECTS, SCHEMA_VERSION
from datagen.store.shard import Commit, FileRecord, commit_name, file_record, table_bytes

__all__ = [
    "RELEASE_NAME",
    "Plate",
    "claim_folder",
    "finish_release",
    "lock_folder",
    "withdraw_release",
]

RELEASE_NAME = "release.json"
_RECIPE = "recipe.yaml"
_DIGEST_LINE = "# recipe digest: "


@dataclass(frozen=True, slots=True)
class Plate:
    """What stands on a release beside its shards.

    Attributes:
        name, version, recipe_digest, purpose, schema: As in the recipe.
        recipe_yaml: The recipe as it was run, its cards in ``rights/cards/``.
        documents: Further small files by name (cards, attribution, README, …).
        made_with: Versions and machine.
    """

    name: str
    version: int
    recipe_digest: str
    index_digest: str
    purpose: Mapping[str, Any]
    recipe_yaml: str
    made_with: Mapping[str, Any]
    documents: Mapping[str, bytes] = field(default_factory=dict)


@contextmanager
def lock_folder(folder: Folder) -> Iterator[None]:
    """Keep a second run out of a local folder; the lock dies with its process.

    Raises:
        ReleaseError: Another run holds it.
    """
    if folder.local is None:
        yield  # object storage has no locks: commits are whole puts, and equal runs write equals
        return
    folder.local.mkdir(parents=True, exist_ok=True)
    with (folder.local / ".lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError(
                f"{folder}: another 'datagen generate' is writing here. Wait for it, or choose "
                "another folder"
            ) from None
        yield


def claim_folder(folder: Folder, plate: Plate, shards: Mapping[str, Sequence[int]]) -> None:
    """Make sure that the folder is empty or holds a part of this very release, and mark it.

    Args:
        folder: Where the release will lie.
        plate: Of the release.
        shards: Names of all planned shards.

    Raises:
        ReleaseError: It holds something else, which is left as it is.
    """
    names = [name for name in folder.names() if not name.startswith((".lock", ".staging/"))]
    if names and _RECIPE not in names:
        raise ReleaseError(
            f"{folder} is not empty and holds no release (found {names[0]}). Choose a new folder"
        )
    if names:
        first = folder.read(_RECIPE).decode().partition("\n")[0]
        if first.removeprefix(_DIGEST_LINE) != plate.recipe_digest:
            raise ReleaseError(
                f"{folder} holds a release of another recipe ({first.removeprefix('# ')}; this "
                f"one is {plate.recipe_digest}). Choose another folder"
            )
    foreign = [
        name
        for name in names
        if name.startswith("commits/") and name[8:].removesuffix(".json") not in shards
    ]
    if foreign:
        raise ReleaseError(
            f"{folder} already holds more than this run plans ({foreign[0]} and {len(foreign) - 1} "
            "further shards). Choose another folder, or ask for as many pairs again"
        )
    folder.clear_staging()
    if not names:
        folder.write(_RECIPE, _recipe_file(plate))


def withdraw_release(folder: Folder) -> None:
    """Remove the final record: from now on the release is not whole."""
    folder.remove(RELEASE_NAME)


def _recipe_file(plate: Plate) -> bytes:
    return f"{_DIGEST_LINE}{plate.recipe_digest}\n{plate.recipe_yaml}".encode()


def finish_release(
    folder: Folder,
    plate: Plate,
    commits: Sequence[Commit],
    index_rejects: Sequence[dict[str, Any]],
    planned: Mapping[str, int],
) -> dict[str, Any]:
    """Write what stands beside the shards and, last, ``release.json``; return it.

    Args:
        folder: The release.
        plate: See ``Plate``.
        commits: Of every shard.
        index_rejects: Rows of ``rejects/index.parquet``.
        planned: Pairs by split.
    """
    small = {
        _RECIPE: _recipe_file(plate),
        "rejects/index.parquet": table_bytes(list(index_rejects), REJECTS),
        **plate.documents,
    }
    files: dict[str, FileRecord] = {}
    for name, data in small.items():
        files[name] = file_record(data)
        if not _is_there(folder, name, data):
            folder.write(name, data)
    for commit in commits:
        files |= commit.files
        files[commit_name(commit.shard)] = file_record(commit.to_json())
    _remove_strangers(folder, files)
    folder.clear_staging()  # of workers that were killed and whose shard another one made
    record = {
        "schema": SCHEMA_VERSION,
        "name": plate.name,
        "version": plate.version,
        "recipe_digest": plate.recipe_digest,
        "index_digest": plate.index_digest,
        "purpose": dict(plate.purpose),
        "counts": _counts(commits, planned, len(index_rejects)),
        "files": {name: asdict(files[name]) for name in sorted(files)},
        "made": {
            "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "with": dict(plate.made_with),
        },
        "signature": None,
    }
    folder.write(RELEASE_NAME, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    return record


def _is_there(folder: Folder, name: str, data: bytes) -> bool:
    try:
        return folder.read(name) == data
    except FileNotFoundError:
        return False


def _remove_strangers(folder: Folder, files: Mapping[str, FileRecord]) -> None:
    # A shard of an earlier, shorter plan may have left files under names that are gone.
    for name in folder.names():
        room = name.partition("/")[0]
        if room in ("media", "manifest", "rejects", "commits") and name not in files:
            folder.remove(name)


def _counts(
    commits: Sequence[Commit], planned: Mapping[str, int], index_rejects: int
) -> dict[str, Any]:
    rejects: dict[str, int] = {}
    for commit in commits:
        for code, count in commit.rejects.items():
            rejects[code] = rejects.get(code, 0) + count
    pairs = sum(commit.pairs for commit in commits)
    controls = sum(commit.controls for commit in commits)
    return {
        "planned": dict(planned),
        "pairs": pairs,
        "controls": controls,
        "pictures": 2 * pairs + controls,
        "rejects": dict(sorted(rejects.items())),
        "index_rejects": index_rejects,
        "shards": len(commits),
        "media_bytes": sum(commit.media_bytes for commit in commits),
    }


def release_digest(record: Mapping[str, Any]) -> str:
    """Return what two equal releases share: everything but when and with what they were made."""
    return canonical_json({key: value for key, value in record.items() if key != "made"})
