"""The limits that a team sets for its detector, as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from datagen.core.schema import Frozen, parse
from datagen.core.text import near
from datagen.core.yaml_io import read_yaml
from datagen.errors import UserError
from datagen.evaluation.groups import BY, CROSSINGS
from datagen.evaluation.metrics.measure import METRICS

__all__ = ["COLUMNS", "Limit", "Outcome", "Regression", "WorstLimit", "read_gates"]

Outcome = Literal["fail", "pass"]
COLUMNS = (*BY, *(f"{one} x {other}" for one, other in CROSSINGS))


_Share = Annotated[float, Field(strict=True, ge=0, le=1)]  # all metrics lie between 0 and 1
_Gap = Annotated[float, Field(strict=True, ge=-1, le=1)]


class Limit(Frozen):
    """A bound on a metric; ``on_undecided`` says what counts when the interval straddles it."""

    min: _Share | None = None
    max: _Share | None = None
    on_undecided: Outcome | None = None

    @model_validator(mode="after")
    def _some_limit(self) -> Limit:
        if self.min is None and self.max is None:
            raise ValueError("want 'min' or 'max'")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"nothing is at least {self.min:g} and at most {self.max:g}")
        return self


class GapLimit(Limit):
    """A bound on the difference of two rates."""

    min: _Gap | None = None
    max: _Gap | None = None


def _known_column(name: str) -> str:
    if name not in COLUMNS:
        raise ValueError(f"no such column.{near(name, COLUMNS)} Allowed: {', '.join(COLUMNS)}")
    return name


class WorstLimit(Limit):
    """A bound that every group of a column must keep."""

    by: str

    @field_validator("by")
    @classmethod
    def _by(cls, name: str) -> str:
        return _known_column(name)


class Regression(Frozen):
    """How much worse than the baseline a metric may be, overall and in each group of ``by``."""

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
        UserError: Not YAML, an unknown key, metric or column, a limit outside the
            range of its metric, a gate without a limit, no gate at all.
    """
    raw = read_yaml(path, UserError)
    if isinstance(raw.get("regression"), dict):
        raw = {**raw, "regression": [raw["regression"]]}
    read = parse(GateFile, raw, str(path), UserError)
    gates = {name: getattr(read, name) for name in ("on_undecided", *raw)}  # as the user sorted it
    empty = [name for name, gate in gates.items() if gate is None or gate == ()]
    if empty:
        raise UserError(
            f"{path}: without a limit: {', '.join(empty)}. Give it one, or remove the line"
        )
    if set(gates) == {"on_undecided"}:
        raise UserError(f"{path}: sets no limit. For example: auc: {{min: 0.9}}")
    return gates
