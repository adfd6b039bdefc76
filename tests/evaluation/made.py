"""A release that was never made: manifest rows and scores, as many and as good as a test wants."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.digests import sha256_bytes, sha256_file
from datagen.evaluation.evaluate import Context, Evaluation, evaluate
from datagen.evaluation.rows import Coverage, Rows
from datagen.release.names import ShardName
from datagen.release.schema import MANIFEST
from tests.support.releases import MADE, record_of

METHODS = ("landmark_swap", "self_blend")


@dataclass
class Made:
    """Columns of a split and the label of each row."""

    columns: dict[str, Any]

    @property
    def label(self) -> npt.NDArray[np.int8]:
        return np.asarray(self.columns["label"], np.int8)

    @property
    def ids(self) -> list[str]:
        return list(self.columns["sample_id"])

    @property
    def person(self) -> npt.NDArray[np.int64]:
        return np.unique(self.columns["identity_id"], return_inverse=True)[1]

    @property
    def table(self) -> pa.Table:
        return pa.table(self.columns)

    def scores(
        self, skill: float = 1.5, seed: int = 0, own: float = 0.3
    ) -> npt.NDArray[np.float64]:
        """Probabilities: normal scores, the fakes' ``skill`` higher, people ``own`` apart."""
        rng = np.random.default_rng(seed)
        people = rng.normal(0, own, int(self.person.max()) + 1)[self.person]
        raw = rng.normal(skill * (self.label - 0.5), 1) + people
        return np.asarray(1 / (1 + np.exp(-raw)))

    def rows(self, probability: npt.NDArray[np.float64]) -> Rows:
        count = len(probability)
        return Rows(
            self.table, probability, probability, np.arange(count), Coverage(count, count, {})
        )


def make(
    people: int = 40,
    pairs_each: int = 6,
    controls: float = 0.25,
    ladder: int = 0,
    split: str = "test",
) -> Made:
    """Return rows: real, fake and some controls of each pair; with a ladder, of each level."""
    rows: list[dict[str, Any]] = []
    levels: list[int | None] = list(range(ladder)) if ladder else [None]
    for base in range(people * pairs_each):
        person = base % people
        for level in levels:
            pair = f"made-{split}-{base:05d}" + ("" if level is None else f"-l{level}")
            kinds = ["real", "fake"]
            if base // people < controls * pairs_each:
                kinds.append("control")
            rows += [_row(pair, kind, base, person, level, split) for kind in kinds]
    ends: dict[str, int] = {}
    for row in rows:
        data, offset = image(row["sample_id"]), ends.get(row["media_path"], 0)
        row |= {"media_offset": offset, "media_size": len(data), "sha256": sha256_bytes(data)}
        ends[row["media_path"]] = offset + len(data)
    return Made({name: [row[name] for row in rows] for name in rows[0]})


def _row(
    pair: str, kind: str, base: int, person: int, level: int | None, split: str
) -> dict[str, Any]:
    number = f"{pair}-{kind}"
    shard = ShardName(MADE, f"{split}-000000")
    return {
        "release_id": MADE,
        "sample_id": number,
        "pair_id": pair,
        "kind": kind,
        "label": np.int8(kind == "fake"),
        "split": split,
        "media_path": shard.controls if kind == "control" else shard.media,
        "media_type": "image/jpeg",
        "source": "made",
        "image_id": f"p{person}_{base % 3}",
        "identity_id": f"made/p{person:04d}",
        "donor_identity_id": None,
        "source_sha256": sha256_bytes(f"{split}{person}".encode()),
        "method": METHODS[base // 2 % 2],
        "family": "face_swap" if base // 2 % 2 == 0 else "pseudo_fake",
        "degradation": None if level is None else "jpeg",
        "severity": level,
        "base_id": f"made-{split}-{base:05d}",
        "age": float(20 + person % 50),
        "sex": ("female", "male")[person % 2],
        "ethnicity": None,
    }


GRAY = cv2.imencode(".jpg", np.full((16, 16, 3), 128, np.uint8))[1].tobytes()


def image(sample_id: str) -> bytes:
    """Return a JPEG; what follows its end mark makes it one of its own."""
    return GRAY + sample_id.encode()


def write_release(folder: Path, *parts: Made) -> Path:
    """Write what ``datagen evaluate`` reads of a release."""
    (folder / "manifest").mkdir(parents=True)
    (folder / "media").mkdir()
    files = {}
    for made in parts:
        tars: dict[str, bytes] = {}
        for sample, tar in zip(made.ids, made.columns["media_path"], strict=True):
            tars[tar] = tars.get(tar, b"") + image(sample)
        for tar, data in tars.items():
            (folder / tar).write_bytes(data)
        name = f"manifest/{made.columns['split'][0]}-000000.parquet"
        pq.write_table(
            pa.table(
                {
                    column: pa.array(values, MANIFEST.field(column).type)
                    for column, values in made.columns.items()
                }
            ),
            folder / name,
        )
        for file in (*tars, name):
            path = folder / file
            files[file] = {"sha256": sha256_file(path), "size": path.stat().st_size}
    (folder / "release.json").write_text(json.dumps(record_of(files)), encoding="utf-8")
    return folder


def judged(
    made: Made,
    new: npt.NDArray[np.float64],
    old: npt.NDArray[np.float64] | None = None,
    threshold: float = 0.5,
) -> Evaluation:
    """Evaluate scores of all rows."""
    release = {"name": "made", "version": 2, "recipe_digest": "f" * 64}
    context = Context(release, "test", "new.parquet", None if old is None else "old.parquet",
                      threshold, False)  # fmt: skip
    return evaluate(context, made.rows(new), None if old is None else made.rows(old))
