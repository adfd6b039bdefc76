"""Face analyzers. To add one, write ``analyzers/<name>.py`` and add a line to the table."""

from datagen.core.registry import Registry
from datagen.faces.analyzers.base import Analyzer, Detection

__all__ = ["ANALYZERS", "Analyzer", "Detection"]

ANALYZERS: Registry[Analyzer] = Registry(
    "analyzer",
    "datagen.faces.analyzers.base:Analyzer",
    {
        "given": "datagen.faces.analyzers.given:Given",
        "insightface": "datagen.faces.analyzers.insightface:InsightFace",
        "mediapipe": "datagen.faces.analyzers.mediapipe:MediaPipe",
    },
    group="datagen.analyzers",
)
