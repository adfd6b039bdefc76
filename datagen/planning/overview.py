"""A plan as a user sees it: counts, identities, rights, expected size and time, warnings."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from datagen.core.text import counted
from datagen.planning.judged import unjudged
from datagen.planning.plan import Plan
from datagen.planning.summary import (
    SplitSummary,
    expected_bytes,
    expected_seconds,
    idle_identities,
    summarize,
    warnings_of,
)
from datagen.recipe import Recipe
from datagen.rights import Decision
from datagen.sources import SOURCES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PlanOverview", "overview"]


@dataclass(frozen=True, repr=False)
class PlanOverview:
    """What a recipe will make.

    Attributes:
        name: Name of the recipe.
        purpose: The purpose, in words.
        decisions: What the rights gate decided about each card.
        splits: The numbers of each split.
        warnings: What looks wrong or thin.
        expected_bytes: Approximate size of all images and masks.
        core_seconds: Approximate time on one CPU core, start-up and networks not included.
        networks: Whether some of the methods run networks.
        idle_identities: Number of identities in splits of which no pairs are made, by split.
    """

    name: str
    purpose: str
    decisions: tuple[Decision, ...]
    splits: tuple[SplitSummary, ...]
    warnings: tuple[str, ...]
    expected_bytes: int
    core_seconds: float
    networks: bool
    idle_identities: Mapping[str, int] = field(default_factory=dict)

    @property
    def pairs(self) -> int:
        """Planned pairs of all splits."""
        return sum(split.pairs for split in self.splits)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per split and method.

        Columns: ``split``, ``method``, ``pairs`` and ``controls`` of the method, and
        ``identities`` and ``faces`` of the split.
        """
        import pandas as pd

        columns = ["split", "method", "pairs", "controls", "identities", "faces"]
        return pd.DataFrame(list(self._rows()), columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON-like data, as ``datagen plan --json`` prints it."""
        return {
            "name": self.name,
            "purpose": self.purpose,
            "cards": [_decision(one) for one in self.decisions],
            "splits": [_split(one) for one in self.splits],
            "warnings": list(self.warnings),
            "idle_identities": dict(self.idle_identities),
            "expected_bytes": self.expected_bytes,
            "core_seconds": self.core_seconds,
            "networks": self.networks,
        }

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for split in self.splits:
            for method, pairs in split.methods.items():
                controls = split.method_controls[method]
                yield split.split, method, pairs, controls, split.identities, split.faces

    def __repr__(self) -> str:
        """Return name and size."""
        warnings = counted(len(self.warnings), "warning")
        splits = ", ".join(f"{split.split} {split.pairs}" for split in self.splits)
        return f"<PlanOverview {self.name}: {counted(self.pairs, 'pair')} ({splits}), {warnings}>"

    def __str__(self) -> str:
        """Return table and warnings as text."""
        warnings = "".join(f"\nwarning: {text}" for text in self.warnings)
        table = self.to_frame().to_string(index=False)
        return f"{self.name}: {counted(self.pairs, 'pair')}\n{table}{warnings}"

    def _repr_html_(self) -> str:
        """Show table and warnings in a notebook."""
        frame: str = self.to_frame().to_html(index=False)
        warnings = "".join(f"<li>{html.escape(text)}</li>" for text in self.warnings)
        head = f"<p><strong>{html.escape(self.name)}</strong>: {counted(self.pairs, 'pair')}</p>"
        return f"<div>{head}{frame}{f'<ul>{warnings}</ul>' if warnings else ''}</div>"


def _decision(one: Decision) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "license": one.license,
        "covered": one.covered,
        "reasons": list(one.reasons),
    }


def _split(one: SplitSummary) -> dict[str, Any]:
    return {
        "split": one.split,
        "pairs": one.pairs,
        "controls": one.controls,
        "identities": one.identities,
        "faces": one.faces,
        "uses_per_face": one.uses,
        "methods": [
            {"method": name, "pairs": pairs, "controls": one.method_controls[name]}
            for name, pairs in one.methods.items()
        ],
        "degradations": [
            {"degradation": name, "share": float(share)} for name, share in one.degradations.items()
        ],
    }


def overview(
    recipe: Recipe,
    plan: Plan,
    limit: int | None,
    decisions: Sequence[Decision],
    warnings: Sequence[str],
) -> PlanOverview:
    """Return the numbers of a plan, without making an item.

    Args:
        recipe: The recipe.
        plan: Its plan.
        limit: Only the first pairs, see ``Plan.counts``.
        decisions: What the rights gate decided.
        warnings: Of the face index.
    """
    splits = summarize(plan, limit)
    rendering = max(SOURCES.load(card.layout).render_seconds for card in recipe.cards)
    return PlanOverview(
        name=recipe.spec.name,
        purpose=recipe.spec.purpose.words,
        decisions=tuple(decisions),
        splits=tuple(splits),
        warnings=(*warnings, *warnings_of(plan, splits), *unjudged(plan, limit)),
        expected_bytes=expected_bytes(plan, splits),
        core_seconds=expected_seconds(plan, splits, 1, rendering),
        networks=bool(recipe.weight_cards()),
        idle_identities=idle_identities(plan, limit),
    )
