"""The contract of a network in its card: its inputs and outputs."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from datagen.core.schema import Frozen

__all__ = ["Autoencoder", "Diffusers", "FaceInput", "Network", "Task", "Template"]

Template: TypeAlias = Literal[
    "arcface_112_v1", "arcface_112_v2", "arcface_128", "ffhq_512", "mtcnn_512"
]
"""Positions of eyes, nose tip and mouth corners in the aligned image; see
``networks/alignment/align.py``."""

Task: TypeAlias = Literal["swap", "edit", "enhance", "embed", "convert"]


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
    mean: tuple[float, ...] = Field(default=(0.0,), min_length=1, max_length=3)
    std: tuple[float, ...] = Field(default=(1.0,), min_length=1, max_length=3)
    color: Literal["rgb", "bgr"] = "rgb"
    name: str = ""

    @model_validator(mode="after")
    def _channels(self) -> FaceInput:
        if 2 in (len(self.mean), len(self.std)):
            raise ValueError("mean and std: expected one value or three")
        if min(self.std) <= 0:
            raise ValueError("std: expected values above 0")
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
    identity_name: str = ""
    embedder: str = ""
    converter: str = ""
    emap: bool = False
    unit: bool = True
    output: tuple[float, float] = (0.0, 1.0)
    output_name: str = ""
    mask_name: str = ""
    fixed: dict[str, float] = Field(default_factory=dict)
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
        if self.output[0] >= self.output[1]:
            raise ValueError("output: expected [low, high]")
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
