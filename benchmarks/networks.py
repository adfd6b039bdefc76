"""Learned methods with networks of the real ones' size and random weights: pictures a second.

What a worker does for a shard, without the manifest: JPEGs of 1024 pixels are decoded and cropped,
batches are formed by ``Ahead``, go through the network, are pasted back and held to the contract,
and real, fake and mask are encoded. Each method has a process of its own. Usage:

    python benchmarks/networks.py [--device cuda] [--batch 8] [--pictures 64] [--methods NAME ...]
        [--precision fp16] [--steps 30] [--size 380] [--threads 1] [--folder DIR]

On a GPU a batch goes before that is not counted. ``waits`` is the share of the time in which no
batch is in the network; ``worker`` is what a picture costs a core beside it, in the process's own
time. Memory is the peak: on a CPU the process's, on a GPU what torch allocated, or, where
onnxruntime runs the network, by how much the device's free memory fell. The weights of all methods
take 12 GB of disk, in a temporary folder unless ``--folder`` keeps them for the next time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from random_networks import CASES, PEOPLE, write_networks

from datagen.ahead import Ahead, Begun, Fake, Steps
from datagen.contract import checked, visible_change
from datagen.encode import Encoding, encode, encode_mask
from datagen.errors import DatagenError, ItemError
from datagen.faces.crop import (
    CropJitter,
    crop_matrix,
    face_box,
    move_landmarks,
    shrink_for,
    take_crop,
)
from datagen.faces.decode import decode
from datagen.faces.face import FaceCrop
from datagen.hashing import rng
from datagen.methods import METHODS, Context, Result
from datagen.methods.batched import BatchedMethod
from datagen.plan import Item
from datagen.sources.procedural import render
from datagen.types import Affine, Landmarks

SOURCE_SIDE = 1024
GIBIBYTE = 2**30
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    device: str
    batch: int
    pictures: int
    precision: str
    steps: int
    size: int
    threads: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured of a method.

    Attributes:
        precision, batch: As they were used.
        made: Pictures; ``lost`` were refused by the method.
        seconds: Of the whole loop.
        inside: Seconds in ``run``.
        worker: Seconds of a core in all the rest.
        memory: Peak, in bytes.
    """

    precision: str
    batch: int
    made: int
    lost: int
    seconds: float
    inside: float
    worker: float
    memory: int


class Timed(BatchedMethod):
    """A method that counts the seconds in ``run``."""

    name, family, params = "timed", "face_swap", BatchedMethod.options
    min_change = 0.0

    def __init__(self, method: BatchedMethod) -> None:
        super().__init__(method.config)
        self.method = method
        self.seconds = 0.0

    def open(self) -> None:
        """See base class."""
        self.method.open()

    def sample(self, rng: np.random.Generator, ctx: Context) -> Any:
        """See base class."""
        return self.method.sample(rng, ctx)

    def prepare(self, ctx: Context, params: Any) -> Any:
        """See base class."""
        return self.method.prepare(ctx, params)

    def run(self, prepared: Sequence[Any]) -> list[Any]:
        """Run until the device has nothing left to do."""
        started = time.perf_counter()
        outputs = self.method.run(prepared)
        if self.method.config.device == "cuda":
            import torch

            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - started
        return outputs

    def finish(self, ctx: Context, params: Any, prepared: Any, output: Any) -> Result:
        """See base class."""
        return self.method.finish(ctx, params, prepared, output)


