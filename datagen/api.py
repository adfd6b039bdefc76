"""The functions of the public API: what the commands do, as calls that return objects.

Import them from the package: ``import datagen; datagen.generate(...)``. Every function that
takes a recipe takes the path of its file as well, and every function that takes a release takes
its path or address as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from datagen.core.progress import Progress
from datagen.detectors.config import DetectorConfig, read_config
from datagen.detectors.score import score_release
from datagen.detectors.spec import read_spec
from datagen.engine.choice import engine_choice
from datagen.evaluation.result import (
    EvaluationResult,
    GatesLike,
    ScoresLike,
    Settings,
    evaluate_release,
)
from datagen.generation.prepare import plan_recipe, prepare
from datagen.generation.preview import FaceCollection, IndexedFace, PreviewPair, make_preview
from datagen.generation.run import make_release
from datagen.methods import Method
from datagen.planning.overview import PlanOverview
from datagen.recipe import Recipe, load_recipe
from datagen.release import Folder
from datagen.release.reader import Release
from datagen.release.verify import verify as _verify

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "evaluate",
    "generate",
    "load_recipe",
    "open_index",
    "plan",
    "preview",
    "score",
    "verify",
]

RecipeLike: TypeAlias = "Recipe | str | PathLike[str]"
ReleaseLike: TypeAlias = "Release | str | PathLike[str]"


def plan(
    recipe: RecipeLike,
    limit: int | None = None,
    *,
    workers: int | None = None,
    address: str | None = None,
    inline: bool = False,
    progress: bool = True,
) -> PlanOverview:
    """Return what a recipe will make: counts, identities, rights, size, time and warnings.

    Images that are not yet in the face index are analyzed first.

    Args:
        recipe: The recipe, or its path.
        limit: Plan only the first pairs, in proportion from each split.
        workers: Parallel tasks; by default one per CPU.
        address: Ray cluster to join; by default one is started on this machine if needed.
        inline: Run in this process, without Ray.
        progress: Show progress and notes.

    Raises:
        UserError: The recipe, its sources or its rights must be changed first.
    """
    shown = Progress(progress)
    prepared = prepare(_recipe(recipe))
    with engine_choice(inline, workers, address, shown) as engine:
        return plan_recipe(prepared, engine, limit, shown)


def generate(
    recipe: RecipeLike,
    out: str | PathLike[str],
    *,
    workers: int | None = None,
    address: str | None = None,
    inline: bool = False,
    limit: int | None = None,
    shard_timeout: float | None = None,
    progress: bool = True,
) -> Release:
    """Make the pairs of a recipe and return the release. Call it again to make what is missing.

    Args:
        recipe: The recipe, or its path.
        out: Folder of the release, or an address such as ``s3://bucket/name``.
        workers: Parallel tasks; by default one per CPU.
        address: Ray cluster to join; by default one is started on this machine.
        inline: Run in this process, without Ray.
        limit: Make only the first pairs, in proportion from each split.
        shard_timeout: Seconds after which a shard is given up; by default it is waited for.
        progress: Show progress and notes.

    Raises:
        UserError: Something must be changed first; nothing was started.
        RunError: The run did not complete; finished shards are kept.
    """
    shown = Progress(progress)
    prepared = prepare(_recipe(recipe))
    with engine_choice(inline, workers, address, shown, shard_timeout) as engine:
        shown.note(str(make_release(prepared, str(out), engine, limit, shown)))
    return Release(str(out))


def verify(release: ReleaseLike, pixels: bool = False) -> list[str]:
    """Compare a release with its own record; return the problems, none if it is intact.

    Args:
        release: The release, or its path or address.
        pixels: Also compare each fake with its real outside the mask, where the release is
            lossless (PNG) and the pair is not degraded.
    """
    folder = release.folder if isinstance(release, Release) else Folder(str(release))
    return list(_verify(folder, pixels))


def score(
    release: ReleaseLike,
    detector: str | Callable[[Any], object],
    split: str | Sequence[str] | None = None,
    *,
    config: DetectorConfig | str | PathLike[str] | None = None,
    batch: int = 32,
    allow_code: bool = False,
    workers: int | None = None,
    address: str | None = None,
    inline: bool | None = None,
    shard_timeout: float | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the scores of a detector, one row per image.

    Args:
        release: The release, or its path or address.
        detector: A function that takes a batch of images, ``(n, height, width, 3)`` uint8 RGB,
            and returns ``n`` probabilities of fake; or the spec of a detector as in ``datagen
            score``: ``module:callable``, ``model.onnx``, ``model.pt``, ``model.pt2`` or
            ``"cmd: program {paths} {scores}"``.
        split: The split or splits to score; by default all.
        config: Input and output of the detector, or the YAML file that states them.
        batch: Maximum number of images that the detector is given at once.
        allow_code: Open a ``.pt`` or ``.pt2`` file, which can run any code on this machine.
        workers: Parallel tasks; by default one per CPU.
        address: Ray cluster to join; by default one is started on this machine.
        inline: Run in this process, without Ray; by default for functions only.
        shard_timeout: Seconds after which a shard is given up; by default it is waited for.
        progress: Show progress.

    Returns:
        Columns ``sample_id``, ``sha256``, ``score``, ``status`` (``ok``, or why there is no
        score) and ``detail``.

    Raises:
        UserError: The detector, its configuration or the split is wrong.
        RunError: Some shards failed.
    """
    here = callable(detector) and workers is None and address is None if inline is None else inline
    shown = Progress(progress)
    read = config if isinstance(config, DetectorConfig | None) else read_config(Path(config))
    asked: Any = detector
    if isinstance(detector, str):
        asked = read_spec(detector, read or DetectorConfig(), allow_code=allow_code)
    with (
        engine_choice(here, workers, address, shown, shard_timeout) as engine,
        shown.bar("scoring shards") as bar,
    ):
        return score_release(
            _release(release),
            asked,
            split,
            config=read,
            batch=batch,
            engine=engine,
            on_progress=bar,
        )


