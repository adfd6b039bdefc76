"""Edit of a face by any network that has a card: age, cartoon, or an enhancer's own redrawing."""

from __future__ import annotations

from pydantic import Field

from datagen.methods.onnx_face import OnnxFaceMethod, OnnxFaceOptions, OnnxFaceParams
from datagen.networks.onnx.mask import MaskName

__all__ = ["OnnxEdit", "OnnxEditOptions"]


class OnnxEditOptions(OnnxFaceOptions):
    """What a recipe may set.

    Attributes:
        masks: See base class; ``box`` is refused for an enhancer.
    """

    masks: tuple[MaskName, ...] = Field(
        default=("face", "no_forehead", "features", "lower_half"), min_length=1
    )


class OnnxEdit(OnnxFaceMethod):
    """The same person, redrawn by a network within a part of the face.

    Cards of task ``edit`` and ``enhance`` are one family, ``attribute_edit``: both redraw a part of
    a face whose rest stays the photograph, and for both there is a control, the same path without
    the network. ``reconstruction`` redraws the whole image and has none. An enhancer over the
    whole image is a degradation and never a fake, so it is held within parts of the face.
    """

    name = "onnx_edit"
    family = "attribute_edit"
    options = OnnxEditOptions
    params = OnnxFaceParams
    min_change = 1.0
    tasks = ("edit", "enhance")
    paper = (
        "Alaluf et al., SIGGRAPH 2021, Only a matter of style (SAM, age); Wang et al., CVPR 2021, "
        "GFPGAN (as a forgery of a part)"
    )
