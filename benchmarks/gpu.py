"""Every torch network of this package on a GPU: speed by precision, equal bytes, halved batches.

Needs only torch and what it needs, NumPy, OpenCV and safetensors, and takes less than nine minutes.
TAEF2 has its real tensors where ``--taef2`` names the file and random ones otherwise; the
autoencoder of ``datagen train`` has random ones, which cost the same. Prints Markdown. Usage, in
the root of the repository:

    python benchmarks/gpu.py [--taef2 taef2.safetensors] [--device cuda] [--little] [--no-compile]

``--little`` runs the same at small sizes, for a CPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datagen.networks.autoencoder.modules import Autoencoder, initialize
from datagen.networks.batch import BatchRunner
from datagen.networks.diffusion.settings import at_work
from datagen.networks.diffusion.taef2 import Taef2, load_taef2

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
_BUDGET = 480  # seconds, after which no other row is begun
_LARGEST = 1 << 14  # images in the batch that must not fit


@dataclass(frozen=True, slots=True)
class Case:
    """A network with the size and the batch at which it is measured."""

    name: str
    make: Callable[[], Any]
    size: int
    batch: int
    run: Callable[[Any, Any], Any]


def cases(taef2: Path | None, little: bool) -> list[Case]:
    """Return the networks."""

    def autoencoder() -> Any:
        size, width = (64, 8) if little else (128, 64)
        network = Autoencoder(SimpleNamespace(size=size, width=width), 2)  # type: ignore[arg-type]
        initialize(network, np.random.Generator(np.random.Philox(key=1)))
        return network

    def tiny() -> Any:
        torch.manual_seed(1)
        return Taef2() if taef2 is None else load_taef2(taef2)

    sizes = (32, 64) if little else (256, 512)
    batch = 2 if little else 16
    whole = [Case("taef2", tiny, size, batch, lambda net, images: net(images)) for size in sizes]
    side = 64 if little else 128
    swap = Case("autoencoder_swap", autoencoder, side, batch, lambda net, x: net(x, 1)[0])
    return [*whole, swap]


def picture(size: int, batch: int) -> Any:
    """Return smooth random images, ``(batch, 3, size, size)`` float32 in [0, 1]."""
    rng = np.random.Generator(np.random.Philox(key=2))
    small = rng.random((batch, 8, 8, 3), np.float32)
    large = [cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in small]
    return torch.from_numpy(np.clip(np.stack(large), 0, 1)).permute(0, 3, 1, 2).contiguous()


def wait(device: str) -> None:
    """Wait until the device is idle."""
    if device == "cuda":
        torch.cuda.synchronize()


def timed(call: Callable[[], Any], device: str, rounds: int) -> float:
    """Return the median seconds of a call, after one that is not counted."""
    took = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        call()
        wait(device)
        took.append(time.perf_counter() - start)
    return statistics.median(took[1:])


def row(case: Case, precision: str, compiled: bool, device: str, rounds: int) -> str:
    """Measure one row of the table."""
    network = case.make().eval().to(device, TYPES[precision])
    exact = case.make().eval().to(device)
    run = torch.compile(network) if compiled else network
    images = picture(case.size, case.batch).to(device)
    given = images.to(TYPES[precision])
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with at_work(device, 1):
        seconds = timed(lambda: case.run(run, given), device, rounds)
        first, again = (case.run(run, given).float().cpu().numpy() for _ in range(2))
        truth = case.run(exact, images).float().cpu().numpy()
    memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else float("nan")
    apart = float(np.abs(first - truth).max() * 255)
    equal = "yes" if first.tobytes() == again.tobytes() else "NO"
    how = f"{precision}, compiled" if compiled else precision
    cells = [f"{1000 * seconds / case.batch:.3f}", f"{apart:.2f}", equal, f"{memory:.2f}"]
    return f"| `{case.name}` | {case.size} | {how} | {' | '.join(cells)} |"


def table(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the rows; what fails is told in its place."""
    begun, rounds = time.monotonic(), 2 if asked.little else 20
    for case in cases(asked.taef2, asked.little):
        for compiled in (False, True) if asked.compile else (False,):
            for precision in TYPES:
                if time.monotonic() - begun > _BUDGET:
                    yield f"| `{case.name}` | {case.size} | {precision} | no time was left | | | |"
                    continue
                try:
                    yield row(case, precision, compiled, asked.device, rounds)
                except Exception as error:  # noqa: BLE001 - one row must not cost the others
                    told = str(error).strip().splitlines()
                    text = f"{type(error).__name__}: {told[0] if told else ''}"
                    yield f"| `{case.name}` | {case.size} | {precision} | {text} | | | |"


def halved(asked: argparse.Namespace) -> str:
    """Return what became of a batch that does not fit, in one sentence."""
    if asked.device != "cuda":
        return "Halving was not tried: a CPU's memory is not filled on purpose."
    network = load_taef2(asked.taef2).cuda() if asked.taef2 else Taef2().eval().cuda()
    size = 64 if asked.little else 512
    image = picture(size, 1)[0].numpy()
    runner = BatchRunner(_LARGEST, "taef2 on cuda")
    tried = []

    def run(images: list[Any]) -> list[Any]:
        tried.append(len(images))
        with at_work("cuda", 1):
            # On the device the batch is one image's memory many times, as in use.
            given = torch.from_numpy(image).cuda()[None].repeat(len(images), 1, 1, 1)
            return list(network(given)[:, 0, 0, 0].cpu().numpy())

    found = runner(run, [image])
    torch.cuda.empty_cache()
    return (
        f"A batch of {_LARGEST} images of {size} pixels was halved on real lack of memory to "
        f"{runner.size} ({', '.join(map(str, tried))} were tried) and gave {len(found)} image."
    )


def main(arguments: list[str] | None = None) -> None:
    """Print machine, table and halving as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--taef2", type=Path)
    there = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=["cpu", "cuda"], default=there)
    parser.add_argument("--little", action="store_true")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    asked = parser.parse_args(arguments)
    name = torch.cuda.get_device_name() if asked.device == "cuda" else "CPU, one core"
    print(f"{name}, torch {torch.__version__}\n")
    print("| network | pixels | precision | ms an image | apart, levels | equal bytes | GiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for line in table(asked):
        print(line, flush=True)
    print(f"\n{halved(asked)}")


if __name__ == "__main__":
    main()
