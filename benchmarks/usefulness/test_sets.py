"""Test sets of the foreign kinds: one Parquet file per people, part and kind, made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from datagen.core.files import staged
from datagen.core.rng import rng
from datagen.faces.crop import draw_jitter

from .changes import changed, clean
from .foreign import CHOOSE, FOREIGN_VERSION, KINDS, Kind, opened
from .people import Part, People
from .resampled import weight_file

__all__ = ["TestSet", "kinds_of", "test_sets"]

_JITTER = (0.04, (0.95, 1.08), 5.0, 0.5)  # as the training releases


@dataclass(frozen=True, slots=True)
class TestSet:
    """The images of one kind.

    Attributes:
        kind: Name of the kind.
        part: ``choose`` or ``report``.
        rows: Columns ``pair_id``, ``identity``, ``donor``, ``kind``, ``what`` (``real``, ``fake``
            or ``control``), ``changed`` and ``jpeg``.
    """

    __test__ = False  # not for pytest

    kind: str
    part: Part
    rows: pd.DataFrame


def kinds_of(part: Part) -> tuple[str, ...]:
    """Return the kinds of a part: four to choose on; all are reported, those four beside."""
    return CHOOSE if part == "choose" else tuple(KINDS)


def test_sets(
    folder: Path, people: People, part: Part, each: int, kinds: Sequence[str]
) -> Iterator[TestSet]:
    """Yield the test set of each kind whose weight file is there, and name the others.

    Args:
        folder: Where the sets are kept.
        people: Whose faces.
        part: ``choose`` or ``report``.
        each: Pairs per identity and kind.
        kinds: Names of the kinds.
    """
    for name in kinds:
        kind = KINDS[name]
        if kind.file and not weight_file(kind.file).is_file():
            print(f"{name}: left out, {kind.file} is not in DATAGEN_WEIGHTS", flush=True)
            continue
        size = "-little" if people.little else ""
        path = folder / f"{people.name}{size}-{part}-{name}-{each}-v{FOREIGN_VERSION}.parquet"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with staged(path) as target:
                _made(people, part, each, kind).to_parquet(target)
        yield TestSet(name, part, pd.read_parquet(path))


test_sets.__test__ = False  # type: ignore[attr-defined]


def _made(people: People, part: Part, each: int, kind: Kind) -> pd.DataFrame:
    make = opened(kind)
    by_identity: dict[str, list[int]] = {}
    for row in people.faces(part):
        by_identity.setdefault(people.identity(row), []).append(row)
    rows: list[dict[str, Any]] = []
    for identity, faces in by_identity.items():
        for number in range(each):
            stream = rng("usefulness", people.name, part, kind.name, identity, number)
            row = faces[number % len(faces)]
            donor = _donor(people, by_identity, identity, row, stream)
            made = make(_crop(people, row, stream), _crop(people, donor, stream), stream)
            images = {"real": made.real, "fake": made.fake, "control": made.control}
            given = {what: image for what, image in images.items() if image is not None}
            facts = {
                "pair_id": f"{kind.name}-{identity}-{number}",
                "identity": identity,
                "donor": people.identity(donor),
                "kind": kind.name,
            }
            for is_changed, treat in ((False, clean), (True, changed)):
                coded = treat(list(given.values()), stream)
                rows += [
                    {**facts, "what": what, "changed": is_changed, "jpeg": data}
                    for what, data in zip(given, coded, strict=True)
                ]
    return pd.DataFrame(rows)


def _crop(people: People, row: int, stream: np.random.Generator) -> Any:
    return people.crop(row, draw_jitter(stream, *_JITTER))


def _donor(
    people: People,
    by_identity: dict[str, list[int]],
    identity: str,
    row: int,
    stream: np.random.Generator,
) -> int:
    """Return a face of another identity of the same part, of the same sex if there is one."""
    others = [face for name, faces in by_identity.items() if name != identity for face in faces]
    alike = [face for face in others if people.sex(face) == people.sex(row)]
    pool = alike or others
    return pool[stream.integers(len(pool))]
