"""The functions of the public API: what the commands do, as calls that return objects.

Import them from the package: ``import datagen; datagen.generate(...)``. Every function that
takes a recipe takes the path of its file as well, and every function that takes a release takes
its path or address as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeAlias

from datagen.core.arguments import flag, found, maybe_text, maybe_whole, number, text, whole
from datagen.core.progress import Progress
from datagen.detectors.config import DetectorConfig, config_of
from datagen.detectors.score import score_release
from datagen.detectors.spec import read_spec
from datagen.engine import Engine
from datagen.engine.choice import engine_choice
from datagen.errors import RecipeError, ReleaseError
from datagen.evaluation.result import (
    EvaluationResult,
    GatesLike,
    ScoresLike,
    Settings,
    evaluate_release,
)
from datagen.exports.base import Exported, export_release
from datagen.exports.destination import checked_destination
from datagen.generation.prepare import plan_recipe, prepare
from datagen.generation.preview import FaceCollection, IndexedFace, PreviewPair, make_preview
from datagen.generation.run import make_release
from datagen.methods import Method
from datagen.planning.overview import PlanOverview
from datagen.recipe import Recipe, load_recipe
from datagen.release.pooling import asked_pooling
from datagen.release.reader import Release, folder_of
from datagen.release.verify import verify as _verify

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
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

RecipeLike: TypeAlias = "Recipe | str | PathLike[str]"
ReleaseLike: TypeAlias = "Release | str | PathLike[str]"
ConfigLike: TypeAlias = "DetectorConfig | Mapping[str, Any] | str | PathLike[str]"


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
    limit = maybe_whole(limit, "limit", 1)
    shown = _shown(progress)
    with _engine(inline, workers, address, shown) as engine:
        return plan_recipe(prepare(_recipe(recipe)), engine, limit, shown)


def generate(
    recipe: RecipeLike,
    out: str | PathLike[str],
    *,
    workers: int | None = None,
    address: str | None = None,
    inline: bool = False,
    limit: int | None = None,
    shard_timeout: float | None = None,
    include_plugins: bool = False,
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
        include_plugins: Copy the source of plug-in files into the release, as text that nothing
            runs; by default only their digests are there.
        progress: Show progress and notes.

    Raises:
        UserError: Something must be changed first; nothing was started.
        RunError: The run did not complete; finished shards are kept.
    """
    limit = maybe_whole(limit, "limit", 1)
    if not isinstance(out, str | PathLike):
        raise ReleaseError(
            f"out: must be the path or address of a folder ({found(out)})", key="out"
        )
    folder, included = str(fspath(out)), flag(include_plugins, "include_plugins")
    shown = _shown(progress)
    with _engine(inline, workers, address, shown, shard_timeout) as engine:
        done = make_release(prepare(_recipe(recipe)), folder, engine, limit, shown, included)
        shown.note(str(done))
    return Release(folder)


def verify(release: ReleaseLike, pixels: bool = False) -> list[str]:
    """Compare a release with its own record; return the problems, none if it is intact.

    Args:
        release: The release, or its path or address.
        pixels: Also compare each fake with its real outside the mask, where the release is
            lossless (PNG) and the pair is not degraded.

    Raises:
        ReleaseError: There is no release.
    """
    return list(_verify(folder_of(release), flag(pixels, "pixels")))


