"""Reading YAML: one safe reader that refuses what plain YAML accepts silently."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from datagen.errors import DatagenError

__all__ = ["parse_yaml", "read_yaml"]


class _Strict(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice (YAML 1.2, section 3.2.1.3)."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(
                None, None, "a key must be a plain value", key_node.start_mark
            )
        if key in seen:
            line = key_node.start_mark.line + 1
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} is given twice (line {line})", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_yaml(text: str, where: str, error: type[DatagenError]) -> Any:
    """Return the value in ``text``; raise ``error`` naming ``where`` if it is not valid YAML."""
    try:
        return yaml.load(text, _Strict)  # noqa: S506  # a SafeLoader
    except RecursionError:
        raise error(f"{where}: not valid YAML: nested too deeply", path=where) from None
    except (yaml.YAMLError, ValueError) as problem:  # ValueError: a date such as 2026-02-30
        raise error(f"{where}: not valid YAML: {problem}", path=where) from None


def read_yaml(path: Path, error: type[DatagenError]) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise ``error`` with the path otherwise."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"{path}: no such file", path=path) from None
    except IsADirectoryError:
        raise error(f"{path}: is a folder, not a YAML file", path=path) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path}: cannot be read: {problem}", path=path) from None
    value = parse_yaml(text, str(path), error)
    if value is None:
        raise error(f"{path}: empty, expected keys and values", path=path)
    if not isinstance(value, dict):
        raise error(f"{path}: expected keys and values, found {type(value).__name__}", path=path)
    return value
