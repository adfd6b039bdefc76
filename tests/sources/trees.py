"""Small trees of files and sources over them, for the tests of the layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datagen.sources import SOURCES, Record, Source, SourceCard, load_card

CARDS = Path(__file__).parents[2] / "recipes" / "cards"


def card(layout: str, **changes: Any) -> SourceCard:
    """Return a valid card of a layout."""
    plain: dict[str, Any] = {
        "id": "faces",
        "title": "Faces",
        "license": "CC-BY-4.0",
        "consent": {"basis": "signed", "alteration": True, "words": "may be altered"},
        "layout": layout,
    }
    return SourceCard.model_validate(plain | changes)


def source(layout: str, root: Path | str, **options: Any) -> Source:
    """Return a source over ``root``; ``card_changes`` go to the card."""
    changes = options.pop("card_changes", {})
    return SOURCES.load(layout).build(card(layout, **changes), str(root), options)


def shipped(name: str, root: Path, **options: Any) -> Source:
    """Return a source with the card that ships."""
    loaded = load_card(CARDS / f"{name}.yaml")
    return SOURCES.load(loaded.layout).build(loaded, str(root), options)


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def by_id(of: Source) -> dict[str, Record]:
    """Return the records by image id, in their order."""
    return {record.image_id: record for record in of.records()}


def points(shift: float = 0.0) -> list[list[float]]:
    """Return 68 different points as JSON would give them."""
    return [[2.0 * i + shift, 2.0 * i + 1 + shift] for i in range(68)]


def ffhq_entry(number: int, **metadata: str) -> dict[str, Any]:
    """Return one entry of ``ffhq-dataset-v2.json`` with the keys that are read."""
    folder = f"{number // 1000 * 1000:05d}"
    return {
        "category": "training" if number < 60000 else "validation",
        "metadata": {
            "photo_url": f"https://www.flickr.com/photos/someone/{number}/",
            "photo_title": "DSCF0899.JPG",
            "author": "Jane Doe",
            "country": "",
            "license": "Attribution License",
            "license_url": "https://creativecommons.org/licenses/by/2.0/",
            "date_uploaded": "2007-08-16",
            "date_crawled": "2018-10-10",
            **metadata,
        },
        "image": {
            "file_path": f"images1024x1024/{folder}/{number:05d}.png",
            "pixel_size": [1024, 1024],
            "face_landmarks": points(),
        },
        "thumbnail": {"file_path": f"thumbnails128x128/{folder}/{number:05d}.png"},
        "in_the_wild": {
            "file_path": f"in-the-wild-images/{folder}/{number:05d}.png",
            "pixel_size": [2016, 1512],
            "face_rect": [667, 410, 1438, 1181],
            "face_landmarks": points(500.0),
            "face_quad": [[0, 0], [0, 9], [9, 9], [9, 0]],
        },
    }


def ffhq_tree(root: Path, *entries: dict[str, Any]) -> Path:
    """Write the metadata file of FFHQ, keyed by the number in each file name."""
    by_key = {str(int(entry["image"]["file_path"][-9:-4])): entry for entry in entries}
    return write(root, {"ffhq-dataset-v2.json": json.dumps(by_key)})
