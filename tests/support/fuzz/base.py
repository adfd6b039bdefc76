"""The accepted inputs that are mutated: written once per run, read by every child."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pandas as pd
import pyarrow as pa
import yaml
from onnx import TensorProto, helper

from datagen.cli.main import run
from datagen.core.images import encode_with_pillow
from datagen.sources.procedural import render
from tests.support.fuzz.binary import parquet_bytes
from tests.support.fuzz.layouts import write_layouts
from tests.support.fuzz.values import CONTENT
from tests.support.house import ROOT
from tests.support.world import CARD, RECIPE

__all__ = ["FORMATS", "write_base"]

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "TIFF": "tif", "BMP": "bmp"}
_PEOPLE, _SIZE, _SEED = 14, 96, 5
_SMALL: dict[str, Any] = {
    **RECIPE,
    "splits": {"train": 10, "val": 2, "test": 6},
    "split": {"shares": {"train": "4/7", "val": "1/7", "test": "2/7"}},
    "face": {"size": 64, "analyzer": "given", "min_side": 16},
    "methods": [{"use": "self_blend", "share": 1.0, "min_change": 0.1}],
    "degradations": [{"use": "jpeg", "share": "1/2"}, {"use": "clean", "share": "1/2"}],
    "shard_pairs": 5,
}
_DETECTOR = "def score(batch):\n    return batch.mean(axis=(1, 2, 3)) / 255\n"
_GATES: dict[str, Any] = {
    "auc": {"min": 0.75, "on_undecided": "pass"},
    "worst_group_auc": {"by": "method", "min": 0.6},
    "control_fpr": {"max": 0.5},
    "control_gap": {"min": -0.5, "max": 0.5},
    "coverage": {"min": 0.99},
    "on_undecided": "pass",
}
_CONFIG: dict[str, Any] = {
    "size": [32, 32],
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
    "layout": "nchw",
    "channels": "rgb",
    "output": "sigmoid",
    "index": 0,
    "higher_is": "fake",
    "device": "cpu",
}
_WEIGHT_CARD: dict[str, Any] = {
    "id": "my_swap",
    "title": "Our swapping network",
    "file": "my_swap.onnx",
    "form": "onnx",
    "sha256": "5b6374b2ffab838588d4f0c32dc7ed5bb8d99237d755a663ed02ee265a1714fb",
    "size": 220368724,
    "license": "LicenseRef-Example",
    "permits": {
        "research": True,
        "commercial": True,
        "redistribute": False,
        "grounds": "Contract 2026-17, section 3",
    },
    "expires": "2031-12-31",
    "citation": "Doe (2026). Swapping.",
    "homepage": "https://example.org",
    "network": {
        "task": "swap",
        "face": {
            "template": "arcface_128",
            "size": 256,
            "mean": [0.5],
            "std": [0.5],
            "color": "rgb",
            "name": "target",
        },
        "identity": "embedding",
        "identity_name": "source",
        "embedder": "arcface_w600k_r50",
        "output": [-1, 1],
    },
}
_PROMPTS: dict[str, Any] = {
    "use": "diffusion_face",
    "share": 1.0,
    "weights": "sd15",
    "batch": 4,
    "steps": 10,
    "prompt": {"ages": ["18-29", "60+"], "expressions": ["neutral"]},
}


def write_base(folder: Path) -> None:
    """Write recipes, cards, sources, a release, scores and models under ``folder``."""
    _write_faces(folder)
    _write_recipes(folder)
    write_layouts(folder / "layouts")
    _write_yaml(folder / "configs" / "gates.yaml", _GATES)
    _write_yaml(folder / "configs" / "detector.yaml", _CONFIG)
    _write_yaml(folder / "configs" / "weights.yaml", _WEIGHT_CARD)
    (folder / "outside").mkdir()
    (folder / "outside" / "canary.csv").write_text(f"identity,age\n{CONTENT},40\n", "utf-8")
    _write_detectors(folder / "detectors")
    with _environment(folder):
        _write_release(folder)


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ |= {"DATAGEN_CACHE": str(folder / "cache"), "DATAGEN_WEIGHTS": str(folder / "none")}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _write_yaml(path: Path, body: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")


def _write_faces(folder: Path) -> None:
    """Write a table of faces as CSV and as Parquet, and one with an image in each format."""
    faces = [render(_SEED, person, 0, _SIZE) for person in range(_PEOPLE)]
    rows: list[dict[str, Any]] = [
        {
            "image": f"p{person:02d}.png",
            "identity": f"p{person:02d}",
            "landmarks": json.dumps([round(x, 2) for x in face.landmarks.ravel().tolist()]),
            "sex": face.sex,
            "age": face.age,
            "license": "CC-BY-4.0",
            "attribution": f"Author {person}",
        }
        for person, face in enumerate(faces)
    ]
    columns = {name: name for name in rows[0] if name not in ("image", "identity")}
    for name in ("small", "table", "images"):
        (folder / name / "faces").mkdir(parents=True)
    for row, face in zip(rows, faces, strict=True):
        png = encode_with_pillow(face.image, "PNG")
        (folder / "small" / "faces" / row["image"]).write_bytes(png)
    _write_table(folder / "small", rows, {"columns": columns})
    parquet = [{**row, "landmarks": json.loads(row["landmarks"])} for row in rows]
    table = parquet_bytes(pa.Table.from_pylist(parquet))
    (folder / "table" / "faces" / "faces.parquet").write_bytes(table)
    _write_card_and_recipe(folder / "table", {"columns": columns, "table": "faces.parquet"})
    pictured = []
    for row, face, (kind, suffix) in zip(rows, faces, FORMATS.items(), strict=False):
        name = f"{row['identity']}.{suffix}"
        (folder / "images" / "faces" / name).write_bytes(encode_with_pillow(face.image, kind))
        pictured.append({**row, "image": name})
    _write_table(folder / "images", pictured, {"columns": columns})


def _write_table(folder: Path, rows: list[dict[str, Any]], options: dict[str, Any]) -> None:
    pd.DataFrame(rows).to_csv(folder / "faces" / "faces.csv", index=False)
    _write_card_and_recipe(folder, options)


def _write_card_and_recipe(folder: Path, options: dict[str, Any]) -> None:
    _write_yaml(folder / "nobody.yaml", {**CARD, "options": options})
    _write_yaml(folder / "recipe.yaml", _SMALL)


def _write_recipes(folder: Path) -> None:
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    source = {
        "card": "cards/procedural.yaml",
        "options": {"identities": 40, "images_per_identity": 1},
    }
    whole = yaml.safe_load((ROOT / "recipes" / "quickstart.yaml").read_text(encoding="utf-8"))
    every = {
        **whole,
        "sources": [source],
        "degradations": [
            {"use": "blur", "share": 0.25, "severity": [1, 3]},
            {"use": "reshare", "share": 0.25},
            {"use": "any", "share": 0.25, "transform": {"name": "CLAHE", "p": 0.5}},
            {"use": "social_feed", "share": 0.15},
            {"use": "clean", "share": 0.1},
        ],
    }
    _write_yaml(folder / "recipes" / "every.yaml", every)
    prompts = {**whole, "sources": [source], "methods": [_PROMPTS]}
    _write_yaml(folder / "recipes" / "prompts.yaml", prompts)
    ladder = yaml.safe_load((ROOT / "recipes/robustness-ladder.yaml").read_text(encoding="utf-8"))
    ladder["face"]["analyzer"] = "given"
    _write_yaml(folder / "recipes" / "ladder.yaml", {**ladder, "sources": [source]})


def _write_detectors(folder: Path) -> None:
    folder.mkdir()
    (folder / "fuzz_detector.py").write_text(_DETECTOR, encoding="utf-8")
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w"])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])
    pooled = helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=1)
    flat = helper.make_node("Flatten", ["m"], ["f"])
    added = helper.make_node("Add", ["f", "b"], ["y"])
    bias = helper.make_tensor("b", TensorProto.FLOAT, [1], [0.25])
    graph = helper.make_graph([pooled, flat, added], "mean", [given], [made], [bias])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "mean.onnx")


def _write_release(folder: Path) -> None:
    recipe, out, scores = folder / "small" / "recipe.yaml", folder / "release", folder / "scores"
    scores.mkdir()
    plugin = str(folder / "detectors" / "fuzz_detector.py")
    asked = ["--detector", "fuzz_detector:score", "--plugin", plugin, "--inline"]
    commands = [
        ["generate", str(recipe), "-o", str(out), "--inline"],
        ["baseline", str(out), "--model", str(scores / "model.json"), "--inline"],
        ["score", str(out), *asked, "-o", str(scores / "scores.csv")],
        *(
            ["score", str(out), *asked, "-o", str(scores / f"scores.{suffix}")]
            for suffix in ("jsonl", "tsv.gz", "parquet")
        ),
        ["score", str(out), *asked, "-o", str(scores / "train.parquet"), "--split", "train"],
    ]
    for command in commands:
        if run(command) != 0:
            raise RuntimeError(f"an input that should be accepted is not: {command}")
    shutil.rmtree(out / ".staging", ignore_errors=True)
