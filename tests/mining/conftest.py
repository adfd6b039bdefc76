from __future__ import annotations

from tests.detectors.conftest import small

__all__ = ["small"]
