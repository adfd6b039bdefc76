"""Evaluating scores against a release: the one call behind ``evaluate`` and its command."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from datagen.core.arguments import found, maybe_mapping
from datagen.core.files import write_atomically
from datagen.errors import ScoresError, UserError
from datagen.evaluation.evaluate import Context, Evaluation, evaluate
from datagen.evaluation.frames import refuse_idle_pooling, scores_of_clips
from datagen.evaluation.gates.judge import Verdict, judge_gates
from datagen.evaluation.gates.limits import parse_gates, read_gates
from datagen.evaluation.metrics.intervals import Estimate
from datagen.evaluation.report.facts import headline
from datagen.evaluation.report.html import html_page
from datagen.evaluation.report.json import metrics_json
from datagen.evaluation.report.junit import junit_xml
from datagen.evaluation.report.markdown import markdown
from datagen.evaluation.report.text import summary
from datagen.evaluation.rows import COLUMNS, OF_CLIPS, join, read_rows, what_in
from datagen.evaluation.trained_on import refuse_trained_on
from datagen.release.pooling import Pooling, parse_pooling
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
        pooling: How scores of frames become those of clips; needed where there are such.
    """

    split: str = "test"
    threshold: float = 0.5
    logits: bool = False
    trained_on: Release | None = None
    pooling: Pooling | None = None


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
    def passed(self) -> bool | None:
        """Whether every gate passes; ``None`` without gates."""
        return all(verdict.ok for verdict in self.verdicts) if self.verdicts else None

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

    @overload
    def to_html(self, path: None = None) -> str: ...

    @overload
    def to_html(self, path: str | PathLike[str]) -> None: ...

    def to_html(self, path: str | PathLike[str] | None = None) -> str | None:
        """Return the report as one HTML page, or write it to a path."""
        return _written(path, html_page(self.release, self.evaluation, self.verdicts))

    @overload
    def to_markdown(self, path: None = None) -> str: ...

    @overload
    def to_markdown(self, path: str | PathLike[str]) -> None: ...

    def to_markdown(self, path: str | PathLike[str] | None = None) -> str | None:
        """Return the report as Markdown, or write it to a path."""
        return _written(path, markdown(self.evaluation, self.verdicts))

    @overload
    def to_json(self, path: None = None) -> str: ...

    @overload
    def to_json(self, path: str | PathLike[str]) -> None: ...

    def to_json(self, path: str | PathLike[str] | None = None) -> str | None:
        """Return all findings as JSON, or write them to a path."""
        return _written(path, metrics_json(self.evaluation, self.verdicts))

    @overload
    def to_junit(self, path: None = None) -> str: ...

    @overload
    def to_junit(self, path: str | PathLike[str]) -> None: ...

    def to_junit(self, path: str | PathLike[str] | None = None) -> str | None:
        """Return the verdicts as JUnit XML, or write them to a path."""
        name = f"{self.release.record['name']}.{self.evaluation.context.split}"
        return _written(path, junit_xml(name, self.verdicts))

    def write(self, folder: str | Path) -> None:
        """Write ``index.html``, ``report.md`` and ``metrics.json`` to a folder."""
        self.to_json(Path(folder) / "metrics.json")
        self.to_markdown(Path(folder) / "report.md")
        self.to_html(Path(folder) / "index.html")

    def __str__(self) -> str:
        """Return the findings as text, the outcome last."""
        return self.to_text()

    def to_text(self, width: int = 80) -> str:
        """Return the findings as text, the outcome last.

        Args:
            width: Columns of the terminal.
        """
        return summary(self.evaluation, self.verdicts, width)

    def _repr_html_(self) -> str:
        """Show the outcome and the metrics of the whole split in a notebook."""
        head = html.escape(headline(self.evaluation, self.verdicts))
        frame = self.to_frame()
        shown = frame.loc[frame["by"] == "overall", ["metric", "value", "low", "high"]]
        return f"<div><p>{head}</p>{shown.to_html(index=False)}</div>"

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
            "the gate 'regression' needs a baseline to compare with: give its scores",
            key="regression",
        )
    trained_on, split = settings.trained_on, settings.split
    columns = [*COLUMNS, *(OF_CLIPS if release.has_clips else ())]
    manifest = read_rows(release, columns if trained_on is None else [*columns, "source_sha256"])
    if trained_on is not None:
        refuse_trained_on(release, manifest, split, trained_on)
    new = _scores(scores, settings.logits, "scores")
    old = None if baseline is None else _scores(baseline, settings.logits, "baseline")
    asked, pooling = settings.pooling, _pooling_told(new, settings.pooling)
    refuse_idle_pooling(asked, [new, *([old] if old is not None else [])])
    new = scores_of_clips(manifest, split, new, asked, settings.logits)
    if old is not None:
        old = scores_of_clips(manifest, split, old, asked, settings.logits)
    rows = join(manifest, split, new, "coverage" in limits)
    old_rows = None if old is None else join(manifest, split, old, True)
    record = {key: release.record[key] for key in ("name", "version", "recipe_digest")}
    old_name = None if old is None else old.where
    context = Context(
        record, split, new.where, old_name, settings.threshold, settings.logits,
        what_in(manifest), pooling,
    )  # fmt: skip
    findings = evaluate(context, rows, old_rows)
    verdicts = judge_gates(limits, findings) if limits else ()
    return EvaluationResult(release, findings, tuple(verdicts))


def _pooling_told(scores: Scores, asked: Pooling | None) -> str | None:
    """Return how frames were pooled: here, or as the detector's configuration says."""
    if scores.frame is not None:
        return None if asked is None else str(asked)
    config = scores.detector.get("config")
    told = config.get("pooling") if isinstance(config, Mapping) else None
    try:
        return str(parse_pooling(told)) if isinstance(told, str) else None
    except ValueError:  # what a file says may be anything
        return None


def _limits(gates: object) -> dict[str, Any]:
    if gates is None:
        return {}
    if isinstance(gates, str | PathLike):
        return read_gates(Path(gates))
    example = "{'auc': {'min': 0.9}}"
    return parse_gates(dict(maybe_mapping(gates, "gates", f"{example}, or the path of its file")))


def _scores(scores: object, logits: bool, where: str) -> Scores:
    if isinstance(scores, str | PathLike):
        return read_scores(Path(scores), logits)
    if hasattr(scores, "columns") and hasattr(scores, "attrs"):
        frame: Any = scores
        return scores_of(frame, logits, where)
    raise ScoresError(
        f"{where}: must be a table (DataFrame) as score returns it, or the path of a scores file "
        f"({found(scores)})",
        key=where,
    )


def _written(path: str | PathLike[str] | None, text: str) -> str | None:
    if path is None:
        return text
    try:
        write_atomically(Path(path), text.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error.strerror or error}", path=path
        ) from None
    return None
