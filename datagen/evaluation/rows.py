"""The images of one split with their scores, and how many of them have one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.core.text import counted, near
from datagen.errors import ScoresError, UserError
from datagen.release.reader import Release
from datagen.release.scores import OK, Scores, first_ids

__all__ = [
    "COLUMNS",
    "FRAMES",
    "MISSING",
    "OF_CLIPS",
    "Coverage",
    "Rows",
    "join",
    "read_rows",
    "what_in",
]

MISSING = "missing"

# Only these: the landmarks of a million rows alone would be gigabytes.
COLUMNS = (
    "sample_id", "pair_id", "kind", "label", "split", "media_path", "media_offset", "media_size",
    "media_type", "sha256", "source", "image_id", "identity_id", "method", "family", "degradation",
    "severity", "base_id", "age", "sex", "ethnicity",
)  # fmt: skip
FRAMES = "frames"
"""The column that only releases of clips have: the number of a clip's frames."""

OF_CLIPS = (FRAMES, "width", "height")
"""What is read beside ``COLUMNS`` of a release of clips."""

_REPEATED = ("kind", "source", "method", "family", "degradation", "sex", "ethnicity", "media_path")

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_FILE_NAME = r"^(?:.*[/\\])?([^/\\]*?)(?:\.[A-Za-z]{3,4})?$"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many images of a split have a score.

    Attributes:
        images: Number of images in the split.
        scored: Number of images with a score.
        statuses: Number of images without a score by reason; ``missing`` means that there is no
            row for the image.
    """

    images: int
    scored: int
    statuses: dict[str, int]

    @property
    def share(self) -> float:
        """Share of the images that have a score."""
        return self.scored / self.images

    def reasons(self) -> str:
        """Return the statuses as text."""
        return ", ".join(f"{count} {name}" for name, count in self.statuses.items())


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The scored images of a split.

    Attributes:
        table: Their manifest rows (Arrow), with some of the columns.
        raw: Scores as given, higher for fake.
        probability: Probabilities of fake in [0, 1].
        place: Their row numbers in the split, ascending; they join the scores of two detectors.
        coverage: Coverage of the whole split.
    """

    table: Any
    raw: Floats
    probability: Floats
    place: Integers
    coverage: Coverage

    def take(self, keep: npt.NDArray[np.bool_]) -> Rows:
        """Return the rows selected by a mask."""
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
        ReleaseError: A file of the manifest is missing or damaged.
    """
    return release.table(columns, format="arrow", dictionary=_REPEATED)


def join(manifest: Any, split: str | Sequence[str], scores: Scores, allow_missing: bool) -> Rows:
    """Give the images or clips of a split, or of several, their scores.

    Scores of other splits are ignored. A digest that several images share scores all of them.

    Args:
        manifest: Rows from ``read_rows``.
        split: The split or splits to keep.
        scores: The scores of one detector.
        allow_missing: Count images without a row of scores as not covered, instead of refusing.

    Raises:
        UserError: The release has no such split.
        ScoresError: An id is not in the release, an image has no row of scores, or a digest is
            not that of the image.
    """
    wanted = [split] if isinstance(split, str) else list(split)
    splits = sorted(pc.unique(manifest.column("split")).to_pylist())
    for one in wanted:
        if one not in splits:
            raise UserError(
                f"the release has no split {one!r}.{near(one, splits)} It has: {', '.join(splits)}"
            )
    _check_ids(manifest, scores)
    _check_splits(manifest, wanted, scores)
    table = manifest.filter(pc.is_in(manifest.column("split"), value_set=pa.array(wanted)))
    found = pc.index_in(table.column(scores.key), value_set=scores.ids)
    line = np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)
    _check_complete(table, line, wanted, scores, allow_missing)
    _check_digests(table, line, scores)
    raw = np.where(line >= 0, scores.raw[line], np.nan)
    scored = ~np.isnan(raw)
    coverage = Coverage(len(line), int(scored.sum()), _statuses(line, scored, scores))
    if not coverage.scored:
        raise ScoresError(
            f"{scores.where}: no {what_in(table)} of split {_named(wanted)} has a score "
            f"({coverage.reasons()})",
            path=scores.where,
        )
    return Rows(
        table.filter(pa.array(scored)),
        raw[scored],
        scores.probability[line[scored]],
        np.flatnonzero(scored),
        coverage,
    )


def what_in(table: Any) -> str:
    """Return what a row of a manifest is: ``image`` or ``clip``.

    Args:
        table: The rows.
    """
    return "clip" if FRAMES in table.column_names else "image"


def _check_ids(manifest: Any, scores: Scores) -> None:
    known = pc.is_in(scores.ids, value_set=manifest.column(scores.key))
    unknown = scores.ids.filter(pc.invert(known))
    if len(unknown):
        raise ScoresError(
            f"{scores.where}: {len(unknown)} of {len(scores.ids)} ids are not in the release: "
            f"{first_ids(unknown)}. {_hint(unknown, manifest.column(scores.key))}",
            path=scores.where,
            row=unknown[0].as_py(),
        )


def _hint(unknown: Any, known: Any) -> str:
    """Return what is likely wrong with ids that are not in the release."""
    bare = pc.replace_substring_regex(unknown, _FILE_NAME, r"\1")
    if pc.all(pc.is_in(bare, value_set=known)).as_py():
        return "Write them without folder and ending, as the manifest does"
    return "Are the scores of another release or version?"


def _check_splits(manifest: Any, wanted: Sequence[str], scores: Scores) -> None:
    """Refuse scores of which all belong to other splits."""
    scored = pc.is_in(manifest.column(scores.key), value_set=scores.ids)
    counts = Counter(map(str, manifest.filter(scored).column("split").to_pylist()))
    if not counts or any(one in counts for one in wanted):
        return
    what = what_in(manifest)
    found = ", ".join(
        f"{name!r} ({counted(count, what)})" for name, count in sorted(counts.items())
    )
    raise ScoresError(
        f"{scores.where}: the scores are of split {found}, and none is of {_named(wanted)}: choose "
        f"that split with --split (in Python split=), or score {_named(wanted)}",
        path=scores.where,
        key="split",
    )


def _named(splits: Sequence[str]) -> str:
    return " or ".join(map(repr, splits))


def _check_complete(
    table: Any, line: Integers, wanted: Sequence[str], scores: Scores, allow_missing: bool
) -> None:
    missing = line < 0
    if not missing.any() or allow_missing:
        return
    ids = table.column("sample_id").filter(pa.array(missing))
    what = what_in(table)
    raise ScoresError(
        f"{scores.where}: {int(missing.sum())} of {len(line)} {what}s of split {_named(wanted)} "
        f"have no row: {first_ids(ids)}. {'An' if what == 'image' else 'A'} {what} that failed "
        f"needs a row with a status and no score; to allow missing {what}s, set a gate on coverage",
        path=scores.where,
        row=ids[0].as_py(),
    )


def _check_digests(table: Any, line: Integers, scores: Scores) -> None:
    """Ids are the same in every version of a release: digests show which images were scored."""
    if scores.digest is None:
        return
    known = table.filter(pa.array(line >= 0))
    given = pc.fill_null(scores.digest.take(pa.array(line[line >= 0])), "")
    other = pc.and_(pc.not_equal(given, ""), pc.not_equal(given, known.column("sha256")))
    if pc.any(other).as_py():
        ids = known.column("sample_id").filter(other)
        raise ScoresError(
            f"{scores.where}: {len(ids)} scores are of other {what_in(table)}s than those in the "
            "release "
            f"(their sha256 differs): {first_ids(ids)}. Score this version of the release",
            path=scores.where,
            row=ids[0].as_py(),
        )


def _statuses(line: Integers, scored: npt.NDArray[np.bool_], scores: Scores) -> dict[str, int]:
    statuses = scores.status.take(pa.array(line[~scored & (line >= 0)])).to_pylist()
    assert OK not in statuses
    counts = Counter(map(str, statuses))
    if missing := int((line < 0).sum()):
        counts[MISSING] += missing
    return dict(sorted(counts.items()))
