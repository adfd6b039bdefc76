"""What ``tests/test_house.py`` measures: modules, functions, imports between rooms, and words."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "datagen"
# Old names, which messages about renamed keys compare with what was found.
RENAMED = PACKAGE / "core" / "text.py"
# Text that is sent to networks; its bytes decide those of images.
PROMPTS = PACKAGE / "networks" / "diffusion" / "prompts.yaml"

# Words that the glossary replaces: docs/decisions/0023-the-house.md and docs/glossary.md.
BANNED = {
    "picture": "image",
    "pictures": "images",
    "licence": "license",
    "licences": "licenses",
    "colour": "color",
    "colours": "colors",
    "analyser": "analyzer",
    "analysers": "analyzers",
    "lender": "donor",
    "lenders": "donors",
    "grey": "gray, or 8-bit intensity levels",
    "hit rate": "TPR",
    "false-alarm rate": "FPR",
    "mend": "fix",
    "nobody": "no face, no identity",
    "lean": "reweight",
    "leans": "reweights",
    "damage": "degradation",
}
_BANNED = re.compile(r"\b(" + "|".join(BANNED) + r")\b", re.IGNORECASE)
# Names that are part of a format (random streams, digests, weight files), and titles of papers.
EXEMPT = (
    *('"colour"', '"pictures"', '".picture."'),
    *("linear colour mapping", "example-based colour transfer"),
)
_TEXTS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


@cache
def modules() -> dict[str, Path]:
    """Return the dotted name of every module of the package with its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def lines_of(path: Path) -> int:
    """Return how many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a file with its number of lines."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def room_of(module: str) -> str:
    """Return the room of a module: the first part below the package; its root is ``datagen``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def arrows() -> set[tuple[str, str]]:
    """Return which room imports which, wherever in a module the import is written.

    Imports that are made for type checkers only do not count, nor do the lazy names of the
    package's root, which imports nothing by itself.
    """
    found = set()
    for name, path in modules().items():
        if name == "datagen":
            continue
        for target in _imports(tree(path)):
            if target.split(".")[0] == "datagen":
                found.add((room_of(name), room_of(target)))
    return {(one, other) for one, other in found if one != other}


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield whole if whole in modules() else node.module
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def circle(edges: set[tuple[str, str]]) -> list[str]:
    """Return the rooms of one circle of imports, or nothing."""
    after = {one: sorted(b for a, b in edges if a == one) for one, _ in edges}
    done: set[str] = set()

    def visit(room: str, path: list[str]) -> list[str]:
        if room in path:
            return [*path[path.index(room) :], room]
        if room in done:
            return []
        for other in after.get(room, []):
            if found := visit(other, [*path, room]):
                return found
        done.add(room)
        return []

    for room in sorted(after):
        if found := visit(room, []):
            return found
    return []


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every comment and string of a module, docstrings and messages included."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in _TEXTS:
                yield token.start[0], token.string


def banned_words(text: str) -> list[str]:
    """Return the banned words of a text, each as ``found -> say``."""
    text = " ".join(text.split())
    for words in EXEMPT:
        text = text.replace(words, "")
    return [f"{word} -> {BANNED[word.lower()]}" for word in _BANNED.findall(text)]
