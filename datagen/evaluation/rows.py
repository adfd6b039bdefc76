"""The images of one split with their scores, and how many have one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagen.core.text import near
from datagen.errors import ReleaseError, UserError
from datagen.release.scores import OK, Scores, first_ids
from datagen.release.reader import Release

__all__ = ["MISSING", "Coverage", "Rows", "join", "read_rows"]

MISSING = "missing"

# Read column by column: landmarks of a million rows alone would be gigabytes.
COLUMNS = (
    "sample_id", "pair_id", "kind", "label", "split", "media_path", "media_offset", "media_size",
    "media_type", "sha256", "source", "image_id", "identity_id", "method", "family", "degradation",
    "severity", "base_id", "age", "sex", "ethnicity",
)  # fmt: skip
_REPEATED = ["kind", "source", "method", "family", "degradation", "sex", "ethnicity", "media_path"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many images of the split have a score.

    Attributes:
        rows: Images of the split.
        scored: Of these, with a score.
        statuses: The others by reason; ``missing`` has no line at all.
        share: scored / rows.
    """

    rows: int
    scored: int
    statuses: dict[str, int]

    @property
    def share(self) -> float:
        """Scored of all, in [0, 1]."""
        return self.scored / self.rows


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The scored images of a split.

    Attributes:
        table: Their manifest rows (Arrow), some columns.
        raw: Scores as given, higher for fake.
        probability: The same in [0, 1].
        place: Their row numbers in the split, ascending; joins two detectors.
        coverage: Of the whole split.
    """

    table: Any
    raw: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    coverage: Coverage

    def take(self, keep: npt.NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.table.filter(pa.array(keep)),
            self.raw[keep],
            self.probability[keep],
            self.place[keep],
            self.coverage,
        )


def read_rows(release: Release, columns: Sequence[str] = COLUMNS) -> Any:
    """Return some columns of all manifest rows as an Arrow table.

    Raises:
        ReleaseError: A file of the manifest is gone or spoiled.
    """
    names = [name for name in release.record["files"] if name.startswith("manifest/")]
    repeated = [name for name in _REPEATED if name in columns]
    tables = [_read(release, name, list(columns), repeated) for name in names]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _read(release: Release, name: str, columns: list[str], repeated: list[str]) -> Any:
    try:
        data = io.BytesIO(release.folder.read(name))
        return pq.read_table(data, columns=columns, read_dictionary=repeated)
    except FileNotFoundError:
        trouble = "is not there"
    except pa.ArrowException as error:
        trouble = f"cannot be read: {str(error).partition(chr(10))[0]}"
    raise ReleaseError(f"{release.folder}/{name} {trouble}: 'datagen verify' tells what is whole")


def join(manifest: Any, split: str, scores: Scores, allow_missing: bool) -> Rows:
    """Give the images of a split their scores.

    Lines of other splits are left out. A digest that several images share scores all of them.

    Args:
        manifest: From ``read_rows``.
        split: Which to keep.
        scores: Of one detector.
        allow_missing: Count images without a line as not covered, instead of refusing.

    Raises:
        UserError: No such split, an id that the release does not have, an image without a line,
            a digest that is not the image's.
    """
    splits = sorted(pc.unique(manifest.column("split")).to_pylist())
    if split not in splits:
        raise UserError(
            f"the release has no split {split!r}.{near(split, splits)} It has: {', '.join(splits)}"
        )
    _refuse_unknown(manifest, scores)
    table = manifest.filter(pc.equal(manifest.column("split"), split))
    found = pc.index_in(table.column(scores.key), value_set=scores.ids)
    line = np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)
    _refuse_missing(table, line, split, scores, allow_missing)
    _refuse_other_images(table, line, scores)
    raw = np.where(line >= 0, scores.raw[line], np.nan)
    scored = ~np.isnan(raw)
    coverage = Coverage(len(line), int(scored.sum()), _statuses(line, scored, scores))
    if not coverage.scored:
        told = ", ".join(f"{count} {name}" for name, count in coverage.statuses.items())
        raise UserError(f"{scores.where}: no image of split {split!r} has a score ({told})")
    return Rows(
        table.filter(pa.array(scored)),
        raw[scored],
        scores.probability[line[scored]],
        np.flatnonzero(scored),
        coverage,
    )


def _refuse_unknown(manifest: Any, scores: Scores) -> None:
    known = pc.is_in(scores.ids, value_set=manifest.column(scores.key))
    unknown = scores.ids.filter(pc.invert(known))
    if len(unknown):
        raise UserError(
            f"{scores.where}: {len(unknown)} of {len(scores.ids)} ids are not in the release: "
            f"{first_ids(unknown)}. Are the scores of another release or version?"
        )


def _refuse_missing(
    table: Any, line: npt.NDArray[np.int64], split: str, scores: Scores, allow: bool
) -> None:
    missing = line < 0
    if allow and not missing.all():
        return
    if missing.any():
        ids = table.column("sample_id").filter(pa.array(missing))
        raise UserError(
            f"{scores.where}: {int(missing.sum())} of {len(line)} images of split {split!r} "
            f"have no line: {first_ids(ids)}. An image that "
            "failed needs a line with a status and no score; to allow some to be left out, set a "
            "gate on coverage"
        )


def _refuse_other_images(table: Any, line: npt.NDArray[np.int64], scores: Scores) -> None:
    """Ids repeat between versions of a release; digests tell whether these images were scored."""
    if scores.digest is None:
        return
    known = table.filter(pa.array(line >= 0))
    told = pc.fill_null(scores.digest.take(pa.array(line[line >= 0])), "")
    other = pc.and_(pc.not_equal(told, ""), pc.not_equal(told, known.column("sha256")))
    if pc.any(other).as_py():
        ids = known.column("sample_id").filter(other)
        raise UserError(
            f"{scores.where}: {len(ids)} scores are of other images than those in the release "
            f"(their sha256 differ): {first_ids(ids)}. Score this version of it again"
        )


def _statuses(
    line: npt.NDArray[np.int64], scored: npt.NDArray[np.bool_], scores: Scores
) -> dict[str, int]:
    counts: dict[str, int] = {}
    if missing := int((line < 0).sum()):
        counts[MISSING] = missing
    failed = scores.status.take(pa.array(line[~scored & (line >= 0)]))
    for entry in pc.value_counts(failed).to_pylist():
        assert entry["values"] != OK
        counts[str(entry["values"])] = counts.get(str(entry["values"]), 0) + int(entry["counts"])
    return dict(sorted(counts.items()))
