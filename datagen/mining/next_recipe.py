"""The next recipe: the same one, leaned to where a detector is weak, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from datagen.core.yaml_io import read_yaml
from datagen.detectors.errors import ScoresError
from datagen.errors import RecipeError
from datagen.mining.ranges import RangesOf, is_trained_on, lean_ranges
from datagen.mining.recipe_text import Entry, rewritten
from datagen.mining.recipe_text import Path as Keys
from datagen.mining.shares import lean
from datagen.mining.weakness import NO_DEGRADATION, Group, Weakness
from datagen.recipe import load_recipe
from datagen.recipe.schema import DegradationUse, MethodUse

__all__ = ["Leaned", "next_recipe"]


@dataclass(frozen=True, slots=True)
class Leaned:
    """One entry of a recipe, before and after.

    Attributes:
        old, new: Its share.
        why: Of the share, for a person.
        ranges: What became of its options.
    """

    name: str
    old: Fraction
    new: Fraction
    why: str
    ranges: RangesOf

    def reasons(self) -> list[str]:
        """Say what changes and why, one line each; the share first, changed or not."""
        return [f"share {self.why}", *(f"{one.name} {one.why}" for one in self.ranges.leaned)]


@dataclass(frozen=True, slots=True)
class _Next:
    text: str
    methods: list[Leaned]
    degradations: list[Leaned]


def next_recipe(path: Path, weakness: Weakness, out: Path, scored_by: str) -> _Next:
    """Write the recipe of the next round.

    The seed stays: people keep their splits, so that nobody of test is ever trained on. The
    version is one higher.

    Args:
        path: The recipe of this round.
        weakness: What its detector gets wrong.
        out: Where the next one goes; relative paths in it are kept true.
        scored_by: The detector, for the head of the file.

    Raises:
        RecipeError: ``path`` is no recipe, or is ``out``.
        ScoresError: Nothing that was scored is in the recipe.
    """
    if out.resolve() == path.resolve():
        raise RecipeError(f"{out}: is the recipe itself: choose another file for the next one")
    loaded = load_recipe(path)
    recipe = loaded.spec
    if not any(use.use in weakness.methods for use in recipe.methods):
        raise ScoresError(
            f"{path}: none of its methods ({', '.join(use.use for use in recipe.methods)}) is "
            f"among those that were scored ({', '.join(weakness.methods)})"
        )
    of_methods, of_degradations = lean_ranges(loaded, weakness)
    methods = _leaned(recipe.methods, weakness.methods, _method_words(weakness), of_methods)
    degradations = _leaned(
        recipe.degradations or (),
        weakness.degradations,
        _degradation_words(weakness),
        of_degradations,
    )
    body = read_yaml(path, RecipeError)
    values: dict[Keys, Any] = {("version",): recipe.version + 1}
    for number, source in enumerate(body["sources"]):
        moved = _moved(source, path.parent, out.parent)
        values |= {("sources", number, key): moved[key] for key in moved}
    lists = {
        key: [_entry(*both) for both in zip(body[key], leaned, strict=True)]
        for key, leaned in (("methods", methods), ("degradations", degradations))
        if leaned
    }
    text = rewritten(path.read_text(encoding="utf-8"), values, lists)
    text = _head(path, weakness, scored_by) + text
    _write(out, text)
    return _Next(text, methods, degradations)


def _write(out: Path, text: str) -> None:
    """Write a recipe that loads, or nothing."""
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        load_recipe(staged)
        staged.replace(out)
    finally:
        staged.unlink(missing_ok=True)


def _entry(body: Mapping[str, Any], leaned: Leaned) -> Entry:
    new = {**body, "share": _yaml_share(leaned.new)}
    for one in leaned.ranges.leaned:
        new |= one.keys
    return Entry(new, leaned.reasons())


def _leaned(
    uses: Sequence[MethodUse | DegradationUse],
    groups: Mapping[str, Group],
    words: Callable[[Group], str],
    ranges: Sequence[RangesOf],
) -> list[Leaned]:
    found = [groups.get(use.use) if is_trained_on(use) else None for use in uses]
    new = lean([use.share for use in uses], [group.pull if group else None for group in found])
    return [
        Leaned(
            use.use,
            use.share,
            share,
            f"{_number(use.share)} -> {_number(share)}: {words(group)}"
            if group
            else f"{_number(use.share)} as before: no scores in train or val",
            of,
        )
        for use, share, group, of in zip(uses, new, found, ranges, strict=True)
    ]


def _method_words(weakness: Weakness) -> Callable[[Group], str]:
    def words(group: Group) -> str:
        worst = group.worst
        cell = ""
        if worst.degradation != NO_DEGRADATION:
            cell = f"; weakest with {worst.degradation}: {worst.auc:.3f} over {worst.fakes}"
        return f"AUC {group.auc:.3f} over {group.fakes} fakes (all: {weakness.auc:.3f}){cell}"

    return words


def _degradation_words(weakness: Weakness) -> Callable[[Group], str]:
    def words(group: Group) -> str:
        return (
            f"AUC {group.auc:.3f} over {group.fakes} fakes (all: {weakness.auc:.3f}); weakest on "
            f"{group.worst.method}: {group.worst.auc:.3f} over {group.worst.fakes}"
        )

    return words


def _number(share: Fraction) -> str:
    """Return the share as a recipe says it: a decimal where it is exact, else a fraction."""
    exact = 10_000 % share.denominator == 0
    return f"{float(share):g}" if exact else str(share)


def _moved(source: Mapping[str, Any], old: Path, new: Path) -> dict[str, str]:
    """Return the relative paths of a source as they are from another folder, where they differ."""
    moved = {}
    for key in ("card", "root"):
        value = str(source.get(key) or "")
        if value and "://" not in value and not value.startswith(("/", "$", "~")):
            moved[key] = os.path.relpath((old / value).absolute(), new.absolute())
    return {key: value for key, value in moved.items() if value != os.path.normpath(source[key])}


def _yaml_share(share: Fraction) -> float | str:
    said = _number(share)
    return said if "/" in said else float(said)


def _head(path: Path, weakness: Weakness, scored_by: str) -> str:
    return (
        f"# Made by 'datagen mine' from {path.name}: shares and ranges lean to what the detector "
        "gets wrong.\n"
        f"# Detector: {scored_by}\n"
        f"# It was judged on {weakness.scored} images of train and val, AUC {weakness.auc:.3f}; "
        f"{weakness.unscored} had no score.\n"
        "# A share is at least half and at most double of what it was, a range at least half as\n"
        "# wide. The seed is as before, so that people keep their splits: nobody of test is ever\n"
        "# trained on.\n\n"
    )
