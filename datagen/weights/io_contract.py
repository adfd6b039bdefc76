"""The contract of a network in its card: its inputs and outputs."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from datagen.core.fields import Line
from datagen.core.schema import Frozen

__all__ = [
    "Autoencoder",
    "Diffusers",
    "FaceInput",
    "Network",
    "Span",
    "Task",
    "Template",
]

Template: TypeAlias = Literal[
    "arcface_112_v1", "arcface_112_v2", "arcface_128", "ffhq_512", "mtcnn_512"
]
"""Positions of eyes, nose tip and mouth corners in the aligned image; see
``networks/alignment/align.py``."""

Task: TypeAlias = Literal["swap", "edit", "enhance", "embed", "convert"]


_PortName: TypeAlias = Annotated[Line, Field(max_length=200)]
"""Name of an input or an output of a file."""

_MIN_SPAN = 1e-3
_MOST = 1e5


def _span(pair: tuple[float, float]) -> tuple[float, float]:
    low, high = pair
    if not (-_MOST <= low < high <= _MOST and high - low >= _MIN_SPAN):
        raise ValueError(
            f"expected [low, high] from {-_MOST:g} to {_MOST:g}, and {_MIN_SPAN:g} apart or more"
        )
    return pair


Span: TypeAlias = Annotated[tuple[float, float], AfterValidator(_span)]
"""What black and white are in a network, which computes in float32."""

_Mean: TypeAlias = Annotated[float, Field(ge=-1e3, le=1e3)]
_Std: TypeAlias = Annotated[float, Field(ge=1e-4, le=1e3)]
_CardId: TypeAlias = Annotated[Line, Field(max_length=64)]


class FaceInput(Frozen):
    """How an aligned face becomes an input: ``(pixel / 255 - mean) / std``, NCHW float32.

    Attributes:
        template: Alignment of the face.
        size: Side of the input in pixels.
        mean, std: One value for all channels, or one per channel in the order of ``color``.
        color: Order of the channels.
        name: Name of the network's input; by default it is found by its shape.
    """

    template: Template
    size: int = Field(ge=16, le=2048)
    mean: tuple[_Mean, ...] = Field(default=(0.0,), min_length=1, max_length=3)
    std: tuple[_Std, ...] = Field(default=(1.0,), min_length=1, max_length=3)
    color: Literal["rgb", "bgr"] = "rgb"
    name: _PortName = ""

    @model_validator(mode="after")
    def _channels(self) -> FaceInput:
        if 2 in (len(self.mean), len(self.std)):
            raise ValueError("mean and std: expected one value or three")
        return self


class Network(Frozen):
    """The contract of an ONNX network of faces.

    Attributes:
        task: ``swap`` takes a second identity; ``edit`` and ``enhance`` map a face to a face;
            ``embed`` returns an identity embedding; ``convert`` maps an embedding to another.
        face: Input of the aligned face; ``None`` only for ``convert``.
        identity: What a swap takes from the donor: nothing, an embedding or an image.
        identity_face: Input of the donor's image, if ``identity`` is ``image``.
        identity_name: Name of the second input; by default it is found by its shape.
        embedder: Id of the card whose network computes the embedding.
        converter: Id of the card whose network converts the embedding first.
        emap: Whether the embedding is multiplied by the file's last initializer, as in inswapper.
        unit: Whether the embedding is scaled to unit length.
        output: Range of the output image, e.g. (0, 1) or (-1, 1).
        output_name: Name of the output image; by default the first output with three channels.
        mask_name: Name of an output that is a mask in [0, 1]; empty: none.
        fixed: Constant values of further inputs by name, e.g. CodeFormer's ``weight``.
        enlarges: Factor by which the output is larger than the input; above 1, only for
            ``enhance``, the network takes images of any size.
    """

    task: Task
    face: FaceInput | None = None
    identity: Literal["none", "embedding", "image"] = "none"
    identity_face: FaceInput | None = None
    identity_name: _PortName = ""
    embedder: _CardId = ""
    converter: _CardId = ""
    emap: bool = False
    unit: bool = True
    output: Span = (0.0, 1.0)
    output_name: _PortName = ""
    mask_name: _PortName = ""
    fixed: dict[_PortName, Annotated[float, Field(ge=-_MOST, le=_MOST)]] = Field(
        default_factory=dict, max_length=16
    )
    enlarges: int = Field(default=1, ge=1, le=8)

    @model_validator(mode="after")
    def _whole(self) -> Network:
        if self.task != "convert" and self.face is None:
            raise ValueError(f"face: required for task {self.task!r}")
        if (self.task == "swap") != (self.identity != "none"):
            raise ValueError(
                "identity: expected 'embedding' or 'image' for a swap, 'none' for other tasks"
            )
        if (self.identity == "embedding") != bool(self.embedder):
            raise ValueError("embedder: required for identity 'embedding', and only for it")
        if (self.identity == "image") != (self.identity_face is not None):
            raise ValueError("identity_face: required for identity 'image', and only for it")
        if self.enlarges > 1 and self.task != "enhance":
            raise ValueError(f"enlarges: only for task 'enhance', found {self.task!r}")
        return self


class Diffusers(Frozen):
    """A folder in the format of ``diffusers``.

    Attributes:
        loads: Class of ``diffusers`` that reads the folder.
        size: Side of the training images in pixels.
        sides: Number of pixels that the side of an image must be a multiple of.
        conditioned: Whether the network takes a prompt.
    """

    loads: Literal[
        "StableDiffusionPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionImg2ImgPipeline",
        "StableDiffusionXLPipeline",
        "StableDiffusionXLInpaintPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "DDPMPipeline",
        "AutoencoderKL",
        "AutoencoderTiny",
    ]
    size: int = Field(ge=16, le=2048)
    sides: int = Field(default=8, ge=1, le=64)
    conditioned: bool = False


class Autoencoder(Frozen):
    """A single file of tensors whose module ships with this package.

    Attributes:
        loads: Name of the module: ``taef2``, see ``networks/diffusion/taef2.py``.
        size: Side of the images in pixels with ``size: card``.
        sides: Number of pixels that the side of an image must be a multiple of.
    """

    loads: Literal["taef2"]
    size: int = Field(ge=16, le=2048)
    sides: int = Field(default=8, ge=1, le=64)
