"""Weight cards: address, digest, size, license, citation and contract of a network's files."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, StrictBool, model_validator

from datagen.core.digests import digest_of
from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import CardError
from datagen.weights.io_contract import Diffusers, Network

__all__ = ["Hub", "Permits", "WeightCard", "read_weight_card"]


class Hub(Frozen):
    """A repository of the Hugging Face hub.

    Attributes:
        repo: ``owner/name``.
        revision: Commit, 40 hex digits; a branch would move.
        subfolder: Of the repository; empty: all of it.
        files: Patterns of the files that are wanted, below ``subfolder``, where ``*`` may stand
            for slashes too; empty: all, which with checkpoints in several forms is a lot.
    """

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = Field(default="", pattern=r"^([0-9a-f]{40})?$")
    subfolder: str = Field(default="", pattern=r"^(\w[\w.-]*(/\w[\w.-]*)*)?$")
    files: tuple[str, ...] = ()


class Permits(Frozen):
    """What the user states of weights whose license is not in the table, or of a bought license.

    Attributes:
        redistribute: May what the network makes be passed on?
        grounds: Who decided, when and why; quoted where there is a text.
    """

    research: StrictBool
    commercial: StrictBool = False
    redistribute: StrictBool = False
    grounds: str = Field(min_length=20)


class WeightCard(Frozen):
    """One file, or one folder of files, of weights.

    Attributes:
        file: Its name under ``DATAGEN_WEIGHTS``, without a dot in front; a folder's where ``form``
            is one.
        form: ``onnx`` or ``task``: a file; ``insightface``: a model pack; ``diffusers``: a folder
            with ``config.json`` or ``model_index.json``; ``datagen``: what ``datagen train`` made.
        address: Where to download the file; empty when it is not known for certain, or when its
            makers want each user to accept terms first.
        hub: Where a folder lies on the Hugging Face hub.
        sha256: 64 hex digits, of a folder that of its files' names and digests; empty only when it
            is not known for certain.
        size: Bytes.
        license: SPDX expression of the weights, or ``unknown``.
        permits: What is stated where the license alone does not tell.
        expires: Day after which nothing is permitted any more: the first end of the consents of
            the faces that it was trained on, or of a bought license.
        network: Contract of an ONNX network.
        diffusers: Contract of a folder in the form of diffusers.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str = Field(min_length=1)
    file: str = Field(pattern=r"^[^/\\.][^/\\]*$")
    form: Literal["onnx", "task", "insightface", "diffusers", "datagen"] = "onnx"
    address: str = Field(default="", pattern=r"^(https?://\S+)?$")
    hub: Hub | None = None
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    size: int | None = Field(default=None, gt=0)
    license: str = Field(min_length=1)
    permits: Permits | None = None
    expires: dt.date | None = None
    citation: str = ""
    homepage: str = ""
    notes: str = ""
    network: Network | None = None
    diffusers: Diffusers | None = None

    @model_validator(mode="after")
    def _contract_fits_the_form(self) -> WeightCard:
        if self.network is not None and self.form != "onnx":
            raise ValueError(f"network: is of form 'onnx', not {self.form!r}")
        if (self.diffusers is not None) != (self.form == "diffusers"):
            raise ValueError("diffusers: stands where form is 'diffusers', and only there")
        return self

    def digest(self) -> str:
        """64 hex digits that name everything the card says."""
        return digest_of(self.model_dump(mode="json"))


def read_weight_card(path: Path) -> WeightCard:
    """Read one card.

    Raises:
        CardError: With the file, the key, what was found and what is allowed.
    """
    try:
        content = path.read_bytes()
    except OSError:
        content = b""  # the reader below says what is wrong
    return _parsed(path, content)


@lru_cache(maxsize=256)
def _parsed(path: Path, content: bytes) -> WeightCard:
    del content  # in the key: each row of a manifest asks for cards, and YAML is slow
    return parse(WeightCard, read_yaml(path, CardError), str(path), CardError)
