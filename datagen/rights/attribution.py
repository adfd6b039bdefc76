"""``rights/ATTRIBUTION.md``: the attribution and terms that users of a release must follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from datagen.rights.gate import Decision
from datagen.sources.card import SourceCard
from datagen.weights.card import Permits, WeightCard

__all__ = ["attribution_document"]


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
        lines.append(f"| {decision.subject}: {decision.title} | {decision.license} | {covered} |")
    for card in cards:
        consent = card.consent
        lines += ["", f"## {card.title}", "", f"- License: {card.license}"]
        lines.append(f"- Attribution: {card.attribution.strip() or 'none stated'}")
        lines.append(f"- Homepage: {card.homepage or 'none'}")
        lines.append(f"- Consent: {consent.basis}; alteration {_word(consent.alteration)}, ")
        lines[-1] += f"commercial {_word(consent.commercial)}, "
        lines[-1] += f"redistribution {_word(consent.redistribution)}"
        if consent.words.strip():
            lines.append(f"- Consent statement: {consent.words.strip()}")
        if consent.grounds.strip():
            lines.append(f"- Grounds, stated by the user of the source: {consent.grounds.strip()}")
    for weight in weights:
        lines += ["", f"## {weight.title}", "", f"- License: {weight.license}"]
        if weight.permits is not None:
            lines.append(f"- Terms that replace the license: {_permits(weight.permits)}")
        if stated := grounds.get(f"weights {weight.id!r}"):
            lines.append(f"- Grounds: {' '.join(stated.split())}")
        lines.append(f"- Citation: {weight.citation.strip() or 'none'}")
    return ("\n".join(lines) + "\n").encode()


def _permits(stated: Permits) -> str:
    return (
        f"research {_word(stated.research)}, commercial {_word(stated.commercial)}, "
        f"redistribution {_word(stated.redistribute)}"
    )


def _word(stated: bool | str) -> str:
    return {True: "yes", False: "no"}.get(stated, "unknown") if isinstance(stated, bool) else stated
