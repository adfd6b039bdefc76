"""The names of random streams are part of the format: another name, and every draw is another."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import datagen

FOLDER = Path(__file__).parent

# What makes a generator from the parts of a name.
MAKERS = {"rng"}


def _text(part: ast.expr) -> str | None:
    """Return a constant part of a name, with ``{}`` for what an f-string fills in."""
    if isinstance(part, ast.Constant) and isinstance(part.value, str):
        return part.value
    if isinstance(part, ast.JoinedStr):
        pieces = (piece.value if isinstance(piece, ast.Constant) else "{}" for piece in part.values)
        return "".join(map(str, pieces))
    return None


def _name(parts: list[ast.expr]) -> str:
    found = (_text(part) for part in parts)
    return " ".join(text for text in found if text is not None)


def streams_of(source: str) -> Iterator[str]:
    """Iterate over the names in a module, each the constant parts of one call, in order.

    A crossing of methods and degradations is given the beginning of its name as a tuple.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
        if name in MAKERS:
            yield _name(node.args)
        elif name == "Crossing":
            keys = [part.elts for part in node.args if isinstance(part, ast.Tuple)]
            yield from map(_name, keys)


def test_names_are_the_frozen_ones() -> None:
    frozen: list[str] = json.loads((FOLDER / "streams.json").read_text(encoding="utf-8"))
    modules = Path(datagen.__path__[0]).rglob("*.py")
    found = {
        name for path in modules for name in streams_of(path.read_text(encoding="utf-8")) if name
    }
    lost, new = sorted(set(frozen) - found), sorted(found - set(frozen))
    assert not lost, f"streams were renamed, so that recipes draw something else: {lost}, now {new}"
    assert not new, f"new streams: add them to {FOLDER.name}/streams.json: {new}"
    assert frozen == sorted(set(frozen))


def test_every_call_has_a_name() -> None:
    modules = Path(datagen.__path__[0]).rglob("*.py")
    nameless = [path.name for path in modules if "" in streams_of(path.read_text(encoding="utf-8"))]
    assert nameless == []


def test_a_name_is_read_from_a_call() -> None:
    source = 'a = draws.rng(seed, "x", b, f"method/{n}")\ng = rng(*k, "y")\nother("z")'
    assert list(streams_of(source)) == ["x method/{}", "y"]
