"""Manipulations. To add one: write ``methods/<name>.py`` and add a line to the table."""

from datagen.core.registry import Registry
from datagen.methods.base import Context, Method, NoOptions, Result

__all__ = ["METHODS", "Context", "Method", "NoOptions", "Result"]

METHODS: Registry[Method] = Registry(
    "method",
    "datagen.methods.base:Method",
    {
        "attribute_edit": "datagen.methods.attribute_edit:AttributeEdit",
        "autoencoder_swap": "datagen.methods.autoencoder_swap:AutoencoderSwap",
        "cross_blend": "datagen.methods.cross_blend:CrossBlend",
        "diffusion_face": "datagen.methods.diffusion_face:DiffusionFace",
        "diffusion_img2img": "datagen.methods.diffusion_img2img:DiffusionImg2Img",
        "diffusion_inpaint": "datagen.methods.diffusion_inpaint:DiffusionInpaint",
        "expression_transfer": "datagen.methods.expression_transfer:ExpressionTransfer",
        "gan_upsample": "datagen.methods.gan_upsample:GanUpsample",
        "gaze_mouth_edit": "datagen.methods.gaze_mouth_edit:GazeMouthEdit",
        "inswapper": "datagen.methods.inswapper:Inswapper",
        "landmark_swap": "datagen.methods.landmark_swap:LandmarkSwap",
        "mesh_swap": "datagen.methods.mesh_swap:MeshSwap",
        "morph": "datagen.methods.morph:Morph",
        "onnx_edit": "datagen.methods.onnx_edit:OnnxEdit",
        "onnx_swap": "datagen.methods.onnx_swap:OnnxSwap",
        "part_swap": "datagen.methods.part_swap:PartSwap",
        "resample_forgery": "datagen.methods.resample_forgery:ResampleForgery",
        "self_blend": "datagen.methods.self_blend:SelfBlend",
        "vae_reconstruct": "datagen.methods.vae_reconstruct:VaeReconstruct",
    },
    group="datagen.methods",
)
