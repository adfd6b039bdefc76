"""The SPDX id that somebody means who writes the name or the address of a license."""

from __future__ import annotations

import re

__all__ = ["spdx_of"]

_VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
_VERSION = re.compile(r"(?<![\d.])v?(\d)(?:\.(\d))?(?![\d.])")
_CREATIVE = re.compile(r"\bcc\b|creative commons|creativecommons|attribution|\bccby|\bby\b")
_ZERO = re.compile(r"\bcc ?(0|zero)\b|publicdomain zero|\bpublic domain dedication\b")
_MARK = re.compile(r"publicdomain mark|public domain( mark)?|\bpdm\b")
_PARTS = (
    ("NC", re.compile(r"\bnc\b|non ?commercial")),
    ("ND", re.compile(r"\bnd\b|no ?deriv")),
    ("SA", re.compile(r"\bsa\b|share ?alike")),
)


def spdx_of(text: str) -> str:
    """Return the SPDX id of a Creative Commons license written otherwise, or an empty text.

    Where the version is missing, the answer names the form and says so: versions differ.
    """
    words = " ".join(re.split(r"[^a-z0-9.]+", text.lower())).strip()
    words = re.sub(r"\bccby", "cc by ", words)
    if _ZERO.search(words):
        return "CC0-1.0"
    if _CREATIVE.search(words):
        kind = "-".join(["CC", "BY", *(part for part, named in _PARTS if named.search(words))])
        found = _VERSION.search(re.sub(r"\bcc0\b", "", words))
        version = f"{found[1]}.{found[2] or 0}" if found else ""
        if version in _VERSIONS:
            return f"{kind}-{version}"
        return f"{kind} with its version, such as {kind}-4.0"
    if _MARK.search(words):
        return "LicenseRef-PDM"
    return ""
