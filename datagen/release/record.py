"""A release as a whole: what may be written into its folder, and the record that ends it."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from datagen.core.digests import sha256_bytes
from datagen.errors import ReleaseError
from datagen.release.folder import Folder
from datagen.release.schema import REJECTS, SCHEMA_VERSION
from datagen.release.shard_writer import (
    Commit,
    FileRecord,
    commit_name,
    file_record,
    read_commit,
    table_bytes,
)

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
_OF_A_SHARD = re.compile(r"(media|manifest|rejects|commits)/(train|val|test)-\d+\.\w+")
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
def lock_folder(folder: Folder, locks: Path) -> Iterator[None]:
    """Keep a second run of this machine out of a local folder; the lock dies with its process.

    Args:
        folder: Where the release will lie; nothing is written into it.
        locks: Where lock files lie.

    Raises:
        ReleaseError: Another run holds it.
    """
    if folder.local is None:
        yield  # object storage has no locks: commits are whole puts, and equal runs write equals
        return
    locks.mkdir(parents=True, exist_ok=True)
    name = sha256_bytes(str(folder.local.resolve()).encode())[:32]
    with (locks / f"{name}.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError(
                f"{folder}: another 'datagen generate' is writing here. Wait for it, or choose "
                "another folder"
            ) from None
        yield


def claim_folder(folder: Folder, plate: Plate, shards: Mapping[str, int]) -> None:
    """Make sure that the folder is empty or holds a part of this very release, and mark it.

    Args:
        folder: Where the release will lie.
        plate: Of the release.
        shards: Planned items by name of shard.

    Raises:
        ReleaseError: It holds something else, which is left as it is.
    """
    if folder.local is not None and folder.local.exists() and not folder.local.is_dir():
        raise ReleaseError(f"{folder} is a file: choose a new folder")
    names = [name for name in folder.names() if not name.startswith(".staging/")]
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
    _refuse_to_shrink(folder, names, shards)
    folder.clear_staging()
    if not names:
        try:
            folder.write(_RECIPE, _recipe_file(plate))
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise ReleaseError(f"{folder} cannot be made: {error}. Choose another folder") from None


def _refuse_to_shrink(folder: Folder, names: Sequence[str], shards: Mapping[str, int]) -> None:
    for name in names:
        shard = name[8:].removesuffix(".json")
        commit = read_commit(folder, shard) if name.startswith("commits/") else None
        if commit is not None and commit.items > shards.get(shard, 0):
            raise ReleaseError(
                f"{folder} already holds more than this run plans: shard {shard} has "
                f"{commit.items} pairs, planned are {shards.get(shard, 0)}. Choose another folder, "
                "or ask for the same counts and shard_pairs again"
            )


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
    folder.clear_staging()  # also of workers that were killed and whose shard another one made
    return record


def _is_there(folder: Folder, name: str, data: bytes) -> bool:
    try:
        return folder.read(name) == data
    except FileNotFoundError:
        return False


def _remove_strangers(folder: Folder, files: Mapping[str, FileRecord]) -> None:
    # A shard of an earlier, shorter plan may have left files under names that are gone.
    for name in folder.names():
        if _OF_A_SHARD.fullmatch(name) and name not in files:
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
        "images": 2 * pairs + controls,
        "rejects": dict(sorted(rejects.items())),
        "index_rejects": index_rejects,
        "shards": len(commits),
        "media_bytes": sum(commit.media_bytes for commit in commits),
    }
