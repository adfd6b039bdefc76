"""Comparing a release with its own record: every digest, every count, every row."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from datagen.core.spelling import spelling
from datagen.core.system_files import is_made_by_system
from datagen.errors import ReleaseError
from datagen.release.commit import COMMITS, shard_of_commit
from datagen.release.folder import Folder
from datagen.release.names import LOGS
from datagen.release.reader import damage_of, read_record
from datagen.release.record import RELEASE_NAME
from datagen.release.verify_shard import ShardCheck

__all__ = ["verify"]

_IGNORED = ("report/", f"{LOGS}/", ".staging/", ".lock", RELEASE_NAME)
# What hubs and version control put into any folder.
_OF_OTHERS = (".git/", ".gitattributes", ".gitignore", ".cache/", ".huggingface/")
_PIECE = 1 << 26


def verify(
    folder: Folder, pixels: bool = False, on_compared: Callable[[int], None] = lambda pairs: None
) -> Iterator[str]:
    """Yield the problems of a release, one line each; none if it is whole.

    What is harmed is named, and the rest is still compared.

    Args:
        folder: Folder of the release.
        pixels: Also compare fake and real where the mask is 0; only pairs of lossless releases
            that are not degraded can be compared.
        on_compared: Called at the end with the number of pairs whose pixels were compared.

    Raises:
        ReleaseError: There is no release.
    """
    try:
        record = read_record(folder)
    except ReleaseError as error:
        if not (folder.exists(RELEASE_NAME) or folder.names("commits")):
            raise  # a wrong path is no problem of a release
        yield str(error)
        return
    if problem := damage_of(record):
        yield f"{RELEASE_NAME}: {problem}"
    elif record.get("digest") is None:
        yield f"{RELEASE_NAME}: has no digest of its own: an older datagen made it"
    listed: Mapping[str, Mapping[str, Any]] = record["files"]
    present = {
        name
        for name in folder.names()
        if name != LOGS
        and not name.startswith((*_IGNORED, *_OF_OTHERS))
        and not any(map(is_made_by_system, name.split("/")))
    }
    yield from (f"{name}: not listed in {RELEASE_NAME}" for name in sorted(present - set(listed)))
    checks: list[ShardCheck] = []
    for name in sorted(listed):
        problem = _problem_of(folder, name, listed[name]) if name in present else "missing"
        if problem:
            yield f"{name}: {problem}"
        if name.startswith(COMMITS) and not problem:
            check = ShardCheck(folder, shard_of_commit(name), record, pixels)
            yield from check.problems()
            checks.append(check)
    yield from _whole(checks, record["counts"])
    on_compared(sum(check.compared for check in checks))


def _problem_of(folder: Folder, name: str, stated: Mapping[str, Any]) -> str:
    """Return what is wrong with a file, or an empty text; its size decides before it is read."""
    try:
        size = folder.size(name)
        if size != stated["size"]:
            return f"{size} bytes, expected {stated['size']}"
        digest = hashlib.sha256()
        for start in range(0, size, _PIECE):
            digest.update(folder.read_range(name, start, min(_PIECE, size - start)))
    except ReleaseError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return (
        "" if digest.hexdigest() == stated["sha256"] else "its sha256 differs from the recorded one"
    )


def _whole(checks: Sequence[ShardCheck], counts: Mapping[str, Any]) -> Iterator[str]:
    commits = [check.commit for check in checks if check.commit is not None]
    found = (
        sum(commit.pairs for commit in commits),
        sum(commit.controls for commit in commits),
        sum(sum(commit.rejects.values()) for commit in commits),
    )
    recorded = (counts["pairs"], counts["controls"], sum(counts["rejects"].values()))
    if recorded != found:
        yield f"{RELEASE_NAME}: counts {recorded} (pairs, controls, rejects), the shards have " + (
            f"{found}"
        )
    items: dict[str, int] = {}
    for commit in commits:
        split = commit.shard.rpartition("-")[0]
        items[split] = items.get(split, 0) + commit.items
    if {split: count for split, count in counts["planned"].items() if count} != items:
        yield f"{RELEASE_NAME}: planned {counts['planned']}, the shards have {items}"
    tables = [check.rows for check in checks if check.rows is not None]
    if tables:
        yield from _across(pd.concat(tables, ignore_index=True))


def _across(rows: pd.DataFrame) -> Iterator[str]:
    double = rows.loc[rows["sample_id"].duplicated(), "sample_id"]
    yield from (f"{sample}: occurs more than once" for sample in double)
    identities = pd.concat(
        [
            rows[["identity_id", "split"]],
            rows[["donor_identity_id", "split"]]
            .dropna()
            .rename(columns={"donor_identity_id": "identity_id"}),
        ]
    ).drop_duplicates()
    # One identity in two spellings that look the same is one.
    splits: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, split in zip(identities["identity_id"], identities["split"], strict=True):
        splits[spelling(name)][name].add(split)
    for names in splits.values():
        if len(set().union(*names.values())) > 1:
            shown = f" (spelled {' and '.join(map(ascii, names))})" if len(names) > 1 else ""
            yield f"identity {next(iter(names))}: is in more than one split{shown}"
