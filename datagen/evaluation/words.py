"""Names of metrics and numbers as people read them, the same in every report."""

from __future__ import annotations

import math

from datagen.evaluation.compare import Difference
from datagen.evaluation.metrics.intervals import FEW, Estimate

__all__ = ["METHOD", "TITLES", "change", "number", "outcome_mark", "span", "with_span"]

TITLES = {
    "auc": "AUC",
    "ap": "average precision",
    "eer": "equal error rate",
    "tpr_at_fpr_1pct": "hit rate at 1 % false alarms",
    "tpr_at_fpr_01pct": "hit rate at 0.1 % false alarms",
    "pauc": "partial AUC up to 10 % false alarms (McClish)",
    "accuracy": "accuracy at the threshold",
    "f1": "F1 at the threshold",
    "fpr": "false-alarm rate at the threshold",
    "tpr": "hit rate at the threshold",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "pair_order": "fake above its own real",
    "control_fpr": "false-alarm rate on controls",
    "control_gap": "that less the rate of their own reals",
}

METHOD = (
    "Intervals: 95 %, expanded percentile bootstrap that draws whole people (the target's "
    "identity), 1000 times, the same draws for every metric, group and detector. A group's fakes "
    "are judged against the reals of its own pairs: same people, same crop, same damage. Worst "
    "groups carry Bonferroni-widened intervals, comparisons over groups Holm-adjusted p-values. "
    "DeLong's interval takes every image as independent and is shown for reference only. "
    "Controls are reals that went through a method's path without its change; they are in no other "
    "metric."
)

_MARKS = {"passed": "✅", "failed": "❌", "undecided": "❔"}


def number(value: float) -> str:
    """Return a metric with four digits, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def span(low: float, high: float) -> str:
    """Return an interval."""
    return "-" if math.isnan(low) else f"{low:.3f} … {high:.3f}"


def with_span(found: Estimate) -> str:
    """Return value and interval, or why there is none."""
    if math.isnan(found.value):
        return f"- ({found.reason})"
    few = f" ({FEW})" if found.reason == FEW else ""
    return f"{number(found.value)} [{span(found.low, found.high)}]{few}"


def change(found: Difference) -> str:
    """Return a difference with its interval and whether it is better, worse or neither."""
    if math.isnan(found.value):
        return "-"
    side = "no clear change"
    if found.low > 0 or found.high < 0:
        side = "better" if found.sign * found.value > 0 else "worse"
    if found.reason == FEW:
        side = FEW
    return f"{found.value:+.4f} [{found.low:+.3f} … {found.high:+.3f}] {side}"


def outcome_mark(outcome: str) -> str:
    """Return a sign that is seen at a glance."""
    return _MARKS[outcome]
