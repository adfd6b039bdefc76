"""A recipe's YAML with some of it said anew and the rest, with its comments, as it was."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import yaml

__all__ = ["MARK", "Entry", "Path", "rewritten"]

MARK = "# mine: "
"""What begins a comment that explains an entry, so that the next round can replace it."""

Path: TypeAlias = tuple[str | int, ...]

_HEAD = re.compile(r"\A# Made by 'datagen mine'.*\n(#.*\n)*\n*")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list of the recipe, as it is to be.

    Attributes:
        body: Its keys.
        why: Comments to stand above it, without the mark.
    """

    body: Mapping[str, Any]
    why: Sequence[str]


def rewritten(text: str, values: Mapping[Path, Any], lists: Mapping[str, Sequence[Entry]]) -> str:
    """Return the YAML with new values and lists; all else, comments included, as it was.

    Comments between the entries of a list that is said anew stand above the entry that they
    belong to. With anchors, or all in braces, everything is said anew and without comments.

    Args:
        text: A mapping of keys.
        values: Numbers and texts by their path; a key at the top may be new.
        lists: By their key at the top, each with as many entries as it has.
    """
    text = _HEAD.sub("", text)
    root = yaml.compose(text, yaml.SafeLoader)
    tokens = list(yaml.scan(text, yaml.SafeLoader))
    special = any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in tokens)
    if (
        not isinstance(root, yaml.MappingNode)
        or root.flow_style
        or root.start_mark.column
        or special
    ):
        return _dumped(yaml.safe_load(text), values, lists)
    source = _Source.of(text, root, tokens)
    edits = [source.value(path, value) for path, value in values.items()]
    edits += [source.list(key, entries) for key, entries in lists.items()]
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.said + text[edit.end :]
    return text


class _Edit(NamedTuple):
    start: int
    end: int
    said: str


class _Comment(NamedTuple):
    start: int
    end: int
    said: str


@dataclass(frozen=True, slots=True)
class _Source:
    """A file with what is where in it; places are counted in characters."""

    text: str
    root: yaml.MappingNode
    ends: list[int]  # of every word and sign
    comments: list[_Comment]

    @classmethod
    def of(cls, text: str, root: yaml.MappingNode, tokens: Sequence[yaml.Token]) -> _Source:
        spans = [(one.start_mark.index, one.end_mark.index) for one in tokens]
        seen = [span for span in spans if span[0] < span[1]]  # others stand for indentation
        ends = [0, *(end for _, end in seen)]
        starts = [*(start for start, _ in seen), len(text)]
        comments = [
            _Comment(found.start() + end, found.end() + end, found.group())
            for end, start in zip(ends, starts, strict=True)
            for found in re.finditer(r"#[^\n]*", text[end:start])
        ]
        return cls(text, root, ends, comments)

    def value(self, path: Path, value: Any) -> _Edit:
        said = json.dumps(value, ensure_ascii=False)
        node = _node(self.root, path)
        if node is None:
            first = self.root.value[0][0].start_mark.index
            return _Edit(first, first, f"{path[0]}: {said}\n")
        return _Edit(node.start_mark.index, self._end(node), said)

    def list(self, key: str, entries: Sequence[Entry]) -> _Edit:
        name, node = next(pair for pair in self.root.value if pair[0].value == key)
        comments = [one for one in self.comments if one.start > name.end_mark.index]
        said, end = [f"{key}:"], name.end_mark.index
        for old, entry in zip(node.value, entries, strict=True):
            end = max(end, self._end(old))
            own = [one for one in comments if self._belongs(one, end)]
            comments = comments[len(own) :]
            kept = [one.said for one in own if not one.said.startswith(MARK)]
            said += [f"  {line}" for line in (*kept, *_lines(entry))]
            end = max([end, *(one.end for one in own)])
        return _Edit(name.start_mark.index, max(end, self._end(node)), "\n".join(said))

    def _belongs(self, comment: _Comment, end: int) -> bool:
        """Say whether a comment is before the end of an entry, or behind it in its line."""
        return comment.start < end or "\n" not in self.text[end : comment.start]

    def _end(self, node: yaml.Node) -> int:
        """Return where the last word or sign of a node ends; a block's own mark is later."""
        return self.ends[bisect_right(self.ends, node.end_mark.index) - 1]


def _node(root: yaml.Node, path: Path) -> yaml.Node | None:
    node = root
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = [value for key, value in node.value if key.value == part]
            if not found:
                return None
            node = found[0]
        else:
            node = node.value[part]
    return node


def _lines(entry: Entry) -> list[str]:
    flow = yaml.safe_dump(
        dict(entry.body),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=True,
        width=10_000,
    )
    return [*(f"{MARK}{why}" for why in entry.why), f"- {flow.strip()}"]


def _dumped(
    body: dict[str, Any], values: Mapping[Path, Any], lists: Mapping[str, Sequence[Entry]]
) -> str:
    for path, value in values.items():
        node: Any = body
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = value
    parts = []
    for key, value in body.items():
        if key in lists:
            lines = [line for entry in lists[key] for line in _lines(entry)]
            parts.append("\n".join([f"{key}:", *(f"  {line}" for line in lines)]) + "\n")
            continue
        flow = None if isinstance(value, dict | list) else False
        parts.append(
            yaml.safe_dump(
                {key: value}, sort_keys=False, allow_unicode=True, default_flow_style=flow
            )
        )
    return "".join(parts)
