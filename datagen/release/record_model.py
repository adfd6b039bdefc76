"""What ``release.json`` and a commit may hold, whoever wrote them, and the record's own digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from datagen.core.digests import digest_of
from datagen.core.json_io import deeper, parse_json
from datagen.core.schema import parse
from datagen.errors import ReleaseError
from datagen.release.names import FILE_OF_A_SHARD, RELEASE_ID, SHARD_LIST, ShardName
from datagen.release.rules import MAX_TAR_BYTES
from datagen.release.schema import SCHEMA_VERSION

__all__ = [
    "CommitModel",
    "FileModel",
    "RecordModel",
    "parse_commit",
    "parse_record",
    "record_digest",
    "signed",
]

MAX_FILES = 1_000_000
"""Most files of a release: a quarter of a million shards."""

_MAX_FILE_BYTES = 1 << 30  # of a file that is no tar
_MAX_DEPTH = 12
_SHARD = r"(?:train|val|test)-[0-9]{6,12}"
_ROOMS = ("media", "manifest", "rejects", "commits")
# Names of other files: relative and in their simplest form.
_PART = r"(?!\.{1,2}(?:/|\Z))[^/\\\x00-\x1f\x7f]+"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")

_Count = Annotated[int, Field(ge=0, le=2**53)]
_Code = Annotated[str, Field(max_length=1024)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Split = Literal["train", "val", "test"]
_Counts = Annotated[dict[_Code, _Count], Field(max_length=10_000)]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FileModel(_Data):
    """A file of a release."""

    sha256: _Digest
    size: _Count


class CountsModel(_Data):
    """The counts of a release."""

    planned: dict[_Split, _Count]
    pairs: _Count
    controls: _Count
    images: _Count
    rejects: _Counts
    index_rejects: _Count
    shards: _Count
    media_bytes: _Count


class MadeModel(_Data):
    """When and with what a release was made."""

    when: Annotated[str, Field(max_length=64)]
    with_: Annotated[dict[str, Any], Field(alias="with")]


class PurposeModel(_Data):
    """What the recipe of a release allowed its copies to be used for."""

    use: Literal["research", "commercial"]
    redistribute: bool


_Files = Annotated[dict[str, FileModel], Field(max_length=MAX_FILES)]


class RecordModel(_Data):
    """``release.json``."""

    schema_: Annotated[int, Field(alias="schema")]
    release_id: Annotated[str, Field(pattern=rf"^{RELEASE_ID}$")]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)]
    version: Annotated[int, Field(ge=0, lt=10**16)]
    recipe_digest: _Digest
    index_digest: _Digest
    purpose: PurposeModel
    counts: CountsModel
    files: _Files
    made: MadeModel
    signature: None = None
    digest: _Digest | None = None

    @field_validator("files")
    @classmethod
    def _names_and_sizes(cls, files: dict[str, FileModel]) -> dict[str, FileModel]:
        for name, file in files.items():
            _check_name(name)
            most = MAX_TAR_BYTES if name.endswith(".tar") else _MAX_FILE_BYTES
            if file.size > most:
                raise ValueError(f"{name} has {file.size:,} bytes, at most {most:,} are allowed")
        return files

    @model_validator(mode="after")
    def _whole_shards(self) -> RecordModel:
        for name in self.files:
            if (shard := _shard_of(name)) is not None:
                _check_whole(self.files, name, ShardName(self.release_id, shard))
        return self


class CommitModel(_Data):
    """The commit of a shard."""

    shard: Annotated[str, Field(pattern=rf"^{_SHARD}$")]
    digest: Annotated[str, Field(max_length=128)]
    items: _Count
    pairs: _Count
    controls: _Count
    rejects: _Counts
    media_bytes: _Count
    files: _Files
    networks: dict[str, dict[str, Any]]
    schema_: Annotated[int, Field(alias="schema")]

    @model_validator(mode="after")
    def _own_files(self) -> CommitModel:
        tars = [name for name in sorted(self.files) if name.startswith("media/")]
        found = [FILE_OF_A_SHARD.fullmatch(name) for name in tars]
        kinds = [bool(match and match["control"]) for match in found]
        prefixes = {match["prefix"] if match else "" for match in found}
        own = {f"{room}/{self.shard}.parquet" for room in ("manifest", "rejects")} | set(tars)
        own |= {f"frames/{self.shard}.parquet"} & set(self.files)  # of clips
        whole = set(self.files) == own and {_shard_of(name) for name in own} == {self.shard}
        if not whole or len(prefixes) != 1 or sorted(kinds) != [False, True][: len(kinds)]:
            raise ValueError(
                f"files: expected manifest and rejects of {self.shard}, one tar of its pairs and "
                "one of its controls if it has any"
            )
        if (len(tars) > 1) != (self.controls > 0):
            raise ValueError(f"files: {len(tars)} tars for {self.controls} controls")
        return self


def parse_record(data: bytes, where: str) -> dict[str, Any]:
    """Return the content of a ``release.json``, checked except for its own digest.

    Args:
        data: The bytes of the file.
        where: Its place, for messages.

    Raises:
        ReleaseError: It is no JSON, of another schema, or has a wrong key or value.
    """
    record = parse_json(data, where, ReleaseError)
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA_VERSION or isinstance(found, bool):
        shown = repr(found)
        raise ReleaseError(
            f"{where} has schema version {shown if len(shown) <= 60 else shown[:60] + '...'}; this "
            f"datagen reads version {SCHEMA_VERSION}. Generate the release anew from its recipe, "
            "or read it with the datagen that made it",
            path=where,
            key="schema",
        )
    if deeper(record, _MAX_DEPTH):
        raise ReleaseError(f"{where}: nested deeper than {_MAX_DEPTH} levels", path=where)
    parse(RecordModel, record, where, ReleaseError)
    return dict(record)


def parse_commit(data: bytes, where: str) -> CommitModel:
    """Return the content of a commit file.

    Raises:
        ReleaseError: It is no JSON, or has a wrong key or value.
    """
    body = parse_json(data, where, ReleaseError)
    if deeper(body, _MAX_DEPTH):
        raise ReleaseError(f"{where}: nested deeper than {_MAX_DEPTH} levels", path=where)
    return parse(CommitModel, body, where, ReleaseError)


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the digest of a release's record: of all its content but the digest itself.

    Raises:
        ValueError: It holds an infinite number or a lone surrogate, which has no canonical form.
    """
    return digest_of({key: value for key, value in record.items() if key != "digest"})


