"""The contract of a network that turns a face into numbers by which people are told apart."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from datagen.core.fields import Line
from datagen.core.schema import Frozen
from datagen.weights.io_contract import Span, Template

__all__ = ["Embedder"]


class Embedder(Frozen):
    """Input and output of an embedder, and what its cosines mean on photographs.

    Attributes:
        template: Alignment of the face by five points; excludes ``box``.
        box: Side of the upright square around the face, as a multiple of the longer side of its
            box; excludes ``template``.
        size: Side of the input in pixels.
        values: What black and white become, e.g. (0, 255) or (-1, 1).
        color: Order of the channels.
        input, output: Names in the file.
        length: Number of values of an embedding.
        match: Cosine similarity that one of a thousand pairs of different people reaches on
            photographs.
    """

    template: Template | None = None
    box: float | None = Field(default=None, ge=0.8, le=3)
    size: int = Field(ge=16, le=1024)
    values: Span
    color: Literal["rgb", "bgr"] = "rgb"
    input: Line = Field(min_length=1, max_length=200)
    output: Line = Field(min_length=1, max_length=200)
    length: int = Field(ge=2, le=8192)
    match: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _one_place(self) -> Embedder:
        if (self.template is None) == (self.box is None):
            raise ValueError("template and box: expected one of the two")
        return self
