"""What a dataset card says in the Hugging Face hub's own words: licenses and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["GATED_PROMPT", "license_fields", "size_category", "terms_fields"]

_LICENSES = frozenset(
    {
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "unlicense", "cc0-1.0", "pddl"),
        *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0"),
        *("cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
        *("odc-by", "odbl", "gpl-3.0", "agpl-3.0", "lgpl-3.0"),
    }
)
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))

GATED_PROMPT = (
    "The images show faces. By asking for access you confirm that you will train or test detectors "
    "of manipulated faces with them, that you keep the terms in rights/ATTRIBUTION.md, and that "
    "you will not identify, imitate, deceive or harass anyone with them."
)


def license_fields(licenses: Sequence[str]) -> dict[str, Any]:
    """Return the fields ``license`` and, where the hub has no id for it, its name and link.

    Args:
        licenses: SPDX expressions.
    """
    known = [name.lower() for name in licenses]
    if known and all(name in _LICENSES for name in known):
        return {"license": known[0] if len(known) == 1 else known}
    return {
        "license": "other",
        "license_name": " AND ".join(licenses),
        "license_link": "rights/ATTRIBUTION.md",
    }


def size_category(count: int) -> str:
    """Return the hub's category of a number of rows."""
    return next((name for limit, name in _SIZES if count < limit), "1M<n<10M")


def terms_fields(purpose: Mapping[str, Any]) -> dict[str, Any]:
    """Return what keeps a copy from being passed on where the purpose does not allow it.

    Args:
        purpose: The purpose as in ``release.json``.
    """
    fields: dict[str, Any] = {"extra_gated_prompt": GATED_PROMPT}
    if not purpose.get("redistribute"):
        fields["tags"] = ["do-not-redistribute"]
    return fields
