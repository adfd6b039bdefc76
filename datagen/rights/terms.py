"""What licenses permit, and how the terms of several parts combine."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

import license_expression
from boolean.boolean import ParseError

from datagen.core.text import shortened
from datagen.errors import CardError
from datagen.rights.spdx import spdx_of

__all__ = ["KNOWN_LICENSES", "MAX_EXPRESSION", "License", "Terms", "combine", "license_of"]

Answer: TypeAlias = bool | None
"""Yes, no, or ``None`` for unknown, which counts as no."""


@dataclass(frozen=True, slots=True)
class License:
    """What an SPDX expression permits.

    Attributes:
        expression: The SPDX expression.
        research, commercial: Whether altered copies may be made for that use.
        redistribute: Whether altered copies may be redistributed.
        attribution: Whether attribution is required.
        share_alike: Licenses under which altered copies must be redistributed; two different
            ones exclude each other.
    """

    expression: str
    research: Answer
    commercial: Answer
    redistribute: Answer
    attribution: bool = True
    share_alike: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one row: the permissions that all its parts grant, the obligations of each part.

    Attributes:
        research, commercial: Whether the row may serve that use.
        redistribute: Whether the row may be redistributed.
        licenses: Licenses of the parts, each once.
        attribution: Attributions of the parts, each once.
        share_alike: Licenses under which the row must be redistributed.
    """

    research: Answer
    commercial: Answer
    redistribute: Answer
    licenses: tuple[str, ...]
    attribution: tuple[str, ...] = ()
    share_alike: frozenset[str] = field(default_factory=frozenset)

    def purposes(self) -> list[str]:
        """Return the permitted purposes: the manifest's column ``purposes``."""
        named = {
            "research": self.research,
            "commercial": self.commercial,
            "redistribute": self.redistribute,
        }
        return [name for name, answer in named.items() if answer]

    def kind(self) -> Hashable:
        """Return what decides how the terms combine: terms of one kind combine alike."""
        answers = self.research, self.commercial, self.redistribute
        return answers, self.share_alike, _non_commercial(self.licenses)


# License -> research, commercial, redistribution of altered copies, attribution, share-alike.
# "ND" permits private adaptations but not sharing them; CC BY-NC-SA and CC BY-SA exclude each
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
# Licenses of weights, read for what they say about the network's output. The two CreativeML
# licenses and OpenRAIL-MS permit every use except the harmful ones listed in their attachments,
# and no purpose of a recipe is one of those; they claim no rights in the output. FLUX.1 [dev] must
# not be run for a commercial purpose, but its output may be redistributed.
_OPEN_RAIL = (True, True, True, False, False)
_NON_COMMERCIAL = (True, False, True, True, False)
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
    "LicenseRef-GPEN-NC": _RESEARCH_ONLY,
    "LicenseRef-Research-Only": _RESEARCH_ONLY,
    "LicenseRef-ResearchRAIL-MS": _RESEARCH_ONLY,
    "LicenseRef-S-Lab-1.0": _NON_COMMERCIAL,
    "LicenseRef-NVIDIA-Source-Code-NC": _NON_COMMERCIAL,
    "LicenseRef-FLUX-1-dev-NC": (True, False, True, False, False),
    "LicenseRef-CreativeML-OpenRAIL-M": _OPEN_RAIL,
    "LicenseRef-CreativeML-OpenRAIL-PP-M": _OPEN_RAIL,
    "LicenseRef-OpenRAIL-MS": _OPEN_RAIL,
    **{
        f"CC-{kind}-{version}": terms
        for kind, terms in _CC.items()
        for version in ("1.0", "2.0", "2.5", "3.0", "4.0")
    },
}
KNOWN_LICENSES = tuple(_TABLE)
_BY_LOWER = {name.lower(): name for name in _TABLE}
MAX_EXPRESSION = 1000
"""Most characters of an SPDX expression."""

_MAX_ALTERNATIVES = 256
_UNKNOWN = frozenset({"unknown", "LicenseRef-Unknown", "NOASSERTION", "NONE"})


@lru_cache(maxsize=1024)
def license_of(expression: str, commercial: bool = False, redistribute: bool = False) -> License:
    """Return what an SPDX expression permits; an unknown license id permits nothing.

    ``AND`` takes the stricter answer of both sides. Of the alternatives of an ``OR``, one is taken
    as a whole, because clauses of different licenses must not be mixed: one that covers the
    request, among those the most permissive, and then the one with the fewest obligations.

    Args:
        expression: An SPDX expression, or ``unknown``.
        commercial: Whether commercial use is requested.
        redistribute: Whether redistribution is requested.

    Raises:
        CardError: The text is not an SPDX expression.
    """
    if expression in _UNKNOWN:
        return License(expression, None, None, None)
    parsed = _parsed(expression)
    return max(_alternatives(parsed), key=lambda one: _fitness(one, commercial, redistribute))


