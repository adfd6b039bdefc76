"""Training and test data for deepfake detectors, and evaluation of detectors on it.

Importing the package loads nothing heavy and opens no connection: each name is imported when it
is first used. What ``__all__`` lists is public; everything else may move.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datagen import loaders as loaders
    from datagen.api import (
        evaluate,
        export,
        generate,
        load_recipe,
        open_index,
        plan,
        preview,
        score,
        verify,
    )
    from datagen.core.schema import Frozen
    from datagen.degradations.base import Degradation
    from datagen.errors import (
        CardError,
        ContractError,
        DatagenError,
        DetectorError,
        DeviceError,
        EngineError,
        ImageError,
        ItemError,
        MissingExtraError,
        RecipeError,
        ReleaseError,
        RightsError,
        RunError,
        ScoresError,
        SourceChangedError,
        SourceError,
        UserError,
        VideoError,
        WeightsError,
    )
    from datagen.evaluation.result import EvaluationResult
    from datagen.exports.base import Exported
    from datagen.faces.analyzers.base import Analyzer
    from datagen.generation.preview import FaceCollection, IndexedFace, PreviewPair
    from datagen.methods.base import Context, Method, Result
    from datagen.planning.overview import PlanOverview
    from datagen.recipe.load import Recipe
    from datagen.release.pairs import ReleasedPair
    from datagen.release.reader import Release
    from datagen.sources.base import Source

__all__ = [
    "Analyzer",
    "CardError",
    "Context",
    "ContractError",
    "DatagenError",
    "Degradation",
    "DetectorError",
    "DeviceError",
    "EngineError",
    "EvaluationResult",
    "Exported",
    "FaceCollection",
    "Frozen",
    "ImageError",
    "IndexedFace",
    "ItemError",
    "Method",
    "MissingExtraError",
    "PlanOverview",
    "PreviewPair",
    "Recipe",
    "RecipeError",
    "Release",
    "ReleaseError",
    "ReleasedPair",
    "Result",
    "RightsError",
    "RunError",
    "ScoresError",
    "Source",
    "SourceChangedError",
    "SourceError",
    "UserError",
    "VideoError",
    "WeightsError",
    "evaluate",
    "export",
    "generate",
    "load_recipe",
    "open_index",
    "plan",
    "preview",
    "score",
    "verify",
]

__version__ = version("datagen")

logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOMES = {
    "datagen.api": (
        *("evaluate", "export", "generate", "load_recipe", "open_index", "plan", "preview"),
        *("score", "verify"),
    ),
    "datagen.core.schema": ("Frozen",),
    "datagen.degradations.base": ("Degradation",),
    "datagen.evaluation.result": ("EvaluationResult",),
    "datagen.exports.base": ("Exported",),
    "datagen.faces.analyzers.base": ("Analyzer",),
    "datagen.generation.preview": ("FaceCollection", "IndexedFace", "PreviewPair"),
    "datagen.methods.base": ("Context", "Method", "Result"),
    "datagen.planning.overview": ("PlanOverview",),
    "datagen.recipe.load": ("Recipe",),
    "datagen.release.pairs": ("ReleasedPair",),
    "datagen.release.reader": ("Release",),
    "datagen.sources.base": ("Source",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_ROOMS = ("loaders",)
"""Public modules."""


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"datagen.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'datagen' has no attribute {name!r}")
    value = getattr(import_module(_HOME.get(name, "datagen.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, "__version__"})
