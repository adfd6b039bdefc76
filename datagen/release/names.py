"""Names: of a release, and of the files of its shards."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "FILE_OF_A_SHARD",
    "LOGS",
    "RELEASE_ID",
    "SHARD_LIST",
    "SPLITS",
    "TAR",
    "ShardName",
    "release_id",
    "shard_list",
]

SPLITS = ("train", "val", "test")

LOGS = "logs"
"""Folder of the logs, which are no part of a release: no digest covers, no reader opens one."""

_PREFIX = "[a-z0-9][a-z0-9_-]{0,39}-v[0-9]{1,16}"
RELEASE_ID = rf"{_PREFIX}-[0-9a-f]{{12}}"
"""Regular expression of the id of a release."""

_SPLIT = "(?P<split>train|val|test)"
_NUMBER = "(?P<number>[0-9]{6,12})"

FILE_OF_A_SHARD = re.compile(
    rf"media/(?P<prefix>{_PREFIX})-{_SPLIT}(?P<control>-control)?-{_NUMBER}\.tar"
    r"|(?:(?:manifest|rejects|frames)/(?P<table>(?:train|val|test)-[0-9]{6,12})\.parquet)"
    r"|(?:commits/(?P<commit>(?:train|val|test)-[0-9]{6,12})\.json)"
)
"""The name of any file of any shard of any release."""

TAR = rf"media/{_PREFIX}-(train|val|test)(-control)?-[0-9]{{6,12}}\.tar"
"""Regular expression of the name of a tar."""

SHARD_LIST = re.compile(r"media/(?:train|val|test)(?:-control)?\.txt")
"""The name of a list of a split's tars."""


def release_id(name: str, version: int, recipe_digest: str) -> str:
    """Return the id of a release: ``quickstart-v1-0123456789ab``.

    A longer release of the same recipe has the same id, because it begins with the shorter one.

    Args:
        name: Name of the recipe.
        version: Version of the recipe.
        recipe_digest: Digest of the recipe.
    """
    return f"{name}-v{version}-{recipe_digest[:12]}"


def shard_list(split: str, control: bool = False) -> str:
    """Return the name of the list of a split's tars, or of its tars of controls."""
    return f"media/{split}{'-control' if control else ''}.txt"


@dataclass(frozen=True, slots=True, order=True)
class ShardName:
    """A shard of a release, and the names of its files.

    Attributes:
        release: Id of the release.
        shard: Name of the shard, e.g. ``train-000000``.
    """

    release: str
    shard: str

    @property
    def split(self) -> str:
        """Split of the shard."""
        return self.shard.partition("-")[0]

    @property
    def media(self) -> str:
        """Name of the tar of its pairs."""
        return f"media/{self._prefix}-{self.shard}.tar"

    @property
    def controls(self) -> str:
        """Name of the tar of its controls; a shard without controls has none."""
        return f"media/{self._prefix}-{self.split}-control-{self.shard.partition('-')[2]}.tar"

    @property
    def manifest(self) -> str:
        """Name of its manifest file."""
        return f"manifest/{self.shard}.parquet"

    @property
    def frames(self) -> str:
        """Name of its table of frames; only a shard of clips has one."""
        return f"frames/{self.shard}.parquet"

    @property
    def rejects(self) -> str:
        """Name of its file of rejects."""
        return f"rejects/{self.shard}.parquet"

    @property
    def commit(self) -> str:
        """Name of its commit."""
        return f"commits/{self.shard}.json"

    @property
    def _prefix(self) -> str:
        return self.release.rpartition("-")[0]
