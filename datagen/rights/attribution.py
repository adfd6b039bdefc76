"""``rights/ATTRIBUTION.md``: the attribution and terms that users of a release must follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from datagen.rights.gate import Decision
from datagen.sources.card import SourceCard
from datagen.weights.card import Permits, WeightCard

__all__ = ["attribution_document"]

_MARKUP = re.compile(r"([\\`\[\]<>|])")


def attribution_document(
    cards: Sequence[SourceCard],
    weights: Iterable[WeightCard],
    decisions: Iterable[Decision],
    purpose: str,
) -> bytes:
    """Return the document as UTF-8 Markdown.

    Args:
        cards: Cards of the sources used.
        weights: Cards of the weight files used.
        decisions: What the rights gate decided about them.
        purpose: The purpose in words.
    """
    found = list(decisions)
    grounds = {decision.subject: decision.grounds for decision in found}
    lines = ["# Attribution and terms", "", f"Made for: {purpose}.", ""]
    lines += ["| used | license | covers the purpose |", "| --- | --- | --- |"]
    for decision in found:
        covered = "yes" if decision.covered else "no"
        row = (f"{decision.subject}: {_text(decision.title)}", _text(decision.license), covered)
        lines.append(f"| {' | '.join(row)} |")
    for card in cards:
        consent = card.consent
        lines += ["", f"## {_text(card.title)}", "", f"- License: {_text(card.license)}"]
        lines.append(f"- Attribution: {_text(card.attribution) or 'none stated'}")
        lines.append(f"- Homepage: {_text(card.homepage) or 'none'}")
        lines.append(f"- Consent: {consent.basis}; alteration {_word(consent.alteration)}, ")
        lines[-1] += f"commercial {_word(consent.commercial)}, "
        lines[-1] += f"redistribution {_word(consent.redistribution)}"
        if consent.words.strip():
            lines.append(f"- Consent statement: {_text(consent.words)}")
        if consent.grounds.strip():
            lines.append(f"- Grounds, stated by the user of the source: {_text(consent.grounds)}")
    for weight in weights:
        lines += ["", f"## {_text(weight.title)}", "", f"- License: {_text(weight.license)}"]
        if weight.permits is not None:
            lines.append(f"- Terms that replace the license: {_permits(weight.permits)}")
        if stated := grounds.get(f"weights {weight.id!r}"):
            lines.append(f"- Grounds: {_text(stated)}")
        lines.append(f"- Citation: {_text(weight.citation) or 'none'}")
    return ("\n".join(lines) + "\n").encode()


def _text(stated: str | None) -> str:
    """Return what a card states on one line, with nothing in it that Markdown or HTML reads."""
    return _MARKUP.sub(r"\\\1", " ".join((stated or "").split()))


def _permits(stated: Permits) -> str:
    return (
        f"research {_word(stated.research)}, commercial {_word(stated.commercial)}, "
        f"redistribution {_word(stated.redistribute)}"
    )


def _word(stated: bool | str) -> str:
    return {True: "yes", False: "no"}.get(stated, "unknown") if isinstance(stated, bool) else stated
