"""Reading YAML: one safe reader that refuses what plain YAML accepts silently, and bounds it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from datagen.core.plain_data import MAX_DEPTH, MAX_NODES, check_plain
from datagen.core.text import reason
from datagen.errors import DatagenError

__all__ = ["MAX_YAML", "mapping_in", "parse_yaml", "read_yaml", "yaml_text"]

MAX_YAML = 1 << 18
"""Bytes of a YAML file: a hundred times a long recipe, and two seconds of reading."""

_MAX_NUMBER = 64  # characters
_MAX_WORDS = 200
_MERGE = "tag:yaml.org,2002:merge"


class _Strict(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice (YAML 1.2, section 3.2.1.3), and bombs."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, unless it is too deep or there are too many."""
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_NODES:
            what = "nested too deeply" if self._depth > MAX_DEPTH else "too many values"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ConstructorError(None, None, what, mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        """Return the root, if it stays small when every alias is written out."""
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            _size(node, {})
        return node


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values and characters a node has with every alias written out."""
    if id(node) not in known:
        known[id(node)] = -1  # being counted
        known[id(node)] = 1 + sum(_size(inner, known) for inner in _inner(node))
        if isinstance(node, yaml.ScalarNode):
            known[id(node)] += len(node.value)
    size = known[id(node)]
    if size < 0:
        raise ConstructorError(None, None, "an alias inside of what it stands for", node.start_mark)
    if size > MAX_YAML:
        raise ConstructorError(None, None, "aliases make it too large", node.start_mark)
    return size


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Hashable, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise ConstructorError(None, None, "expected keys and values", node.start_mark)
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise ConstructorError(None, None, "a key must be a plain value", key_node.start_mark)
        if key in seen:
            shown = repr(key)[:60]
            raise ConstructorError(None, None, f"key {shown} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


def _number(loader: _Strict, node: yaml.ScalarNode) -> int | float:
    if len(node.value) > _MAX_NUMBER:
        raise ConstructorError(
            None, None, f"a number of more than {_MAX_NUMBER} characters", node.start_mark
        )
    whole = node.tag.endswith(":int")
    value: int | float = (
        loader.construct_yaml_int(node) if whole else loader.construct_yaml_float(node)
    )
    return value


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Strict.add_constructor("tag:yaml.org,2002:int", _number)
_Strict.add_constructor("tag:yaml.org,2002:float", _number)


def parse_yaml(text: str, where: str, error: type[DatagenError]) -> Any:
    """Return the value in ``text``; raise ``error`` naming ``where`` if it is not valid YAML.

    The message names line and column, and never quotes the line: the file may be something else
    that was named by mistake, with passwords in it.
    """
    if len(text) > MAX_YAML:
        raise error(f"{where}: {_too_long(len(text))}", path=where)
    try:
        value = yaml.load(text, _Strict)  # noqa: S506  # a SafeLoader
        check_plain(value)
    except (yaml.YAMLError, RecursionError) as problem:
        found = _problem(problem)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
        # A value that is not what its form or tag says, such as the date 2026-02-30 or !!int "".
        plain = isinstance(problem, ValueError)
        found = str(problem) if plain else "a value is not what its tag says"
    else:
        return value
    raise error(f"{where}: not valid YAML: {found}", path=where)


def _problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        words = ", ".join(filter(None, (error.context, error.problem, error.note)))[:_MAX_WORDS]
        mark = error.problem_mark or error.context_mark
        return f"{words} (line {mark.line + 1}, column {mark.column + 1})" if mark else words
    if isinstance(error, yaml.reader.ReaderError):
        return f"the character U+{int(error.character):04X} at position {error.position}"
    return "nested too deeply"


def _too_long(size: int) -> str:
    return f"{size} bytes are too long for a YAML file of datagen (at most {MAX_YAML} are read)"


def read_yaml(path: Path, error: type[DatagenError]) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise ``error`` with the path otherwise."""
    return mapping_in(yaml_text(path, error), path, error)


def mapping_in(text: str, path: Path, error: type[DatagenError]) -> dict[str, Any]:
    """Return the mapping in the text of a YAML file; raise ``error`` with the path otherwise."""
    value = parse_yaml(text, str(path), error)
    if value is None:
        raise error(f"{path}: empty, expected keys and values", path=path)
    if not isinstance(value, dict):
        raise error(f"{path}: expected keys and values, found {type(value).__name__}", path=path)
    return value


def yaml_text(path: Path, error: type[DatagenError]) -> str:
    """Return the text of a YAML file of at most ``MAX_YAML`` bytes; raise ``error`` otherwise."""
    try:
        if path.is_dir():
            raise error(f"{path}: is a folder, not a YAML file", path=path)
        if not path.exists():
            raise error(f"{path}: no such file", path=path)
        if not path.is_file():  # a pipe would be waited for
            raise error(f"{path}: not a regular file", path=path)
        with path.open("rb") as file:
            content = file.read(MAX_YAML + 1)
        if len(content) > MAX_YAML:
            raise error(f"{path}: {_too_long(path.stat().st_size)}", path=path)
        return content.decode("utf-8")
    except (OSError, ValueError) as problem:  # ValueError: a name that no file can have
        raise error(f"{path}: cannot be read: {reason(problem)}", path=path) from None