def signed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its digest."""
    return {**record, "digest": record_digest(record)}


def _shard_of(name: str) -> str | None:
    """Return the shard that a file belongs to, ``None`` if it belongs to none."""
    match = FILE_OF_A_SHARD.fullmatch(name)
    if match is None:
        return None
    return match["table"] or match["commit"] or f"{match['split']}-{match['number']}"


def _check_name(name: str) -> None:
    room = name.partition("/")[0]
    grammar = _NAME
    if room in _ROOMS and name != "rejects/index.parquet" and not SHARD_LIST.fullmatch(name):
        grammar = FILE_OF_A_SHARD
    if not grammar.fullmatch(name) or len(name.encode("utf-8", "surrogatepass")) > 1024:
        shown = name if len(name) <= 80 else f"{name[:80]}..."
        raise ValueError(
            f"{shown!r} is not the name of a file of a release: expected <room>/<shard>.<suffix>, "
            "e.g. manifest/train-000000.parquet, or a relative path without '..'"
        )


def _check_whole(files: Mapping[str, Any], name: str, shard: ShardName) -> None:
    needed = (shard.media, shard.manifest, shard.rejects, shard.commit)
    if missing := [other for other in needed if other not in files]:
        raise ValueError(f"files: {name} is listed without {', '.join(missing)}")
    if name not in (*needed, shard.controls, shard.frames):
        raise ValueError(f"files: {name} is not named after {shard.release}")
