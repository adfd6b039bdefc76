"""What the signed licence file of an insightface pack grants."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen.errors import MissingExtraError
from datagen.weights.insightface.library import load_insightface, without_deprecations

__all__ = ["PackLicence", "pack_licence"]

# The library looks for the licence file where the manifest says, else beside the networks.
_SIGNS = ("MODEL.LICENSE", "manifest.json")


@dataclass(frozen=True, slots=True)
class PackLicence:
    """What the library says of a pack's own licence.

    Attributes:
        commercial: Whether a verified licence permits commercial use.
        problem: Why a licence file that is there does not hold; empty: it holds, or there is none.
        words: What was verified; empty: no licence file, so the public terms hold.
    """

    commercial: bool = False
    problem: str = ""
    words: str = ""


def pack_licence(folder: Path) -> PackLicence:
    """Read and verify the licence of the pack in ``folder``; without one the public terms hold.

    Raises:
        MissingExtraError: There may be one, and no insightface (2.0 or later) to verify it.
    """
    if not any(os.path.lexists(folder / name) for name in _SIGNS):
        return PackLicence()
    found = _library()(folder)
    if found.error:
        return PackLicence(problem=str(found.error))
    if found.license is None:
        return PackLicence()
    until = found.license.valid_until
    words = (
        f"licence file {found.license.license_id}, verified by insightface: "
        f"{found.license.grant} use of {found.license.model_id}"
    )
    if found.license.customer:
        words += f" by {found.license.customer}"
    words += f", until {until.date().isoformat()}" if until else ", without an end"
    return PackLicence(bool(found.commercial_use_permitted), words=words)


def _library() -> Any:
    reason = "reading the licence file of a model pack"
    load_insightface(reason)
    try:
        with without_deprecations():
            from insightface.model_zoo.model_license import inspect_model_package_license
    except ImportError:  # before 2.0 packs had no licence files
        raise MissingExtraError("insightface>=2.0", "insightface", reason) from None
    return inspect_model_package_license
