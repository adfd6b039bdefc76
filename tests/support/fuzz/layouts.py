"""Tiny sources in the layouts of published sets, with their recipes; no image is opened."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.world import CARD, RECIPE

__all__ = ["LAYOUTS", "write_layouts"]

_COUNT = 8
_LICENSE = "https://creativecommons.org/publicdomain/zero/1.0/"


def _lines(lines: Iterable[Any]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _celeba() -> dict[str, str]:
    names = [f"{n:06d}.jpg" for n in range(_COUNT)]
    rows = [f"{name}  {1 if n % 2 else -1} -1 1" for n, name in enumerate(names)]
    ages = [f"{name},{25 + n}" for n, name in enumerate(names)]
    return {
        "Anno/identity_CelebA.txt": _lines(f"{name} {n}" for n, name in enumerate(names)),
        "Anno/list_attr_celeba.txt": _lines([str(_COUNT), "Male Young Smiling", *rows]),
        "Eval/list_eval_partition.txt": _lines(f"{name} {n % 3}" for n, name in enumerate(names)),
        "ages.csv": _lines(["image,age", *ages]),
        **{f"Img/img_align_celeba/{name}": "" for name in names},
    }


def _ffhq() -> dict[str, str]:
    points = [[round(400.0 + 3 * n, 1), round(400.0 + 2 * n, 1)] for n in range(68)]
    entries = {
        str(n): {
            "category": "validation" if n % 3 else "training",
            "metadata": {
                "photo_url": f"https://example.org/{n}",
                "photo_title": "A face",
                "author": f"Author {n}",
                "country": "",
                "license": "Public Domain Dedication (CC0)",
                "license_url": _LICENSE,
                "date_uploaded": "2010-01-01",
            },
            "image": {
                "file_path": f"images1024x1024/00000/{n:05d}.png",
                "face_landmarks": points,
            },
        }
        for n in range(_COUNT)
    }
    ages = [f"{n},{25 + n}" for n in range(_COUNT)]
    return {
        "ffhq-dataset-v2.json": json.dumps(entries, indent=1),
        "ages.csv": _lines(["image,age", *ages]),
    }


def _faceforensics() -> dict[str, str]:
    top = "original_sequences/youtube/c23/images"
    videos = [f"{n:03d}" for n in range(_COUNT)]
    pairs = [[videos[n], videos[n + 1]] for n in range(0, _COUNT, 2)]
    return {
        **{f"{top}/{video}/{frame:04d}.png": "" for video in videos for frame in range(3)},
        "splits/train.json": json.dumps(pairs[:2]),
        "splits/val.json": json.dumps(pairs[2:3]),
        "splits/test.json": json.dumps(pairs[3:]),
        "ages.csv": _lines(["identity,age", *(f"{video},30" for video in videos)]),
    }


def _london() -> dict[str, str]:
    rows = [f"X{n:03d},{20 + n},female,white" for n in range(_COUNT)]
    return {
        "london_faces_info.csv": _lines(["face_id,face_age,face_gender,face_eth", *rows]),
        **{f"neutral_front/{n:03d}_03.jpg": "" for n in range(_COUNT)},
    }


def _people() -> dict[str, str]:
    rows = [f"a{n},i{n}.jpg,neutral,{20 + n},male,asian" for n in range(_COUNT)]
    return {"people.csv": _lines(["identity_id,image,expression,age,sex,ethnicity", *rows])}


def _folder() -> dict[str, str]:
    return {f"person {n}/{image}.jpg": "" for n in range(_COUNT) for image in range(2)}


LAYOUTS: Mapping[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "celeba": ("celeba", _celeba(), {"ages": "ages.csv"}),
    "ffhq": ("ffhq", _ffhq(), {"ages": "ages.csv"}),
    "faceforensics": ("faceforensics", _faceforensics(), {"ages": "ages.csv"}),
    "london": ("london", _london(), {"expressions": ["neutral"]}),
    "people": ("london", _people(), {}),
    "folder": ("folder", _folder(), {}),
}
"""Layout, files and options of the card, by name."""


def write_layouts(folder: Path) -> None:
    """Write one source of each layout with its card and recipe."""
    for name, (layout, files, options) in LAYOUTS.items():
        place = folder / name
        for path, content in files.items():
            (place / "faces" / path).parent.mkdir(parents=True, exist_ok=True)
            (place / "faces" / path).write_text(content, encoding="utf-8")
        card = {**CARD, "layout": layout, "options": options}
        changes = {
            "splits": {"train": 4, "test": 2},
            "methods": [{"use": "self_blend", "share": 1}],
        }
        for file, body in (("nobody.yaml", card), ("recipe.yaml", {**RECIPE, **changes})):
            (place / file).write_text(yaml.safe_dump(body), encoding="utf-8")
