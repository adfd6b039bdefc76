"""TAEF2 and MobileFace on one CPU core: our path over the bare calls of their runtimes.

Both are measured in turn in one process, as CPU time; the ratio of the medians counts. ``bare`` is
torch or onnxruntime on arrays that are ready, with the same options. Then what a shard does beside
the network for each pair (decode, crop, prepare, paste, check, encode) and what it costs to say
whom a fake resembles. Usage, with DATAGEN_WEIGHTS set:

    python benchmarks/trained_networks.py [--size 256] [--batch 8] [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import onnxruntime
import torch
from network_shard import Faces, Timed, items_of, make, producer_of

from datagen.methods import METHODS
from datagen.methods.batched import BatchedMethod
from datagen.methods.vae_reconstruct import VaeReconstruct
from datagen.networks.diffusion.settings import at_work
from datagen.networks.diffusion.taef2 import load_taef2
from datagen.networks.onnx.identity import face_input, open_identity
from datagen.weights.store import weight_store

METHODS_OF = {"taef2": "vae_reconstruct", "esrgan_slim_x2": "gan_upsample"}


def in_turn(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median CPU seconds of each call, which take turns; the first round warms up."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            took[name].append(time.process_time() - start)
    return {name: statistics.median(found[1:]) for name, found in took.items()}


def file_of(card: str) -> str:
    """Return the path of a card's file."""
    return str(weight_store().fetch(weight_store().card(card)))


def taef2(size: int, batch: int, rounds: int) -> dict[str, float]:
    """Measure reconstruction of a batch."""
    network = load_taef2(weight_store().fetch(weight_store().card("taef2")))
    rng = np.random.Generator(np.random.Philox(key=1))
    images = [rng.integers(0, 256, (size, size, 3), np.uint8) for _ in range(batch)]
    numbers = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
    method = VaeReconstruct.build({"weights": "taef2", "batch": batch, "grid": "corner"})
    items = [(image, 0) for image in images]

    def bare() -> None:
        with at_work("cpu", 1):
            network(numbers)

    return in_turn({"bare": bare, "ours": lambda: method._pass(items)}, rounds)


def mobileface(batch: int, rounds: int) -> dict[str, float]:
    """Measure embeddings of faces that have been cut."""
    network, faces = open_identity("mobileface"), Faces(256)
    crops = [faces.crop(number % 8)[0] for number in range(batch)]
    taken = [face_input(crop.image, crop.landmarks, network.contract) for crop in crops]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    session = onnxruntime.InferenceSession(file_of("mobileface"), options)
    numbers = np.stack(taken).transpose(0, 3, 1, 2).astype(np.float32)

    def bare() -> None:
        session.run(["embedding"], {"image": numbers})

    return in_turn({"bare": bare, "ours": lambda: network(taken)}, rounds)


class TimedByProcess(Timed):
    """Measures CPU seconds instead."""

    def run(self, prepared: Sequence[Any]) -> list[Any]:
        """See base class."""
        start = time.process_time()
        outputs = self.method.run(prepared)
        self.seconds += time.process_time() - start
        return outputs


def shard(card: str, size: int, batch: int, pairs: int) -> float:
    """Return CPU seconds per pair outside the network."""
    method = METHODS.load(METHODS_OF[card]).build({"weights": card, "batch": batch})
    assert isinstance(method, BatchedMethod)
    timed, faces = TimedByProcess(method), Faces(size)
    first = items_of(batch, False)
    make(producer_of(timed, faces, first), first)  # opens the network
    timed.seconds, items = 0.0, items_of(pairs, False)
    start = time.process_time()
    lost = make(producer_of(timed, faces, items), items)
    return (time.process_time() - start - timed.seconds) / max(pairs - lost, 1)


def resemblance(size: int, rounds: int) -> dict[str, float]:
    """Measure what it takes to compare a fake with its target and donor."""
    network, faces = open_identity("mobileface"), Faces(size)
    crops = [faces.crop(number)[0] for number in range(3)]
    taken = [face_input(crop.image, crop.landmarks, network.contract) for crop in crops]
    calls = {
        "network": lambda: network(taken),
        "whole": lambda: [network.face(crop.image, crop.landmarks) for crop in crops],
    }
    return in_turn(calls, rounds)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    print("| batch | bare, ms an image | ours, ms an image | ours over bare |")
    print("| --- | --- | --- | --- |")
    rows = {
        f"`taef2`, {asked.size} pixels": taef2(asked.size, asked.batch, asked.rounds),
        "`mobileface`": mobileface(asked.batch, 4 * asked.rounds),
    }
    for name, found in rows.items():
        bare, ours = (1000 * found[key] / asked.batch for key in ("bare", "ours"))
        print(f"| {name} | {bare:.2f} | {ours:.2f} | {ours / bare:.2f} |", flush=True)
    print("\n| rest of the path | ms a pair |")
    print("| --- | --- |")
    for card in METHODS_OF:
        seconds = shard(card, asked.size, asked.batch, 4 * asked.batch)
        print(f"| `{METHODS_OF[card]}` by `{card}` | {1000 * seconds:.1f} |", flush=True)
    found = resemblance(asked.size, 4 * asked.rounds)
    rest = 1000 * (found["whole"] - found["network"])
    print(f"| whom it resembles: three faces cut, without the network | {rest:.1f} |")
    print(f"| the same with the network | {1000 * found['whole']:.1f} |")


if __name__ == "__main__":
    main()
