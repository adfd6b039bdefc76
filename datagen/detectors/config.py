"""The small YAML that says what a detector wants to see and what its answers mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, model_validator

from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.detectors.errors import DetectorError

__all__ = ["DetectorConfig", "read_config"]


def _square(value: object) -> object:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _three(value: object) -> object:
    return (value,) * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


_Side = Annotated[int, Field(ge=1, le=8192)]
_Size = Annotated[tuple[_Side, _Side], BeforeValidator(_square)]
_Color = Annotated[tuple[float, float, float], BeforeValidator(_three)]


class DetectorConfig(Frozen):
    """Input and output of a detector.

    Attributes:
        size: Side, or ``[height, width]``, to which images are scaled; by default a network's
            own fixed size, or else the image's.
        mean, std: Of the channels on the scale 0 to 1: a network sees ``(x / 255 - mean) / std``.
        layout: Of a network's input.
        channels: Order of a network's channels.
        output: ``raw`` answers are probabilities, ``sigmoid`` answers are logits of one class,
            ``softmax`` answers are logits of several.
        logits: The same as ``output: sigmoid``.
        index: Which of several answers an image is taken.
        higher_is: What a high answer means; scores are always of ``fake``.
        device: Where a TorchScript, exported or ONNX network runs.
    """

    size: _Size | None = None
    mean: _Color | None = None
    std: _Color | None = None
    layout: Literal["nchw", "nhwc"] | None = None
    channels: Literal["rgb", "bgr"] | None = None
    output: Literal["raw", "sigmoid", "softmax"] = "raw"
    logits: StrictBool = False
    index: int | None = Field(default=None, ge=0)
    higher_is: Literal["fake", "real"] = "fake"
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _sane(self) -> DetectorConfig:
        if self.logits and self.output == "softmax":
            raise ValueError("logits: softmax takes logits already: remove one of them")
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ValueError("std: want numbers above 0")
        return self

    @property
    def transform(self) -> Literal["raw", "sigmoid", "softmax"]:
        """``output``, with ``logits`` in it."""
        return "sigmoid" if self.logits else self.output


NETWORK_KEYS = ("mean", "std", "layout", "channels")
"""Keys that only a network file has: a callable and a command see the image as it is."""


def read_config(path: Path | None) -> DetectorConfig:
    """Read the YAML of ``--detector-config``; without one, all defaults.

    Raises:
        DetectorError: It cannot be read, or a key is wrong.
    """
    if path is None:
        return DetectorConfig()
    return parse(DetectorConfig, read_yaml(path, DetectorError), str(path), DetectorError)