class Faces:
    """People who don't exist, as JPEGs with their landmarks."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._files: list[tuple[bytes, Landmarks]] = []
        for person in range(len(PEOPLE)):
            portrait = render(1, person, 0, SOURCE_SIDE)
            data = encode(portrait.image, Encoding("jpeg", 95, "4:2:0"))
            self._files.append((data, portrait.landmarks))

    def crop(self, number: int) -> tuple[FaceCrop, Affine]:
        """Read a face as ``datagen.pictures`` does."""
        data, landmarks = self._files[number]
        matrix = crop_matrix(face_box(landmarks), 1.3, self._size, CropJitter())
        shrink = shrink_for(matrix)
        image = take_crop(decode(data, shrink), matrix, self._size, shrink)
        points = move_landmarks(landmarks, matrix)
        return FaceCrop(image, points, identity=PEOPLE[number]), matrix


def steps_of(method: BatchedMethod, faces: Faces) -> Steps:
    """Return what a shard does for a batch, but that every change is large enough."""

    def begin(item: Item) -> Begun:
        crop, matrix = faces.crop(item.target)
        donor = None if item.donor is None else faces.crop(item.donor)[0]
        return Begun(item, crop, matrix, Context(crop, donor))

    def draw(begun: Begun, attempt: int) -> Any:
        return method.sample(rng("networks", method.name, begun.item.base, attempt), begun.ctx)

    def judge(begun: Begun, attempt: int, params: Any, made: Result) -> Fake:
        result, target = checked(method, made, begun.ctx), begun.ctx.target.image
        real = target if result.real is None else result.real
        return Fake(attempt, params, result, visible_change(real, result.image, result.mask))

    def repeat(begun: Begun, again: Result, result: Result) -> None:
        raise AssertionError("asked of methods from elsewhere alone")

    return Steps(begin, draw, judge, repeat)


def items_of(count: int, needs_donor: bool) -> list[Item]:
    """Return pairs of the people in turn, each with the next one as donor."""
    items = []
    for number in range(count):
        name, target = f"bench-train-{number:08d}", number % len(PEOPLE)
        donor = (target + 1) % len(PEOPLE) if needs_donor else None
        items.append(Item("train", number, number, name, name, 0, target, donor, False))
    return items


def make(ahead: Ahead, items: Sequence[Item]) -> int:
    """Make and encode all pairs; return how many were refused."""
    lost, encoding = 0, Encoding("jpeg", 95, "4:2:0")
    for item in items:
        try:
            begun, fake = ahead.take(item)
        except ItemError:
            lost += 1
            continue
        real = begun.ctx.target.image if fake.result.real is None else fake.result.real
        for image in (real, fake.result.image):
            encode(image, encoding)
        encode_mask(fake.result.mask)
    return lost


def measure(name: str, asked: Asked) -> Figures:
    """Return the figures of one method; its networks lie under ``DATAGEN_WEIGHTS``."""
    cv2.setNumThreads(1)
    method = METHODS.load(name).build(options_of(name, asked))
    assert isinstance(method, BatchedMethod)
    faces = Faces(asked.size)
    memory = peak_memory(asked.device)
    timed, steps = Timed(method), steps_of(method, faces)
    if asked.device == "cuda":  # kernels are loaded, and a batch that is too large is halved
        first = items_of(asked.batch, method.needs_donor)
        make(Ahead(timed, first, steps, prove=False), first)
        timed.seconds = 0.0
    items = items_of(asked.pictures, method.needs_donor)
    ahead = Ahead(timed, items, steps, prove=False)
    started, own = time.perf_counter(), time.thread_time()
    lost = make(ahead, items)
    seconds, worker = time.perf_counter() - started, time.thread_time() - own
    record = method.run_record()
    made = len(items) - lost
    figures = (made, lost, seconds, timed.seconds, worker, memory())
    return Figures(record["precision"], record["batch"], *figures)


def options_of(name: str, asked: Asked) -> dict[str, Any]:
    """Return what a recipe would say of the method."""
    case, given = CASES[name], {"device": asked.device, "threads": asked.threads}
    options: dict[str, Any] = {**given, "batch": asked.batch, "weights": case.cards[0]}
    if case.torch:
        options["precision"] = asked.precision
    if name.startswith("diffusion_"):
        options["steps"] = asked.steps
    return options | case.options


def peak_memory(device: str) -> Callable[[], int]:
    """Return what tells the peak memory from now on, in bytes."""
    if device == "cpu":
        return _peak_of_process
    import torch

    torch.cuda.init()
    before, _ = torch.cuda.mem_get_info()

    def peak() -> int:
        # onnxruntime keeps what it once took; torch is asked for less than it holds.
        allocated = torch.cuda.max_memory_allocated()
        return allocated or before - torch.cuda.mem_get_info()[0]

    return peak


def _peak_of_process() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def check_device(device: str) -> None:
    """Refuse a device that is not there, before gigabytes are written."""
    if device == "cuda":
        from datagen.networks.diffusion_settings import check_device as check
        from datagen.networks.diffusion_settings import diffusers_library

        diffusers_library()
        check(device)


def alone(folder: Path, work: Callable[..., T], *given: Any) -> T:
    """Work in a fresh process, whose memory is then its own."""
    os.environ["DATAGEN_WEIGHTS"] = str(folder)
    os.environ["DATAGEN_CACHE"] = str(folder / "cache")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def row(name: str, figures: Figures) -> str:
    """Return a line of the table."""
    made, seconds = max(figures.made, 1), figures.seconds
    cells = [
        f"{name:<20}{figures.precision:>10}{figures.batch:>7}{figures.made / seconds:>12.3g}",
        f"{1000 * figures.inside / made:>13.4g}{1000 * figures.worker / made:>11.3g}",
        f"{100 * (1 - figures.inside / seconds):>7.1f} %{figures.memory / GIBIBYTE:>8.2f} GiB",
    ]
    return "".join(cells) + (f"  {figures.lost} refused" if figures.lost else "")


def table(folder: Path, methods: Sequence[str], asked: Asked) -> int:
    """Print a line a method; return 1 where one could not be run."""
    for name in methods:
        for line in alone(folder, write_networks, folder, name):
            print(f"  {line}", flush=True)
    print(
        f"{'method':<20}{'precision':>10}{'batch':>7}{'pictures/s':>12}{'network, ms':>13}"
        f"{'worker, ms':>11}{'waits':>9}{'memory':>12}"
    )
    failed = 0
    for name in methods:
        try:
            print(row(name, alone(folder, measure, name, asked)), flush=True)
        except DatagenError as error:
            failed = 1
            print(f"{name:<20}  {error}", flush=True)
    return failed


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--methods", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--precision", choices=["fp32", "fp16", "bf16"], default="fp32")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--size", type=int, default=380)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = vars(parser.parse_args())
    methods, kept = given.pop("methods"), given.pop("folder")
    asked = Asked(**given)
    try:
        check_device(asked.device)
    except DatagenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(" ".join(f"{key} {value}" for key, value in asdict(asked).items()))
    with tempfile.TemporaryDirectory() as made:
        return table(Path(made) if kept is None else kept.resolve(), methods, asked)


if __name__ == "__main__":
    sys.exit(main())
