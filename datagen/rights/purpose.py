"""The purpose, as the rights gate sees it."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.rights.terms import Licence, Terms, licence_of

__all__ = ["Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """The purpose, as the gate sees it."""

    commercial: bool
    redistribute: bool

    def licence(self, expression: str) -> Licence:
        """Return what an SPDX expression permits, of alternatives the one that fits this use."""
        return licence_of(expression, self.commercial, self.redistribute)

    def covered_by(self, terms: Terms | Licence) -> bool:
        """Say whether the answers permit this use; unknown means no."""
        main = terms.commercial if self.commercial else terms.research
        return bool(main) and (bool(terms.redistribute) or not self.redistribute)
