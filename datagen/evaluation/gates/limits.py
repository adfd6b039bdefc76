"""The gate file: the limits that a detector must meet, as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from datagen.core.schema import Frozen, parse
from datagen.core.text import near
from datagen.core.yaml_io import read_yaml
from datagen.errors import UserError
from datagen.evaluation.groups import BY, CROSSINGS
from datagen.evaluation.metrics.measure import METRICS

__all__ = ["COLUMNS", "Limit", "Outcome", "Regression", "WorstLimit", "parse_gates", "read_gates"]

Outcome = Literal["fail", "pass"]
COLUMNS = (*BY, *(f"{one} x {other}" for one, other in CROSSINGS))


_Share = Annotated[float, Field(strict=True, ge=0, le=1)]  # the range of all metrics
_Gap = Annotated[float, Field(strict=True, ge=-1, le=1)]


class Limit(Frozen):
    """Bounds on a metric.

    Attributes:
        min: Lower bound.
        max: Upper bound.
        on_undecided: Whether the gate passes or fails while the interval contains a bound; by
            default as the file says.
    """

    min: _Share | None = None
    max: _Share | None = None
    on_undecided: Outcome | None = None

    @model_validator(mode="after")
    def _some_limit(self) -> Limit:
        if self.min is None and self.max is None:
            raise ValueError("expected 'min' or 'max' or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is greater than max {self.max:g}")
        return self


class GapLimit(Limit):
    """Bounds on the difference of two rates."""

    min: _Gap | None = None
    max: _Gap | None = None


def _known_column(name: str) -> str:
    if name not in COLUMNS:
        raise ValueError(f"no such column.{near(name, COLUMNS)} Allowed: {', '.join(COLUMNS)}")
    return name


class WorstLimit(Limit):
    """Bounds that every group of a column must meet.

    Attributes:
        by: The column, or two for a crossing.
    """

    by: str

    @field_validator("by")
    @classmethod
    def _by(cls, name: str) -> str:
        return _known_column(name)


class Regression(Frozen):
    """How much worse than the baseline a metric may be, overall and in each group of ``by``.

    Attributes:
        metric: Name of the metric.
        max_drop: Maximum loss, as a difference of the metric.
        confidence: Confidence level of the decision.
        by: Columns whose groups are compared too.
        on_undecided: Whether the gate passes or fails while the data do not decide.
    """

    metric: str = "auc"
    max_drop: _Share
    confidence: float = Field(default=0.95, strict=True, ge=0.5, lt=1)
    by: tuple[str, ...] = ()
    on_undecided: Outcome = "pass"

    @field_validator("metric")
    @classmethod
    def _metric(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"no such metric.{near(name, METRICS)} Allowed: {', '.join(METRICS)}")
        return name

    @field_validator("by")
    @classmethod
    def _by(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("a column is given twice")
        return tuple(_known_column(name) for name in names)


_FIELDS: dict[str, Any] = {
    "on_undecided": (Outcome, "fail"),
    "coverage": (Limit | None, None),
    "control_fpr": (Limit | None, None),
    "control_gap": (GapLimit | None, None),
    "regression": (tuple[Regression, ...] | None, None),
    **{metric: (Limit | None, None) for metric in METRICS},
    **{f"worst_group_{metric}": (WorstLimit | None, None) for metric in METRICS},
}
GateFile = create_model("GateFile", __base__=Frozen, **_FIELDS)


def read_gates(path: Path) -> dict[str, Any]:
    """Return the gates of a file by name, and ``on_undecided``.

    Values are ``Limit``, ``WorstLimit`` or, for ``regression``, a tuple of ``Regression``.

    Raises:
        UserError: The file is not YAML, sets no limit, or has an unknown key, metric or column, a
            gate without a limit, or a limit outside the range of its metric.
    """
    return parse_gates(read_yaml(path, UserError), str(path))


def parse_gates(raw: Mapping[str, Any], where: str = "gates") -> dict[str, Any]:
    """Return gates as ``read_gates`` does.

    Args:
        raw: Content of a gate file.
        where: What messages call it.

    Raises:
        UserError: See ``read_gates``.
    """
    if isinstance(raw.get("regression"), dict):
        raw = {**raw, "regression": [raw["regression"]]}
    read = parse(GateFile, raw, where, UserError)
    gates = {name: getattr(read, name) for name in ("on_undecided", *raw)}  # in the given order
    empty = [name for name, gate in gates.items() if gate is None or gate == ()]
    if empty:
        raise UserError(
            f"{where}: gates without a limit: {', '.join(empty)}. Set one, or remove the line",
            path=where,
            key=empty[0],
        )
    if set(gates) == {"on_undecided"}:
        raise UserError(f"{where}: sets no limit. For example: auc: {{min: 0.9}}", path=where)
    return gates
