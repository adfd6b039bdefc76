"""Source cards: what a set of faces is, its license, and the consent of the people in it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field, StrictBool, model_validator

from datagen.core.digests import digest_of
from datagen.core.fields import Line
from datagen.core.schema import Frozen, parse
from datagen.core.yaml_io import read_yaml
from datagen.errors import CardError

__all__ = ["ADULT_AGE", "Consent", "SourceCard", "Stated", "load_card"]

ADULT_AGE = 18
"""From this age in years on, somebody counts as an adult."""

Stated: TypeAlias = StrictBool | Literal["unknown"]
"""What a card states about one permission; unknown counts as no."""


class Consent(Frozen):
    """What the depicted people consented to; this is a separate question from the license.

    Attributes:
        basis: How consent was given; ``platform_terms`` is not enough without ``grounds``.
        alteration: Whether their faces may be altered.
        analysis: Whether the faces may be found and measured without being altered; left out, that
            is so where they may be altered.
        commercial: Whether the images may serve a commercial purpose.
        redistribution: Whether altered images may be redistributed.
        adults_only: Whether all depicted people are known to be 18 or older.
        expires: Last day on which the consent is valid.
        words: The sentence that grants the consent, quoted.
        grounds: Who decided, when and why, if the user of the source states the terms.
    """

    basis: Literal["signed", "public_domain", "platform_terms", "synthetic", "unknown"]
    alteration: Stated = "unknown"
    analysis: Stated | None = None
    commercial: Stated = "unknown"
    redistribution: Stated = "unknown"
    adults_only: Stated = "unknown"
    expires: dt.date | None = None
    words: str = ""
    grounds: str = ""

    @model_validator(mode="after")
    def _a_yes_is_explained(self) -> Consent:
        if self.alteration is True and self.analysis not in (None, True):
            raise ValueError(
                "alteration is true, and analysis is not: no face can be altered that may not be "
                "analyzed. Remove 'analysis', or set it to true"
            )
        said_yes = True in (self.alteration, self.analysis, self.commercial, self.redistribution)
        if said_yes and not (self.words.strip() or self.grounds.strip()):
            raise ValueError(
                "a permission that is true needs 'words' (the sentence that grants it) "
                "or 'grounds' (who decided, when and why)"
            )
        return self


class SourceCard(Frozen):
    """Everything that the rights gate needs to know about a source, and how to read its files.

    Attributes:
        id: Id of the source, unique within a recipe.
        title: Title of the source.
        version: Version of the source, as its makers state it.
        homepage: Web address of the source.
        description: What the source contains.
        license: SPDX expression of the images' license, or ``unknown``.
        consent: What the depicted people consented to.
        attribution: Attribution that the source requires.
        layout: Name of the layout; see ``datagen list sources``.
        options: Options of the layout; a recipe may replace single ones.
        identity: ``known`` if the layout tells identities apart; ``per_image`` if every image
            counts as an identity of its own and near-duplicates are grouped.
        faces: Whether all faces in an image count, or only the largest.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)
    title: str = Field(min_length=1)
    version: str = ""
    homepage: str = ""
    description: str = ""
    license: Line = Field(min_length=1, max_length=1000)
    consent: Consent
    attribution: str = ""
    layout: str
    options: dict[str, Any] = Field(default_factory=dict)
    identity: Literal["known", "per_image"] = "known"
    faces: Literal["largest", "all"] = "largest"

    def digest(self) -> str:
        """Return the digest of the card's content, 64 hex digits."""
        body = self.model_dump(mode="json")
        if body["consent"]["analysis"] is None:  # cards from before this clause keep their digest
            del body["consent"]["analysis"]
        return digest_of(body)


def load_card(path: Path) -> SourceCard:
    """Read a source card.

    Raises:
        CardError: The file is missing or not YAML, or a key is wrong.
    """
    body = read_yaml(path, CardError)
    required = [name for name, key in SourceCard.model_fields.items() if key.is_required()]
    if not any(name in body for name in required):  # then its content is not for a message
        raise CardError(
            f"{path}: is no source card: it has none of the keys {', '.join(required)}", path=path
        )
    return parse(SourceCard, body, str(path), CardError)
