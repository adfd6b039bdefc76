"""Learned methods with random networks of the real size: images per second.

What a worker does for a shard, without the manifest: JPEGs of 1024 pixels are decoded and cropped,
batches are formed, go through the network, are pasted back and checked against the contract, and
real, fake and mask are encoded. Each method runs in a separate process. Usage:

    python benchmarks/networks.py [--device cuda] [--batch 8] [--images 64] [--methods NAME ...]
        [--precision fp16] [--steps 30] [--size 380] [--threads 1] [--folder DIR]

On a GPU one warm-up batch is not counted. ``waits`` is the share of the time in which no batch is
in the network; ``worker`` is the CPU time per image of everything else, as thread time. Memory is
the peak: on a CPU that of the process; on a GPU what torch allocated or, if onnxruntime runs the
network, by how much the device's free memory fell. The weights of all methods take 13 GB of disk,
in a temporary folder unless ``--folder`` keeps them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
from network_shard import Faces, Timed, items_of, make, producer_of
from random_networks import CASES, write_networks

from datagen.errors import DatagenError
from datagen.methods import METHODS
from datagen.methods.batched import BatchedMethod

GIBIBYTE = 2**30
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command line."""

    device: str
    batch: int
    images: int
    precision: str
    steps: int
    size: int
    threads: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured for a method.

    Attributes:
        precision, batch: Precision and batch size that were used.
        made: Number of images made; ``lost`` were refused by the method.
        seconds: Duration of the whole loop.
        inside: Seconds spent in ``run``.
        worker: CPU seconds of everything else.
        memory: Peak memory in bytes.
    """

    precision: str
    batch: int
    made: int
    lost: int
    seconds: float
    inside: float
    worker: float
    memory: int


def measure(name: str, asked: Asked) -> Figures:
    """Return the figures of one method; its networks are in ``DATAGEN_WEIGHTS``."""
    cv2.setNumThreads(1)
    method = METHODS.load(name).build(options_of(name, asked))
    assert isinstance(method, BatchedMethod)
    faces = Faces(asked.size)
    memory = peak_memory(asked.device)
    timed = Timed(method)
    if asked.device == "cuda":  # load kernels, and halve a batch that is too large
        first = items_of(asked.batch, method.needs_donor)
        make(producer_of(timed, faces, first), first)
        timed.seconds = 0.0
    items = items_of(asked.images, method.needs_donor)
    producer = producer_of(timed, faces, items)
    started, own = time.perf_counter(), time.thread_time()
    lost = make(producer, items)
    seconds, worker = time.perf_counter() - started, time.thread_time() - own
    record = method.run_record()
    made = len(items) - lost
    figures = (made, lost, seconds, timed.seconds, worker, memory())
    return Figures(record["precision"], record["batch"], *figures)


def options_of(name: str, asked: Asked) -> dict[str, Any]:
    """Return the options that a recipe would give the method."""
    case, given = CASES[name], {"device": asked.device, "threads": asked.threads}
    options: dict[str, Any] = {**given, "batch": asked.batch, "weights": case.cards[0]}
    if case.torch:
        options["precision"] = asked.precision
    if name.startswith("diffusion_"):
        options["steps"] = asked.steps
    return options | case.options


def peak_memory(device: str) -> Callable[[], int]:
    """Return a function that reports the peak memory from now on, in bytes."""
    if device == "cpu":
        return _peak_of_process
    import torch

    torch.cuda.init()  # type: ignore[no-untyped-call]
    before, _ = torch.cuda.mem_get_info()

    def peak() -> int:
        # onnxruntime keeps what it has taken; torch reports less than it holds.
        allocated = torch.cuda.max_memory_allocated()
        return allocated or before - torch.cuda.mem_get_info()[0]

    return peak


def _peak_of_process() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def check_device(device: str) -> None:
    """Refuse a device that does not exist, before gigabytes are written."""
    if device == "cuda":
        from datagen.networks.diffusion.settings import check_device as check
        from datagen.networks.diffusion.settings import diffusers_library

        diffusers_library()
        check(device)


def alone(folder: Path, work: Callable[..., T], *given: Any) -> T:
    """Call ``work`` in a fresh process, so that its memory can be measured."""
    os.environ["DATAGEN_WEIGHTS"] = str(folder)
    os.environ["DATAGEN_CACHE"] = str(folder / "cache")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def row(name: str, figures: Figures) -> str:
    """Return one row of the table."""
    made, seconds = max(figures.made, 1), figures.seconds
    cells = [
        f"{name:<20}{figures.precision:>10}{figures.batch:>7}{figures.made / seconds:>12.3g}",
        f"{1000 * figures.inside / made:>13.4g}{1000 * figures.worker / made:>11.3g}",
        f"{100 * (1 - figures.inside / seconds):>7.1f} %{figures.memory / GIBIBYTE:>8.2f} GiB",
    ]
    return "".join(cells) + (f"  {figures.lost} refused" if figures.lost else "")


def table(folder: Path, methods: Sequence[str], asked: Asked) -> int:
    """Print one row per method; return 1 if one could not be run."""
    for name in methods:
        for line in alone(folder, write_networks, folder, name):
            print(f"  {line}", flush=True)
    print(
        f"{'method':<20}{'precision':>10}{'batch':>7}{'images/s':>12}{'network, ms':>13}"
        f"{'worker, ms':>11}{'waits':>9}{'memory':>12}"
    )
    failed = 0
    for name in methods:
        try:
            print(row(name, alone(folder, measure, name, asked)), flush=True)
        except DatagenError as error:
            failed = 1
            print(f"{name:<20}  {error}", flush=True)
        except BrokenExecutor:
            failed = 1
            print(f"{name:<20}  its process was killed: not enough main memory", flush=True)
    return failed


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--methods", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--precision", choices=["fp32", "fp16", "bf16"], default="fp32")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--size", type=int, default=380)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = vars(parser.parse_args(arguments))
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
