"""A plan in numbers: counts, identities, expected size and time, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from datagen.core.text import counted
from datagen.methods import METHODS
from datagen.planning.donors import more_donors
from datagen.planning.plan import Plan
from datagen.recipe.schema import RecipeSpec, SplitName, in_split

__all__ = [
    "SplitSummary",
    "expected_bytes",
    "expected_seconds",
    "idle_identities",
    "summarize",
    "warnings_of",
]

# Bytes per pixel of faces at the middle of a quality range, and pairs per second and core at 380
# pixels from photographs of two megapixels: measured, and accurate to a factor of two.
_BYTES = {"jpeg": 0.17, "png": 1.6, "webp": 0.9, "mp4": 0.02, "mkv": 1.2, "frames": 1.6}
_MASK_BYTES = 0.03
_PAIRS_PER_SECOND = 60.0
_SIZE = 380
_MEGAPIXELS = 2.0
_SECONDS_PER_MEGAPIXEL = 0.013  # to decode what a larger photograph has more
_MAX_USES = 200
_MIN_DONORS = 5


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One split in numbers.

    Attributes:
        split: Name of the split.
        pairs: Number of pairs.
        controls: Number of controls.
        faces: Number of usable faces.
        identities: Number of identities.
        methods: Number of pairs by name of method.
        method_controls: Number of controls by name of method.
        degradations: Share of the pairs by name of degradation.
        uses: How many times the most used face is a target.
    """

    split: SplitName
    pairs: int
    controls: int
    faces: int
    identities: int
    methods: dict[str, int]
    method_controls: dict[str, int]
    degradations: dict[str, Fraction]
    uses: int


def summarize(plan: Plan, limit: int | None) -> list[SplitSummary]:
    """Return the numbers of each split without computing its items."""
    found = []
    for split, pairs in plan.counts(limit).items():
        faces = plan.targets(split)
        identities = {plan.identities[row].key for row in faces}
        found.append(
            SplitSummary(
                split=split,
                pairs=pairs * plan.levels,
                controls=plan.control_count(split, pairs) * plan.levels,
                faces=len(faces),
                identities=len(identities),
                methods=_by_name(plan, plan.method_counts(split, pairs)),
                method_controls=_by_name(plan, plan.control_counts(split, pairs)),
                degradations=_degradations(plan.recipe, split),
                uses=-(-pairs // len(faces)),
            )
        )
    return found


def _by_name(plan: Plan, counts: Mapping[int, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, count in counts.items():
        name = plan.recipe.methods[number].use
        found[name] = found.get(name, 0) + count * plan.levels
    return found


def _degradations(recipe: RecipeSpec, split: SplitName) -> dict[str, Fraction]:
    if recipe.ladder is not None:
        return {recipe.ladder.use: Fraction(1)}
    found: dict[str, Fraction] = {}
    for use in recipe.degradations or ():
        if in_split(use, split):
            found[use.use] = found.get(use.use, Fraction(0)) + use.share
    return found


def idle_identities(plan: Plan, limit: int | None) -> dict[str, int]:
    """Return the number of identities in each split of which no pairs are made."""
    counts = plan.counts(limit)
    identities = Counter(plan.split_of.values())
    return {name: identities[name] for name in sorted(identities) if not counts.get(name)}


def expected_bytes(plan: Plan, splits: list[SplitSummary]) -> int:
    """Return the approximate size of the images and masks in bytes."""
    encode = plan.recipe.encode
    rate = _BYTES[encode.format]
    if encode.format == "jpeg" and encode.quality:
        middle = sum(encode.quality) / 2
        rate *= 2.0 ** ((middle - 85) / 10)
    pixels = plan.recipe.face.size**2 * frames_of(plan)
    pairs = sum(split.pairs for split in splits)
    images = 2 * pairs + sum(split.controls for split in splits)
    return round(pixels * (images * rate + pairs * _MASK_BYTES))


def expected_seconds(
    plan: Plan, splits: list[SplitSummary], cores: int, render_seconds: float
) -> float:
    """Return the approximate run time in seconds, without start-up.

    Args:
        plan: The plan.
        splits: The numbers of its splits.
        cores: Number of CPU cores.
        render_seconds: Seconds per image that a source without files takes to render it.
    """
    work = max(0.4, (plan.recipe.face.size / _SIZE) ** 2)
    pairs = sum(split.pairs for split in splits)
    images = pairs + sum(
        count for split in splits for name, count in split.methods.items() if takes_donor(name)
    )
    larger = max(0.0, _megapixels(plan, splits) - _MEGAPIXELS)
    each = render_seconds + larger * _SECONDS_PER_MEGAPIXEL
    seconds = pairs * work / _PAIRS_PER_SECOND + images * each
    return seconds * frames_of(plan) / cores


def _megapixels(plan: Plan, splits: list[SplitSummary]) -> float:
    """Return the mean size of the source images."""
    pixels = np.concatenate([plan.pixels(split.split) for split in splits])
    return float(pixels.mean()) / 1e6


def frames_of(plan: Plan) -> int:
    """Return the number of frames of a clip; 1 for images."""
    return 1 if plan.recipe.clip is None else plan.recipe.clip.frames


def takes_donor(method: str) -> bool:
    """Return whether pairs of a method need the image of a donor."""
    return METHODS.load(method).needs_donor


def warnings_of(plan: Plan, splits: list[SplitSummary]) -> Iterator[str]:
    """Yield warnings about the plan: faces used too often, and too few donors."""
    for split in splits:
        if not split.pairs:  # nothing is made of its faces
            continue
        if split.uses > _MAX_USES:
            yield (
                f"split {split.split!r}: {split.faces} faces for {split.pairs} pairs, so each face "
                f"is a target about {split.uses} times, and a detector may learn the identities. "
                "Add identities or ask for fewer pairs"
            )
        for name, fewest in plan.fewest_donors(split.split).items():
            if fewest < _MIN_DONORS:
                rules = [use.donor for use in plan.recipe.methods if use.use == name]
                yield (
                    f"split {split.split!r}, method {name!r}: some targets have only "
                    f"{counted(fewest, 'possible donor')}. {more_donors(rules, False)}"
                )
