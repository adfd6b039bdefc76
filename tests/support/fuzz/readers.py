"""What is mutated and which command reads it: one entry per reader of outside input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

from tests.support.fuzz.base import FORMATS
from tests.support.fuzz.binary import (
    mutated_bytes,
    mutated_csv,
    mutated_onnx,
    mutated_parquet,
    mutated_png,
)
from tests.support.fuzz.layouts import LAYOUTS
from tests.support.fuzz.release import mutated_release
from tests.support.fuzz.trees import mutated_json, mutated_yaml
from tests.support.fuzz.values import RAW_YAML, Still, text

__all__ = ["READERS", "Case", "Content", "Reader"]

Content: TypeAlias = bytes | Literal["fifo", "folder", "gone", "link outside"]
"""What stands at a path: bytes, or what is no file."""


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        arguments: The command line, run in the input's folder.
        files: What differs from the copied part of the base, by path.
    """

    arguments: list[str]
    files: Mapping[str, Content] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """A reader of outside input.

    Attributes:
        area: Who looks after it.
        uses: Folders of the base whose content is copied to the input's folder: a name that ends
            with ``/`` is copied as a folder.
        make: Returns an input, given a generator and the base.
        connects: Whether the input may name an address on the network.
        starts: Whether the command starts a program.
        accepted: Part of the output that shows that the input was used whole.
    """

    area: str
    uses: tuple[str, ...]
    make: Callable[[random.Random, Path], Case]
    connects: bool = False
    starts: bool = False
    accepted: str = ""


