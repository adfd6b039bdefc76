"""Source cards: what a set of faces is, under which license and with whose consent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator

from datagen.core.digests import digest_of
from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import CardError

__all__ = ["Consent", "SourceCard", "Stated", "load_card"]

Stated: TypeAlias = bool | Literal["unknown"]
"""What a card says of one permission; unknown counts as no."""


class Consent(Frozen):
    """What the depicted people agreed to, which is another question than the license.

    Attributes:
        basis: How consent was given; ``platform_terms`` is not enough without ``grounds``.
        alteration: May their faces be altered?
        commercial: May the images serve a commercial purpose?
        redistribution: May altered images be passed on?
        adults_only: Is everybody known to be 18 or older?
        expires: Day after which the consent no longer holds.
        words: The sentence that grants it, quoted.
        grounds: Who decided, when and why, where the user states the terms themselves.
    """

    basis: Literal["signed", "public_domain", "platform_terms", "synthetic", "unknown"]
    alteration: Stated = "unknown"
    commercial: Stated = "unknown"
    redistribution: Stated = "unknown"
    adults_only: Stated = "unknown"
    expires: dt.date | None = None
    words: str = ""
    grounds: str = ""

    @model_validator(mode="after")
    def _a_yes_is_explained(self) -> Consent:
        said_yes = True in (self.alteration, self.commercial, self.redistribution)
        if said_yes and not (self.words.strip() or self.grounds.strip()):
            raise ValueError(
                "a permission that is true needs 'words' (the sentence that grants it) "
                "or 'grounds' (who decided, when and why)"
            )
        return self


class SourceCard(Frozen):
    """Everything that the rights gate needs to know of a source, and how to read its files.

    Attributes:
        license: SPDX expression of the images, or ``unknown``.
        layout: Name of the reader, see ``datagen list sources``.
        options: Options of that layout; a recipe's entry may override single keys.
        identity: ``known`` when the layout tells people apart; ``per_image`` when every
            image counts as a person of its own and near-duplicates are grouped.
        faces: Of several faces in an image, whether all count or only the largest.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    title: str = Field(min_length=1)
    version: str = ""
    homepage: str = ""
    description: str = ""
    license: str = Field(min_length=1)
    consent: Consent
    attribution: str = ""
    layout: str
    options: dict[str, Any] = Field(default_factory=dict)
    identity: Literal["known", "per_image"] = "known"
    faces: Literal["largest", "all"] = "largest"

    def digest(self) -> str:
        """Return 64 hex digits of the card's content."""
        return digest_of(self.model_dump(mode="json"))


def load_card(path: Path) -> SourceCard:
    """Read a source card.

    Raises:
        CardError: Missing, not YAML, or wrong, with the key.
    """
    return parse(SourceCard, read_yaml(path, CardError), str(path), CardError)
