"""Hostile values: texts, numbers, and pieces of YAML and JSON that no Python value stands for."""

from __future__ import annotations

import os
import random
from typing import Any

__all__ = ["CONTENT", "RAW_JSON", "RAW_YAML", "SECRET", "Still", "hostile", "text"]


class Still(random.Random):
    """Draws as ever, but mutators return what they are given: the accepted input."""


SECRET = "fuzzsecret5309"
"""Value of a variable of the environment, and password in addresses: never to be printed."""

CONTENT = "fuzzcontent8812"
"""Content of a file outside of every input: never to be read."""

_OUTSIDE = os.environ.get("FUZZ_OUTSIDE", "/outside")  # a folder that no input may touch

_TEXTS = (
    *("", " ", "\n", "a\nb", "a\tb", "a,b", '"', "'", "\\", "é", "\ufeffa", "\u202eabc", "a" * 300),
    *("\x00", "a\x00b", "\x1b[31mfuzz\x1b]0;fuzz\x07", "\x9b31mfuzz", "\r", "\x7f"),
    *("[/bold]", "\\[/x]", "[bold]", "[link=http://a]", "[/]", "[", "{0.__class__}", "{paths}"),
    *("<script>fuzz()</script>", "\"><img src=x onerror='fuzz()'>", "]]><fuzz/>", "&amp;", "%s%n"),
    *("..", ".", "/", "~", "~root", "../canary.csv", "../../outside/canary.csv", "a/../../b"),
    *("{outside}/canary.csv", "file://{outside}/canary.csv", "{outside}/written", "../written"),
    *("/dev/zero", "/dev/null", "/dev/stdin", "C:\\x", "con", "a" * 5000),
    *("${FUZZ_SECRET}", "http://127.0.0.1:9/${FUZZ_SECRET}", "$FUZZ_SECRET/a", "~/${HOME}"),
    *(f"s3://KEY:{SECRET}@bucket/x", f"http://user:{SECRET}@127.0.0.1:9/x", "memory://x", "://"),
    *("zip://a::{outside}/a.zip", "simplecache::file://{outside}/canary.csv", "nosuch://x"),
    *("nan", "inf", "1e999", "1e-99999999", "-0", "0x" + "f" * 3000, "9" * 5000, "1/0", "1/3"),
    *("image/svg+xml", "image/bashrc", "image/../../x", "text/html", "true", "null", "no", "2030"),
    *(
        "(CC0-1.0 OR MIT) AND " * 40 + "MIT",
        "CC-BY-4.0 AND CC-BY-NC-SA-4.0",
        "(" * 3000,
        "[" * 3000,
    ),
)
_NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 2, 17, 18, 255, 256, 65536, 2**31 - 1, 2**31, 2**53, 2**63, 2**64, 10**30),
    *(-(2**63), 10**400, 0.0, -0.5, 0.1, 0.999999, 1.0000001, 1e-300, 1e300, -1e300, 1e9),
)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [None], [{}], [[]], {"": None}, {"a": {}})

RAW_YAML = (
    *(".inf", "-.inf", ".nan", "0x" + "f" * 5000, "0b" + "1" * 20000, "1" * 5000, "1_000", "0o17"),
    *(
        "1e-99999999",
        "'1e-99999999'",
        "1e99999999",
        "190:20:30",
        "2026-02-30",
        "2026-11-28",
        "=",
        "<<",
    ),
    *('"\\0"', '"\\ud800"', '"\\udfff\\ud800"', '"\\x1b[31m"', "!!binary aGk=", "!!binary '!'"),
    *("!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!set {a}", "!x y"),
    *("!!float x", "!!int x", "!!timestamp x", "!!bool x", "!!omap [a: 1]", "&a [*a]", "*none"),
    *("[" * 200 + "]" * 200, "[" * 3000 + "]" * 3000, "{a: " * 150 + "1" + "}" * 150),
    *(
        "[" * 3000,
        "{? [a] : 1}",
        "{? {a: 1} : 2}",
        "{<<: 1}",
        "{<<: [{a: 1}, {b: 2}]}",
        "{a: 1, a: 2}",
    ),
    "[&a [x, x, x, x, x, x, x, x, x], &b [*a, *a, *a, *a, *a, *a, *a, *a, *a], "
    "&c [*b, *b, *b, *b, *b, *b, *b, *b, *b], &d [*c, *c, *c, *c, *c, *c, *c, *c, *c], "
    "&e [*d, *d, *d, *d, *d, *d, *d, *d, *d], &f [*e, *e, *e, *e, *e, *e, *e, *e, *e], "
    "&g [*f, *f, *f, *f, *f, *f, *f, *f, *f], *g]",
    "|\n  a\n\n  b\n",
)
RAW_JSON = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "1e400", "-0", "0.0"),
    *('"\\ud800"', '"\\u0000"', '"\\u001b[31m"', "[" * 200 + "]" * 200, "[" * 100000, "{}", "[{}]"),
    *("[" * 50000 + "]" * 50000, '{"a":' * 2000 + "1" + "}" * 2000, '{"a": 1, "a": 2}', "'a'", ""),
)


def text(rng: random.Random) -> str:
    """Return a hostile text."""
    return rng.choice(_TEXTS).replace("{outside}", _OUTSIDE)


def hostile(rng: random.Random) -> Any:
    """Return a hostile value of any type."""
    kind = rng.random()
    if kind < 0.5:
        return text(rng)
    return rng.choice(_NUMBERS if kind < 0.85 else _OTHERS)
