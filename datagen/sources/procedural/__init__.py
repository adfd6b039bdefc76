"""People who don't exist, rendered by a program: a source without photographs."""

from __future__ import annotations

from .portrait import VERSION, Portrait, Truth, describe, render, truth

__all__ = ["VERSION", "Portrait", "Truth", "describe", "render", "truth"]
