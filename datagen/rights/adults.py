"""Who counts as an adult, and which images may be read by the age that is stated."""

from __future__ import annotations

from datagen.sources.card import ADULT_AGE, SourceCard

__all__ = ["ADULT_AGE", "is_adult", "refuse_age"]


def is_adult(years: float) -> bool:
    """Return whether an age in years is an adult's; NaN is not."""
    return years >= ADULT_AGE


def refuse_age(card: SourceCard, years: float | None) -> tuple[str, str] | None:
    """Return why an image may not be read, as a code and a detail, or ``None`` if it may.

    Args:
        card: The card of the image's source.
        years: Age of the depicted person as the source states it; ``None`` if it states none.
    """
    if years is not None and not is_adult(years):
        return "under_age", f"{years:g} years"
    if years is None and card.consent.adults_only is not True:
        return "age_unknown", ""
    return None
