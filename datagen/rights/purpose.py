"""The purpose of a data set: what every license and consent must cover."""

from __future__ import annotations

from typing import Literal

from pydantic import StrictBool

from datagen.core.schema import Frozen
from datagen.rights.terms import License, Terms, license_of

__all__ = ["Purpose"]


class Purpose(Frozen):
    """What the data will be used for; a recipe's key ``purpose``.

    Attributes:
        use: Research or commercial use.
        redistribute: Whether copies of the release will be passed on.
    """

    use: Literal["research", "commercial"]
    redistribute: StrictBool = False

    @property
    def commercial(self) -> bool:
        """Whether the use is commercial."""
        return self.use == "commercial"

    @property
    def words(self) -> str:
        """The purpose in words, for documents."""
        main = "commercial use" if self.commercial else "research"
        return f"{main}, {'with' if self.redistribute else 'without'} redistribution"

    @property
    def needed(self) -> tuple[str, ...]:
        """What the purpose needs, in the words of the manifest's column ``purposes``."""
        return (self.use, "redistribute") if self.redistribute else (self.use,)

    def license(self, expression: str) -> License:
        """Return what an SPDX expression permits; of alternatives, the one that fits best."""
        return license_of(expression, self.commercial, self.redistribute)

    def covered_by(self, terms: Terms | License) -> bool:
        """Return whether the terms permit this purpose; unknown counts as no."""
        main = terms.commercial if self.commercial else terms.research
        return bool(main) and (bool(terms.redistribute) or not self.redistribute)

    def __str__(self) -> str:
        """The purpose as a recipe writes it: ``use: research, redistribute: false``."""
        return f"use: {self.use}, redistribute: {str(self.redistribute).lower()}"
