"""From a recipe to what a run starts with: the rights gate, then the face index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datagen.core.progress import Progress
from datagen.core.text import counted
from datagen.engine import Engine
from datagen.faces.indexing.build import BuiltIndex, ClipLimits, FaceLimits, build_index
from datagen.planning import Plan
from datagen.planning.overview import PlanOverview, overview
from datagen.recipe import Recipe
from datagen.rights import Decision, Purpose, check_rights, today
from datagen.sources import Source
from datagen.sources.listing import passed_over_words
from datagen.weights import WeightCard
from datagen.weights.store import weight_store

__all__ = ["Prepared", "clip_limits", "index_faces", "note_limit", "plan_recipe", "prepare"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe that passed the rights gate.

    Attributes:
        recipe: The recipe.
        weights: Cards of the weight files that its analyzer and methods load.
        decisions: What the gate decided about each card.
    """

    recipe: Recipe
    weights: tuple[WeightCard, ...]
    decisions: tuple[Decision, ...]

    @property
    def purpose(self) -> Purpose:
        """The purpose of the recipe."""
        return self.recipe.spec.purpose


def prepare(recipe: Recipe, analysis: bool = False) -> Prepared:
    """Ask the rights gate about the sources and weight files of a recipe. Opens no image.

    Args:
        recipe: The recipe.
        analysis: Whether faces are only found and measured: ``consent.analysis`` is asked instead
            of the clauses of those who alter and redistribute faces.

    Raises:
        RightsError: A license or consent does not cover the purpose.
        CardError: A weight card does not exist or is malformed.
    """
    analyzer = (weight_store().card(name) for name in recipe.analyzer().weights)
    cards = {card.id: card for card in (*analyzer, *recipe.weight_cards())}
    weights = tuple(cards.values())
    purpose = recipe.spec.purpose
    decisions = check_rights(recipe.cards, weights, purpose, today(), analysis)
    return Prepared(recipe, weights, tuple(decisions))


def index_faces(
    prepared: Prepared,
    sources: Sequence[Source],
    engine: Callable[[], Engine],
    progress: Progress,
    refresh: bool = False,
) -> BuiltIndex:
    """Build the face index and report what was found.

    Args:
        prepared: The recipe, which has passed the rights gate.
        sources: The sources of the recipe.
        engine: Gives the engine; called only when there is something to analyze.
        progress: Shows how far the analysis is, and its warnings.
        refresh: Whether to read every image again, also those that seem to be unchanged.

    Raises:
        SourceError: A source's listing is wrong, or none of its faces can be used.
    """
    recipe = prepared.recipe
    face = recipe.spec.face
    limits = FaceLimits(face.min_side, face.max_yaw)
    clip = clip_limits(recipe)
    with progress.bar("analyzing images" if clip is None else "analyzing frames") as bar:
        built = build_index(
            sources, recipe.analyzer(), limits, prepared.purpose, engine, bar, refresh, clip
        )
    progress.note(_summary(built))
    _tell_identities(sources, built, progress)
    for source, passed in sorted(built.passed_over.items()):
        progress.note(f"source {source!r}: not listed: {passed_over_words(passed)}")
    for warning in built.warnings:
        progress.warn(warning)
    return built


def _tell_identities(sources: Sequence[Source], built: BuiltIndex, progress: Progress) -> None:
    """Say how many identities the folders of a source are, and warn where there is only one."""
    for card in (source.card for source in sources):
        files, people = built.listed[card.id]
        if card.layout == "folder":
            told = counted(people, "identity", "identities")
            progress.note(f"source {card.id!r}: {told} in {counted(files, 'file')}")
        if people == 1:
            folders = ". Its layout is <root>/<identity>/<image>" if card.layout == "folder" else ""
            progress.warn(
                f"source {card.id!r}: only 1 identity: it fills one split, and methods that need "
                f"a donor find none{folders}"
            )


def clip_limits(recipe: Recipe) -> ClipLimits | None:
    """Return what clips ask of the index; ``None`` for a recipe that makes images."""
    clip = recipe.spec.clip
    if clip is None:
        return None
    uses = zip(recipe.spec.sources, recipe.cards, strict=True)
    return ClipLimits(clip.span, frozenset(card.id for use, card in uses if use.camera is not None))


def plan_recipe(
    prepared: Prepared, engine: Callable[[], Engine], limit: int | None, progress: Progress
) -> PlanOverview:
    """Return what a recipe will make; images that are not yet in the face index are analyzed.

    Args:
        prepared: The recipe, which has passed the rights gate.
        engine: Gives the engine; called only when there is something to analyze.
        limit: Only the first pairs, see ``Plan.counts``.
        progress: Shows how far the analysis is.

    Raises:
        UserError: The sources or the recipe must be changed first.
    """
    recipe = prepared.recipe
    built = index_faces(prepared, recipe.sources(), engine, progress)
    plan = Plan(recipe, built.index)
    note_limit(plan, limit, progress)
    return overview(recipe, plan, limit, prepared.decisions, built.warnings)


def note_limit(plan: Plan, limit: int | None, progress: Progress) -> None:
    """Say that a limit has no effect where it does not shorten the plan."""
    pairs = sum(plan.counts().values())
    if limit is not None and limit > pairs:
        pair = "base pair" if plan.levels > 1 else "pair"
        progress.note(f"limit {limit:,}: the plan has only {counted(pairs, pair)}")


def _summary(built: BuiltIndex) -> str:
    codes = Counter(reject.code for reject in built.rejects)
    rejected = ", ".join(f"{count} {code}" for code, count in sorted(codes.items())) or "none"
    identities = len(set(built.index.column("identity")))
    lengths = [frames for frames in built.index.column("frames") if frames is not None]
    tracks = f" ({counted(len(lengths), 'track')} of {sum(lengths):,} frames)" if lengths else ""
    read = "file" if lengths else "image"
    return (
        f"index: {counted(len(built.index), 'face')}{tracks} of "
        f"{counted(identities, 'identity', 'identities')}; "
        f"{counted(built.analyzed, read)} analyzed, {built.remembered} remembered; "
        f"rejected: {rejected}"
    )
