"""The last line of a command: what to do with what it made."""

from __future__ import annotations

import shlex

from datagen.core.progress import Progress

__all__ = ["command_line", "next_step"]


def next_step(*steps: str) -> None:
    """Show what may come next, on standard error: scripts read the results alone.

    Args:
        steps: Commands, or sentences.
    """
    Progress().note(f"next: {'; '.join(steps)}")


def command_line(*words: object) -> str:
    """Return a command of ``datagen`` as a shell reads it."""
    return shlex.join(["datagen", *map(str, words)])
