"""One form in which names are compared, whoever typed them and on whichever system."""

from __future__ import annotations

import unicodedata

__all__ = ["folded", "latin", "spelling"]

# Letters of other scripts that look like these (Unicode TR 39), in lower case, beside
# those that NFKC replaces.
_LOOKS = {
    "a": "\u0430\u0251\u03b1\u13aa",
    "b": "\u044c\u0185\u13cf\u0432\u03b2",
    "c": "\u0441\u03f2\u1d04\u13df",
    "d": "\u0501\u13e7\u146f",
    "e": "\u0435\u212e\u04bd\u13ac\u03b5",
    "g": "\u0261\u0581\u018d\u13c0\u050d",
    "h": "\u04bb\u0570\u13c2\u043d",
    "i": "\u0456\u0131\u0269\u03b9\u13a5",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba\u13e6",
    "l": "\u04cf\u01c0\u05c0",
    "m": "\u043c\u13b7",
    "n": "\u0578\u057c\u03b7",
    "o": "\u043e\u03bf\u0585\u03c3\u1d0f",
    "p": "\u0440\u03c1\u13e2",
    "q": "\u051b\u0563",
    "r": "\u0433\u1d26",
    "s": "\u0455\u01bd\u13da",
    "t": "\u0442\u03c4\u13a2",
    "u": "\u057d\u03c5\u1d1c",
    "v": "\u0475\u03bd\u1d20\u13d9",
    "w": "\u051d\u0461\u13b3",
    "x": "\u0445\u03c7",
    "y": "\u0443\u04af\u03b3\u028f\u13bd",
    "z": "\u1d22\u13c3",
}
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"  # letters and a symbol without any ink
_LATIN = {ord(sign): letter for letter, signs in _LOOKS.items() for sign in signs}


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


def latin(name: str) -> str:
    """Return a folded name in Latin letters where those of other scripts look the same.

    Accents and signs that cannot be seen are left out.
    """
    apart = unicodedata.normalize("NFKD", folded(name))
    seen = (sign for sign in apart if unicodedata.category(sign)[0] != "M" and sign not in _BLANK)
    return "".join(seen).translate(_LATIN)
