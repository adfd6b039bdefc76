"""People made by the program: a source that needs nobody's photographs."""

from __future__ import annotations

from .portrait import VERSION, Portrait, Truth, describe, render, truth

__all__ = ["VERSION", "Portrait", "Truth", "describe", "render", "truth"]
