"""Manipulations. To add one: write ``methods/<name>.py`` and add a line to the table."""

from datagen.methods.base import Context, Method, NoOptions, Result
from datagen.registry import Registry

__all__ = ["METHODS", "Context", "Method", "NoOptions", "Result"]

METHODS: Registry[Method] = Registry(
    "method",
    "datagen.methods.base:Method",
    {
        "landmark_swap": "datagen.methods.landmark_swap:LandmarkSwap",
        "self_blend": "datagen.methods.self_blend:SelfBlend",
    },
    group="datagen.methods",
)
