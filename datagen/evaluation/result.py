"""Evaluating scores against a release: the one call behind ``evaluate`` and its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from datagen.core.files import write_atomically
from datagen.errors import UserError
from datagen.evaluation.evaluate import Context, Evaluation, evaluate
from datagen.evaluation.gates.judge import Verdict, judge_gates
from datagen.evaluation.gates.limits import parse_gates, read_gates
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.report.facts import headline
from datagen.evaluation.report.html import html_page
from datagen.evaluation.report.json import metrics_json
from datagen.evaluation.report.junit import junit_xml
from datagen.evaluation.report.markdown import markdown
from datagen.evaluation.report.text import summary
from datagen.evaluation.rows import COLUMNS, join, read_rows
from datagen.evaluation.trained_on import refuse_trained_on
from datagen.release.reader import Release
from datagen.release.scores import Scores, read_scores, scores_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EvaluationResult", "GatesLike", "ScoresLike", "Settings", "evaluate_release"]

GatesLike: TypeAlias = "str | PathLike[str] | Mapping[str, Any]"
"""A gate file, or its content, e.g. ``{"auc": {"min": 0.9}}``."""

ScoresLike: TypeAlias = "str | PathLike[str] | pd.DataFrame"
"""A scores file, or a table as ``score`` returns it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How scores are evaluated.

    Attributes:
        split: The split to evaluate.
        threshold: Probability from which on an image is classified as fake.
        logits: Whether the scores are logits, those of the baseline too.
        trained_on: The release that the detector was trained on; evaluating on the same
            identities or source images is refused.
    """

    split: str = "test"
    threshold: float = 0.5
    logits: bool = False
    trained_on: Release | None = None


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """How good a detector is on a release, and whether it passed its gates.

    Attributes:
        release: The release.
        evaluation: All findings.
        verdicts: The verdict on each gate; empty without gates.
    """

    release: Release
    evaluation: Evaluation
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate lets the run pass; true without gates."""
        return all(verdict.ok for verdict in self.verdicts)

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """The metrics of the whole split by name, e.g. ``metrics["auc"]``; NaN without a value."""
        return {name: estimate.value for name, estimate in self._overall.items()}

    @cached_property
    def intervals(self) -> Mapping[str, tuple[float, float]]:
        """The 95 % confidence interval of each metric, from a bootstrap over identities."""
        return {name: (found.low, found.high) for name, found in self._overall.items()}

    @property
    def _overall(self) -> dict[str, Estimate]:
        found = self.evaluation
        return {**found.table.overall, **found.controls["overall"]["all"]}

    def to_frame(self) -> pd.DataFrame:
        """Return every metric, overall and by group.

        Columns: ``by`` (a manifest column, or ``overall``), ``group``, ``metric``, ``value``,
        ``low``, ``high``, ``reals``, ``fakes`` and ``identities``.
        """
        import pandas as pd

        tables = {"overall": {"all": self._overall}, **self.evaluation.table.by}
        rows = [
            (by, group, metric, one.value, one.low, one.high, *one.sizes)
            for by, groups in tables.items()
            for group, metrics in groups.items()
            for metric, one in metrics.items()
        ]
        names = ("by", "group", "metric", "value", "low", "high", "reals", "fakes", "identities")
        return pd.DataFrame(rows, columns=list(names))

    def to_html(self, path: str | Path | None = None) -> str:
        """Return the report as one HTML page, and write it if a path is given."""
        return _written(path, html_page(self.release, self.evaluation, self.verdicts))

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Return the report as Markdown, and write it if a path is given."""
        return _written(path, markdown(self.evaluation, self.verdicts))

    def to_json(self, path: str | Path | None = None) -> str:
        """Return all findings as JSON, and write them if a path is given."""
        return _written(path, metrics_json(self.evaluation, self.verdicts))

    def to_junit(self, path: str | Path | None = None) -> str:
        """Return the verdicts as JUnit XML, and write them if a path is given."""
        name = f"{self.release.record['name']}.{self.evaluation.context.split}"
        return _written(path, junit_xml(name, self.verdicts))

    def write(self, folder: str | Path) -> None:
        """Write ``index.html``, ``report.md`` and ``metrics.json`` to a folder."""
        self.to_json(Path(folder) / "metrics.json")
        self.to_markdown(Path(folder) / "report.md")
        self.to_html(Path(folder) / "index.html")

    def __str__(self) -> str:
        """Return the findings as text, the outcome last."""
        return summary(self.evaluation, self.verdicts)

    def __repr__(self) -> str:
        """Return the outcome."""
        return f"<EvaluationResult: {headline(self.evaluation, self.verdicts)}>"


def evaluate_release(
    release: Release,
    scores: ScoresLike,
    gates: GatesLike | None,
    baseline: ScoresLike | None,
    settings: Settings,
) -> EvaluationResult:
    """Evaluate the scores of a detector.

    Args:
        release: The release whose images were scored.
        scores: The scores, higher for fake.
        gates: Limits on metrics.
        baseline: Scores of the detector to compare with.
        settings: Split, threshold and meaning of the scores.

    Raises:
        UserError: Scores, gates or split are wrong, or the detector was trained on the same
            identities.
    """
    limits = _limits(gates)
    if "regression" in limits and baseline is None:
        raise UserError(
            "the gate 'regression' needs a baseline to compare with: give its scores (--baseline)",
            key="regression",
        )
    trained_on, split = settings.trained_on, settings.split
    manifest = read_rows(release, COLUMNS if trained_on is None else (*COLUMNS, "source_sha256"))
    if trained_on is not None:
        refuse_trained_on(release, manifest, split, trained_on)
    new = _scores(scores, settings.logits, "scores")
    old = None if baseline is None else _scores(baseline, settings.logits, "baseline")
    rows = join(manifest, split, new, "coverage" in limits)
    old_rows = None if old is None else join(manifest, split, old, True)
    record = {key: release.record[key] for key in ("name", "version", "recipe_digest")}
    old_name = None if old is None else old.where
    context = Context(record, split, new.where, old_name, settings.threshold, settings.logits)
    found = evaluate(context, rows, old_rows)
    return EvaluationResult(release, found, tuple(judge_gates(limits, found) if limits else ()))


def _limits(gates: GatesLike | None) -> dict[str, Any]:
    if gates is None:
        return {}
    return parse_gates(gates) if isinstance(gates, Mapping) else read_gates(Path(gates))


def _scores(scores: ScoresLike, logits: bool, where: str) -> Scores:
    if isinstance(scores, str | PathLike):
        return read_scores(Path(scores), logits)
    return scores_of(scores, logits, where)


def _written(path: str | Path | None, text: str) -> str:
    if path is not None:
        try:
            write_atomically(Path(path), text.encode("utf-8", "replace"))
        except OSError as error:
            raise UserError(
                f"{path}: cannot be written: {error.strerror or error}", path=path
            ) from None
    return text
