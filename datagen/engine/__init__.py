"""Engines run keyed tasks; they know nothing about faces."""

from datagen.engine.base import Engine, Outcome, Task, run_all
from datagen.engine.inline import InlineEngine

__all__ = ["Engine", "InlineEngine", "Outcome", "Task", "run_all"]
