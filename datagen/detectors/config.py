"""The YAML file that describes the input of a detector and the meaning of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from datagen.core.arguments import found
from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import DetectorError
from datagen.release.pooling import POOLINGS, Pooling, parse_pooling

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

_NO_POOLING = "none"
_OF_CLIPS = ("ncthw", "ntchw", "nthwc")


class DetectorConfig(Frozen):
    """Input and output of a detector.

    Attributes:
        size: Side length in pixels, or ``[height, width]``, to which images are resized; by default
            the network's own fixed size, or else that of the image.
        mean, std: Normalization of the channels in [0, 1]: a network is given
            ``(x / 255 - mean) / std``.
        layout: Axis order of a network's input; one with ``t``, the frames, takes whole clips.
        channels: Channel order of a network's input.
        output: ``raw`` answers are probabilities, ``sigmoid`` answers are logits of one class,
            ``softmax`` answers are logits of several classes.
        output_name: Name of the output to use where a detector gives several, or its place,
            counted from 0, where they have no names.
        logits: The same as ``output: sigmoid``.
        index: Index of the number to use where an output has several per image.
        higher_is: Class that a high answer stands for; scores are always those of ``fake``.
        device: Device on which a TorchScript, exported or ONNX network runs.
        takes: Of a release of clips, ``frames``, each alone, or whole ``clips``.
        pooling: How the scores of a clip's frames become its score; ``none`` leaves them as they
            are, a row per frame.
    """

    size: _Size | None = None
    mean: _Color | None = None
    std: _Color | None = None
    layout: Literal["nchw", "nhwc", "ncthw", "ntchw", "nthwc"] | None = None
    channels: Literal["rgb", "bgr"] | None = None
    output: Literal["raw", "sigmoid", "softmax"] = "raw"
    output_name: _Output | None = None
    logits: StrictBool = False
    index: int | None = Field(default=None, ge=0)
    higher_is: Literal["fake", "real"] = "fake"
    device: Literal["cpu", "cuda"] = "cpu"
    takes: Literal["frames", "clips"] = "frames"
    pooling: StrictStr | None = None

    @model_validator(mode="after")
    def _sane(self) -> DetectorConfig:
        if self.logits and self.output == "softmax":
            raise ValueError("logits: output: softmax already takes logits: remove one of the two")
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ValueError("std: must be positive numbers")
        self._check_scale()
        self._check_clips()
        return self

    def _check_clips(self) -> None:
        if self.takes == "frames" and self.layout in _OF_CLIPS:
            raise ValueError(f"layout: {self.layout} is that of whole clips: add 'takes: clips'")
        if self.takes == "clips" and self.layout in ("nchw", "nhwc"):
            raise ValueError(
                f"layout: {self.layout} has no axis of frames, but the network takes clips: "
                f"expected {', '.join(_OF_CLIPS)}"
            )
        if self.pooling is None:
            return
        if self.takes == "clips":
            raise ValueError(
                "pooling: a detector that takes clips gives one answer per clip: remove one of "
                "'pooling' and 'takes: clips'"
            )
        if self.pooling != _NO_POOLING:
            try:
                parse_pooling(self.pooling)
            except ValueError as error:
                raise ValueError(
                    f"pooling: {error}; or {_NO_POOLING}, which leaves it to evaluate"
                ) from None

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

    @property
    def per_frame(self) -> bool:
        """Whether the scores of a clip's frames are written as they are."""
        return self.pooling == _NO_POOLING

    @property
    def rule(self) -> Pooling:
        """How frames are pooled, to compare clips also where their frames are written."""
        named = None if self.per_frame else self.pooling
        return parse_pooling(named or "mean")

    def identity(self) -> dict[str, Any]:
        """Return what decides the answers; keys of clips only where they are given."""
        found = self.model_dump(mode="json")
        plain = DetectorConfig()
        for key in ("takes", "pooling"):
            if found[key] == getattr(plain, key):
                del found[key]
        return found

    def check_release(self, clips: bool) -> None:
        """Refuse a release whose media the detector cannot be given as the configuration says.

        Args:
            clips: Whether the release holds clips.

        Raises:
            DetectorError: It holds images and the detector takes clips; or it holds clips, and
                nothing says what becomes of their frames' scores.
        """
        if not clips and self.takes == "clips":
            raise DetectorError(
                f"{CONFIG}: takes: clips, but the release holds images: remove the key, or score a "
                "release of clips",
                key="takes",
            )
        if clips and self.takes == "frames" and self.pooling is None:
            raise DetectorError(
                "the release holds clips, and the detector is given their frames: say in "
                f"{CONFIG} (in Python config=) how the scores of its frames become that of a clip "
                f"(pooling: {POOLINGS}), or that each frame keeps its own (pooling: "
                f"{_NO_POOLING}). One that takes arrays (n, frames, height, width, 3) says "
                "'takes: clips'",
                key="pooling",
            )


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
