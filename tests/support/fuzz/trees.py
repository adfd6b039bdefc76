"""Mutations of what YAML and JSON hold, and of their text."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import yaml

from tests.support.fuzz.values import RAW_JSON, RAW_YAML, Still, hostile, text

__all__ = ["json_bytes", "mutated_json", "mutated_yaml", "nodes", "yaml_bytes"]

_RAW = "fuzzraw{}x"
_TEXT_SHARE = 0.12
_MAX_NODES = 3000

Place = tuple[Any, Any]
"""A container and a key or position in it."""


def nodes(tree: Any) -> Iterator[Place]:
    """Yield the place of every value below the top, at most some thousand."""
    waiting, count = [tree], 0
    while waiting and count < _MAX_NODES:
        node = waiting.pop()
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in list(items):
            count += 1
            yield node, key
            if isinstance(value, dict | list):
                waiting.append(value)


def mutated_yaml(rng: random.Random, tree: Any) -> bytes:
    """Return a mutated tree as YAML."""
    return _mutated(rng, tree, yaml_bytes, RAW_YAML)


def mutated_json(rng: random.Random, tree: Any) -> bytes:
    """Return a mutated tree as JSON."""
    return _mutated(rng, tree, json_bytes, RAW_JSON)


def yaml_bytes(tree: Any) -> bytes:
    """Return a tree as YAML."""
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, width=10**6).encode()


def json_bytes(tree: Any) -> bytes:
    """Return a tree as JSON."""
    return json.dumps(tree, indent=1, ensure_ascii=True).encode()


def _mutated(
    rng: random.Random, tree: Any, dump: Callable[[Any], bytes], raw: Sequence[str]
) -> bytes:
    if isinstance(rng, Still):
        return dump(tree)
    tree = copy.deepcopy(tree)
    taken: list[str] = []
    if rng.random() > _TEXT_SHARE:
        for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
            _mutate(rng, tree, raw, taken)
        data = dump(tree)
        for number, piece in enumerate(taken):
            mark = _RAW.format(number)
            data = data.replace(f'"{mark}"'.encode(), piece.encode("utf-8", "surrogatepass"))
            data = data.replace(mark.encode(), piece.encode("utf-8", "surrogatepass"))
        return data
    return _mutated_text(rng, dump(tree), raw)


def _mutate(rng: random.Random, tree: Any, raw: Sequence[str], taken: list[str]) -> None:
    places = list(nodes(tree))
    if not places:
        return
    holder, key = rng.choice(places)
    kind = rng.randrange(13)
    if kind == 0:
        holder[key] = _RAW.format(len(taken))
        taken.append(rng.choice(raw))
    elif kind == 1:
        del holder[key]
    elif kind == 2:
        other, where = rng.choice(places)
        holder[key] = copy.deepcopy(other[where]) if where in _keys(other) else None
    elif kind <= 5:
        _change_keys(rng, holder, key)
    else:
        holder[key] = _other_value(rng, holder[key])


def _other_value(rng: random.Random, value: Any) -> Any:
    kind = rng.randrange(7)
    if kind <= 2:
        return _near(rng, value)
    if kind <= 4:
        return hostile(rng)
    if kind == 5:
        return rng.choice(([value], {"a": value}, [value, value], str(value)[:2000]))
    return _grown(rng, value)


def _change_keys(rng: random.Random, holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.extend([copy.deepcopy(holder[key])] * rng.choice((1, 2, 50)))
    elif rng.random() < 0.7:
        _rename(rng, holder, key)
    else:
        holder[text(rng)] = copy.deepcopy(holder[key])


def _keys(holder: Any) -> Sequence[Any]:
    return list(holder) if isinstance(holder, dict) else range(len(holder))


def _rename(rng: random.Random, holder: dict[Any, Any], key: Any) -> None:
    value = holder.pop(key)
    name = str(key)
    new = rng.choice((name[:-1], name + "s", name.upper(), name[::-1], text(rng), hostile(rng)))
    holder[new if isinstance(new, str | int | float | bool | None) else name] = value


def _near(rng: random.Random, value: Any) -> Any:
    """Return a value that is close to an accepted one."""
    if isinstance(value, bool):
        return rng.choice((not value, int(value), str(value), "yes"))
    if isinstance(value, int) and value.bit_length() > 1000:  # no float is as large
        return rng.choice((-value, value + 1, str(value % 10**30), [value]))
    if isinstance(value, int | float):
        factor = rng.choice((-1, 0, 0.5, 2, 10, 1000, 10**9))
        return rng.choice((value * factor, value + 1, value - 1, value + 0.5, str(value), [value]))
    if isinstance(value, str):
        return _near_text(rng, value)
    if isinstance(value, list) and value:
        shuffled = rng.sample(value, len(value))
        return rng.choice((shuffled, value[1:], value[:-1], value + value, [value], {}))
    if isinstance(value, dict) and value:
        kept = dict(rng.sample(list(value.items()), max(1, len(value) // 2)))
        return rng.choice((kept, list(value), [value], {**value, text(rng): 1}))
    return hostile(rng)


def _near_text(rng: random.Random, value: str) -> str:
    at = rng.randint(0, len(value))
    piece = text(rng)
    return rng.choice(
        (
            value[:at] + piece[:40] + value[at:],
            piece + value,
            value + piece,
            value[:at] + value[at + 1 :],
            value.swapcase(),
            value * rng.choice((2, 100)),
            value[:at],
        )
    )


def _grown(rng: random.Random, value: Any) -> Any:
    """Return a value that is deep, long or wide."""
    kind = rng.randrange(4)
    if kind == 0:
        for _ in range(rng.choice((5, 40))):
            value = [value] if rng.random() < 0.5 else {"a": value}
        return value
    if kind == 1:
        return [value] * rng.choice((100, 1000))
    if kind == 2:
        return {f"key{number}": value for number in range(300)}
    return str(value)[:100] * rng.choice((100, 2000))


def _mutated_text(rng: random.Random, data: bytes, raw: Sequence[str]) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(9)
    if kind == 0:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == 1:
        lines.insert(at, lines[other])
    elif kind == 2:
        del lines[at]
    elif kind == 3:
        lines[at] = b" " * rng.randrange(5) + lines[at]
    elif kind == 4:
        lines.insert(at, rng.choice(raw).encode("utf-8", "surrogatepass"))
    elif kind == 5:
        return rng.choice((b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"%YAML 9.9\n", b"---\n")) + data
    elif kind == 6:
        return data[: rng.randrange(len(data))]
    else:
        spoiled = bytearray(data)
        for _ in range(rng.choice((1, 1, 2, 8))):
            spoiled[rng.randrange(len(spoiled))] = rng.choice((rng.randrange(256), 0, 0x80, 0x7B))
        return bytes(spoiled)
    return b"\n".join(lines)
