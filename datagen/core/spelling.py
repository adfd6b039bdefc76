"""One form in which names are compared, whoever typed them and on whichever system."""

from __future__ import annotations

import unicodedata

__all__ = ["folded", "spelling"]


def spelling(name: str) -> str:
    """Return a name without what cannot be seen: NFC, single blanks, no invisible characters.

    Systems write one name in two forms (a letter with its accent, or letter and accent), and
    tables and folders carry blanks at the end: such names are equal.
    """
    composed = unicodedata.normalize("NFC", name)
    seen = "".join(letter for letter in composed if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFC", " ".join(seen.split()))


def folded(name: str) -> str:
    """Return a name without regard to case and width either: equal for every equal spelling."""
    return spelling(unicodedata.normalize("NFKC", spelling(name)).casefold())
