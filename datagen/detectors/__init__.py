"""Detectors over releases: score one, train a reference one, lean the next recipe to its faults."""

from __future__ import annotations
