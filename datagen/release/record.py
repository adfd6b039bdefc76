"""A release as a whole: claiming its folder, and the record that completes it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from datagen.core.system_files import is_made_by_system
from datagen.core.text import reason
from datagen.errors import ReleaseError
from datagen.release.commit import (
    COMMITS,
    Commit,
    FileRecord,
    commit_name,
    file_record,
    read_commit,
    shard_of_commit,
)
from datagen.release.folder import Folder
from datagen.release.lock import LOCK_NAME
from datagen.release.names import FILE_OF_A_SHARD, LOGS, SHARD_LIST, release_id, shard_list
from datagen.release.other_recipe import how_they_differ
from datagen.release.presence import check_present
from datagen.release.record_model import signed
from datagen.release.schema import REJECTS, SCHEMA_VERSION
from datagen.release.tables import table_bytes

__all__ = [
    "RELEASE_NAME",
    "ReleaseInfo",
    "claim_folder",
    "finish_release",
    "withdraw_release",
]

RELEASE_NAME = "release.json"
_RECIPE = "recipe.yaml"
_DIGEST_LINE = "# recipe digest: "
_DIGITS = 16  # of a digest that a message shows
_SCHEMA_LINE = "# manifest schema: "


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """What a release says about itself beside its shards.

    Attributes:
        name, version, purpose: As in the recipe.
        recipe_digest: Digest of the recipe.
        index_digest: Digest of the face index.
        recipe_yaml: The recipe as it was run; its cards are in ``rights/cards/``.
        made_with: Versions of the libraries, and the machine.
        documents: Further small files by name (cards, attribution, README, ...).
    """

    name: str
    version: int
    recipe_digest: str
    index_digest: str
    purpose: Mapping[str, Any]
    recipe_yaml: str
    made_with: Mapping[str, Any]
    documents: Mapping[str, bytes] = field(default_factory=dict)


def claim_folder(folder: Folder, info: ReleaseInfo, shards: Mapping[str, int]) -> None:
    """Check that the folder is empty or holds a part of this very release, and mark it.

    Args:
        folder: Folder of the release.
        info: What the release will say about itself.
        shards: Number of planned items by name of shard.

    Raises:
        ReleaseError: It holds something else, which is left untouched.
    """
    if folder.local is not None and folder.local.exists() and not folder.local.is_dir():
        raise ReleaseError(f"{folder} is a file: choose a new folder", path=folder.address)
    names = [
        name
        for name in folder.names()
        if not name.startswith((".staging/", LOCK_NAME, f"{LOGS}/"))
        and not any(map(is_made_by_system, name.split("/")))
    ]
    if names:
        _refuse_another_release(folder, names, info)
        _refuse_to_shrink(folder, names, shards)
    folder.clear_staging()
    if not names:
        try:
            folder.write(_RECIPE, _recipe_file(info))
        except OSError as error:
            raise ReleaseError(
                f"{folder} cannot be written: {reason(error)}. Choose another folder",
                path=folder.address,
            ) from None


def _refuse_another_release(folder: Folder, names: Sequence[str], info: ReleaseInfo) -> None:
    if _RECIPE not in names:
        raise ReleaseError(
            f"{folder} is not empty and holds no release (found {names[0]}). Choose a new folder",
            path=folder.address,
        )
    lines = folder.read(_RECIPE).decode(errors="replace").split("\n", 2)
    schema = lines[1].removeprefix(_SCHEMA_LINE) if lines[1:] else ""
    if lines[0].startswith(_DIGEST_LINE) and schema != str(SCHEMA_VERSION):
        found = schema if schema.isdecimal() else "1"  # version 1 did not write this line
        raise ReleaseError(
            f"{folder} holds a release with manifest schema {found}; this datagen writes schema "
            f"{SCHEMA_VERSION}, and the two cannot be mixed. Choose a new folder",
            path=folder.address,
        )
    if lines[0].removeprefix(_DIGEST_LINE) != info.recipe_digest:
        how = how_they_differ("\n".join(lines), info.recipe_yaml, f"{folder}/{_RECIPE}")
        found = lines[0].removeprefix(_DIGEST_LINE)[:_DIGITS]
        raise ReleaseError(
            f"{folder} holds a release of another recipe: {how}. Choose another folder, or make "
            f"the recipes agree (digest there {found}, here {info.recipe_digest[:_DIGITS]})",
            path=folder.address,
        )


def _refuse_to_shrink(folder: Folder, names: Sequence[str], shards: Mapping[str, int]) -> None:
    for name in names:
        shard = shard_of_commit(name)
        commit = read_commit(folder, shard) if name.startswith(COMMITS) else None
        if commit is not None and commit.items > shards.get(shard, 0):
            raise ReleaseError(
                f"{folder} already holds more than this run plans: shard {shard} has "
                f"{commit.items} pairs, {shards.get(shard, 0)} are planned. Choose another folder, "
                "or ask for the same counts and shard_pairs again",
                path=folder.address,
            )


def withdraw_release(folder: Folder) -> None:
    """Remove the final record: from now on the release is incomplete."""
    folder.remove(RELEASE_NAME)


def _recipe_file(info: ReleaseInfo) -> bytes:
    head = f"{_DIGEST_LINE}{info.recipe_digest}\n{_SCHEMA_LINE}{SCHEMA_VERSION}\n"
    return (head + info.recipe_yaml).encode()


def finish_release(
    folder: Folder,
    info: ReleaseInfo,
    commits: Sequence[Commit],
    index_rejects: Sequence[dict[str, Any]],
    planned: Mapping[str, int],
) -> dict[str, Any]:
    """Write the files beside the shards and, last, ``release.json``; return its content.

    Args:
        folder: The release.
        info: What the release says about itself.
        commits: Commits of all shards.
        index_rejects: Rows of ``rejects/index.parquet``.
        planned: Number of planned pairs by split.

    Raises:
        RunError: Files that the workers have made are gone or differ.
    """
    small = {
        _RECIPE: _recipe_file(info),
        "rejects/index.parquet": table_bytes(index_rejects, REJECTS),
        **_shard_lists(commits),
        **info.documents,
    }
    files: dict[str, FileRecord] = {}
    for name, data in small.items():
        files[name] = file_record(data)
        if not _is_present(folder, name, data):
            folder.write(name, data)
    for commit in commits:
        files |= commit.files
        files[commit_name(commit.shard)] = file_record(commit.to_json())
    _remove_leftovers(folder, files)
    record = {
        "schema": SCHEMA_VERSION,
        "release_id": release_id(info.name, info.version, info.recipe_digest),
        "name": info.name,
        "version": info.version,
        "recipe_digest": info.recipe_digest,
        "index_digest": info.index_digest,
        "purpose": dict(info.purpose),
        "counts": _counts(commits, planned, len(index_rejects)),
        "files": {name: asdict(files[name]) for name in sorted(files)},
        "made": {
            "when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "with": dict(info.made_with),
        },
        "signature": None,
    }
    record = signed(record)
    check_present(folder, files)
    folder.write(RELEASE_NAME, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
    folder.clear_staging()  # also what killed workers left whose shard another one made
    return record


def _shard_lists(commits: Sequence[Commit]) -> dict[str, bytes]:
    """Return the lists of tars by name: one per split, and one of its tars of controls."""
    lists: dict[str, list[str]] = {}
    for commit in commits:
        for name in commit.files:
            if (match := FILE_OF_A_SHARD.fullmatch(name)) and match["split"]:
                tars = lists.setdefault(shard_list(match["split"], bool(match["control"])), [])
                tars.append(name.removeprefix("media/"))
    return {
        name: "".join(f"{tar}\n" for tar in sorted(tars)).encode() for name, tars in lists.items()
    }


def _is_present(folder: Folder, name: str, data: bytes) -> bool:
    try:
        return folder.read(name) == data
    except FileNotFoundError:
        return False


def _remove_leftovers(folder: Folder, files: Mapping[str, FileRecord]) -> None:
    # A run with another plan may have left shards that this one does not have.
    for name in folder.names():
        of_ours = FILE_OF_A_SHARD.fullmatch(name) or SHARD_LIST.fullmatch(name)
        if of_ours and name not in files:
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
