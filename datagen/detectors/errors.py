"""What a user of detectors must mend."""

from __future__ import annotations

from datagen.errors import UserError

__all__ = ["DetectorError", "ScoresError"]


class DetectorError(UserError):
    """A detector's spec, configuration or file is wrong; the message says which and what to do."""


class ScoresError(UserError):
    """A file of scores is missing, is not one, or belongs to another release or split."""
