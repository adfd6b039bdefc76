"""Weight cards: address, digest, size, license, citation and contract of a network's files."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, StrictBool, field_validator, model_validator

from datagen.core.digests import digest_of
from datagen.core.fields import Line
from datagen.core.schema import Frozen, check_kind, parse
from datagen.core.yaml_io import mapping_in, yaml_text
from datagen.errors import CardError
from datagen.weights.embedder import Embedder
from datagen.weights.io_contract import Autoencoder, Diffusers, Network

__all__ = ["Hub", "Permits", "WeightCard", "read_weight_card"]


class Hub(Frozen):
    """A repository of the Hugging Face hub.

    Attributes:
        repo: Name of the repository, ``owner/name``.
        revision: Commit as 40 hex digits; a branch could change.
        subfolder: Folder of the repository; empty: the whole repository.
        files: Patterns of the wanted files below ``subfolder``, in which ``*`` also matches
            slashes; empty: all files, which is a lot if checkpoints come in several formats.
    """

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", max_length=200)
    revision: str = Field(default="", pattern=r"^([0-9a-f]{40})?$")
    subfolder: str = Field(default="", pattern=r"^(\w[\w.-]*(/\w[\w.-]*)*)?$", max_length=200)
    files: tuple[Line, ...] = Field(default=(), max_length=100)


_MIN_GROUNDS = 12
"""Least number of characters of grounds, without blanks."""


class Permits(Frozen):
    """The user's statement on weights with an unlisted license, or with a purchased one.

    Attributes:
        research: Whether research use is permitted.
        commercial: Whether commercial use is permitted.
        redistribute: Whether images made by the network may be redistributed.
        grounds: Who decided this, when and why; quote the license text if there is one.
    """

    research: StrictBool
    commercial: StrictBool = False
    redistribute: StrictBool = False
    grounds: str = Field(min_length=20, max_length=10_000)

    @field_validator("grounds")
    @classmethod
    def _says_something(cls, stated: str) -> str:
        if len("".join(stated.split())) < _MIN_GROUNDS:
            raise ValueError("expected who decided this, when and why, not blanks")
        return stated


class WeightCard(Frozen):
    """A file or folder of weights.

    Attributes:
        id: Id of the card, under which methods refer to it.
        title: Name for the reader.
        file: Name of the file or folder under ``DATAGEN_WEIGHTS``, without a leading dot.
        form: ``onnx`` or ``task``: a file; ``insightface``: a model pack; ``diffusers``: a folder
            with ``config.json`` or ``model_index.json``; ``safetensors``: a file of tensors;
            ``datagen``: output of ``datagen train``.
        address: Download address of the file; empty if it is not known for certain, or if its
            authors require each user to accept terms first.
        hub: Repository on the Hugging Face hub from which to download a folder.
        sha256: Digest as 64 hex digits (a folder's covers the names and digests of its files);
            empty only if it is not known for certain.
        size: Size in bytes.
        license: SPDX expression of the weights, or ``unknown``.
        permits: The user's statement where the license alone does not decide.
        expires: Last day on which anything is permitted: the earliest end of the consents of the
            faces that the network was trained on, or of a purchased license.
        citation: Paper or project to cite.
        homepage: Page of the authors.
        notes: Further remarks.
        network: Contract of an ONNX network.
        diffusers: Contract of a folder in the format of diffusers.
        autoencoder: Contract of a file of tensors.
        embedder: Contract of an ONNX network that tells people apart.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    title: Line = Field(min_length=1, max_length=2000)
    file: Line = Field(pattern=r"^[^/\\.][^/\\]*$", max_length=200)
    form: Literal["onnx", "task", "insightface", "diffusers", "safetensors", "datagen"] = "onnx"
    address: str = Field(default="", pattern=r"^(https?://\S+)?$", max_length=2000)
    hub: Hub | None = None
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    size: int | None = Field(default=None, gt=0, le=1 << 40)
    license: Line = Field(min_length=1, max_length=1000)
    permits: Permits | None = None
    expires: dt.date | None = None
    citation: str = Field(default="", max_length=10_000)
    homepage: Line = Field(default="", max_length=2000)
    notes: str = Field(default="", max_length=10_000)
    network: Network | None = None
    diffusers: Diffusers | None = None
    autoencoder: Autoencoder | None = None
    embedder: Embedder | None = None

    @model_validator(mode="after")
    def _contract_fits_the_form(self) -> WeightCard:
        if self.network is not None and self.form != "onnx":
            raise ValueError(f"network: only for form 'onnx', found {self.form!r}")
        if self.embedder is not None and (self.form != "onnx" or self.network is not None):
            raise ValueError("embedder: only for form 'onnx', and without 'network'")
        if (self.diffusers is not None) != (self.form == "diffusers"):
            raise ValueError("diffusers: required for form 'diffusers', and only for it")
        if (self.autoencoder is not None) != (self.form == "safetensors"):
            raise ValueError("autoencoder: required for form 'safetensors', and only for it")
        return self

    def digest(self) -> str:
        """Return the digest of everything the card says, as 64 hex digits."""
        body = self.model_dump(mode="json")
        # Keys that came later count where they are set, so that older cards keep their digests.
        for part, key, default in _LATER:
            section = body if part is None else body[part]
            if section is not None and section[key] == default:
                del section[key]
        return digest_of(body)


_LATER: tuple[tuple[str | None, str, Any], ...] = (
    (None, "autoencoder", None),
    (None, "embedder", None),
    ("network", "enlarges", 1),
)


def read_weight_card(path: Path) -> WeightCard:
    """Read one card.

    Raises:
        CardError: The card is wrong; the message names the key, the value and what is allowed.
    """
    return _parsed(path, yaml_text(path, CardError))


@lru_cache(maxsize=256)  # every manifest row asks for cards, and YAML is slow
def _parsed(path: Path, text: str) -> WeightCard:
    body = mapping_in(text, path, CardError)
    check_kind(WeightCard, body, path, "weight card", CardError)
    return parse(WeightCard, body, str(path), CardError)