@cache
def _bytes(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _yaml(path: Path) -> Any:
    return yaml.safe_load(_bytes(path))


@cache
def _json(path: Path) -> Any:
    return json.loads(_bytes(path))


def _recipe(rng: random.Random, base: Path) -> Case:
    names = ("every", "every", "ladder", "learned", "london")
    body = _yaml(base / "recipes" / f"{rng.choice(names)}.yaml")
    return Case(["validate", "recipe.yaml"], {"recipe.yaml": mutated_yaml(rng, body)})


def _degradations(rng: random.Random, base: Path) -> Case:
    body = dict(_yaml(base / "recipes" / "every.yaml"))
    part = yaml.safe_load(_mutated_whole(rng, {"degradations": body["degradations"]}))
    body["degradations"] = part.get("degradations") if isinstance(part, dict) else part
    made = yaml.safe_dump(body, sort_keys=False).encode("utf-8", "surrogatepass")
    return Case(["validate", "recipe.yaml"], {"recipe.yaml": made})


def _mutated_whole(rng: random.Random, tree: Any) -> bytes:
    """Return a mutated tree that is still YAML, so that the rest of the recipe stays whole."""
    for _ in range(20):
        data = mutated_yaml(rng, tree)
        try:
            found = yaml.safe_load(data)
            yaml.safe_dump(found)
        except Exception:  # noqa: BLE001  PyYAML raises many kinds
            continue
        if len(data) < 10_000 and b"*" not in data:
            return data
    return yaml.safe_dump(tree).encode()


def _prompts(rng: random.Random, base: Path) -> Case:
    body = dict(_yaml(base / "recipes" / "prompts.yaml"))
    part = yaml.safe_load(_mutated_whole(rng, {"methods": body["methods"]}))
    body["methods"] = part.get("methods") if isinstance(part, dict) else part
    made = yaml.safe_dump(body, sort_keys=False).encode("utf-8", "surrogatepass")
    return Case(["validate", "recipe.yaml"], {"recipe.yaml": made})


def _override(rng: random.Random, base: Path) -> Case:
    body = _yaml(base / "recipes" / "every.yaml")
    arguments = ["validate", "every.yaml"]
    if isinstance(rng, Still):
        return Case([*arguments, "--set", "splits.train=100"])
    for _ in range(rng.choice((1, 1, 2))):
        arguments += ["--set", _one_override(rng, body)]
    return Case(arguments)


def _one_override(rng: random.Random, body: Any) -> str:
    path: list[str] = []
    node = body
    while isinstance(node, dict | list) and node and (not path or rng.random() < 0.8):
        key = rng.choice(list(node) if isinstance(node, dict) else list(range(len(node))))
        path.append(str(key))
        node = node[key]
    if rng.random() < 0.15:
        path.insert(rng.randrange(len(path) + 1), rng.choice((text(rng), "99", "-1", "[0]", "٣")))
    value = rng.choice((rng.choice(RAW_YAML), text(rng), repr(node), yaml.safe_dump(node)))
    if rng.random() < 0.6:
        value = mutated_yaml(rng, {"a": node}).decode("utf-8", "replace").partition(":")[2].strip()
    sign = rng.choice(("=", "=", "=", "=", "=", "=", "", "=="))
    made = rng.choice(("..", "[", "]")).join(path) if rng.random() < 0.1 else ".".join(path)
    return (made + sign + value)[:50_000].replace("\x00", "")  # a command line has no NUL


def _source_card(rng: random.Random, base: Path) -> Case:
    card = _yaml(base / "small" / "nobody.yaml")
    return Case(["validate", "recipe.yaml"], {"nobody.yaml": mutated_yaml(rng, card)})


def _weight_card(rng: random.Random, base: Path) -> Case:
    card = mutated_yaml(rng, _yaml(base / "configs" / "weights.yaml"))
    kind = rng.randrange(4)
    if kind == 0:
        return Case(["weights", "list"], {"weights/cards/my_swap.yaml": card})
    if kind == 1:
        return Case(["weights", "check", "my_swap"], {"weights/cards/my_swap.yaml": card})
    return Case(["weights", "add", "card.yaml"], {"card.yaml": card})


def _gates(rng: random.Random, base: Path) -> Case:
    gates = mutated_yaml(rng, _yaml(base / "configs" / "gates.yaml"))
    arguments = ["evaluate", "release", "--scores", "scores.csv", "--gates", "gates.yaml"]
    if rng.random() < 0.2:
        arguments += ["--junit", "junit.xml", "--report", "report"]
    return Case(arguments, {"gates.yaml": gates})


def _detector_config(rng: random.Random, base: Path) -> Case:
    config = mutated_yaml(rng, _yaml(base / "configs" / "detector.yaml"))
    spec = ["--detector", "mean.onnx", "--detector-config", "det.yaml"]
    arguments = ["score", "release", *spec, "-o", "out.csv", "--split", "val", "--inline"]
    return Case(arguments, {"det.yaml": config})


def _detector_onnx(rng: random.Random, base: Path) -> Case:
    network = mutated_onnx(rng, _bytes(base / "detectors" / "mean.onnx"))
    arguments = ["score", "release", "--detector", "mine.onnx", "-o", "out.csv", "--split", "val"]
    return Case([*arguments, "--inline"], {"mine.onnx": network})


def _model(rng: random.Random, base: Path) -> Case:
    model = _json(base / "scores" / "model.json")
    if rng.random() < 0.7:  # the long lists of numbers would take all mutations
        lists = {f"list {key}": value for key, value in model.items() if isinstance(value, list)}
        short = {key: f"list {key}" if f"list {key}" in lists else model[key] for key in model}
        data = mutated_json(rng, short)
        for name, value in lists.items():
            data = data.replace(json.dumps(name).encode(), json.dumps(value).encode())
    else:
        data = mutated_json(rng, model)
    spec = ["--detector", "model.json"]
    arguments = ["score", "release", *spec, "-o", "out.csv", "--split", "val", "--inline"]
    return Case(arguments, {"model.json": data})


def _table_csv(rng: random.Random, base: Path) -> Case:
    table = mutated_csv(rng, _bytes(base / "small" / "faces" / "faces.csv"))
    return Case(["validate", "recipe.yaml"], {"faces/faces.csv": table})


def _table_parquet(rng: random.Random, base: Path) -> Case:
    table = mutated_parquet(rng, _bytes(base / "table" / "faces" / "faces.parquet"))
    return Case(["validate", "recipe.yaml"], {"faces/faces.parquet": table})


def _layout(name: str) -> Callable[[random.Random, Path], Case]:
    _, files, _ = LAYOUTS[name]
    full = sorted(path for path, content in files.items() if content)

    def make(rng: random.Random, base: Path) -> Case:
        if not full or rng.random() < 0.1:
            return Case(["validate", "recipe.yaml"], _odd_files(rng, sorted(files)))
        path = rng.choice(full)
        data = files[path].encode()
        if path.endswith(".json"):
            made = mutated_json(rng, json.loads(data))
        elif path.endswith(".csv") and rng.random() < 0.7:
            made = mutated_csv(rng, data)
        else:
            made = _mutated_lines(rng, data)
        return Case(["validate", "recipe.yaml"], {f"faces/{path}": made})

    return make


def _odd_files(rng: random.Random, paths: list[str]) -> dict[str, Content]:
    """Return files with odd names, and paths where something else than a file stands."""
    made: dict[str, Content] = {}
    if isinstance(rng, Still):
        return made
    for _ in range(rng.choice((1, 2))):
        path = f"faces/{rng.choice(paths)}"
        if rng.random() < 0.6:
            made[path] = rng.choice(("fifo", "folder", "gone"))
        else:
            name = text(rng).replace("/", "_").replace("\x00", "")[:80]
            made[f"{path.rpartition('/')[0]}/{name or 'a'}.jpg"] = b""
    return made


def _mutated_lines(rng: random.Random, data: bytes) -> bytes:
    if isinstance(rng, Still) or rng.random() < 0.3:
        return mutated_bytes(rng, data)
    lines = data.split(b"\n")
    words = lines[at := rng.randrange(len(lines))].split(b" ")
    words[rng.randrange(len(words))] = text(rng).encode("utf-8", "surrogatepass")
    lines[at] = b" ".join(words)
    return b"\n".join(lines)


def _image(kind: str) -> Callable[[random.Random, Path], Case]:
    def make(rng: random.Random, base: Path) -> Case:
        folder = base / "images" / "faces"
        images = {path.name: _bytes(path) for path in sorted(folder.iterdir())}
        names = [name for name in images if not name.endswith(".csv")]
        mine = next(name for name in names if name.endswith(FORMATS[kind]))
        others = [images[name] for name in names if name != mine]
        if kind == "PNG" and rng.random() < 0.8:
            made = mutated_png(rng, images[mine])
        else:
            made = mutated_bytes(rng, images[mine], others)
        files: dict[str, Content] = {f"faces/{mine}": made}
        if rng.random() < 0.03 and not isinstance(rng, Still):
            files[f"faces/{mine}"] = rng.choice(("fifo", "folder", "gone"))
        return Case(["index", "recipe.yaml", "--inline"], files)

    return make


_MUTATED: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "csv": mutated_csv,
    "parquet": mutated_parquet,
    "jsonl": mutated_bytes,
    "tsv.gz": mutated_bytes,
}


