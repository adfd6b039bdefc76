"""The main job compared with its floor: time per pair, pairs per second, memory of a worker.

The floor of a pair is the work that cannot be avoided: read and decode the target's image once, at
the scale that is needed, and encode the two images of the pair. Both are measured in the same run,
on the same pairs. Usage:

    python benchmarks/generate.py RECIPE [--set key=value ...] [--pairs 200] [--workers N]
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from pathlib import Path

import cv2

from datagen.core.digests import sha256_bytes
from datagen.core.progress import Progress
from datagen.core.reading import read_again
from datagen.engine import InlineEngine
from datagen.engine.ray import RayEngine
from datagen.faces.crop import CropJitter, crop_matrix, shrink_for
from datagen.faces.reader import FaceReader
from datagen.generation.encoding import Encoding, encode
from datagen.generation.prepare import index_faces, prepare
from datagen.generation.shard import MakeShard
from datagen.planning import Plan, ShardKey
from datagen.recipe import load_recipe
from datagen.release import Folder
from datagen.sources import Source

PAIRS = 200
MEGABYTE = 2**20


def floor_ms(plan: Plan, task: MakeShard, sources: dict[str, Source], pairs: int) -> float:
    """Return milliseconds per pair of reading, decoding and encoding alone."""
    from datagen.faces.index import FaceIndex

    index, face_rule = FaceIndex(task.table), task.recipe.spec.face
    reader = FaceReader(sources, face_rule.size, face_rule.margin)
    encoding = Encoding("jpeg", 85, "4:2:0")
    split = next(iter(plan.recipe.splits))
    times = []
    for number in range(pairs):
        face = index.face(plan.item(split, number).target)
        crop, _ = reader.crop(face, CropJitter())
        matrix = crop_matrix(face.box, face_rule.margin, face_rule.size, CropJitter())
        started = time.perf_counter()
        if sources[face.source].has_files:
            data = sources[face.source].read(face.path)
            sha256_bytes(data)
            read_again(data, face.orientation, shrink_for(matrix))
        else:
            sources[face.source].render(face.image_id)
        encode(crop.image, encoding)
        encode(crop.image, encoding)
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def inline_ms(plan: Plan, task: MakeShard, pairs: int) -> float:
    """Return milliseconds per pair of the whole job in one process, after a warm-up."""
    split = next(iter(plan.recipe.splits))
    list(InlineEngine().run(task, [ShardKey(split, 90, 0, 20)]))
    started = time.perf_counter()
    (outcome,) = InlineEngine().run(task, [ShardKey(split, 91, 20, 20 + pairs)])
    if outcome.error:
        raise outcome.error
    return 1000 * (time.perf_counter() - started) / pairs


class PeakMemory(threading.Thread):
    """Watches the peak resident memory of Ray's workers."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.done = threading.Event()

    def run(self) -> None:
        """Sample ten times per second until done."""
        while not self.done.wait(0.1):
            for path in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError, ValueError, IndexError):
                    if (path / "cmdline").read_bytes().startswith(b"ray::attempt"):
                        status = (path / "status").read_text()
                        line = status.split("VmHWM:")[1].split()[0]
                        self.peak = max(self.peak, int(line) * 1024)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "recipe", help="with at least 20 pairs more than --pairs in its first split"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs measured in one process")
    parser.add_argument("--workers", type=int, help="workers on Ray; by default all CPUs")
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    recipe = load_recipe(given.recipe, given.set)
    sources = tuple(recipe.sources())
    built = index_faces(prepare(recipe), sources, InlineEngine, Progress())
    plan = Plan(recipe, built.index)
    with tempfile.TemporaryDirectory() as folder:
        task = MakeShard(recipe, sources, built.index.table, Folder(f"{folder}/inline"))
        by_id = {source.card.id: source for source in sources}
        floor = floor_ms(plan, task, by_id, given.pairs)
        one = inline_ms(plan, task, given.pairs)
        print(f"floor (read, decode one, encode two): {floor:.1f} ms per pair")
        print(f"inline, one core: {one:.1f} ms per pair, {one / floor:.1f} x the floor")
        task = MakeShard(recipe, sources, built.index.table, Folder(f"{folder}/ray"))
        _ = task.content_digest
        shards = list(plan.shards())
        with RayEngine(given.workers) as engine:
            list(engine.run(task, [ShardKey(shards[0].split, 90 + n, 0, 2) for n in range(4)]))
            watch = PeakMemory()
            watch.start()
            started = time.perf_counter()
            outcomes = list(engine.run(task, shards))
            seconds = time.perf_counter() - started
            watch.done.set()
        pairs = sum(outcome.result.commit.pairs for outcome in outcomes if outcome.result)
        rate = pairs / seconds
        print(f"Ray, {engine.workers} workers: {pairs} pairs, {rate:.0f} pairs/s")
        print(f"parallel efficiency: {rate * one / 1000 / engine.workers:.2f}")
        print(f"peak memory per worker: {watch.peak / MEGABYTE:.0f} MiB")


if __name__ == "__main__":
    main()
