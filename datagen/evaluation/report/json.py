"""``metrics.json``: all findings, for programs; its schema version is part of the contract."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from datagen.evaluation.compare import Comparison, Difference
from datagen.evaluation.evaluate import Evaluation
from datagen.evaluation.gates.judge import Verdict
from datagen.evaluation.metrics.intervals import LEVEL, REPLICATES, SEED, Estimate
from datagen.evaluation.metrics.moments import reliability
from datagen.evaluation.table import Worst

__all__ = ["SCHEMA", "metrics_json"]

SCHEMA = 2


def metrics_json(found: Evaluation, verdicts: Sequence[Verdict]) -> str:
    """Return the document.

    ``overall`` and ``by.<column>.<group>`` map each metric to ``{value, low, high, n_real,
    n_fake, identities, reason}``; a missing value is null and has a reason.
    """
    context, coverage = found.context, found.rows.coverage
    document = {
        "schema": SCHEMA,
        **asdict(context),
        "outcome": _outcome(verdicts),
        "notes": list(found.notes),
        "polarity": found.polarity,
        "coverage": {**asdict(coverage), "share": coverage.share},
        "interval": {
            "level": LEVEL,
            "method": "expanded percentile bootstrap of identities",
            "replicates": REPLICATES,
            "seed": SEED,
        },
        "overall": _metrics(found.table.overall),
        "by": _nested(found.table.by),
        "absent": found.absent,
        "worst": {
            column: {
                "group": worst.group,
                "auc": _estimate(worst.estimate),
                "judged": worst.estimate.reliable,
                "unjudged": worst.unjudged,
                "lowest": _lowest(worst),
            }
            for column, worst in found.worst.items()
        },
        "controls": _nested(found.controls),
        "slopes": {column: _metrics(lines) for column, lines in found.slopes.items()},
        "separability": _separability(found),
        "delong": asdict(found.delong) | {"ignores_clusters": True} if found.delong else None,
        "reliability": reliability(found.sample.label, found.sample.probability),
        "comparison": _comparison(found.comparison) if found.comparison else None,
        "gates": [asdict(verdict) for verdict in verdicts],
    }
    return json.dumps(_nulls(document), indent=1, ensure_ascii=False) + "\n"


def _outcome(verdicts: Sequence[Verdict]) -> str | None:
    if not verdicts:
        return None
    return "passed" if all(verdict.ok for verdict in verdicts) else "failed"


def _lowest(worst: Worst) -> dict[str, Any] | None:
    """Return the group with a lower value and too few identities to judge it."""
    if worst.lowest is None:
        return None
    group, auc = worst.lowest
    return {"group": group, "auc": _estimate(auc), "judged": False}


def _estimate(found: Estimate) -> dict[str, Any]:
    names = ("value", "low", "high", "n_real", "n_fake", "identities", "reason")
    return {name: getattr(found, name) for name in names}


def _metrics(found: dict[str, Estimate]) -> dict[str, Any]:
    return {name: _estimate(one) for name, one in found.items()}


def _nested(by: dict[str, dict[str, dict[str, Estimate]]]) -> dict[str, Any]:
    return {
        column: {value: _metrics(found) for value, found in groups.items()}
        for column, groups in by.items()
    }


def _separability(found: Evaluation) -> dict[str, Any] | None:
    ladder = found.separability
    if ladder is None:
        return None
    return {
        "pairs": ladder.pairs,
        "levels": list(ladder.levels),
        "share": {str(level): _estimate(share) for level, share in ladder.share.items()},
        "lasting_levels": _estimate(ladder.lasting),
    }


def _difference(found: Difference) -> dict[str, Any]:
    names = (
        "new", "baseline", "value", "low", "high", "p", "p_holm", "n_real", "n_fake", "identities",
        "reason",
    )  # fmt: skip
    return {name: getattr(found, name) for name in names}


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "images": found.images,
        "only_new": found.only_new,
        "only_baseline": found.only_baseline,
        "overall": {name: _difference(one) for name, one in found.overall.items()},
        "by": {
            column: {
                value: {name: _difference(one) for name, one in differences.items()}
                for value, differences in groups.items()
            }
            for column, groups in found.by.items()
        },
        "delong": asdict(found.delong) | {"ignores_clusters": True} if found.delong else None,
    }


def _nulls(value: Any) -> Any:
    """Replace NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {str(key): _nulls(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_nulls(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
