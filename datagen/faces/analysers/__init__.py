"""What finds faces. To add one: write ``analysers/<name>.py`` and add a line to the table."""

from datagen.faces.analysers.base import Analyser, Detection
from datagen.registry import Registry

__all__ = ["ANALYSERS", "Analyser", "Detection"]

ANALYSERS: Registry[Analyser] = Registry(
    "analyser",
    "datagen.faces.analysers.base:Analyser",
    {
        "given": "datagen.faces.analysers.given:Given",
        "insightface": "datagen.faces.analysers.insightface:InsightFace",
        "mediapipe": "datagen.faces.analysers.mediapipe:MediaPipe",
    },
    group="datagen.analysers",
)
