"""A trained autoencoder, judged by embedders: whom do swaps of two people who don't exist resemble?

Trains two procedural people with ``datagen train``, without and with an identity loss by an
embedder, swaps images that the training has not seen each to the other person, and compares every
fake with its target's image and with an image of the donor, by both embedders: only one taught.
Usage, with DATAGEN_WEIGHTS set (two trainings of about ten minutes of one core):

    python benchmarks/likeness.py [--images 400] [--held 80] [--steps 3000] [--weights 0 0.02]
        [--folder DIR]

With ``--folder`` trainings are kept and continued, and ``DIR/fakes.png`` shows some: target, fake
of each training, donor.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from datagen.cli.main import run
from datagen.core.rng import rng
from datagen.faces.crop import CropJitter, crop_matrix, face_box, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.landmarks import move_landmarks
from datagen.methods import METHODS, Context
from datagen.networks.onnx.identity import cosine, open_identity
from datagen.sources.procedural import render

EMBEDDERS = ("mobileface", "faceres")
CARD = Path(__file__).resolve().parent.parent / "recipes" / "cards" / "procedural.yaml"
SEED, SIDE, SHOWN = 1, 256, 6


def face(person: int, image: int) -> FaceCrop:
    """Return the crop of a rendered image."""
    made = render(SEED, person, image, 512)
    matrix = crop_matrix(face_box(made.landmarks), 1.5, SIDE, CropJitter())
    return FaceCrop(
        take_crop(made.image, matrix, SIDE, 1),
        move_landmarks(made.landmarks, matrix),
        move_mesh(made.mesh, matrix),
        *(made.yaw, made.pitch, made.roll),
        identity=f"procedural/p{person:07d}",
    )


def trained(folder: Path, weight: float, asked: Any) -> str:
    """Train, and return the id of the weights, which then lie in ``DATAGEN_WEIGHTS``."""
    name = f"two-{weight:g}".replace(".", "-")
    options = {"identities": 2, "images_per_identity": asked.images, "seed": SEED}
    recipe = folder / "recipe.yaml"
    body = {
        "name": "two",
        "seed": 1,
        "purpose": {"use": "research", "redistribute": False},
        "sources": [{"card": "procedural.yaml", "options": options}],
        "splits": {"train": 2},
        "split": {"shares": {"train": 1}},
        "face": {"size": SIDE, "analyzer": "given"},
        "methods": [{"use": "self_blend", "share": 1}],
    }
    shutil.copy(CARD, folder / "procedural.yaml")
    recipe.write_text(yaml.safe_dump(body), encoding="utf-8")
    out = folder / name
    loss = ["--embedder", "mobileface", "--identity", str(weight)] if weight else []
    size = ["--size", str(asked.size), "--width", str(asked.width), "--batch", str(asked.batch)]
    pace = ["--steps", str(asked.steps), "--rate", "1e-3", "--every", str(min(asked.steps, 500))]
    command = ["train", str(recipe), "-o", str(out), "--name", name, "--inline", *size, *pace]
    if run([*command, *loss]) != 0:
        raise SystemExit("the training failed")
    shutil.copytree(out / "weights", os.environ["DATAGEN_WEIGHTS"], dirs_exist_ok=True)
    return name


def judge(name: str, first: int, held: int) -> tuple[dict[str, Any], list[Any]]:
    """Return cosines to target and donor by embedder, and some images side by side."""
    method = METHODS.load("autoencoder_swap").build({"weights": name, "batch": 1})
    found: dict[str, list[list[float]]] = {name: [] for name in EMBEDDERS}
    shown = []
    for number in range(2 * held):
        person, image = number % 2, first + number // 2
        target, donor = face(person, image), face(1 - person, first + (number // 2 + 1) % held)
        ctx = Context(target, donor)
        fake = method.apply(ctx, method.sample(rng("likeness", number), ctx))
        for embedder in EMBEDDERS:
            network = open_identity(embedder)
            made = network.face(fake.image, fake.landmarks)
            pair = [cosine(made, network.face(one.image, one.landmarks)) for one in (target, donor)]
            found[embedder].append(pair)
        if number < SHOWN:
            shown.append([target.image, fake.image, donor.image])
    return {key: np.array(rows) for key, rows in found.items()}, shown


def main(arguments: list[str] | None = None) -> None:
    """Print one line per training and embedder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--held", type=int, default=80)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.02])
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as new:
        folder = Path(new) if asked.folder is None else asked.folder.resolve()
        store = folder / "store"
        store.mkdir(parents=True, exist_ok=True)
        for embedder in EMBEDDERS:
            shutil.copy(Path(os.environ["DATAGEN_WEIGHTS"]) / f"{embedder}.onnx", store)
        os.environ["DATAGEN_WEIGHTS"] = str(store)
        sheets = []
        print("| identity loss | judge | to donor | to target | nearer to donor |")
        print("| --- | --- | --- | --- | --- |")
        for weight in asked.weights:
            name = trained(folder, weight, asked)
            by_judge, shown = judge(name, asked.images, asked.held)
            sheets.append(shown)
            for judge_name, rows in by_judge.items():
                target, donor = rows.mean(axis=0)
                nearer = float((rows[:, 1] > rows[:, 0]).mean())
                cells = f"{donor:.2f} | {target:.2f} | {nearer:.1%}"
                print(f"| {weight:g} | {judge_name} | {cells} |", flush=True)
        rows = [
            np.hstack([whole[0][0], *(one[1] for one in whole), whole[0][2]])
            for whole in zip(*sheets, strict=True)
        ]
        cv2.imwrite(str(folder / "fakes.png"), np.vstack(rows)[:, :, ::-1])


if __name__ == "__main__":
    main()
