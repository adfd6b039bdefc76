"""Errors of detectors; they moved to ``datagen.errors``."""

from __future__ import annotations

from datagen.errors import DetectorError, ScoresError

__all__ = ["DetectorError", "ScoresError"]
