"""The rights gate: reads cards only, and refuses before a pixel is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from datagen.core.text import near
from datagen.errors import RightsError, one_per_line
from datagen.rights.purpose import Use
from datagen.rights.terms import KNOWN_LICENSES, Answer, Terms
from datagen.rights.weights import WeightRights, weight_rights, weight_terms
from datagen.sources.card import SourceCard, Stated
from datagen.weights.card import WeightCard

__all__ = [
    "Decision",
    "Use",
    "check_rights",
    "decide_source",
    "decide_weights",
    "source_terms",
    "today",
    "weight_terms",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says of one source or weight file.

    Attributes:
        subject: ``source 'london'`` or ``weights 'buffalo_l'``.
        reasons: Why not, one for each clause that does not cover the purpose; empty: covered.
        grounds: What decided beside the license; empty: nothing.
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
    """Return the date (UTC) by which an expiry is judged."""
    return dt.datetime.now(dt.UTC).date()


def decide_source(card: SourceCard, use: Use, day: dt.date) -> Decision:
    """Judge one source card against a purpose."""
    reasons = [*_license_clauses(card.license, use), *_consent_clauses(card, use, day)]
    license = use.license(card.license)
    names = license.redistribute and license.attribution
    if use.redistribute and names and not card.attribution.strip():
        reasons.append(
            f"license {card.license} asks to name the author when copies are passed on, and the "
            "card's 'attribution' is empty"
        )
    return Decision(f"source {card.id!r}", card.title, card.license, tuple(reasons))


def decide_weights(card: WeightCard, use: Use, day: dt.date) -> Decision:
    """Judge one weight card against a purpose: its license, or what was stated or bought instead.

    Raises:
        MissingExtraError: See ``pack_license``.
    """
    rights = weight_rights(card, use)
    if rights.problem:
        reasons: tuple[str, ...] = (rights.problem,)
    elif rights.grounds:
        reasons = tuple(_stated_clauses(rights, use))
    else:
        reasons = tuple(_license_clauses(card.license, use))
    if card.expires is not None and card.expires < day:
        reasons = (*reasons, f"their terms expired on {card.expires.isoformat()}")
    subject = f"weights {card.id!r}"
    return Decision(subject, card.title, card.license, reasons, rights.grounds)


def check_rights(
    cards: Sequence[SourceCard], weights: Iterable[WeightCard], use: Use, day: dt.date
) -> list[Decision]:
    """Return the decision on every source and weight file, all covered.

    Raises:
        RightsError: At least one is not; names every source and clause at once.
    """
    decisions = [decide_source(card, use, day) for card in cards]
    decisions += [decide_weights(card, use, day) for card in weights]
    problems = [
        f"{decision.subject} ({decision.title}): {reason}"
        for decision in decisions
        for reason in decision.reasons
    ]
    if problems:
        raise RightsError(
            one_per_line(f"the purpose ({_in_words(use)}) is not covered:", problems)
            + "\nChange the recipe's purpose, leave the source out, or state the terms with their "
            "grounds in a card of your own (docs/sources.md, docs/weights.md)."
        )
    return decisions


def _in_words(use: Use) -> str:
    kind = "commercial" if use.commercial else "research"
    return f"use: {kind}, redistribute: {str(use.redistribute).lower()}"


def _license_clauses(expression: str, use: Use) -> Iterator[str]:
    license = use.license(expression)
    key = "commercial" if use.commercial else "research"
    main = license.commercial if use.commercial else license.research
    if not main:
        hint = near(expression, KNOWN_LICENSES) if main is None else ""
        yield f"license {expression} {_says(main)} {key} use{hint and '.'}{hint}"
    if use.redistribute and not license.redistribute:
        yield f"license {expression} {_says(license.redistribute)} passing on altered copies"


def _stated_clauses(rights: WeightRights, use: Use) -> Iterator[str]:
    terms = rights.terms
    key, main = "research", terms.research
    if use.commercial:
        key, main = "commercial", terms.commercial
    for answer, words, asked in (
        (main, f"{key} use", True),
        (terms.redistribute, "passing on altered copies", use.redistribute),
    ):
        if asked and not answer:
            yield f"what holds instead of the license {_says(answer)} {words} ({rights.grounds})"


def _says(answer: Answer) -> str:
    return "does not permit" if answer is False else "is not known to permit"


def _consent_clauses(card: SourceCard, use: Use, day: dt.date) -> Iterator[str]:
    consent = card.consent
    if consent.basis == "unknown":
        yield "consent.basis is unknown"
    if consent.basis == "platform_terms" and not consent.grounds.strip():
        yield "consent.basis is platform_terms, which needs 'grounds' (who decided, when, why)"
    asked: list[tuple[str, Stated, bool]] = [
        ("alteration", consent.alteration, True),
        ("commercial", consent.commercial, use.commercial),
        ("redistribution", consent.redistribution, use.redistribute),
    ]
    for clause, stated, needed in asked:
        if needed and stated is not True:
            shown = "unknown" if stated == "unknown" else "false"
            words = f" (its words: {consent.words.strip()!r})" if consent.words.strip() else ""
            yield f"consent.{clause} is {shown}{words}"
    if consent.expires is not None and consent.expires < day:
        yield f"consent expired on {consent.expires.isoformat()}"


def source_terms(card: SourceCard, license: str | None, attribution: str | None, use: Use) -> Terms:
    """Return the terms of one image: its own license where it has one, and the card's consent.

    Args:
        card: The image's source.
        license: SPDX expression of the image itself.
        attribution: Whom to name for the image, beside the source.
        use: What it is wanted for; of alternative licenses the one that fits is taken.
    """
    own = use.license(license or card.license)
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
