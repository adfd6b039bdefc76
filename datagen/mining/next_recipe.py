"""The next recipe: the same one, its shares reweighted toward a detector's failures."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from datagen.core.files import staged
from datagen.core.out_file import check_out_file
from datagen.core.terminal import plain
from datagen.core.text import counted
from datagen.core.yaml_edit import KeyPath, edit_yaml
from datagen.core.yaml_io import read_yaml
from datagen.errors import RecipeError, ScoresError
from datagen.errors.redact import portable
from datagen.mining.shares import reweight
from datagen.mining.weakness import NO_DEGRADATION, Group, Weakness, find_weakness
from datagen.recipe import load_recipe
from datagen.recipe.schema import DegradationUse, MethodUse
from datagen.release.pooling import Pooling
from datagen.release.reader import Release
from datagen.release.scores import Scores

__all__ = ["NextRecipe", "Reweighted", "mine", "next_recipe"]

_MARK = "mine: "
_SUFFIXES = (".yaml", ".yml")
_HEAD = re.compile(r"\A# Made by 'datagen mine'.*\n(#.*\n)*\n*")


@dataclass(frozen=True, slots=True)
class Reweighted:
    """One entry of a recipe, before and after.

    Attributes:
        name: Name of the method or degradation.
        old, new: Its share.
        reason: The change and its cause, as text.
    """

    name: str
    old: Fraction
    new: Fraction
    reason: str


@dataclass(frozen=True, slots=True)
class NextRecipe:
    """The recipe of the next round.

    Attributes:
        text: The YAML.
        methods: Its methods, in the order of the recipe.
        degradations: Its degradations, in the order of the recipe.
        same_recipe: Whether the scored release was made from the recipe as it is now.
        doubts: What makes the scores doubtful although each of them is valid.
    """

    text: str
    methods: list[Reweighted]
    degradations: list[Reweighted]
    same_recipe: bool = True
    doubts: tuple[str, ...] = ()


def mine(
    release: Release,
    scores: Scores,
    recipe: Path,
    out: Path,
    plugins: Sequence[Path] = (),
    pooling: Pooling | None = None,
    logits: bool = False,
) -> NextRecipe:
    """Write the recipe of the next round, from the scores of a release.

    Args:
        release: The scored release.
        scores: The detector's scores of splits train and val.
        recipe: The recipe of the release.
        out: Path of the next recipe.
        plugins: Python files that define methods or degradations of the recipe.
        pooling: See ``find_weakness``.
        logits: See ``find_weakness``.

    Raises:
        ScoresError: See ``find_weakness``, or none of the recipe's methods was scored.
        RecipeError: ``recipe`` is not a recipe, or is ``out``; ``out`` exists or is no YAML file.
    """
    _check_out(out, recipe)
    weakness = find_weakness(release, scores, pooling, logits)
    digest = load_recipe(recipe, plugins=plugins, allow_outside=True).digest  # it is the user's own
    made = next_recipe(recipe, weakness, out, str(scores.detector.get("spec", "unknown")), plugins)
    same = digest == release.record["recipe_digest"]
    return replace(made, same_recipe=same, doubts=weakness.doubts)


def next_recipe(
    path: Path, weakness: Weakness, out: Path, detector: str, plugins: Sequence[Path] = ()
) -> NextRecipe:
    """Write the recipe of the next round.

    The seed stays: identities keep their splits, so that no identity of test is ever trained on.
    The version is increased by one.

    Args:
        path: The recipe of this round.
        weakness: The failures of the detector.
        out: Path of the next recipe; relative paths in it are adapted.
        detector: Name of the detector, for the head of the file.
        plugins: Python files that define methods or degradations of the recipe.

    Raises:
        RecipeError: ``path`` is not a recipe, or is ``out``.
        ScoresError: None of the recipe's methods was scored.
    """
    _check_out(out, path)
    recipe = load_recipe(path, plugins=plugins, allow_outside=True).spec
    if not any(use.use in weakness.methods for use in recipe.methods):
        raise ScoresError(
            f"{path}: none of its methods ({', '.join(use.use for use in recipe.methods)}) was "
            f"scored; scored methods: {', '.join(weakness.methods)}",
            path=path,
            key="methods",
        )
    overall = weakness.auc
    methods = _reweighted(recipe.methods, weakness.methods, _describe_method, overall)
    degradations = _reweighted(
        recipe.degradations or (), weakness.degradations, _describe_degradation, overall
    )
    values: dict[KeyPath, Any] = {("version",): recipe.version + 1}
    notes: dict[KeyPath, list[str]] = {}
    for number, source in enumerate(read_yaml(path, RecipeError)["sources"]):
        for key, value in _moved(source, path.parent, out.parent):
            values["sources", number, key] = value
    for key, entries in (("methods", methods), ("degradations", degradations)):
        for number, entry in enumerate(entries):
            values[key, number, "share"] = _yaml_share(entry.new)
            notes[key, number] = [entry.reason]
    text = edit_yaml(_HEAD.sub("", path.read_text(encoding="utf-8")), values, notes, _MARK)
    text = _head(path, weakness, detector) + text
    with staged(out) as part:  # a recipe that loads, or nothing
        part.write_text(text, encoding="utf-8")
        load_recipe(
            part, plugins=plugins, allow_outside=True
        )  # in another folder, its cards lie outside
    return NextRecipe(text, methods, degradations)


def _check_out(out: Path, recipe: Path) -> None:
    if out.resolve() == recipe.resolve():
        raise RecipeError(f"{out}: is the recipe itself: choose another path", path=out)
    check_out_file(out, _SUFFIXES, RecipeError, is_new=True)


def _reweighted(
    uses: Sequence[MethodUse | DegradationUse],
    groups: Mapping[str, Group],
    describe: Callable[[Group, float], str],
    overall: float,
) -> list[Reweighted]:
    found = [groups.get(use.use) if _is_trained_on(use) else None for use in uses]
    weights = [group.weight if group else None for group in found]
    new = reweight([use.share for use in uses], weights)
    return [
        Reweighted(
            use.use,
            use.share,
            share,
            f"share {_number(use.share)} -> {_number(share)}: {describe(group, overall)}"
            if group
            else f"share {_number(use.share)} kept: no scores in train or val",
        )
        for use, share, group in zip(uses, new, found, strict=True)
    ]


def _is_trained_on(use: MethodUse | DegradationUse) -> bool:
    return use.splits is None or "train" in use.splits


def _describe_method(group: Group, overall: float) -> str:
    worst, cell = group.worst, ""
    if worst.degradation != NO_DEGRADATION:
        cell = f"; lowest with {worst.degradation}: {worst.auc:.3f} over {worst.fakes}"
    return f"AUC {group.auc:.3f} over {counted(group.fakes, 'fake')} (all: {overall:.3f}){cell}"


def _describe_degradation(group: Group, overall: float) -> str:
    worst = group.worst
    return (
        f"AUC {group.auc:.3f} over {counted(group.fakes, 'fake')} (all: {overall:.3f}); lowest on "
        f"{worst.method}: {worst.auc:.3f} over {worst.fakes}"
    )


def _number(share: Fraction) -> str:
    """Return a share as a recipe writes it: a decimal if that is exact, else a fraction."""
    exact = 10_000 % share.denominator == 0
    return f"{float(share):g}" if exact else str(share)


def _yaml_share(share: Fraction) -> float | str:
    text = _number(share)
    return text if "/" in text else float(text)


def _moved(source: Mapping[str, Any], old: Path, new: Path) -> Iterator[tuple[str, str]]:
    """Yield the keys of a source whose relative path is another one from the new folder."""
    for key in ("card", "root"):
        value = str(source.get(key) or "")
        if value and "://" not in value and not value.startswith(("/", "$", "~")):
            moved = os.path.relpath((old / value).absolute(), new.absolute())
            if moved != os.path.normpath(value):
                yield key, moved


def _head(path: Path, weakness: Weakness, detector: str) -> str:
    return (
        f"# Made by 'datagen mine' from {path.name}: shares reweighted toward the detector's "
        "failures.\n"
        f"# Detector: {plain(portable(detector), one_line=True)}\n"
        f"# Scored images of train and val: {weakness.scored}, AUC {weakness.auc:.3f}; without a "
        f"score: {weakness.unscored}.\n"
        "# A share is at least half and at most double its old value. The seed is unchanged, so\n"
        "# that identities keep their splits: no identity of test is ever trained on.\n\n"
    )
