"""The next recipe: the same one with shares that lean to where a detector is weak, and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from datagen.detect.errors import ScoresError
from datagen.detect.lean import lean
from datagen.detect.weakness import NO_DEGRADATION, Group, Weakness
from datagen.errors import RecipeError
from datagen.recipe import load_recipe
from datagen.recipe.schema import DegradationUse, MethodUse
from datagen.yaml import read_yaml

__all__ = ["Leant", "next_recipe"]


@dataclass(frozen=True, slots=True)
class Leant:
    """One entry of a recipe, before and after.

    Attributes:
        why: For a person.
    """

    name: str
    old: Fraction
    new: Fraction
    why: str


@dataclass(frozen=True, slots=True)
class _Next:
    text: str
    methods: list[Leant]
    degradations: list[Leant]


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
    recipe = load_recipe(path).recipe
    body = read_yaml(path, RecipeError)
    if not any(use.use in weakness.methods for use in recipe.methods):
        raise ScoresError(
            f"{path}: none of its methods ({', '.join(use.use for use in recipe.methods)}) is "
            f"among those that were scored ({', '.join(weakness.methods)})"
        )
    methods = _leant(recipe.methods, weakness.methods, _method_words(weakness))
    uses = recipe.degradations or ()
    degradations = _leant(uses, weakness.degradations, _degradation_words(weakness))
    body["version"] = recipe.version + 1
    body["sources"] = [_moved(source, path.parent, out.parent) for source in body["sources"]]
    text = _text(body, {"methods": methods, "degradations": degradations})
    text = _head(path, weakness, scored_by) + text
    out.parent.mkdir(parents=True, exist_ok=True)
    staged = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        load_recipe(staged)
        staged.replace(out)
    finally:
        staged.unlink(missing_ok=True)
    return _Next(text, methods, degradations)


def _leant(
    uses: Sequence[MethodUse | DegradationUse],
    groups: Mapping[str, Group],
    words: Callable[[Group], str],
) -> list[Leant]:
    found = [groups.get(use.use) if _is_trained_on(use) else None for use in uses]
    new = lean([use.share for use in uses], [group.pull if group else None for group in found])
    return [
        Leant(
            use.use,
            use.share,
            share,
            f"{_number(use.share)} -> {_number(share)}: {words(group)}"
            if group
            else f"{_number(use.share)} as before: no scores in train or val",
        )
        for use, share, group in zip(uses, new, found, strict=True)
    ]


def _is_trained_on(use: MethodUse | DegradationUse) -> bool:
    return use.splits is None or "train" in use.splits  # a share of test alone teaches nothing


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


def _moved(source: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """Keep the relative paths of a source true from another folder."""
    moved = dict(source)
    for key in ("card", "root"):
        value = str(source.get(key) or "")
        if value and "://" not in value and not value.startswith(("/", "$", "~")):
            moved[key] = os.path.relpath((old / value).absolute(), new.absolute())
    return moved


def _text(body: dict[str, Any], leant: Mapping[str, list[Leant]]) -> str:
    parts = []
    for key, value in body.items():
        entries = leant.get(key)
        if not entries:
            inner = None if isinstance(value, dict | list) else False
            parts.append(
                yaml.safe_dump(
                    {key: value}, sort_keys=False, allow_unicode=True, default_flow_style=inner
                )
            )
            continue
        lines = [f"{key}:\n"]
        for entry, one in zip(value, entries, strict=True):
            new = {**entry, "share": _yaml_share(one.new)}
            flow = yaml.safe_dump(
                new, sort_keys=False, allow_unicode=True, default_flow_style=True, width=10_000
            )
            lines += [f"  # {one.why}\n", f"  - {flow.strip()}\n"]
        parts.append("".join(lines))
    return "".join(parts)


def _yaml_share(share: Fraction) -> float | str:
    said = _number(share)
    return said if "/" in said else float(said)


def _head(path: Path, weakness: Weakness, scored_by: str) -> str:
    return (
        f"# Made by 'datagen mine' from {path.name}: shares lean to what the detector gets wrong.\n"
        f"# Detector: {scored_by}\n"
        f"# It was judged on {weakness.scored} pictures of train and val, AUC {weakness.auc:.3f}; "
        f"{weakness.unscored} had no score.\n"
        "# A share is at least half and at most double of what it was. The seed is as before, so\n"
        "# that people keep their splits: nobody of test is ever trained on.\n"
    )
