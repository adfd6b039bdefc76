"""The grants of the signed license file of an insightface pack."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen.errors import MissingExtraError
from datagen.weights.insightface.library import load_insightface, without_deprecations

__all__ = ["PackLicense", "pack_license"]

# The library looks for the license file where the manifest says, or beside the networks.
_SIGNS = ("MODEL.LICENSE", "manifest.json")


@dataclass(frozen=True, slots=True)
class PackLicense:
    """The library's judgment of a pack's own license.

    Attributes:
        commercial: Whether a verified license permits commercial use.
        problem: Why an existing license file is not valid; empty: it is valid, or there is none.
        words: What was verified; empty: no license file, so the public terms apply.
    """

    commercial: bool = False
    problem: str = ""
    words: str = ""


def pack_license(folder: Path) -> PackLicense:
    """Read and verify the license of the pack in ``folder``; without one the public terms apply.

    Raises:
        MissingExtraError: There may be one, but insightface (2.0 or later) is not installed.
    """
    if not any(os.path.lexists(folder / name) for name in _SIGNS):
        return PackLicense()
    found = _library()(folder)
    if found.error:
        return PackLicense(problem=str(found.error))
    if found.license is None:
        return PackLicense()
    until = found.license.valid_until
    words = (
        f"license file {found.license.license_id}, verified by insightface: "
        f"{found.license.grant} use of {found.license.model_id}"
    )
    if found.license.customer:
        words += f" by {found.license.customer}"
    words += f", until {until.date().isoformat()}" if until else ", without an end date"
    return PackLicense(bool(found.commercial_use_permitted), words=words)


def _library() -> Any:
    reason = "reading the license file of a model pack"
    load_insightface(reason)
    try:
        with without_deprecations():
            from insightface.model_zoo.model_license import inspect_model_package_license
    except ImportError:  # before 2.0 packs had no license files
        raise MissingExtraError("insightface>=2.0", "insightface", reason) from None
    return inspect_model_package_license