def score(
    release: ReleaseLike,
    detector: str | Callable[[Any], object] | type,
    split: str | Sequence[str] | None = None,
    *,
    config: ConfigLike | None = None,
    batch: int = 32,
    allow_code: bool = False,
    workers: int | None = None,
    address: str | None = None,
    inline: bool | None = None,
    shard_timeout: float | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the scores of a detector, one row per image or clip.

    Args:
        release: The release, or its path or address.
        detector: A function that takes a batch of images, ``(n, height, width, 3)`` uint8 RGB,
            and returns ``n`` probabilities of fake, or of clips, ``(n, frames, height, width, 3)``,
            with ``config={"takes": "clips"}``; a class of such, which is instantiated once,
            without arguments; or the spec of a detector as in ``datagen
            score``: ``module:callable``, ``model.onnx``, ``model.pt``, ``model.pt2`` or
            ``"cmd: program {paths} {scores}"``.
        split: The split or splits to score; by default all.
        config: Input and output of the detector: a mapping such as ``{"logits": True}``, or the
            YAML file that states them. A release of clips needs ``takes`` or ``pooling``.
        batch: Maximum number of images that the detector is given at once.
        allow_code: Open a ``.pt`` or ``.pt2`` file, which can run any code on this machine.
        workers: Parallel tasks; by default one per CPU.
        address: Ray cluster to join; by default one is started on this machine.
        inline: Run in this process, without Ray; by default for functions only.
        shard_timeout: Seconds after which a shard is given up; by default it is waited for.
        progress: Show progress.

    Returns:
        Columns ``sample_id``, ``sha256``, ``score``, ``status`` (``ok``, or why there is no
        score) and ``detail``; with ``pooling: none`` also ``frame``, a row per frame of each clip.
        What makes the scores doubtful, such as all being equal, is shown and stands in
        ``attrs["doubts"]``.

    Raises:
        UserError: The detector, its configuration or the split is wrong, or no image has a score.
        RunError: Some shards failed.
    """
    batch = whole(batch, "batch", 1)
    opened, read, shown = _release(release), config_of(config), _shown(progress)
    here = callable(detector) and workers is None and address is None if inline is None else inline
    asked: Any = detector
    if isinstance(detector, str):
        allowed = flag(allow_code, "allow_code")
        asked = read_spec(detector, read or DetectorConfig(), allow_code=allowed)
    with (
        _engine(here, workers, address, shown, shard_timeout) as engine,
        shown.bar("scoring", percent=True) as bar,
    ):
        frame = score_release(
            opened, asked, split, config=read, batch=batch, engine=engine, on_progress=bar
        )
    for doubt in frame.attrs["doubts"]:
        shown.warn(doubt)
    return frame


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
    pooling: str | None = None,
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
        pooling: How scores of frames (a column ``frame``) become those of clips: ``"mean"``,
            ``"max"``, or ``"top:0.1"`` for the mean of the highest tenth.

    Raises:
        UserError: The scores, the gates or the split are wrong.
    """
    settings = Settings(
        text(split, "split", "'test'"),
        number(threshold, "threshold", 0, 1),
        flag(logits, "logits"),
        None if trained_on is None else _release(trained_on, "trained_on"),
        asked_pooling(maybe_text(pooling, "pooling", "'mean'"), "pooling"),
    )
    return evaluate_release(_release(release), scores, gates, baseline, settings)


def export(
    release: ReleaseLike,
    folder: str | PathLike[str],
    to: str,
    *,
    workers: int = 2,
    strided: bool = False,
    progress: bool = True,
) -> Exported:
    """Copy a release into a form that other tools read, or write what is missing of the copy.

    Args:
        release: The release, or its path or address.
        folder: New folder for the copy.
        to: Name of the form: ``"hf"`` is Parquet with images or clips in it for the Hugging Face
            hub, ``"deepfakebench"`` is frames, masks, landmarks and JSON for DeepfakeBench.
        workers: Threads.
        strided: Let DeepfakeBench have clips whose frames are not consecutive in their video.
        progress: Show progress and notes.

    Raises:
        UserError: There is no such form, or the folder is an address or in the release.
        ReleaseError: There is no release, or it is damaged.
    """
    opened, shown = _release(release), _shown(progress)
    place = checked_destination(text(fspath(folder), "folder", "'copy'"), opened)
    return export_release(
        opened,
        text(to, "to", "'hf'"),
        place,
        whole(workers, "workers", 1),
        shown,
        flag(strided, "strided"),
    )


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
    shown = _shown(progress)
    with _engine(inline, workers, address, shown) as engine:
        return FaceCollection(_recipe(recipe), engine, shown)


def preview(
    method: str | Method,
    face: IndexedFace,
    donor: IndexedFace | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> PreviewPair:
    """Make one pair to look at, without degradation.

    Args:
        method: Name of a method, or a method that is already built.
        face: The target, from ``open_index``.
        donor: The donor, from ``open_index``, for methods that need one.
        options: Options of the method, as in a recipe.
        seed: Names the random draws: another seed gives another fake.

    Raises:
        RecipeError: An unknown method or option, or a donor is missing or given where
            none is needed.
        RightsError: A weight file does not cover the purpose of the face's recipe.
        ItemError: The face cannot be manipulated.
    """
    return make_preview(method, face, donor, options, seed)


def _recipe(recipe: object) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str | PathLike):
        return load_recipe(recipe)
    raise RecipeError(
        f"recipe: must be a Recipe or the path of its file ({found(recipe)}). Write its keys to a "
        "file; load_recipe(path, overrides) changes single ones",
        key="recipe",
    )


def _release(release: object, name: str = "release") -> Release:
    return release if isinstance(release, Release) else Release(folder_of(release, name))


def _shown(progress: object) -> Progress:
    return Progress(flag(progress, "progress"))


def _engine(
    inline: object,
    workers: object,
    address: object,
    shown: Progress,
    shard_timeout: object = None,
) -> AbstractContextManager[Callable[[], Engine]]:
    return engine_choice(
        flag(inline, "inline"),
        maybe_whole(workers, "workers", 1),
        maybe_text(address, "address", "'auto'"),
        shown,
        None if shard_timeout is None else number(shard_timeout, "shard_timeout", 0, 1e9),
    )
