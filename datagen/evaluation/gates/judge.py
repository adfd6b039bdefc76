"""Whether a detector meets its limits: passed, failed, or undecided on this release."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.core.text import counted, first_of
from datagen.errors import UserError
from datagen.evaluation.compare import Difference, gain_p, holm
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.limits import Limit, Regression, WorstLimit
from datagen.evaluation.metrics.intervals import FEW, MIN_CLUSTERS, Estimate, bonferroni, interval

__all__ = ["FAILED", "PASSED", "UNDECIDED", "Verdict", "judge", "judge_gates"]

PASSED, FAILED, UNDECIDED = "passed", "failed", "undecided"
_RANK = {FAILED: 0, UNDECIDED: 1, PASSED: 2}
_AT_THE_LIMIT = 1e-9
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one gate.

    Attributes:
        gate: Name of the gate in the file, with the group if it has one.
        limit: The limit, as text.
        outcome: ``passed``, ``failed`` or ``undecided``.
        ok: Whether the run may pass: an undecided gate follows its ``on_undecided``.
        value, low, high: Value and interval that were compared with the limit.
        detail: Reason, or the number of identities that would decide it, as text.
    """

    gate: str
    limit: str
    outcome: str
    ok: bool
    value: float
    low: float
    high: float
    detail: str


def judge(found: Estimate, limit: Limit) -> tuple[str, str]:
    """Return outcome and detail.

    ``min`` passes if the whole interval is at or above the limit, fails if it is below, and is
    undecided otherwise; ``max`` is mirrored. With few identities nothing is decided.
    """
    if found.reason is not None:
        return UNDECIDED, _why(found)
    outcomes, details = [], []
    for bound, low, high, value in _sides(found, limit):
        if low >= bound:
            outcomes.append(PASSED)
        elif high < bound:
            outcomes.append(FAILED)
        else:
            outcomes.append(UNDECIDED)
            details.append(_decided_by(found.identities, value, low, high, bound))
    for outcome in (FAILED, UNDECIDED):
        if outcome in outcomes:
            return outcome, "; ".join(details)
    return PASSED, ""


def judge_gates(gates: dict[str, Any], found: Evaluation) -> list[Verdict]:
    """Return the verdict of every gate of a file.

    Args:
        gates: Gates from ``read_gates``.
        found: Findings about the detector.

    Raises:
        UserError: There is a regression gate and no baseline.
    """
    default = str(gates["on_undecided"])
    verdicts: list[Verdict] = []
    for name, gate in gates.items():
        if name == "regression":
            for one in gate:
                verdicts += _regressions(one, found)
        elif isinstance(gate, WorstLimit):
            verdicts.append(_worst(name, gate, found, default))
        elif isinstance(gate, Limit):
            estimate = _estimate(name, found)
            outcome, detail = judge(estimate, gate)
            verdicts.append(_verdict(name, gate, default, outcome, estimate, detail))
    return verdicts


def _sides(found: Estimate, limit: Limit) -> Iterator[tuple[float, float, float, float]]:
    if limit.min is not None:
        yield limit.min, found.low, found.high, found.value
    if limit.max is not None:
        yield -limit.max, -found.high, -found.low, -found.value


def _decided_by(identities: int, value: float, low: float, high: float, bound: float) -> str:
    """Estimate the identities that would decide: intervals shrink with their square root."""
    distance = abs(value - bound)
    margin = value - low if value >= bound else high - value
    if distance < _AT_THE_LIMIT or margin <= 0:
        return "the value is at the limit: no number of identities would decide"
    needed = max(MIN_CLUSTERS, math.ceil(identities * (margin / distance) ** 2))
    return f"about {needed} identities would decide, there are {identities}"


def _why(found: Estimate | Difference) -> str:
    if found.reason == FEW:
        return f"{counted(found.identities, 'identity', 'identities')}, {MIN_CLUSTERS} required"
    return str(found.reason)


def _estimate(name: str, found: Evaluation) -> Estimate:
    if name == "coverage":
        share = found.rows.coverage.share  # an exact count, not an estimate
        return Estimate(share, share, share, *found.sample.sizes)
    if name in ("control_fpr", "control_gap"):
        return found.controls["overall"]["all"][name]
    return found.table.overall[name]


def _verdict(
    name: str, gate: Limit, default: str, outcome: str, found: Estimate, detail: str
) -> Verdict:
    ok = outcome == PASSED or (outcome == UNDECIDED and (gate.on_undecided or default) == "pass")
    words = [f"at least {gate.min:g}"] if gate.min is not None else []
    words += [f"at most {gate.max:g}"] if gate.max is not None else []
    limit = ", ".join(words)
    return Verdict(name, limit, outcome, ok, found.value, found.low, found.high, detail)


