"""``datagen evaluate`` on a million images: seconds and peak memory of the whole command.

Writes the manifest of a release that was never made (one image serves for all) and the scores of
two detectors, and runs the command as a separate process: alone, then with baseline, gates and
report. Usage:

    python benchmarks/evaluate.py [--images 1000000] [--identities 5000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datagen.core.digests import sha256_bytes
from datagen.release.names import ShardName, release_id
from tests.support.releases import record_of

IMAGES, IDENTITIES = 1_000_000, 5_000
METHODS = ("self_blend", "cross_blend", "landmark_swap", "mesh_swap", "part_swap", "morph")
DEGRADATIONS = ("jpeg", "resize", "reshare", "blur", "noise")
GIGABYTE = 2**30
GATES = """
auc: {min: 0.7}
worst_group_auc: {by: method, min: 0.7}
regression: {metric: auc, max_drop: 0.005, by: [method]}
coverage: {min: 0.99}
on_undecided: pass
"""


def main(arguments: list[str] | None = None) -> None:
    """Print seconds and gigabytes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--identities", type=int, default=IDENTITIES)
    given = parser.parse_args(arguments)
    images, identities = given.images, given.identities
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, images, identities)
        base = [str(folder / "out"), "--scores", str(folder / "new.parquet")]
        full = [*base, "--baseline", str(folder / "old.parquet")]
        full += ["--gates", str(folder / "gates.yaml"), "--report", str(folder / "report")]
        print(f"{images} images of {identities} identities, {os.cpu_count()} CPUs")
        for what, options in (("metrics", base), ("baseline, gates, report", full)):
            seconds, busy, memory = run(options)
            print(f"{what:<26}{seconds:6.1f} s, {busy:6.1f} s of CPU, {memory / GIGABYTE:5.2f} GB")


def run(arguments: list[str]) -> tuple[float, float, int]:
    """Return wall-clock seconds, CPU seconds and peak memory in bytes of a run."""
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-m", "datagen", "evaluate", *arguments], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit {process.returncode}")
    busy = usage.ru_utime + usage.ru_stime
    return time.monotonic() - started, busy, usage.ru_maxrss * 1024


def write(folder: Path, images: int, identities: int) -> None:
    """Write release, scores and gates."""
    rng = np.random.default_rng(0)
    pairs = int(images / 2.2)
    controls = images - 2 * pairs
    pair = np.concatenate([np.arange(pairs), np.arange(pairs), np.arange(controls)])
    kind = np.repeat(["real", "fake", "control"], [pairs, pairs, controls])
    label = kind == "fake"
    person = rng.integers(0, identities, pairs)
    severity = rng.integers(0, 6, pairs)
    shard = ShardName(release_id("bench", 2, "f" * 64), "test-000000")
    media = cv2.imencode(".jpg", rng.integers(0, 255, (96, 96, 3), np.uint8))[1].tobytes()
    columns = {
        "sample_id": [f"bench-test-{p:07d}-{k}" for p, k in zip(pair, kind, strict=True)],
        "pair_id": [f"bench-test-{p:07d}" for p in pair],
        "kind": kind,
        "label": label.astype(np.int8),
        "split": np.full(images, "test"),
        "release_id": np.full(images, shard.release),
        "media_path": np.where(kind == "control", shard.controls, shard.media),
        "media_offset": np.zeros(images, np.int64),
        "media_size": np.full(images, len(media)),
        "media_type": np.full(images, "image/jpeg"),
        "sha256": np.full(images, sha256_bytes(media)),
        "source": np.full(images, "bench"),
        "image_id": [
            f"p{number:05d}_{p % 4}" for p, number in zip(pair, person[pair], strict=True)
        ],
        "identity_id": [f"bench/p{number:05d}" for number in person[pair]],
        "method": np.array(METHODS)[rng.integers(0, len(METHODS), pairs)][pair],
        "family": np.array(["face_swap", "pseudo_fake"])[rng.integers(0, 2, pairs)][pair],
        "degradation": np.array(DEGRADATIONS)[rng.integers(0, len(DEGRADATIONS), pairs)][pair],
        "severity": severity[pair].astype(np.int32),
        "base_id": [f"bench-test-{p:07d}" for p in pair],
        "age": rng.integers(18, 80, identities)[person][pair].astype(np.float32),
        "sex": np.array(["female", "male"])[rng.integers(0, 2, identities)][person][pair],
        "ethnicity": np.array(list("abcd"))[rng.integers(0, 4, identities)][person][pair],
    }
    out = folder / "out"
    (out / "manifest").mkdir(parents=True)
    (out / "media").mkdir()
    pq.write_table(pa.table(columns), out / "manifest" / "test-000000.parquet")
    tar = {"sha256": sha256_bytes(media), "size": len(media)}
    for name in (shard.media, shard.controls):
        (out / name).write_bytes(media)
    record = record_of(dict.fromkeys((shard.media, shard.controls), tar), name="bench")
    (out / "release.json").write_text(json.dumps(record), encoding="utf-8")
    own = rng.normal(0, 0.5, identities)[person][pair] - 0.15 * severity[pair] * label
    for name, skill in (("new", 1.6), ("old", 1.5)):
        raw = rng.normal(skill * label - 0.7, 1) + own
        score = 1 / (1 + np.exp(-raw))
        pq.write_table(
            pa.table({"sample_id": columns["sample_id"], "score": score}),
            folder / f"{name}.parquet",
        )
    (folder / "gates.yaml").write_text(GATES, encoding="utf-8")


if __name__ == "__main__":
    main()
