"""What an entry of ``degradations`` in a recipe may be: a kind, a profile, or ``reshare``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import model_validator

from datagen.core.fields import IntRange
from datagen.core.registry import unknown
from datagen.core.schema import Frozen, parse
from datagen.core.text import near
from datagen.degradations import DEGRADATIONS
from datagen.degradations.apply import Step
from datagen.degradations.base import SEVERITIES, Degradation, Shape
from datagen.degradations.profile import Profile, load_profile, profile_names
from datagen.errors import RecipeError

__all__ = ["RESHARE", "Composition", "compose", "has_severities", "known_degradations"]

RESHARE = "reshare"


class Composition(ABC):
    """Draws the degradation steps of a pair.

    Attributes:
        name: Name in the manifest.
        has_severity: Whether ``draw`` takes a severity from 0 to 5; otherwise it takes ``None``.
        clips_only: Whether a step of it does nothing to a still image.
    """

    name: str
    has_severity: bool
    clips_only: bool

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: Shape, severity: int | None) -> list[Step]:
        """Draw the steps of one pair; there are none at severity 0."""

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """Return everything that determines pixels, JSON-like, for digests."""


class _Kind(Composition):
    """One kind, either at severities or with its options."""

    def __init__(
        self, name: str, options: Mapping[str, Any], by_severity: bool, where: str
    ) -> None:
        kind = DEGRADATIONS.load(name)
        if by_severity and options:
            raise RecipeError(
                f"{where}: 'severity' sets the options of {name!r}: remove it or "
                f"{', '.join(options)}",
                key=f"{where}.severity",
            )
        if by_severity and not kind.levels:
            raise RecipeError(
                f"{where}.severity: {name!r} has no severities: remove the key",
                key=f"{where}.severity",
            )
        self.name = name
        self.has_severity = by_severity
        self.clips_only = kind.clips_only
        self._free = None if by_severity else kind.build(options, where)
        self._levels = [kind.at(n) for n in range(1, SEVERITIES + 1)] if by_severity else []

    def draw(self, rng: np.random.Generator, shape: Shape, severity: int | None) -> list[Step]:
        if severity == 0:
            return []
        kind = self._free if severity is None else self._levels[severity - 1]
        if kind is None:
            raise ValueError(f"degradation {self.name!r} was built for severities")
        return [Step(kind, kind.sample(rng, shape))]

    def record(self) -> dict[str, Any]:
        kinds = self._levels or ([self._free] if self._free else [])
        return {"use": self.name, "kinds": [_kind_record(kind) for kind in kinds]}


class _Profile(Composition):
    """A chain of kinds that ships as YAML."""

    def __init__(self, profile: Profile, where: str) -> None:
        self.name = profile.name
        self.has_severity = profile.has_severity
        self.clips_only = any(DEGRADATIONS.load(step.use).clips_only for step in profile.steps)
        self._profile = profile
        severities = range(1, SEVERITIES + 1) if self.has_severity else (None,)
        self._chains = {
            severity: [_built(step.use, step.options(severity), where) for step in profile.steps]
            for severity in severities
        }

    def draw(self, rng: np.random.Generator, shape: Shape, severity: int | None) -> list[Step]:
        if severity == 0:
            return []
        # A random stream per step, so that leaving out or changing a step does not affect others.
        streams = _streams(rng, len(self._profile.steps))
        chosen = int(rng.integers(max(len(streams), 1)))
        steps = []
        for number, (kind, stream) in enumerate(zip(self._chains[severity], streams, strict=True)):
            takes_part = stream.random() < self._profile.steps[number].chance
            if self._profile.choose == "one":
                takes_part = number == chosen
            if takes_part:
                steps.append(Step(kind, kind.sample(stream, shape)))
        return steps

    def record(self) -> dict[str, Any]:
        kinds = {kind.name: kind.version for chain in self._chains.values() for kind in chain}
        return {"use": self.name, "profile": self._profile.digest(), "kinds": kinds}


class ReshareOptions(Frozen):
    """Options of ``reshare``.

    Attributes:
        profiles: Profiles to draw from for each pass; profiles with severities are not allowed.
        times: Number of passes, 1 to 5; severity n means n passes.
    """

    profiles: tuple[str, ...] = ("social_feed", "messenger")
    times: IntRange = (1, 3)

    @model_validator(mode="after")
    def _sane(self) -> ReshareOptions:
        if not 1 <= self.times[0] <= self.times[1] <= SEVERITIES:
            raise ValueError(f"times: must be a range within 1 and {SEVERITIES}")
        if not self.profiles:
            raise ValueError("profiles: must have at least one")
        for name in self.profiles:
            if name not in profile_names():
                hint = near(name, profile_names()) or f" Known: {', '.join(profile_names())}"
                raise ValueError(f"profiles: unknown profile {name!r}.{hint}")
            if load_profile(name).has_severity:
                raise ValueError(
                    f"profiles: {name!r} has severities, so it cannot be part of reshare"
                )
        return self


class _Reshare(Composition):
    """The image sent through several profiles, one after another."""

    def __init__(self, options: Mapping[str, Any], by_severity: bool, where: str) -> None:
        if by_severity and "times" in options:
            raise RecipeError(
                f"{where}: 'severity' sets 'times': remove one of them", key=f"{where}.times"
            )
        self.name = RESHARE
        self.has_severity = by_severity
        label = f"options of degradation {RESHARE!r}"
        self._options = parse(ReshareOptions, dict(options), label, RecipeError, prefix=where)
        self._profiles = [_Profile(load_profile(name), where) for name in self._options.profiles]
        self.clips_only = any(profile.clips_only for profile in self._profiles)

    def draw(self, rng: np.random.Generator, shape: Shape, severity: int | None) -> list[Step]:
        low, high = self._options.times
        drawn = int(rng.integers(low, high + 1))
        times = drawn if severity is None else severity
        steps: list[Step] = []
        for stream in _streams(rng, SEVERITIES)[:times]:
            profile = self._profiles[int(stream.integers(len(self._profiles)))]
            steps += profile.draw(stream, shape, None)
        return steps

    def record(self) -> dict[str, Any]:
        return {
            "use": RESHARE,
            "options": self._options.model_dump(mode="json"),
            "profiles": [profile.record() for profile in self._profiles],
        }


def compose(use: str, options: Mapping[str, Any], by_severity: bool, where: str) -> Composition:
    """Build the degradation of an entry.

    Args:
        use: Name of a kind or profile, or ``reshare``.
        options: The entry's own options.
        by_severity: Whether the entry has severities.
        where: File and key of the entry, for messages.

    Raises:
        RecipeError: The name or a key is unknown, or a value is out of range.
    """
    if use == RESHARE:
        return _Reshare(options, by_severity, where)
    if use in profile_names():
        profile = load_profile(use)
        if options:
            raise RecipeError(
                f"{where}.{next(iter(options))}: unknown key: profile {use!r} has no options",
                key=f"{where}.{next(iter(options))}",
            )
        if profile.has_severity and not by_severity:
            raise RecipeError(
                f"{where}.severity: missing; profile {use!r} needs it, e.g. [1, 5]",
                key=f"{where}.severity",
            )
        if by_severity and not profile.has_severity:
            raise RecipeError(
                f"{where}.severity: profile {use!r} has no severities: remove the key"
            )
        return _Profile(profile, where)
    if use not in DEGRADATIONS:
        told = unknown("degradation", use, known_degradations())
        raise RecipeError(f"{where}.use: {told}", key=f"{where}.use")
    return _Kind(use, options, by_severity, where)


def known_degradations() -> list[str]:
    """Return all names that ``use`` may have: kinds, profiles and ``reshare``."""
    return sorted({*DEGRADATIONS, *profile_names(), RESHARE})


def has_severities(use: str) -> bool:
    """Return whether a known name can be used with a severity."""
    if use in profile_names():
        return load_profile(use).has_severity
    return use == RESHARE or bool(DEGRADATIONS.load(use).levels)


def _streams(rng: np.random.Generator, count: int) -> list[np.random.Generator]:
    keys = rng.integers(2**63, size=count)
    return [np.random.Generator(np.random.Philox(key=int(key))) for key in keys]


def _built(name: str, options: Mapping[str, Any], where: str) -> Degradation:
    return DEGRADATIONS.load(name).build(options, where)


def _kind_record(kind: Degradation) -> dict[str, Any]:
    return {"version": kind.version, "options": kind.config.model_dump(mode="json")}
