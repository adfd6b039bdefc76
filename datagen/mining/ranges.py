"""Ranges that lean: to the half of their drawn values that a detector finds harder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from datagen.degradations import DEGRADATIONS
from datagen.mining.drawn import Options, Span, severity_span, spans_of
from datagen.mining.halves import MIN_IMAGES, MIN_PEOPLE, Halved, Halves, Images
from datagen.mining.narrow import MIN_CUT, Side, cut_for, narrow, narrow_whole
from datagen.mining.weakness import Weakness
from datagen.recipe import Recipe
from datagen.recipe.schema import DegradationUse, MethodUse

__all__ = ["LeanedRange", "RangesOf", "is_trained_on", "lean_ranges"]

_TOO_FEW = f"less than {MIN_IMAGES} fakes of {MIN_PEOPLE} people in each half, or reals"
_EVEN = "no difference that holds and that a range can follow"
_LEVEL = 0.95
_TRUST = 10
"""So many fakes of a half weigh as much as what both halves have in common."""


@dataclass(frozen=True, slots=True)
class LeanedRange:
    """One range, after.

    Attributes:
        name: Of the option.
        keys: What the entry of the recipe says from now on.
        why: For a person, with the range before and after.
    """

    name: str
    keys: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class RangesOf:
    """What became of the options of one entry.

    Attributes:
        leaned: Ranges that change.
        kept: Why options stay as they are, and which.
    """

    leaned: list[LeanedRange] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, why: str, *names: str) -> None:
        """Note options that stay."""
        if names:
            self.kept.setdefault(why, []).extend(names)


class _Half(NamedTuple):
    """One half: its AUC, its fakes, and which values it holds."""

    auc: float
    fakes: int
    holds: str


class _Found(NamedTuple):
    """A side that is harder, beyond chance; the interval is of easy less hard."""

    side: Side
    hard: _Half
    easy: _Half
    interval: tuple[float, float]

    @property
    def difference(self) -> float:
        return self.easy.auc - self.hard.auc

    def cut(self) -> float:
        """Return the cut by AUCs that are drawn together, the more so the fewer fakes there are."""
        fakes = self.hard.fakes + self.easy.fakes
        mean = (self.hard.fakes * self.hard.auc + self.easy.fakes * self.easy.auc) / fakes
        hard, easy = (
            (half.fakes * half.auc + _TRUST * mean) / (half.fakes + _TRUST)
            for half in (self.hard, self.easy)
        )
        return cut_for(hard, easy)

    def words(self) -> str:
        low, high = self.interval
        return (
            f"AUC {self.hard.auc:.3f} over {self.hard.fakes} fakes {self.hard.holds}, "
            f"{self.easy.auc:.3f} over {self.easy.fakes} {self.easy.holds}; "
            f"difference {self.difference:.3f} [{low:.3f}, {high:.3f}]"
        )


def lean_ranges(loaded: Recipe, weakness: Weakness) -> tuple[list[RangesOf], list[RangesOf]]:
    """Return what becomes of the options of each method and of each degradation.

    A range leans where the AUCs of two halves of its drawn values differ by more than chance:
    the 95 % interval of the difference, with people as clusters, does not hold 0. It is widened
    for the number of comparisons in the whole recipe (Bonferroni), which are many.

    Args:
        loaded: The recipe of this round.
        weakness: What its detector gets wrong.
    """
    images = Images(weakness.rows)
    recipe, uses = loaded.spec, loaded.spec.degradations or ()
    methods = [RangesOf() for _ in recipe.methods]
    degradations = [RangesOf() for _ in uses]
    halved: list[tuple[RangesOf, Halved]] = []
    for use, method, of in zip(recipe.methods, loaded.methods, methods, strict=True):
        if _is_alone(use, recipe.methods, of):
            spans = _noted(spans_of(use.use, type(method).params, method.config), of)
            halved += [(of, one) for one in images.of_method(use.use, spans)]
    for degrade, of in zip(uses, degradations, strict=True):
        if _is_alone(degrade, uses, of):
            spans = _noted(_options_of(degrade), of)
            halved += [(of, one) for one in images.of_degradation(degrade.use, spans)]
    tests = sum((one.low is not None) + (one.middle is not None) for _, one in halved)
    for of, one in halved:
        _lean(one, of, 1 - (1 - _LEVEL) / max(tests, 1))
    return methods, degradations


def is_trained_on(use: MethodUse | DegradationUse) -> bool:
    """Say whether an entry is in train: one of test alone teaches nothing."""
    return use.splits is None or "train" in use.splits


def _is_alone(
    use: MethodUse | DegradationUse, uses: Sequence[MethodUse | DegradationUse], of: RangesOf
) -> bool:
    if not is_trained_on(use):
        return False
    judged = [one.use for one in uses if one.splits is None or {"train", "val"} & set(one.splits)]
    if judged.count(use.use) > 1:
        of.keep("several entries have this name and the manifest does not tell them apart", "all")
    return judged.count(use.use) == 1


def _options_of(use: DegradationUse) -> Options:
    if use.severity is not None:
        low, high = use.severity
        return Options([severity_span(low, high)] if low < high else [], [], [])
    if use.use not in DEGRADATIONS:
        return Options([], [], list(use.options))
    kind = DEGRADATIONS.load(use.use)
    return spans_of(use.use, kind.params, kind.build(use.options).config)


def _noted(options: Options, of: RangesOf) -> list[Span]:
    of.keep("no range, so it does not lean", *options.others)
    of.keep("what was drawn is not one number in the manifest", *options.untold)
    return options.spans


def _lean(one: Halved, of: RangesOf, level: float) -> None:
    span = one.span
    if one.low is None and one.middle is None:
        of.keep(_TOO_FEW, span.name)
        return
    found = _harder(one, level)
    if found is None:
        of.keep(_EVEN, span.name)
        return
    cut, new = found.cut(), _cut_range(span, found)
    if cut < MIN_CUT or new == (span.low, span.high):
        of.keep("a difference that holds, but too small for a new range", span.name)
        return
    old = f"[{span.low:g}, {span.high:g}]"
    why = f"{old} -> [{new[0]:g}, {new[1]:g}]: {found.words()}"
    of.leaned.append(LeanedRange(span.name, span.keys(*new), why))


def _cut_range(span: Span, found: _Found) -> tuple[float, float]:
    if span.whole:
        return narrow_whole(int(span.low), int(span.high), found.side, found.cut())
    return narrow(span.low, span.high, found.side, found.cut())


def _harder(one: Halved, level: float) -> _Found | None:
    """Return the side that is harder by the most, of those to which the range can lean."""
    low, high = one.span.low_key is not None, one.span.high_key is not None
    can: dict[Side, bool] = {"low": high, "high": low, "middle": low and high}
    found = [
        _compared(one.low, "low", "high", level),
        _compared(one.middle, "middle", None, level),  # a range cannot lean to both ends
    ]
    sides = [side for side in found if side is not None and can[side.side]]
    return max(sides, key=lambda side: side.difference, default=None)


def _compared(
    halves: Halves | None, first: Side, second: Side | None, level: float
) -> _Found | None:
    if halves is None:
        return None
    low, high = halves.contrast.interval(level)
    aucs, fakes = halves.contrast.aucs, halves.contrast.fakes
    one = _Half(aucs[0], fakes[0], halves.first)
    other = _Half(aucs[1], fakes[1], halves.second)
    if high < 0:
        return _Found(first, one, other, (-high, -low))
    return _Found(second, other, one, (low, high)) if low > 0 and second else None
