"""Readers for training: images per second of ``datagen.loaders`` beside webdataset's own pipeline.

All contenders read the same tars, decode with the same function and give batches of the same
arrays; they take turns, so that a machine whose speed drifts favors none. Needs torch and
webdataset. Prints medians over the rounds, and two ratios:

* ``PairDataset`` in random order with workers, over a webdataset pipeline with as many (above 1:
  ``PairDataset`` is faster);
* time per image of ``PairDataset`` in random order, over that of ``stream``, in one process.

    python benchmarks/loaders.py OUT [--split train] [--images 4000] [--workers 2] [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from datagen.core.images import read_rgb
from datagen.loaders import PairDataset, stream
from datagen.release.names import shard_list

SEED, BATCH = 1, 32


def image_and_label(item: dict[str, Any]) -> tuple[Any, int]:
    """Return what every contender gives."""
    return item["image"], item["label"]


def decoded(samples: Iterable[dict[str, Any]]) -> Iterator[tuple[Any, int]]:
    """Decode the real and the fake of webdataset's samples."""
    for sample in samples:
        for label, kind in enumerate(("real", "fake")):
            (name,) = (name for name in sample if name.startswith(f"{kind}."))
            yield read_rgb(sample[name]), label


def images_per_second(batches: Iterable[Any], images: int) -> float:
    """Return how many images come in a second, workers started and all."""
    started = time.perf_counter()
    count = 0
    for batch in batches:
        count += len(batch[1])
        if count >= images:
            break
    else:
        raise SystemExit(f"only {count} of {images} images came")
    return count / (time.perf_counter() - started)


def contenders(out: Path, split: str, images: int, workers: int) -> dict[str, Any]:
    """Return a function for each contender that gives its batches anew."""
    import torch
    import webdataset as wds

    dataset = PairDataset(out, split, transform=image_and_label)
    times = -(-images // len(dataset))
    tars = (out / shard_list(split)).read_text(encoding="utf-8").split()
    urls = [str((out / "media" / Path(tar).name).resolve()) for tar in tars] * (times + workers)

    def loader(data: Any, number: int, **options: Any) -> Any:
        return torch.utils.data.DataLoader(data, BATCH, num_workers=number, **options)

    def random(number: int) -> Any:
        order = torch.Generator().manual_seed(SEED)
        sampler = torch.utils.data.RandomSampler(
            dataset,
            num_samples=times * len(dataset),
            generator=order,
        )
        return loader(dataset, number, sampler=sampler)

    def webdataset(number: int) -> Any:
        stages = (wds.split_by_worker, wds.tarfile_to_samples(), decoded)
        return loader(wds.DataPipeline(wds.SimpleShardList(urls), *stages), number)

    def streamed() -> Iterator[Any]:
        for _ in range(times):
            yield from loader(stream(out, split, transform=image_and_label), 0)

    return {
        "pairs": lambda: random(workers),
        "webdataset": lambda: webdataset(workers),
        "random": lambda: random(0),
        "streaming": streamed,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="a release on this machine")
    parser.add_argument("--split", default="train")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    every = contenders(given.out, given.split, given.images, given.workers)
    speeds: dict[str, list[float]] = {name: [] for name in every}
    for number in range(given.rounds):
        order = list(every)[:: 1 if number % 2 == 0 else -1]
        for name in order:
            speeds[name].append(images_per_second(every[name](), given.images))
    titles = {
        "pairs": f"PairDataset, random order, {given.workers} workers",
        "webdataset": f"webdataset, {given.workers} workers",
        "random": "PairDataset, random order, one process",
        "streaming": "stream, one process",
    }
    for name, title in titles.items():
        print(f"{title}: {statistics.median(speeds[name]):.0f} images/s")
    ratios = {
        "PairDataset / webdataset (images/s)": ("pairs", "webdataset"),
        "random access / streaming (time)": ("streaming", "random"),
    }
    for title, (one, other) in ratios.items():
        found = [a / b for a, b in zip(speeds[one], speeds[other], strict=True)]
        print(f"{title}: {statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})")


if __name__ == "__main__":
    main()
