"""Names of metrics and formats of numbers, the same in every report."""

from __future__ import annotations

import math

from datagen.evaluation.compare import Difference
from datagen.evaluation.gates.judge import UNDECIDED, Verdict
from datagen.evaluation.metrics.intervals import FEW, Estimate

__all__ = [
    "LABELS",
    "METHOD_NOTE",
    "TOO_FEW",
    "conclusion_of",
    "format_change",
    "format_estimate",
    "format_interval",
    "format_outcome",
    "format_range",
    "format_value",
    "outcome_mark",
]

LABELS = {
    "auc": "AUC",
    "ap": "average precision",
    "eer": "equal error rate",
    "tpr_at_fpr_1pct": "TPR at 1 % FPR",
    "tpr_at_fpr_01pct": "TPR at 0.1 % FPR",
    "pauc": "partial AUC up to 10 % FPR (McClish)",
    "accuracy": "accuracy at the threshold",
    "f1": "F1 at the threshold",
    "fpr": "FPR at the threshold",
    "tpr": "TPR at the threshold",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "pair_order": "fakes scored above their own real",
    "control_fpr": "FPR on controls",
    "control_gap": "FPR on controls minus FPR on their own reals",
}

METHOD_NOTE = (
    "Intervals: 95 %, expanded percentile bootstrap that draws whole identities (of the target "
    "face) 1,000 times, with the same draws for every metric, group and detector. The fakes of a "
    "group are compared with the reals of their own pairs: same identities, same crop, same "
    "degradation. Worst groups have Bonferroni-widened intervals, comparisons over groups "
    "Holm-adjusted p-values. DeLong's interval treats all images as independent and is shown for "
    "reference only. Controls are reals that went through a method's processing without its "
    "change; they are in no other metric."
)

TOO_FEW = "too few identities to judge"
"""Mark of a group that is shown, and that no conclusion may be drawn from."""

_MARKS = {"passed": "✅", "failed": "❌", "undecided": "❔"}


def format_value(value: float) -> str:
    """Return a metric with four decimals, or a dash if there is none."""
    return "-" if math.isnan(value) else f"{value:.4f}"


def format_range(low: float, high: float) -> str:
    """Return the ends of an interval, or a dash if there is none."""
    return "-" if math.isnan(low) else f"{low:.3f} … {high:.3f}"


def format_interval(found: Estimate) -> str:
    """Return an interval with its reservation, or the reason why there is none."""
    if math.isnan(found.value):
        return str(found.reason)
    return format_range(found.low, found.high) + (f" ({found.reason})" if found.reason else "")


def format_estimate(found: Estimate) -> str:
    """Return value and interval, or the reason why there is none."""
    if math.isnan(found.value):
        return f"- ({found.reason})"
    few = f" ({FEW})" if found.reason == FEW else ""
    return f"{format_value(found.value)} [{format_range(found.low, found.high)}]{few}"


def format_change(found: Difference) -> str:
    """Return a difference with its interval, and whether it is better, worse or neither."""
    if math.isnan(found.value):
        return "-"
    interval = f"[{found.low:+.3f} … {found.high:+.3f}]"
    return f"{found.value:+.4f} {interval} {conclusion_of(found) or 'no clear change'}"


def conclusion_of(found: Difference) -> str:
    """Return whether a difference is better or worse, or why that is open; else nothing."""
    if found.reason == FEW:
        return FEW
    if found.low > 0 or found.high < 0:
        return "better" if found.sign * found.value > 0 else "worse"
    return ""


def format_outcome(verdict: Verdict) -> str:
    """Return the outcome of a gate, with a remark if it is undecided and yet lets the run pass."""
    allowed = verdict.ok and verdict.outcome == UNDECIDED
    return f"{verdict.outcome} (allowed)" if allowed else verdict.outcome


def outcome_mark(outcome: str) -> str:
    """Return an emoji for an outcome."""
    return _MARKS[outcome]
