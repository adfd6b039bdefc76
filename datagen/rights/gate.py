"""The rights gate: reads cards only, and refuses before any image is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from datagen.core.text import near
from datagen.errors import RightsError, one_per_line
from datagen.rights.authors import needs_attribution, stated_attribution
from datagen.rights.purpose import Purpose
from datagen.rights.terms import KNOWN_LICENSES, Answer, Terms
from datagen.rights.weights import WeightRights, weight_rights, weight_terms
from datagen.sources.card import SourceCard, Stated
from datagen.weights.card import WeightCard

__all__ = [
    "Decision",
    "Purpose",
    "check_rights",
    "decide_source",
    "decide_weights",
    "source_terms",
    "today",
    "weight_terms",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate decided about one source or weight file.

    Attributes:
        subject: What was judged, e.g. ``source 'london'`` or ``weights 'buffalo_l'``.
        title: Title of its card.
        license: License of its card.
        reasons: One reason for each clause that does not cover the purpose; empty if covered.
        grounds: What replaced the license in the decision; empty if the license decided.
    """

    subject: str
    title: str
    license: str
    reasons: tuple[str, ...]
    grounds: str = ""

    @property
    def covered(self) -> bool:
        """Whether the purpose is covered."""
        return not self.reasons


def today() -> dt.date:
    """Return today's date in UTC, with which expiry dates are compared."""
    return dt.datetime.now(dt.UTC).date()


def decide_source(
    card: SourceCard, purpose: Purpose, day: dt.date, analysis: bool = False
) -> Decision:
    """Judge one source card against a purpose.

    Args:
        card: The card.
        purpose: The purpose to be covered.
        day: Date with which expiry dates are compared.
        analysis: Whether faces are only found and measured: nothing is altered or redistributed.
    """
    consent = _analysis_clauses if analysis else _consent_clauses
    reasons = [*_license_clauses(card.license, purpose), *consent(card, purpose, day)]
    names = needs_attribution(purpose.license(card.license), purpose)
    if names and not stated_attribution(card.attribution):
        reasons.append(
            f"license {card.license} requires attribution when copies are redistributed, and the "
            "card's 'attribution' is empty or names no one"
        )
    return Decision(f"source {card.id!r}", card.title, card.license, tuple(reasons))


def decide_weights(card: WeightCard, purpose: Purpose, day: dt.date) -> Decision:
    """Judge one weight card against a purpose: its license, or the terms stated or bought instead.

    Raises:
        MissingExtraError: See ``pack_license``.
    """
    rights = weight_rights(card, purpose)
    if rights.problem:
        reasons: tuple[str, ...] = (rights.problem,)
    elif rights.grounds:
        reasons = tuple(_stated_clauses(rights, purpose))
    else:
        reasons = tuple(_license_clauses(card.license, purpose))
    if card.expires is not None and card.expires < day:
        reasons = (*reasons, f"the terms expired on {card.expires.isoformat()}")
    subject = f"weights {card.id!r}"
    return Decision(subject, card.title, card.license, reasons, rights.grounds)


def check_rights(
    cards: Sequence[SourceCard],
    weights: Iterable[WeightCard],
    purpose: Purpose,
    day: dt.date,
    analysis: bool = False,
) -> list[Decision]:
    """Return the decision about every source and weight file; all of them cover the purpose.

    Args:
        cards: Cards of the sources.
        weights: Cards of the weight files.
        purpose: The purpose to be covered.
        day: Date with which expiry dates are compared.
        analysis: Whether the faces of the sources are only found and measured.

    Raises:
        RightsError: At least one does not; the message lists every source and clause.
    """
    decisions = [decide_source(card, purpose, day, analysis) for card in cards]
    decisions += [decide_weights(card, purpose, day) for card in weights]
    problems = [
        f"{decision.subject} ({decision.title}): {reason}"
        for decision in decisions
        for reason in decision.reasons
    ]
    if problems:
        raise RightsError(
            one_per_line(f"the purpose ({purpose}) is not covered:", problems)
            + "\nChange the recipe's purpose, remove the source or the method, or state the terms "
            "and their "
            "grounds in a card of your own (docs/sources.md, docs/weights.md)."
        )
    return decisions


