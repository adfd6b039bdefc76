"""What the exit code of a command says."""

from __future__ import annotations

__all__ = ["DONE", "INTERRUPTED", "NOT_DONE", "USER_ERROR"]

DONE = 0
"""All went well."""

NOT_DONE = 1
"""The run did not complete, or what was checked did not pass."""

USER_ERROR = 2
"""The user must change something first."""

INTERRUPTED = 130
"""Stopped by the user: 128 and the number of SIGINT, as in a shell."""
