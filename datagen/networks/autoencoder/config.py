"""The folder of a trained autoencoder: its files, and the contents of ``config.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from datagen.core.json_io import read_json
from datagen.core.schema import Frozen, parse
from datagen.core.spelling import spelling
from datagen.errors import WeightsError

__all__ = [
    "CONFIG",
    "FACES",
    "TENSORS",
    "AutoencoderConfig",
    "Shape",
    "TrainedIdentity",
    "read_autoencoder_config",
]

CONFIG, TENSORS, FACES = "config.json", "model.safetensors", "faces.csv"

_MAX_CONFIG = 16 << 20


class Shape(Frozen):
    """Size of the network.

    Attributes:
        size: Side of the aligned face in pixels.
        width: Channels of the first convolution, 4 to 256; the first deepfakes tool has 128.
    """

    size: Literal[64, 128, 256] = 128
    width: int = Field(default=64, ge=4, le=256)


class TrainedIdentity(Frozen):
    """An identity that has a decoder.

    Attributes:
        identity: Identity, as ``source/identity``.
        split: Split of the identity, the same for all identities of a network.
        faces: Number of training faces of this identity.
    """

    identity: str = Field(pattern=r"^[^/]+/.+$")
    split: Literal["train", "val", "test"]
    faces: int = Field(ge=1)


class AutoencoderConfig(Frozen):
    """Contents of ``config.json`` in a trained folder.

    Attributes:
        people: Identities that have a decoder, in the order of their tensors.
        steps: Number of training steps.
        cards: Digests of the source cards, by id.
        expires: Last day of the first consent to expire, ISO 8601; empty if none expires.
        settings: Digest of everything that determines the weights.
    """

    form: Literal["datagen-autoencoder"] = "datagen-autoencoder"
    version: Literal[1] = 1
    shape: Shape
    people: tuple[TrainedIdentity, ...] = Field(min_length=2)
    steps: int = Field(ge=1)
    cards: dict[str, str]
    expires: str = ""
    settings: str

    @model_validator(mode="after")
    def _each_once_and_of_one_split(self) -> AutoencoderConfig:
        names = [one.identity for one in self.people]
        if len(set(names)) < len(names):
            raise ValueError("people: an identity is listed twice")
        if len({one.split for one in self.people}) > 1:
            raise ValueError("people: identities of several splits would leak between them")
        return self

    def place(self, identity: str) -> int | None:
        """Return the position of an identity's decoder, ``None`` if it has none.

        Names that differ in Unicode form or blanks alone are one identity.
        """
        names = [one.identity for one in self.people]
        if identity in names:
            return names.index(identity)
        forms = [spelling(name) for name in names]
        return forms.index(spelling(identity)) if spelling(identity) in forms else None


def read_autoencoder_config(folder: Path) -> AutoencoderConfig:
    """Read ``config.json`` of a trained folder.

    Raises:
        WeightsError: The file is missing or invalid; names the key.
    """
    path = folder / CONFIG
    try:
        found = read_json(path, str(path), WeightsError, _MAX_CONFIG)
    except WeightsError as error:
        raise WeightsError(
            f"{error}. Weights of form 'datagen' are a folder that 'datagen train' wrote", path=path
        ) from None
    return parse(AutoencoderConfig, found, str(path), WeightsError)