def evaluate(
    release: ReleaseLike,
    scores: ScoresLike,
    gates: GatesLike | None = None,
    baseline: ScoresLike | None = None,
    *,
    split: str = "test",
    threshold: float = 0.5,
    logits: bool = False,
    trained_on: ReleaseLike | None = None,
) -> EvaluationResult:
    """Evaluate a detector by its scores: metrics with intervals, gates and a report.

    Args:
        release: The release, or its path or address.
        scores: What ``score`` returned, a table with a column ``score`` and an id column, or a
            scores file.
        gates: Limits on metrics, as a YAML file or its content.
        baseline: Scores of the detector to compare with.
        split: The split to evaluate.
        threshold: From this probability on, an image is called fake.
        logits: Whether the scores are logits, those of the baseline too.
        trained_on: The release that the detector was trained on; evaluating on the same
            identities or source images is refused.

    Raises:
        UserError: The scores, the gates or the split are wrong.
    """
    training = None if trained_on is None else _release(trained_on)
    settings = Settings(split, threshold, logits, training)
    return evaluate_release(_release(release), scores, gates, baseline, settings)


def open_index(
    recipe: RecipeLike,
    *,
    workers: int | None = None,
    address: str | None = None,
    inline: bool = False,
    progress: bool = True,
) -> FaceCollection:
    """Return the faces of a recipe's sources: the only way to a face outside of a release.

    The rights gate runs before the first image is read. Images that are not yet in the face
    index are analyzed first.

    Args:
        recipe: The recipe, or its path.
        workers: Parallel tasks; by default one per CPU.
        address: Ray cluster to join; by default one is started on this machine if needed.
        inline: Run in this process, without Ray.
        progress: Show progress and notes.

    Raises:
        RightsError: A license or consent does not cover the purpose of the recipe.
        SourceError: A source cannot be read, or none of its faces can be used.
    """
    shown = Progress(progress)
    with engine_choice(inline, workers, address, shown) as engine:
        return FaceCollection(_recipe(recipe), engine, shown)


def preview(
    method: str | Method,
    face: IndexedFace,
    donor: IndexedFace | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> PreviewPair:
    """Make one pair for a look, without degradation.

    Args:
        method: Name of a method, or a method that is already built.
        face: The target, from ``open_index``.
        donor: The donor, from ``open_index``, for methods that need one.
        options: Options of the method, as in a recipe.
        seed: Names the random draws: another seed gives another fake.

    Raises:
        RecipeError: An unknown method or option, or a donor is missing or not wanted.
        RightsError: A weight file does not cover the purpose of the face's recipe.
        ItemError: The face cannot be manipulated.
    """
    return make_preview(method, face, donor, options, seed)


def _recipe(recipe: RecipeLike) -> Recipe:
    return recipe if isinstance(recipe, Recipe) else load_recipe(recipe)


def _release(release: ReleaseLike) -> Release:
    return release if isinstance(release, Release) else Release(str(release))
