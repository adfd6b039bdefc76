"""Edits of a YAML file that keep its comments, its order and its style."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import yaml

from datagen.core.terminal import plain

__all__ = ["KeyPath", "edit_yaml"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the root, e.g. ``("methods", 0, "share")``."""

_WIDTH = 10_000  # no line is ever wrapped


def edit_yaml(
    text: str,
    values: Mapping[KeyPath, Any],
    notes: Mapping[KeyPath, Sequence[str]] | None = None,
    mark: str = "",
) -> str:
    """Return the YAML with new values; everything else, comments included, stays as it was.

    In a file with anchors one value may stand in several places, so there every value is written
    out and the comments are lost.

    Args:
        text: A mapping of keys.
        values: New values by path. A new key of the root becomes the first one.
        notes: Lines of comment to put above an entry of a list, by the entry's path.
        mark: What every note begins with after ``#``: comment lines that begin with it are
            notes of an earlier edit and are removed.
    """
    if mark:
        text = re.sub(rf"^[ \t]*# {re.escape(mark)}.*\n", "", text, flags=re.MULTILINE)
    editor, root = _loaded(_lifted(text))
    for path, value in values.items():
        _set(root, path, value)
    for path in notes or ():
        _set_block_style(root, path[:-1])
    buffer = io.StringIO()
    editor.dump(root, buffer)
    return _with_notes(buffer.getvalue(), notes or {}, mark)


def _lifted(text: str) -> str:
    """Move comments inside of brackets above the line of the bracket: ruamel.yaml drops them."""
    depth = opened = last = 0
    edits: list[tuple[int, int, str]] = []
    for token in yaml.scan(text, yaml.SafeLoader):
        start, end = token.start_mark.index, token.end_mark.index
        if depth:
            for found in re.finditer(r"[ \t]*#[^\n]*", text[last:start]):
                edits.append((last + found.start(), last + found.end(), ""))
                line = text.rfind("\n", 0, opened) + 1
                indent = re.match(" *", text[line:opened])
                said = found.group().strip()
                edits.append((line, line, f"{indent.group() if indent else ''}{said}\n"))
        if isinstance(token, yaml.FlowMappingStartToken | yaml.FlowSequenceStartToken):
            opened = opened if depth else start
            depth += 1
        elif isinstance(token, yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken):
            depth -= 1
        last = end
    for start, end, new in reversed(sorted(edits, key=lambda edit: edit[:2])):
        text = text[:start] + new + text[end:]
    return text


def _loaded(text: str) -> tuple[Any, Any]:
    """Return the round-trip editor and the document."""
    from ruamel.yaml import YAML

    editor: Any = YAML()
    editor.preserve_quotes = True
    editor.width = _WIDTH
    offset = _list_offset(text)
    editor.indent(mapping=2, sequence=2 + offset, offset=offset)
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, yaml.SafeLoader)):
        plain = io.StringIO()
        editor.dump(yaml.safe_load(text), plain)
        text = plain.getvalue()
        editor.indent(mapping=2, sequence=2, offset=0)
    return editor, editor.load(text)


def _list_offset(text: str) -> int:
    """Return by how many columns the lists of a file are indented below their key."""
    root = yaml.compose(text, yaml.SafeLoader)
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if isinstance(value, yaml.SequenceNode) and not value.flow_style:
                return int(value.start_mark.column - key.start_mark.column)
    return 2


def _at(root: Any, path: KeyPath) -> Any:
    node = root
    for part in path:
        node = node[part]
    return node


def _set(root: Any, path: KeyPath, value: Any) -> None:
    parent = _at(root, path[:-1])
    if len(path) == 1 and path[0] not in root:
        root.insert(0, path[0], value)
    else:
        parent[path[-1]] = value


def _set_block_style(root: Any, path: KeyPath) -> None:
    """Make a list, and all that it stands in, one entry per line."""
    for end in range(len(path) + 1):
        _at(root, path[:end]).fa.set_block_style()


def _with_notes(text: str, notes: Mapping[KeyPath, Sequence[str]], mark: str) -> str:
    root: Any = yaml.compose(text, yaml.SafeLoader)
    lines = text.split("\n")
    places = sorted(((_line(root, path), path) for path in notes), reverse=True)
    for number, path in places:
        indent = " " * (len(lines[number]) - len(lines[number].lstrip()))
        shown = [plain(note, one_line=True) for note in notes[path]]  # a note ends with its line
        lines[number:number] = [f"{indent}# {mark}{note}" for note in shown]
    return "\n".join(lines)


def _line(root: yaml.Node, path: KeyPath) -> int:
    node = root
    for part in path:
        if isinstance(node, yaml.MappingNode):
            node = next(value for key, value in node.value if key.value == part)
        else:
            node = node.value[part]
    return int(node.start_mark.line)
