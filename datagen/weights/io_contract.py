"""What a card says of the network in its file: how a face goes in and what comes out."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from datagen.core.schema import Frozen

__all__ = ["Diffusers", "FaceInput", "Network", "Task", "Template"]

Template: TypeAlias = Literal[
    "arcface_112_v1", "arcface_112_v2", "arcface_128", "ffhq_512", "mtcnn_512"
]
"""Where eyes, nose tip and mouth corners lie in the aligned image: ``networks/align.py``."""

Task: TypeAlias = Literal["swap", "edit", "enhance", "embed", "convert"]


class FaceInput(Frozen):
    """How an aligned face becomes a network's input: ``(pixel / 255 - mean) / std``, NCHW float32.

    Attributes:
        template: Alignment.
        size: Side in pixels.
        mean, std: One value, or one for each channel in the order of ``color``.
        color: Order of the channels.
        name: Of the network's input; by default found by its shape.
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
            raise ValueError("mean and std: want one value, or three")
        if min(self.std) <= 0:
            raise ValueError("std: want values above 0")
        return self


class Network(Frozen):
    """The contract of an ONNX network of faces.

    Attributes:
        task: ``swap`` takes a second identity; ``edit`` and ``enhance`` map a face to a face;
            ``embed`` gives a vector of identity; ``convert`` maps such a vector to another.
        face: The aligned face that goes in; ``None`` for ``convert`` alone.
        identity: What a swap takes of the donor: nothing, an embedding or an image.
        identity_face: How the donor's image goes in, where ``identity`` is ``image``.
        identity_name: Name of the second input; by default found by its shape.
        embedder: Id of the card whose network makes the embedding.
        converter: Id of the card whose network the embedding goes through first.
        emap: Whether the embedding is multiplied by the file's last initializer, as inswapper's.
        unit: Whether the embedding is scaled to length 1 before it goes in.
        output: Range of the output image, e.g. (0, 1) or (-1, 1).
        output_name: By default the first output with three channels.
        mask_name: Name of an output that is a mask in [0, 1]; empty: none.
        fixed: Further inputs, each of one value, by their names, e.g. CodeFormer's ``weight``.
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

    @model_validator(mode="after")
    def _whole(self) -> Network:
        if self.task != "convert" and self.face is None:
            raise ValueError(f"face: a network that does {self.task!r} needs its aligned input")
        if (self.task == "swap") != (self.identity != "none"):
            raise ValueError("identity: a swap takes an embedding or an image, other tasks none")
        if (self.identity == "embedding") != bool(self.embedder):
            raise ValueError("embedder: name the card that embeds, where identity is 'embedding'")
        if (self.identity == "image") != (self.identity_face is not None):
            raise ValueError("identity_face: say how the donor goes in, where it is an image")
        if self.output[0] >= self.output[1]:
            raise ValueError("output: want [low, high]")
        return self


class Diffusers(Frozen):
    """A folder in the form of ``diffusers``.

    Attributes:
        loads: Class in ``diffusers`` that reads the folder.
        sides: Smallest step of the image's side in pixels that it takes.
        size: Side that it was trained at, in pixels.
        conditioned: Whether it takes a prompt.
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
