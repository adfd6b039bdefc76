"""Whose name a license asks for where copies are redistributed, and whether it is stated."""

from __future__ import annotations

from datagen.rights.purpose import Purpose
from datagen.rights.terms import License

__all__ = ["needs_attribution", "stated_attribution"]

_NO_ONE = frozenset({"", "-", "?", "unknown", "n/a", "na", "none", "null", "nan", "tbd", "todo"})


def stated_attribution(text: str | None) -> str:
    """Return an attribution without blanks around it; empty if it names no one."""
    stripped = (text or "").strip()
    return "" if stripped.strip(" .()[]<>").lower() in _NO_ONE else stripped


def needs_attribution(license: License, purpose: Purpose) -> bool:
    """Return whether a license requires attribution for this purpose."""
    return purpose.redistribute and bool(license.redistribute) and license.attribution
