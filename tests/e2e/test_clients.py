"""The shipped recipes: every client returns every sample, by its digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datagen import api
from datagen.cli.main import run
from datagen.loaders import PairDataset, stream
from datagen.release.reader import Release
from tests.support import clients
from tests.support.assets import london, weights

RECIPES = Path(__file__).parents[2] / "recipes"
OPTIONS = {
    "quickstart": ("--limit", "20", "--set", "shard_pairs=3"),
    "london": ("--limit", "20", "--set", "shard_pairs=3"),
    "robustness-ladder": ("--limit", "4", "--set", "shard_pairs=1", "--set", "controls=0.5"),
    "networks": (
        *("--limit", "10", "--set", "shard_pairs=2", "--set", "controls=0.5"),
        *("--set", "face.size=160", "--set", "face.min_side=60"),
    ),
}
NETWORKS = (
    *("taef2.safetensors", "esrgan_slim_x2.onnx", "esrgan_slim_x4.onnx"),
    *("mobileface.onnx", "face_landmarker.task"),
)
WORKERS = [
    (0, None),
    (2, "fork"),
    (4, "fork"),
    pytest.param(2, "spawn", marks=pytest.mark.slow),
    pytest.param(4, "spawn", marks=pytest.mark.slow),
]

Item = tuple[str, str, str]

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, about themselves


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


@dataclass(frozen=True)
class Shipped:
    """A release of a shipped recipe, its export, and what clients must find in them."""

    release: Path
    copy: Path
    images: list[str]
    items: list[Item]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Shipped]:
    """Make the release of a recipe when it is first asked for."""
    return cache(lambda name: _made(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(
    params=[
        "quickstart",
        pytest.param("london", marks=pytest.mark.photos),
        pytest.param("robustness-ladder", marks=pytest.mark.photos),
        pytest.param("networks", marks=pytest.mark.photos),
    ],
)
def shipped(request: pytest.FixtureRequest, made: Callable[[str], Shipped]) -> Shipped:
    return made(request.param)


def _made(name: str, folder: Path) -> Shipped:
    if name != "quickstart":
        london()
        for file in NETWORKS if name == "networks" else NETWORKS[-1:]:
            weights(file)
    out, copy, recipe = folder / "out", folder / "copy", str(RECIPES / f"{name}.yaml")
    assert run(["generate", recipe, "-o", str(out), "--inline", *OPTIONS[name]]) == 0
    assert run(["verify", str(out)]) == 0
    kinds = Release(out).table()["kind"].value_counts()
    assert set(kinds.index) == set(clients.KINDS)
    api.export(out, copy, "hf", progress=False)
    images = [*clients.expected(out, *clients.KINDS), *clients.expected_masks(out)]
    return Shipped(out, copy, sorted(images), _items(Release(out)))


def _items(release: Release) -> list[Item]:
    """Return id, digest of the pixels and digest of the mask of each image, as OpenCV decodes."""
    return sorted(
        item_digest(
            {
                "sample_id": row["sample_id"],
                "image": cv2.imdecode(_array(release.bytes_of(row)), cv2.IMREAD_COLOR_RGB),
                "mask": np.zeros((row["height"], row["width"]), np.uint8)
                if row["kind"] != "fake"
                else cv2.imdecode(_array(release.mask_bytes(row)), cv2.IMREAD_GRAYSCALE),
            }
        )
        for row in release.table().to_dict("records")
    )


def item_digest(item: Mapping[str, Any]) -> Item:
    return item["sample_id"], *(clients.digest(item[name].tobytes()) for name in ("image", "mask"))


def _array(data: bytes) -> Any:
    return np.frombuffer(data, np.uint8)


def test_datasets_reads_the_tars(shipped: Shipped) -> None:
    assert sorted(clients.by_datasets(shipped.release)) == shipped.images


def test_datasets_reads_the_export(shipped: Shipped) -> None:
    assert sorted(clients.by_datasets_from_export(shipped.copy)) == shipped.images


def test_webdataset_reads_the_tars(shipped: Shipped) -> None:
    assert sorted(clients.by_webdataset(shipped.release)) == shipped.images


@pytest.mark.ray
@pytest.mark.slow
def test_ray_data_reads_the_tars(shipped: Shipped, ray_cluster: object) -> None:
    assert sorted(clients.by_ray(shipped.release)) == shipped.images


@pytest.mark.parametrize("of", ["release", "copy"])
def test_mlcroissant_yields_every_row(of: str, shipped: Shipped) -> None:
    found = clients.by_mlcroissant(getattr(shipped, of))
    assert sorted(found) == clients.expected(shipped.release, *clients.KINDS)


@pytest.mark.parametrize(("workers", "start"), WORKERS)
def test_torch_gives_every_item(shipped: Shipped, workers: int, start: str | None) -> None:
    torch = pytest.importorskip("torch")
    splits = [
        PairDataset(
            shipped.release, split, kinds=clients.KINDS, fields=["mask"], transform=item_digest
        )
        for split in Release(shipped.release).splits
    ]
    data = torch.utils.data.ConcatDataset(splits)
    _ = data[0]  # a file is open when workers are forked
    loader = torch.utils.data.DataLoader(
        data, 7, num_workers=workers, multiprocessing_context=start, collate_fn=list
    )
    assert sorted(one for batch in loader for one in batch) == shipped.items


def test_a_stream_gives_every_item(shipped: Shipped) -> None:
    found = [
        one
        for split in Release(shipped.release).splits
        for one in stream(
            shipped.release, split, kinds=clients.KINDS, fields=["mask"], transform=item_digest
        )
    ]
    assert sorted(found) == shipped.items
