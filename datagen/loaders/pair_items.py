"""What datasets of images and of clips have in common: any item by its number."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from datagen.errors import ReleaseError, UserError
from datagen.loaders.items import Transform, needed
from datagen.loaders.media import MediaReader, Piece
from datagen.loaders.selection import Selection, check_not_empty

__all__ = ["PairItems"]


class PairItems(ABC):
    """Items in the order of the manifests, those of a pair beside each other.

    Args:
        selection: The chosen pairs.
        kinds: Kinds of image that are items.
        fields: What items have on request.
        transform: Applied to each item.
    """

    def __init__(
        self,
        selection: Selection,
        kinds: tuple[str, ...],
        fields: tuple[str, ...],
        transform: Transform | None,
    ) -> None:
        self.selection, self.kinds, self.fields = selection, kinds, fields
        self.transform = transform
        check_not_empty(selection, kinds)
        self._readers = [MediaReader(folder) for folder in selection.folders]
        by_pair = np.stack([selection.rows[kind] for kind in kinds], axis=1)
        self._rows = by_pair[by_pair >= 0]
        self._pair = np.nonzero(by_pair >= 0)[0]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the items in order."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        """Return one item."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[Any]) -> list[Any]:
        """Return several items; from object storage their bytes are read at the same time.

        Args:
            indices: Numbers of the items; negative ones count from the end.

        Raises:
            IndexError: There is no such item.
            ReleaseError: A tar is missing or cut short, or an item has other bytes.
        """
        places = [self._place(index) for index in indices]
        asked = [
            {what: self._row(number, what) for what in self._needed(number)} for number, _ in places
        ]
        data = self._read([(what, row) for one in asked for what, row in one.items() if row >= 0])
        items = [
            self._item(number, rows, data, start)
            for (number, start), rows in zip(places, asked, strict=True)
        ]
        return items if self.transform is None else [self.transform(item) for item in items]

    def pair_items(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the items of each pair's real and fake, ``(pairs, 2)``.

        Raises:
            UserError: The dataset was made with other kinds.
        """
        if self.kinds != ("real", "fake"):
            raise UserError(
                f"kinds: batches of pairs need a {type(self).__name__} of ('real', 'fake'), this "
                f"one has {self.kinds}. A pair's control is in its items with fields=['control']",
                key="kinds",
            )
        return np.arange(len(self)).reshape(-1, 2)

    def indices(self, numbers: Sequence[int], epoch: int) -> list[Any]:
        """Return what gives some items in an epoch, for a batch sampler.

        Args:
            numbers: Numbers of the items.
            epoch: Number of the epoch.
        """
        return list(numbers)

    def _place(self, index: Any) -> tuple[int, int]:
        """Return the number of an item and its first frame."""
        return self._number(index), 0

    def _number(self, index: Any) -> int:
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

    @abstractmethod
    def _item(
        self,
        number: int,
        rows: Mapping[str, int],
        data: Mapping[tuple[str, int], bytes],
        start: int,
    ) -> dict[str, Any]:
        """Return an item.

        Args:
            number: Its number.
            rows: Rows of what it needs, by ``needed``; -1: there is none.
            data: Encoded images by name and row.
            start: Its first frame.
        """
