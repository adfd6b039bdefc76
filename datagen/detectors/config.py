"""The YAML file that describes the input of a detector and the meaning of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from datagen.core.arguments import found
from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import DetectorError

__all__ = ["CONFIG", "DetectorConfig", "config_of", "read_config"]

CONFIG = "--detector-config"
"""What messages call the configuration."""

_LEVELS = 255  # of an 8-bit image, whose values are scaled to [0, 1]


def _square(value: object) -> object:
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _three(value: object) -> object:
    return (value,) * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


_Side = Annotated[int, Field(ge=1, le=8192)]
_Size = Annotated[tuple[_Side, _Side], BeforeValidator(_square)]
_Output = Annotated[StrictInt, Field(ge=0)] | Annotated[StrictStr, Field(min_length=1)]
_Color = Annotated[tuple[float, float, float], BeforeValidator(_three)]


class DetectorConfig(Frozen):
    """Input and output of a detector.

    Attributes:
        size: Side length in pixels, or ``[height, width]``, to which images are resized; by default
            the network's own fixed size, or else that of the image.
        mean, std: Normalization of the channels in [0, 1]: a network is given
            ``(x / 255 - mean) / std``.
        layout: Axis order of a network's input.
        channels: Channel order of a network's input.
        output: ``raw`` answers are probabilities, ``sigmoid`` answers are logits of one class,
            ``softmax`` answers are logits of several classes.
        output_name: Name of the output to use where a detector gives several, or its place,
            counted from 0, where they have no names.
        logits: The same as ``output: sigmoid``.
        index: Index of the number to use where an output has several per image.
        higher_is: Class that a high answer stands for; scores are always those of ``fake``.
        device: Device on which a TorchScript, exported or ONNX network runs.
    """

    size: _Size | None = None
    mean: _Color | None = None
    std: _Color | None = None
    layout: Literal["nchw", "nhwc"] | None = None
    channels: Literal["rgb", "bgr"] | None = None
    output: Literal["raw", "sigmoid", "softmax"] = "raw"
    output_name: _Output | None = None
    logits: StrictBool = False
    index: int | None = Field(default=None, ge=0)
    higher_is: Literal["fake", "real"] = "fake"
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _sane(self) -> DetectorConfig:
        if self.logits and self.output == "softmax":
            raise ValueError("logits: output: softmax already takes logits: remove one of the two")
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ValueError("std: must be positive numbers")
        self._check_scale()
        return self

    def _check_scale(self) -> None:
        """Refuse a normalization of the scale 0 to 255, under which all images look alike."""
        mean, std = self.mean or (0.0,) * 3, self.std or (1.0,) * 3
        if max(*mean, *std) <= 1 and min(mean) >= 0:
            return
        if min(mean) < 0 or max(*mean, *std) > _LEVELS:
            raise ValueError("mean, std: must be within 0 and 1, the scale of the channels")
        divided = [value / _LEVELS for value in mean] if max(mean) > 1 else list(mean)
        raise ValueError(
            f"mean, std: are on the scale 0 to {_LEVELS}, but the channels are on the scale 0 to "
            f"1. The same on that scale: mean: {_listed(divided)}, "
            f"std: {_listed([value / _LEVELS for value in std])}"
        )

    @property
    def transform(self) -> Literal["raw", "sigmoid", "softmax"]:
        """The output transform, with ``logits`` taken into account."""
        return "sigmoid" if self.logits else self.output


def _listed(values: list[float]) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"


NETWORK_KEYS = ("mean", "std", "layout", "channels")
"""Keys for network files only: a callable and a command are given the image as it is."""


def read_config(path: Path | None) -> DetectorConfig:
    """Read the file of ``--detector-config``; without one, return the defaults.

    Raises:
        DetectorError: The file cannot be read, or a key is wrong.
    """
    if path is None:
        return DetectorConfig()
    return parse(DetectorConfig, read_yaml(path, DetectorError), str(path), DetectorError)


def config_of(config: object) -> DetectorConfig | None:
    """Return a configuration that is one, the content of one, or the path of its file.

    Raises:
        DetectorError: It is something else, the file cannot be read, or a key is wrong.
    """
    if config is None or isinstance(config, DetectorConfig):
        return config
    if isinstance(config, Mapping):
        return parse(DetectorConfig, dict(config), "config", DetectorError)
    if isinstance(config, str | PathLike):
        return read_config(Path(config))
    raise DetectorError(
        f"config: must be a mapping such as {{'logits': True}} or the path of a YAML file "
        f"({found(config)})",
        key="config",
    )
