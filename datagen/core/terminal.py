"""What a terminal is given: the one place where names from outside become safe to show.

A name in a release, a table or a folder may hold control characters, with which it could move the
cursor, recolor lines, or retitle the window. They are shown as escapes instead.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping

from datagen.errors.redact import redacted

__all__ = ["UNSAFE", "echo", "echo_json", "plain", "visible"]

UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
"""Control characters except tab and newline; what reorders text; line separators; lone surrogates,
U+FFFE and U+FFFF, which no terminal or no XML can be given."""


def plain(text: str, one_line: bool = False) -> str:
    r"""Return a text without credentials, and with control characters as escapes: ``\x1b``.

    Args:
        text: Any text.
        one_line: Newlines and tabs become escapes too.
    """
    safe = visible(redacted(text))
    return safe.replace("\n", "\\n").replace("\t", "\\t") if one_line else safe


def visible(text: str) -> str:
    """Return a text with control characters, and those that reorder it, as escapes."""
    return UNSAFE.sub(_escape, text)


def echo(*lines: object) -> None:
    """Write each argument to standard output as one line; a newline inside it is an escape."""
    sys.stdout.write("".join(f"{plain(str(line), one_line=True)}\n" for line in lines))
    sys.stdout.flush()


def echo_json(value: object) -> None:
    """Write a value to standard output as JSON, in ASCII; credentials are left out.

    Args:
        value: JSON-like data without NaN.
    """
    sys.stdout.write(f"{json.dumps(_redacted(value), indent=1, allow_nan=False)}\n")
    sys.stdout.flush()


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {redacted(str(key)): _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner) for inner in value]
    return value


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