def _worst(name: str, gate: WorstLimit, found: Evaluation, default: str) -> Verdict:
    """Compare every group with the limit; undecided while a group cannot be judged.

    The verdict states the numbers of the deciding group: one that failed, else one that is
    undecided, else one that passed; among these, the one farthest on the wrong side.
    """
    metric, title = name.removeprefix("worst_group_"), f"{name} by {gate.by}"
    groups = {group: ms[metric] for group, ms in found.table.by.get(gate.by, {}).items()}
    known = {group: one for group, one in groups.items() if np.isfinite(one.value)}
    if not known:
        nan = float("nan")
        none_found = Estimate(nan, nan, nan, 0, 0, 0)
        reasons = {str(one.reason) for one in groups.values()} or {found.absent.get(gate.by, "")}
        detail = f"no group of {gate.by} has a value: {first_of(sorted(reasons - {''}), _SHOWN)}"
        return _verdict(title, gate, default, UNDECIDED, none_found, detail.removesuffix(": "))
    reliable = {group: one for group, one in known.items() if one.reliable}
    widened = {group: bonferroni(one, len(reliable)) for group, one in (reliable or known).items()}
    outcomes = {group: judge(one, gate)[0] for group, one in widened.items()}
    worst = min(
        widened, key=lambda group: (_RANK[outcomes[group]], _margin(widened[group], gate), group)
    )
    outcome, why = judge(widened[worst], gate)
    details = [f"worst: {worst}", *([why] if why and reliable else [])]
    others = [group for group in widened if group != worst and outcomes[group] == outcome]
    if others and reliable and outcome != PASSED:
        details.append(f"also {outcome}: {first_of(others, _SHOWN)}")
    unjudged: dict[str, list[str]] = {}
    for group, one in groups.items():
        if one.reason:
            unjudged.setdefault(str(one.reason), []).append(group)
    if unjudged and outcome != FAILED:
        outcome = UNDECIDED
        parts = [f"{first_of(names, _SHOWN)} ({reason})" for reason, names in unjudged.items()]
        details.append(f"cannot be judged: {', '.join(parts)}")
    return _verdict(title, gate, default, outcome, widened[worst], "; ".join(details))


def _margin(found: Estimate, limit: Limit) -> float:
    return min(value - bound for bound, _, _, value in _sides(found, limit))


def _regressions(gate: Regression, found: Evaluation) -> Iterator[Verdict]:
    if found.comparison is None:
        raise UserError("the gate 'regression' needs a baseline to compare with: give its scores")
    title = f"regression of {gate.metric}"
    overall = found.comparison.overall[gate.metric]
    yield _drop(title, gate, overall, None)
    for column in gate.by:
        groups = found.comparison.by.get(column, {})
        drops = {name: differences[gate.metric] for name, differences in groups.items()}
        p_values = [
            gain_p(d, -gate.max_drop) if d.reason is None else math.nan for d in drops.values()
        ]
        for (name, drop), p in zip(drops.items(), holm(p_values), strict=True):
            yield _drop(f"{title} in {column} {name}", gate, drop, p)


def _drop(title: str, gate: Regression, drop: Difference, p_holm: float | None) -> Verdict:
    gain = drop.sign * drop.value
    outcome, detail, low, high = UNDECIDED, "", math.nan, math.nan
    if drop.replicates is not None:
        low, high = interval(drop.sign * drop.replicates, drop.identities, gate.confidence)
    if drop.reason is not None:
        detail = _why(drop)
    elif low >= -gate.max_drop:
        outcome = PASSED
    elif high < -gate.max_drop and (p_holm is None or p_holm < 1 - gate.confidence):
        outcome = FAILED
    elif high < -gate.max_drop:
        detail = f"worse by itself, but not among so many groups (Holm p {p_holm:.3g})"
    elif np.isfinite(gain):
        detail = _decided_by(drop.identities, gain, low, high, -gate.max_drop)
    ok = outcome == PASSED or (outcome == UNDECIDED and gate.on_undecided == "pass")
    limit = f"no more than {gate.max_drop:g} worse"
    details = [] if math.isnan(gain) else [f"{drop.baseline:.4f} to {drop.new:.4f}"]
    details += [detail] if detail else []
    return Verdict(title, limit, outcome, ok, gain, low, high, "; ".join(details))
