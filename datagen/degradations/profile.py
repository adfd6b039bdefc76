"""Profiles: chains of degradations that ship as YAML, such as what a messenger does to images."""

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
    """One step of a chain; further keys are options of its kind.

    Attributes:
        use: Name of a kind.
        chance: Probability that the step is applied.
        levels: Options that depend on the severity, with five values each.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str
    chance: float = Field(default=1.0, gt=0, le=1)
    levels: dict[str, list[Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _five(self) -> ProfileStep:
        for key, values in self.levels.items():
            if len(values) != SEVERITIES:
                raise ValueError(
                    f"levels.{key}: must have {SEVERITIES} values, found {len(values)}"
                )
        return self

    def options(self, severity: int | None) -> dict[str, Any]:
        """Return the options at a severity from 1 to 5, or without a severity."""
        fixed = dict(self.__pydantic_extra__ or {})
        if severity is None:
            return fixed
        return fixed | {key: values[severity - 1] for key, values in self.levels.items()}


class Profile(Frozen):
    """A chain of degradations.

    Attributes:
        name: Name in recipes; that of its file.
        version: Version, raised when its values change.
        title: Title of the profile.
        dated: Year and month in which the values were chosen, because platforms change theirs.
        words: What the profile models, from which sources, and how reliable it is.
        choose: Whether ``all`` steps are applied in order, or ``one`` of them.
        steps: The steps.
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
        """Return the digest of everything that determines pixels, 64 hex digits."""
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
        RecipeError: The profile's file is wrong.
    """
    body = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    profile = parse(Profile, body, f"profile {name!r}", RecipeError)
    if profile.name != name:
        raise RecipeError(f"profile {name!r}: name: expected {name!r}, found {profile.name!r}")
    return profile
