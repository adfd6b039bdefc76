"""What finds faces. To add one: write ``analysers/<name>.py`` and add a line to the table."""

from datagen.core.registry import Registry
from datagen.faces.analyzers.base import Analyser, Detection

__all__ = ["ANALYSERS", "Analyser", "Detection"]

ANALYSERS: Registry[Analyser] = Registry(
    "analyser",
    "datagen.faces.analyzers.base:Analyser",
    {
        "given": "datagen.faces.analyzers.given:Given",
        "insightface": "datagen.faces.analyzers.insightface:InsightFace",
        "mediapipe": "datagen.faces.analyzers.mediapipe:MediaPipe",
    },
    group="datagen.analysers",
)
