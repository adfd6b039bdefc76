"""Profiles: chains of operations that ship as YAML, such as what a messenger does to an image."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import ConfigDict, Field, model_validator

from datagen.core.digests import digest_of
from datagen.core.schema import Frozen, parse
from datagen.degradations.base import SEVERITIES
from datagen.errors import RecipeError

__all__ = ["Profile", "ProfileStep", "load_profile", "profile_names"]


class ProfileStep(Frozen):
    """One operation of a chain; further keys are the options of its kind.

    Attributes:
        use: Name of a kind.
        chance: Probability that it is executed.
        levels: Options that depend on the severity: five values each.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str
    chance: float = Field(default=1.0, gt=0, le=1)
    levels: dict[str, list[Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _five(self) -> ProfileStep:
        for key, values in self.levels.items():
            if len(values) != SEVERITIES:
                raise ValueError(f"levels.{key}: want {SEVERITIES} values, found {len(values)}")
        return self

    def options(self, severity: int | None) -> dict[str, Any]:
        """Return the options of the kind at a severity from 1 to 5."""
        fixed = dict(self.__pydantic_extra__ or {})
        if severity is None:
            return fixed
        return fixed | {key: values[severity - 1] for key, values in self.levels.items()}


class Profile(Frozen):
    """A chain of operations.

    Attributes:
        dated: Year and month in which the values were chosen: platforms change theirs.
        words: What it stands for, how far it can be trusted, and from where.
        choose: ``all`` steps in order, or ``one`` of them.
    """

    name: str
    version: int = Field(ge=1)
    title: str
    dated: str = Field(pattern=r"^\d{4}-\d{2}$")
    words: str
    choose: Literal["all", "one"] = "all"
    steps: tuple[ProfileStep, ...] = ()

    @property
    def has_severity(self) -> bool:
        """Whether any step depends on a severity."""
        return any(step.levels for step in self.steps)

    def digest(self) -> str:
        """64 hex digits of all that decides pixels."""
        body = self.model_dump(mode="json", exclude={"title", "dated", "words"})
        return digest_of(body)


_FOLDER = files("datagen.degradations") / "profiles"


def profile_names() -> list[str]:
    """Return the names of all shipped profiles, sorted."""
    found = (entry.name for entry in _FOLDER.iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


@lru_cache(maxsize=64)
def load_profile(name: str) -> Profile:
    """Read a shipped profile.

    Raises:
        RecipeError: Its file is wrong.
    """
    body = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    profile = parse(Profile, body, f"profile {name!r}", RecipeError)
    if profile.name != name:
        raise RecipeError(f"profile {name!r}: its file says name: {profile.name}")
    return profile
