"""The pairs of a release, whose images are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from datagen.core.arguments import maybe_mapping, text_or_texts
from datagen.core.arrays import Image, Mask
from datagen.core.text import near, shortened
from datagen.errors import ReleaseError
from datagen.release.clips import is_clip
from datagen.release.json_columns import json_object
from datagen.release.manifest import manifest_file, read_manifest

if TYPE_CHECKING:
    from datagen.release.reader import Release

__all__ = ["ReleasedPair", "lone_image", "matching_rows", "pairs_of"]


@dataclass(frozen=True, slots=True)
class ReleasedPair:
    """A real image and the fake made from it.

    Every access to an image reads and decodes it anew, so that a list of pairs stays small: keep
    the array where it is used more than once.

    Attributes:
        release: The release that holds the pair.
        rows: The manifest rows of its images by kind: ``real``, ``fake`` and, where there is one,
            ``control``.
    """

    release: Release
    rows: Mapping[str, Mapping[str, Any]]

    @property
    def row(self) -> Mapping[str, Any]:
        """The manifest row of the fake."""
        return self.rows["fake"]

    @property
    def pair_id(self) -> str:
        """Id of the pair."""
        return str(self.row["pair_id"])

    @property
    def split(self) -> str:
        """``train``, ``val`` or ``test``."""
        return str(self.row["split"])

    @property
    def method(self) -> str:
        """Name of the method that made the fake."""
        return str(self.row["method"])

    @property
    def real(self) -> Image:
        """The real: ``(height, width, 3)`` uint8 RGB; of a clip with its frames in front."""
        return self._media("real")

    @property
    def fake(self) -> Image:
        """The fake: ``(height, width, 3)`` uint8 RGB; of a clip with its frames in front."""
        return self._media("fake")

    @property
    def control(self) -> Image | None:
        """The control, a real image that went through the method's pipeline, if there is one."""
        return self._media("control") if "control" in self.rows else None

    @property
    def mask(self) -> Mask:
        """How strongly each pixel was replaced: ``(height, width)`` uint8, 0 is unchanged.

        Of a clip with its frames in front.
        """
        row = self.rows["fake"]
        return self.release.masks(row) if is_clip(row) else self.release.mask(row)

    def _media(self, kind: str) -> Image:
        row = self.rows[kind]
        return self.release.clip(row) if is_clip(row) else self.release.image(row)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that the method drew."""
        return self.release.params(self.row)

    @property
    def degradation_params(self) -> dict[str, Any] | None:
        """The degradation that the fake went through, ``None`` where there is none."""
        if self.row["degradation_params"] is None:
            return None
        return json_object(self.row, "degradation_params")

    def __repr__(self) -> str:
        """Return id, method and kinds."""
        return f"<ReleasedPair {self.pair_id}, {self.method}: {', '.join(self.rows)}>"


def pairs_of(
    release: Release,
    files: Sequence[str],
    method: str | Sequence[str] | None,
    where: Mapping[str, Any] | None,
) -> Iterator[ReleasedPair]:
    """Return the pairs of some manifest files that match; see ``Release.pairs``."""
    return _pairs(release, matching_rows(release, files, method, where))


def matching_rows(
    release: Release,
    files: Sequence[str],
    method: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[tuple[str, pa.Table]]:
    """Return the rows of the pairs that match, one table per manifest file.

    The arguments are checked at once, the files are read while iterating.

    Args:
        release: The release.
        files: Names of the manifest files to look at.
        method: See ``Release.pairs``.
        where: See ``Release.pairs``.
        columns: Names of the columns; by default all.

    Yields:
        The name of the file, and the rows of all images of its matching pairs.

    Raises:
        ReleaseError: See ``Release.pairs``.
    """
    example = "{'degradation': 'jpeg'}"
    wanted = {
        name: _values(value, name)
        for name, value in maybe_mapping(where, "where", example, ReleaseError).items()
    }
    for name in ("kind", "label"):
        if name in wanted:
            raise ReleaseError(
                f"where: {name} cannot be chosen: where looks at the row of the fake alone. Its "
                "real is pair.real, the rows of both are pair.rows",
                key=name,
            )
    if method is not None:
        asked = text_or_texts(method, "method", ReleaseError)
        wanted["method"] = [one for one in asked if one in wanted.get("method", asked)]
        _refuse_unknown_methods(release, asked)
    elif "method" in wanted:
        _refuse_unknown_methods(release, wanted["method"])
    for name in files[:1]:
        _refuse_unknown_columns(release, name, wanted)
    return _matching(release, files, wanted, columns)


def _matching(
    release: Release,
    files: Sequence[str],
    wanted: Mapping[str, Any],
    columns: Sequence[str] | None,
) -> Iterator[tuple[str, pa.Table]]:
    read = None if columns is None else list(dict.fromkeys([*columns, "pair_id", "kind", *wanted]))
    for name in files:
        table = read_manifest(release.folder, manifest_file(release.record, name), read)
        fakes = table.filter(_matches(table, wanted))
        ids = fakes.column("pair_id").unique()
        found = table.filter(pc.is_in(table.column("pair_id"), value_set=ids))
        yield name, found if columns is None else found.select(columns)


def _pairs(release: Release, tables: Iterable[tuple[str, pa.Table]]) -> Iterator[ReleasedPair]:
    for name, table in tables:
        for pair_id, group in groupby(table.to_pylist(), key=lambda row: row["pair_id"]):
            kinds = {row["kind"]: row for row in group}
            if not {"real", "fake"} <= set(kinds):
                raise lone_image(release, name, pair_id, kinds)
            yield ReleasedPair(release, kinds)


def lone_image(release: Release, name: str, pair_id: str, kinds: Container[str]) -> ReleaseError:
    """Return the error for a pair that lacks its real or its fake.

    Args:
        release: The release.
        name: Name of the manifest file.
        pair_id: Id of the pair.
        kinds: The kinds of image that it has.
    """
    return ReleaseError(
        f"{release.folder}/{name}: pair {pair_id} has no "
        f"{'real' if 'fake' in kinds else 'fake'} beside it",
        path=f"{release.folder}/{name}",
        row=pair_id,
    )


def _matches(table: pa.Table, wanted: Mapping[str, Any]) -> Any:
    found = pc.equal(table.column("kind"), "fake")
    for name, value in wanted.items():
        column = table.column(name)
        try:
            values = pa.array(value, column.type)
            found = pc.and_(found, pc.is_in(column, value_set=values))
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise ReleaseError(
                f"where: {name}={_shown(value)} cannot be compared with a column of type "
                f"{column.type}: {str(error).partition(chr(10))[0]}",
                key=name,
            ) from None
    return found


def _values(value: Any, name: str) -> list[Any]:
    if callable(value):
        raise ReleaseError(
            f"where: {name}: must be a value or several, found a {type(value).__name__}", key=name
        )
    several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    values = list(value) if several else [value]
    return [one.item() if hasattr(one, "item") else one for one in values]  # NumPy's to Python's


def _shown(values: Sequence[Any]) -> str:
    return shortened(values[0] if len(values) == 1 else values)


def _refuse_unknown_methods(release: Release, methods: Sequence[str]) -> None:
    table = release.table(["method"], format="arrow", dictionary=["method"])
    known = sorted(pc.unique(table.column("method")).to_pylist())
    for method in methods:
        if method not in known:
            raise ReleaseError(
                f"{release.folder}: the release has no method {method!r}.{near(method, known)} "
                f"It has: {', '.join(known)}",
                path=release.folder.address,
                key="method",
            )


def _refuse_unknown_columns(release: Release, name: str, wanted: Mapping[str, Any]) -> None:
    if wanted:
        file = manifest_file(release.record, name)
        read_manifest(release.folder, file, list(wanted))
