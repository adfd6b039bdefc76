"""A small world for whole runs: procedural faces on disk, their card, a recipe, the command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import yaml

from datagen.cli.main import run
from datagen.engine import Engine, InlineEngine
from datagen.faces.indexing.build import BuiltIndex, FaceLimits, build_index
from datagen.generation.shard import MakeShard
from datagen.planning import Plan, ShardKey
from datagen.recipe import Recipe, load_recipe
from datagen.release import Folder
from datagen.rights import Purpose
from datagen.sources.procedural import render

SEED, PEOPLE, IMAGES, SIZE = 3, 12, 2, 240

CARD: dict[str, Any] = {
    "id": "nobody",
    "title": "People who don't exist",
    "license": "CC0-1.0",
    "consent": {
        "basis": "synthetic",
        "alteration": True,
        "commercial": True,
        "redistribution": True,
        "adults_only": True,
        "words": "Nobody: computed by a program.",
    },
    "layout": "table",
    "options": {"columns": {"landmarks": "landmarks", "sex": "sex", "age": "age"}},
}

RECIPE: dict[str, Any] = {
    "name": "small",
    "seed": 7,
    "purpose": {"use": "research", "redistribute": True},
    "sources": [{"card": "nobody.yaml", "root": "faces"}],
    "splits": {"train": 24, "test": 12},
    "split": {"shares": {"train": "2/3", "test": "1/3"}},
    "face": {"size": 96, "analyzer": "given", "min_side": 40, "jitter": {"shift": 0.04}},
    "methods": [
        {"use": "self_blend", "share": 0.5, "min_change": 0.5},
        {"use": "landmark_swap", "share": 0.5, "min_change": 0.5},
    ],
    "controls": 0.25,
    "shard_pairs": 6,
}


@dataclass(frozen=True)
class World:
    """The folder of the small world, and what can be run in it."""

    folder: Path

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.yaml"

    @property
    def faces(self) -> Path:
        return self.folder / "faces"

    def write_recipe(self, name: str = "recipe.yaml", **changes: Any) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump({**RECIPE, **changes}), encoding="utf-8")
        return path

    def generate(self, out: Path | str, *options: str) -> int:
        """Run ``datagen generate`` in this process."""
        return run(["generate", str(self.recipe), "-o", str(out), *options])

    def job(self, out: Path | str, engine: Engine | None = None) -> Job:
        """Return the parts of a run, so that a test can run them one by one."""
        loaded = load_recipe(self.recipe)
        built = index_of(loaded, engine or InlineEngine())
        plan = Plan(loaded, built.index)
        folder = Folder(str(out))
        task = MakeShard(loaded, tuple(loaded.sources()), built.index.table, folder)
        return Job(loaded, built, plan, task, list(plan.shards()))


@dataclass(frozen=True)
class Job:
    """The parts of a run."""

    loaded: Recipe
    built: BuiltIndex
    plan: Plan
    task: MakeShard
    shards: list[ShardKey]


def index_of(loaded: Recipe, engine: Engine) -> BuiltIndex:
    face = loaded.spec.face
    return build_index(
        loaded.sources(),
        loaded.analyzer(),
        FaceLimits(face.min_side, face.max_yaw),
        Purpose(use="research", redistribute=True),
        lambda: engine,
        lambda done, total: None,
    )


def make_world(folder: Path) -> World:
    """Render the faces and write card, table and recipe."""
    (folder / "faces").mkdir(parents=True)
    rows = []
    for person in range(PEOPLE):
        for picture in range(IMAGES):
            face = render(SEED, person, picture, SIZE)
            name = f"p{person:02d}_{picture}.png"
            bgr = cv2.cvtColor(face.image, cv2.COLOR_RGB2BGR)
            assert cv2.imwrite(str(folder / "faces" / name), bgr)
            rows.append(
                {
                    "image": name,
                    "identity": f"p{person:02d}",
                    "landmarks": json.dumps(face.landmarks.ravel().tolist()),
                    "sex": face.sex,
                    "age": face.age,
                }
            )
    pd.DataFrame(rows).to_csv(folder / "faces" / "faces.csv", index=False)
    (folder / "nobody.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")
    world = World(folder)
    world.write_recipe()
    return world


def digests(out: Path) -> dict[str, str]:
    """Return the sha256 of every file that must not differ between equal runs: not of logs."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "release.json" and path.parent.name != "logs"
    }


def record(out: Path) -> dict[str, Any]:
    """Return ``release.json`` without the time and the versions of its run."""
    body: dict[str, Any] = json.loads((out / "release.json").read_text(encoding="utf-8"))
    del body["made"], body["digest"]  # a digest also of what this leaves out
    return body


def start(arguments: Sequence[str], **environment: str) -> subprocess.Popen[str]:
    """Start ``datagen`` as a separate process."""
    return subprocess.Popen(
        [sys.executable, "-m", "datagen", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