def _parsed(expression: str) -> Any:
    """Return the tree of an expression, which has few enough alternatives to look at each."""
    shown = shortened(expression, 100)
    if len(expression) > MAX_EXPRESSION:
        raise CardError(
            f"license {shown} has {len(expression)} characters: at most {MAX_EXPRESSION} are read"
        )
    try:
        parsed = license_expression.Licensing().parse(expression)
    except Exception as error:  # noqa: BLE001  # odd brackets break assertions of the parser
        known = isinstance(error, license_expression.ExpressionError | ParseError)
        problem = f": {str(error)[:200]}" if known else ""
        hint = f". Write {meant}" if (meant := spdx_of(expression)) else problem
        raise CardError(f"license {shown} is not an SPDX expression{hint}") from None
    if parsed is None:
        raise CardError(f"license {shown} is not an SPDX expression: it is blank")
    if (count := _count(parsed)) > _MAX_ALTERNATIVES:
        raise CardError(
            f"license {shown} has {count if count < 10**9 else 'over 10^9'} alternatives: at most "
            f"{_MAX_ALTERNATIVES} are compared. Write out the one that you use"
        )
    return parsed


def _count(node: Any) -> int:
    """Return the number of alternatives of an expression."""
    if node.isliteral:
        return 1
    parts = [_count(part) for part in node.args]
    return sum(parts) if node.operator.strip().upper() == "OR" else math.prod(parts)


def _fitness(license: License, commercial: bool, redistribute: bool) -> tuple[bool, int, int]:
    main = license.commercial if commercial else license.research
    covers = bool(main) and (bool(license.redistribute) or not redistribute)
    answers = (license.research, license.commercial, license.redistribute)
    burdens = len(license.share_alike) + license.attribution
    return covers, sum(answer is True for answer in answers), -burdens


def _alternatives(node: Any) -> list[License]:
    """Return the alternatives of an expression, each without an ``OR``."""
    if node.isliteral:
        return [_single(str(node))]
    parts = [_alternatives(part) for part in node.args]
    if node.operator.strip().upper() == "OR":
        return [license for part in parts for license in part]
    return [_together(chosen) for chosen in itertools.product(*parts)]


def _single(name: str) -> License:
    known = _BY_LOWER.get(name.lower())
    if known is None:
        return License(name, None, None, None)
    research, commercial, redistribute, attribution, share_alike = _TABLE[known]
    alike = frozenset({known}) if share_alike else frozenset[str]()
    return License(known, research, commercial, redistribute, attribution, alike)


def _together(parts: Sequence[License]) -> License:
    alike = frozenset[str]().union(*(part.share_alike for part in parts))
    redistribute = _all(part.redistribute for part in parts)
    return License(
        " AND ".join(part.expression for part in parts),
        _all(part.research for part in parts),
        _all(part.commercial for part in parts),
        False if _exclusive(alike, (part.expression for part in parts)) else redistribute,
        any(part.attribution for part in parts),
        alike,
    )


def _all(answers: Iterable[Answer]) -> Answer:
    known = list(answers)
    return False if False in known else None if None in known else True


def combine(parts: Iterable[Terms]) -> Terms:
    """Return the terms of something made of ``parts``.

    It has the permissions that all parts share and the obligations of every part. Where the parts
    cannot be under one license together, see ``_exclusive``, the row may not be redistributed.
    """
    found = list(parts)
    share_alike = frozenset[str]().union(*(part.share_alike for part in found))
    redistribute = _all(part.redistribute for part in found)
    licenses = tuple(dict.fromkeys(name for part in found for name in part.licenses))
    return Terms(
        _all(part.research for part in found),
        _all(part.commercial for part in found),
        False if _exclusive(share_alike, licenses) else redistribute,
        licenses,
        tuple(dict.fromkeys(name for part in found for name in part.attribution)),
        share_alike,
    )


def _exclusive(share_alike: frozenset[str], licenses: Iterable[str]) -> bool:
    """Return whether no license could cover an altered copy that is redistributed.

    Two different share-alike licenses exclude each other, and one that permits commercial use
    excludes a Creative Commons license that does not.
    """
    if len(share_alike) > 1:
        return True
    free = any("-NC" not in name for name in share_alike)
    return free and _non_commercial(licenses)


def _non_commercial(licenses: Iterable[str]) -> bool:
    names = (name for expression in licenses for name in expression.split(" AND "))
    return any(name.startswith("CC-BY-NC") for name in names)
