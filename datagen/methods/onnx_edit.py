"""Edit of a face by any ONNX network with a weight card, such as age, style or enhancement."""

from __future__ import annotations

from pydantic import Field

from datagen.methods.onnx_face import OnnxFaceMethod, OnnxFaceOptions, OnnxFaceParams
from datagen.networks.onnx.mask import MaskName

__all__ = ["OnnxEdit", "OnnxEditOptions"]


class OnnxEditOptions(OnnxFaceOptions):
    """Options of ``onnx_edit``.

    Attributes:
        masks: Kinds of masks; one is drawn per pair. ``box`` is refused for an enhancer.
    """

    masks: tuple[MaskName, ...] = Field(
        default=("face", "no_forehead", "features", "lower_half"), min_length=1
    )


class OnnxEdit(OnnxFaceMethod):
    """Edit a part of the face with an image-to-image network.

    Cards with the tasks ``edit`` and ``enhance`` belong to one family, ``attribute_edit``: both
    change a part of the face and leave the rest of the image as it is, and both have a control,
    the same path without the network. ``reconstruction`` changes the whole image and has none. An
    enhancer applied to the whole image is a degradation, not a fake, so it is limited to parts of
    the face.
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
