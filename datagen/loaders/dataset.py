"""A release as a map-style dataset: any image by its number, with everything that belongs to it."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from datagen.errors import ReleaseError, UserError
from datagen.loaders.items import (
    FIELDS,
    Transform,
    build_item,
    checked_image,
    checked_kinds,
    checked_names,
    checked_transform,
    needed,
)
from datagen.loaders.media import MediaReader, Piece
from datagen.loaders.selection import Filter, Selection, check_not_empty, opened, select
from datagen.release.pixels import decoded_mask

__all__ = ["PairDataset"]


class PairDataset:
    """The images of one or several releases, in the protocol of ``torch.utils.data.Dataset``.

    An item is a dict: ``image`` is ``(height, width, 3)`` uint8 RGB, ``label`` is 1 for a fake;
    ``release_id``, ``sample_id``, ``pair_id``, ``split``, ``kind``, ``identity_id``, ``method``,
    ``family``, ``degradation`` ("" for none) and ``severity`` (-1 for none) say what it is. Items
    stand in the order of the manifests, those of a pair beside each other.

    On request (``fields``) an item also has:

    * ``mask``: ``(height, width)`` uint8, all 0 for a real or control;
    * ``boundary``: ``4 m (1 - m)`` of the mask ``m`` in [0, 1], float32;
    * ``landmarks``: ``(68, 2)`` float32 to a hundredth of a pixel, NaN where unknown;
    * ``landmarks_81``: with 13 estimated points of the forehead, see ``landmarks_81`` in
      ``datagen.faces.forehead``;
    * ``other``: the pair's fake for a real or control, its real for a fake;
    * ``control`` and ``has_control``: the pair's control, all 0 where it has none.

    Every image that is read is compared with its digest. Items may be read by many processes
    (forked or spawned) and threads at once.

    Args:
        releases: A release, its path or address, or a list of these.
        split: ``"train"``, ``"val"`` or ``"test"``.
        method: Only pairs of this method, or of these.
        where: Only pairs whose fake has these values, see ``Release.pairs``.
        kinds: Kinds of image that are items: ``"real"``, ``"fake"``, ``"control"``.
        fields: What items have on request.
        transform: Applied to each item; what it returns is the item.

    Raises:
        ReleaseError: A release is not whole or has another schema, tars are missing or changed,
            there is no such split, method or column, no pair matches, or an identity is in
            different splits of two releases.
        UserError: There is no such kind or field.
    """

    def __init__(
        self,
        releases: object,
        split: str,
        *,
        method: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        kinds: str | Sequence[str] = ("real", "fake"),
        fields: str | Sequence[str] = (),
        transform: Transform | None = None,
    ) -> None:
        self.kinds = checked_kinds(kinds)
        self.fields = checked_names(fields, "fields", FIELDS)
        read = {what for kind in self.kinds for what in needed(kind, self.fields)} - {"mask"}
        landmarks = any(name.startswith("landmarks") for name in self.fields)
        chosen = Filter(split, method, where)
        self.selection: Selection = select(opened(releases), chosen, sorted(read), landmarks)
        self.transform = checked_transform(transform)
        check_not_empty(self.selection, self.kinds)
        self._readers = [MediaReader(folder) for folder in self.selection.folders]
        by_pair = np.stack([self.selection.rows[kind] for kind in self.kinds], axis=1)
        self._rows = by_pair[by_pair >= 0]
        self._pair = np.nonzero(by_pair >= 0)[0]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the items in order."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, index: SupportsIndex) -> Any:
        """Return one item."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[SupportsIndex]) -> list[Any]:
        """Return several items; from object storage their bytes are read at the same time.

        Args:
            indices: Numbers of the items; negative ones count from the end.

        Raises:
            IndexError: There is no such item.
            ReleaseError: A tar is missing or cut short, or an image has other bytes.
        """
        numbers = [self._number(index) for index in indices]
        asked = [
            {what: self._row(number, what) for what in self._needed(number)} for number in numbers
        ]
        data = self._read([(what, row) for one in asked for what, row in one.items() if row >= 0])
        items = [
            self._item(number, rows, data) for number, rows in zip(numbers, asked, strict=True)
        ]
        return items if self.transform is None else [self.transform(item) for item in items]

    def pair_items(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the items of each pair's real and fake, ``(pairs, 2)``.

        Raises:
            UserError: The dataset was made with other kinds.
        """
        if self.kinds != ("real", "fake"):
            raise UserError(
                f"kinds: batches of pairs need a PairDataset of ('real', 'fake'), this one has "
                f"{self.kinds}. A pair's control is in its items with fields=['control']",
                key="kinds",
            )
        return np.arange(len(self)).reshape(-1, 2)

    def _number(self, index: SupportsIndex) -> int:
        if isinstance(index, list):
            raise UserError(
                "DataLoader: give batches of pairs as batch_sampler=, not as sampler=",
                key="batch_sampler",
            )
        number = operator.index(index)
        if not -len(self) <= number < len(self):
            raise IndexError(f"there is no item {number}: the dataset has {len(self)}")
        return number % len(self)

    def _needed(self, number: int) -> list[str]:
        kind = self.selection.columns["kind"][int(self._rows[number])].as_py()
        return needed(kind, self.fields)

    def _row(self, number: int, what: str) -> int:
        kind = "fake" if what == "mask" else what
        return int(self.selection.rows[kind][self._pair[number]])

    def _read(self, asked: Sequence[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
        found: dict[tuple[str, int], bytes] = {}
        for number, reader in enumerate(self._readers):
            mine = [one for one in asked if self.selection.release[one[1]] == number]
            pieces = [self._piece(*one) for one in mine]
            found.update(zip(mine, reader.read(pieces) if pieces else [], strict=True))
        return found

    def _piece(self, what: str, row: int) -> Piece:
        where = "mask" if what == "mask" else "media"
        parts = [f"{where}_{name}" for name in ("path", "offset", "size")]
        found = [self.selection.columns[name][row].as_py() for name in parts]
        if None in found:
            sample = self.selection.facts(row)["sample_id"]
            raise ReleaseError(f"{sample}: the row has no {what}", key=what, row=sample)
        return Piece(*found)

    def _item(
        self, number: int, rows: Mapping[str, int], data: Mapping[tuple[str, int], bytes]
    ) -> dict[str, Any]:
        facts = self.selection.facts(int(self._rows[number]))

        def decode(what: str) -> npt.NDArray[np.uint8] | None:
            row = rows[what]
            if row < 0:
                return None
            if what == "mask":
                return decoded_mask(data[what, row], facts)
            own = facts if what == facts["kind"] else self.selection.facts(row)
            return checked_image(data[what, row], own)

        return build_item(facts, self.fields, decode)
