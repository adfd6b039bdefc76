"""What may be done with what: the terms of licences, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import license_expression

from datagen.errors import CardError

__all__ = ["Licence", "Terms", "combine", "licence_of"]

Answer: TypeAlias = bool | None
"""Yes, no, or ``None``: not known, which counts as no."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What an SPDX expression permits.

    Attributes:
        research, commercial: May altered copies be made for that use?
        redistribute: May altered copies be passed on?
        attribution: Must the author be named?
        share_alike: Licences under which altered copies must be passed on; more than one
            exclude each other.
    """

    expression: str
    research: Answer
    commercial: Answer
    redistribute: Answer
    attribution: bool = True
    share_alike: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one row: permissions of all that it is made of, obligations of each."""

    research: Answer
    commercial: Answer
    redistribute: Answer
    licences: tuple[str, ...]
    attribution: tuple[str, ...] = ()
    share_alike: frozenset[str] = field(default_factory=frozenset)

    def purposes(self) -> list[str]:
        """Return the purposes that are permitted, as the manifest's column ``purposes``."""
        named = {
            "research": self.research,
            "commercial": self.commercial,
            "redistribute": self.redistribute,
        }
        return [name for name, answer in named.items() if answer]


# Licence -> research, commercial, redistribution of altered copies, attribution, share-alike.
# "ND" permits private adaptation and forbids to share it; CC BY-NC-SA and CC BY-SA exclude each
# other when an altered copy is shared.
_FREE = (True, True, True, False, False)
_BY = (True, True, True, True, False)
_CC = {
    "BY": _BY,
    "BY-SA": (True, True, True, True, True),
    "BY-NC": (True, False, True, True, False),
    "BY-NC-SA": (True, False, True, True, True),
    "BY-ND": (True, True, False, True, False),
    "BY-NC-ND": (True, False, False, True, False),
}
_RESEARCH_ONLY = (True, False, False, True, False)
_TABLE: dict[str, tuple[bool, bool, bool, bool, bool]] = {
    "CC0-1.0": _FREE,
    "LicenseRef-PDM": _FREE,
    "LicenseRef-US-Gov": _FREE,
    "MIT": _BY,
    "Apache-2.0": _BY,
    "BSD-2-Clause": _BY,
    "BSD-3-Clause": _BY,
    "LicenseRef-CelebA": _RESEARCH_ONLY,
    "LicenseRef-FaceForensics": _RESEARCH_ONLY,
    "LicenseRef-InsightFace-NC": _RESEARCH_ONLY,
    **{
        f"CC-{kind}-{version}": terms
        for kind, terms in _CC.items()
        for version in ("1.0", "2.0", "2.5", "3.0", "4.0")
    },
}
_UNKNOWN = frozenset({"unknown", "LicenseRef-Unknown", "NOASSERTION", "NONE"})


def licence_of(expression: str) -> Licence:
    """Return what an SPDX expression permits; ids that are not in the table permit nothing.

    ``AND`` takes the stricter answer of both sides, ``OR`` the more generous one.

    Raises:
        CardError: It is not an SPDX expression.
    """
    if not expression.strip():
        raise CardError("licence is blank: want an SPDX expression, or 'unknown'")
    if expression in _UNKNOWN:
        return Licence(expression, None, None, None)
    try:
        parsed = license_expression.Licensing().parse(expression)
    except license_expression.ExpressionError as error:
        raise CardError(f"licence {expression!r} is no SPDX expression: {error}") from None
    return _walk(parsed)


def _walk(node: Any) -> Licence:
    if node.isliteral:
        name = str(node)
        if name not in _TABLE:
            return Licence(name, None, None, None)
        research, commercial, redistribute, attribution, share_alike = _TABLE[name]
        alike = frozenset({name}) if share_alike else frozenset[str]()
        return Licence(name, research, commercial, redistribute, attribution, alike)
    parts = [_walk(part) for part in node.args]
    every = node.operator.strip().upper() == "AND"
    pick = _all if every else _any
    return Licence(
        str(node),
        pick(part.research for part in parts),
        pick(part.commercial for part in parts),
        pick(part.redistribute for part in parts),
        any(part.attribution for part in parts),
        frozenset[str]().union(*(part.share_alike for part in parts)) if every else frozenset(),
    )


def _all(answers: Iterable[Answer]) -> Answer:
    known = list(answers)
    return False if False in known else None if None in known else True


def _any(answers: Iterable[Answer]) -> Answer:
    known = list(answers)
    return True if True in known else None if None in known else False


def combine(parts: Iterable[Terms]) -> Terms:
    """Return the terms of something made of ``parts``.

    Permissions intersect, obligations unite; two different share-alike licences exclude each
    other, so such a row may not be passed on.
    """
    found = list(parts)
    share_alike = frozenset[str]().union(*(part.share_alike for part in found))
    redistribute = _all(part.redistribute for part in found)
    return Terms(
        _all(part.research for part in found),
        _all(part.commercial for part in found),
        False if len(share_alike) > 1 else redistribute,
        tuple(dict.fromkeys(name for part in found for name in part.licences)),
        tuple(dict.fromkeys(name for part in found for name in part.attribution)),
        share_alike,
    )