def _license_clauses(expression: str, purpose: Purpose) -> Iterator[str]:
    license = purpose.license(expression)
    key = "commercial" if purpose.commercial else "research"
    main = license.commercial if purpose.commercial else license.research
    if not main:
        hint = near(expression, KNOWN_LICENSES) if main is None else ""
        yield f"license {expression} {_says(main)} {key} use{hint and '.'}{hint}"
    if purpose.redistribute and not license.redistribute:
        yield f"license {expression} {_says(license.redistribute)} redistributing altered copies"


def _stated_clauses(rights: WeightRights, purpose: Purpose) -> Iterator[str]:
    terms = rights.terms
    key, main = "research", terms.research
    if purpose.commercial:
        key, main = "commercial", terms.commercial
    for answer, words, asked in (
        (main, f"{key} use", True),
        (terms.redistribute, "redistributing altered copies", purpose.redistribute),
    ):
        if asked and not answer:
            yield f"the stated terms {_say(answer)} {words} ({rights.grounds})"


def _says(answer: Answer) -> str:
    return "does not permit" if answer is False else "is not known to permit"


def _say(answer: Answer) -> str:
    return "do not permit" if answer is False else "are not known to permit"


def _consent_clauses(card: SourceCard, purpose: Purpose, day: dt.date) -> Iterator[str]:
    consent = card.consent
    if consent.basis == "unknown":
        yield "consent.basis is unknown"
    if consent.basis == "platform_terms" and not consent.grounds.strip():
        yield "consent.basis is platform_terms, which needs 'grounds' (who decided, when, why)"
    if consent.alteration is not True:
        yield _unstated(card, "alteration", consent.alteration)
    if purpose.commercial and consent.commercial is not True:
        yield _unstated(card, "commercial", consent.commercial)
    if purpose.redistribute and consent.redistribution is not True:
        yield _unstated(card, "redistribution", consent.redistribution)
    yield from _expired(card, day)


def _analysis_clauses(card: SourceCard, purpose: Purpose, day: dt.date) -> Iterator[str]:
    """Yield what finding and measuring faces is missing; its permission carries its own grounds."""
    consent = card.consent
    if consent.analysis is None:  # then it follows from the permission to alter, with all it needs
        yield from _consent_clauses(card, purpose, day)
        return
    if consent.analysis is not True:
        yield _unstated(card, "analysis", consent.analysis)
    if purpose.commercial and consent.commercial is not True:
        yield _unstated(card, "commercial", consent.commercial)
    yield from _expired(card, day)


def _unstated(card: SourceCard, clause: str, stated: Stated) -> str:
    shown = "unknown" if stated == "unknown" else "false"
    said = card.consent.words.strip()
    return f"consent.{clause} is {shown}" + (f" (consent statement: {said!r})" if said else "")


def _expired(card: SourceCard, day: dt.date) -> Iterator[str]:
    expires = card.consent.expires
    if expires is not None and expires < day:
        yield f"consent expired on {expires.isoformat()}"


def source_terms(
    card: SourceCard, license: str | None, attribution: str | None, purpose: Purpose
) -> Terms:
    """Return the terms of one image: its own license, or else the card's, and the card's consent.

    Args:
        card: The card of the image's source.
        license: SPDX expression of the image's own license, if it has one.
        attribution: Attribution that the image needs in addition to the source's.
        purpose: The purpose; of alternative licenses, the one that fits it best is taken.
    """
    own = purpose.license(license or card.license)
    consent = card.consent
    alteration = _answer(consent.alteration)
    named = [text for text in (card.attribution.strip(), (attribution or "").strip()) if text]
    return Terms(
        research=_both(own.research, alteration),
        commercial=_both(own.commercial, _both(alteration, _answer(consent.commercial))),
        redistribute=_both(own.redistribute, _both(alteration, _answer(consent.redistribution))),
        licenses=(own.expression,),
        attribution=tuple(named),
        share_alike=own.share_alike,
    )


def _answer(stated: Stated) -> Answer:
    return None if stated == "unknown" else bool(stated)


def _both(first: Answer, second: Answer) -> Answer:
    if False in (first, second):
        return False
    return None if None in (first, second) else True