def _scores(suffix: str) -> Callable[[random.Random, Path], Case]:
    def make(rng: random.Random, base: Path) -> Case:
        mines = suffix == "parquet" and rng.random() < 0.3
        data = _bytes(base / "scores" / f"{'train' if mines else 'scores'}.{suffix}")
        made = _MUTATED[suffix](rng, data)
        name = f"mine.{suffix}"
        if mines:
            arguments = [
                "mine",
                "release",
                "--scores",
                name,
                "--recipe",
                "recipe.yaml",
                "-o",
                "n.yaml",
            ]
            return Case(arguments, {name: made})
        arguments = ["evaluate", "release", "--scores", name]
        if rng.random() < 0.2:
            arguments += ["--report", "report"]
        if rng.random() < 0.15:
            arguments += ["--baseline", f"scores.{suffix}"]
        return Case(arguments, {name: made})

    return make


_COMMANDS = (
    "verify release",
    "verify release",
    "verify release --pixels",
    "show release -n 3",
    "show release -n 3",
    "score release --detector fuzz_detector:score -o out.csv --inline",
    "score release -o out.csv --inline --split test",
    "evaluate release --scores scores.parquet --report report",
    "evaluate release --scores scores.parquet --trained-on release",
    "baseline release --inline -o out.csv",
    "mine release --scores train.parquet --recipe recipe.yaml -o next.yaml",
    "generate recipe.yaml -o release --inline",
)


def _release(rng: random.Random, base: Path) -> Case:
    arguments = rng.choice(_COMMANDS).split()
    if "fuzz_detector:score" in arguments:
        arguments += ["--plugin", "fuzz_detector.py"]
    elif arguments[0] == "score":
        arguments += ["--detector", "cmd: /bin/true {paths} {scores}"]
    return Case(arguments, mutated_release(rng, base / "release"))


def _index_cache(rng: random.Random, base: Path) -> Case:
    files: dict[str, Content] = {}
    found = [path for path in sorted((base / "cache").rglob("*")) if path.is_file()]
    path = rng.choice(found)
    data = _bytes(path)
    made = (
        mutated_parquet(rng, data, 0.5) if path.suffix == ".parquet" else mutated_bytes(rng, data)
    )
    files[str(path.relative_to(base))] = made
    return Case(["index", "recipe.yaml", "--inline"], files)


_SCORED = ("scores", "release/", "small", "detectors", "cache/")

READERS: dict[str, Reader] = {
    "recipe": Reader("recipe/yaml", ("recipes",), _recipe, connects=True),
    "degradations": Reader("recipe/yaml", ("recipes",), _degradations),
    "prompts": Reader("recipe/yaml", ("recipes",), _prompts),
    "override": Reader("recipe/yaml", ("recipes",), _override, connects=True),
    "source_card": Reader("cards", ("small",), _source_card, connects=True),
    "weight_card": Reader("weights", (), _weight_card),
    "gates": Reader("detectors/config", ("scores", "release/"), _gates),
    "detector_config": Reader("detectors/config", ("detectors", "release/"), _detector_config),
    "detector_onnx": Reader("detectors/config", ("release/",), _detector_onnx),
    "model": Reader("detectors/config", ("release/",), _model),
    "table_csv": Reader("tables", ("small",), _table_csv),
    "table_parquet": Reader("tables", ("table",), _table_parquet),
    **{name: Reader("tables", (f"layouts/{name}",), _layout(name)) for name in LAYOUTS},
    **{
        f"image_{kind.lower()}": Reader("images", ("images",), _image(kind), accepted="6 faces")
        for kind in FORMATS
    },
    **{
        f"scores_{suffix.partition('.')[0]}": Reader("scores", _SCORED, _scores(suffix))
        for suffix in _MUTATED
    },
    "release": Reader("release", _SCORED, _release, starts=True),
    "index_cache": Reader("release", ("small", "cache/"), _index_cache),
}
"""Every reader by name."""
