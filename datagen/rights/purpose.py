"""The purpose, as the rights gate sees it."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.rights.terms import License, Terms, license_of

__all__ = ["Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """The purpose, as the gate sees it."""

    commercial: bool
    redistribute: bool

    def license(self, expression: str) -> License:
        """Return what an SPDX expression permits, of alternatives the one that fits this use."""
        return license_of(expression, self.commercial, self.redistribute)

    def covered_by(self, terms: Terms | License) -> bool:
        """Say whether the answers permit this use; unknown means no."""
        main = terms.commercial if self.commercial else terms.research
        return bool(main) and (bool(terms.redistribute) or not self.redistribute)
