"""Reals and fakes as arrays, sorted by score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.evaluation.rows import Rows

__all__ = ["Sample", "codes_of", "distinct", "sample_of"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Real and fake images, highest score first.

    Attributes:
        raw: Scores as given.
        probability: Probabilities of fake in [0, 1].
        label: True for fake.
        identity: Number of the target identity.
        source_image: Number of the source image: its crops are not distinct reals.
        ordered: See ``moment_sums``.
        row: Index into the ``Rows``.
    """

    raw: Floats
    probability: Floats
    label: npt.NDArray[np.bool_]
    identity: Integers
    source_image: Integers
    ordered: Floats
    row: Integers

    def take(self, places: Integers) -> Sample:
        """Return the images at ascending positions."""
        return Sample(
            self.raw[places],
            self.probability[places],
            self.label[places],
            self.identity[places],
            self.source_image[places],
            self.ordered[places],
            self.row[places],
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of reals, of fakes and of identities."""
        fakes = int(self.label.sum())
        return len(self.label) - fakes, fakes, distinct(self.identity)


def sample_of(rows: Rows) -> Sample:
    """Return the reals and fakes; controls are measured separately."""
    table = rows.table
    kind = np.asarray(pc.equal(table.column("kind"), "control").to_numpy(zero_copy_only=False))
    label = np.asarray(table.column("label").to_numpy()).astype(np.bool_)
    source_image = codes_of(
        pc.binary_join_element_wise(
            pc.cast(table.column("source"), pa.string()),
            # `#n` is a further face in the same image.
            pc.replace_substring_regex(table.column("image_id"), r"#\d+$", ""),
            "/",
        )
    )
    places = np.flatnonzero(~kind)
    places = places[np.argsort(-rows.raw[places], kind="stable")]
    whole = Sample(
        rows.raw, rows.probability, label, codes_of(table.column("identity_id")), source_image,
        _ordered(rows, label, kind), np.arange(len(label)),
    )  # fmt: skip
    return whole.take(places)


def distinct(codes: Integers) -> int:
    """Return the number of different codes; much faster than sorting them."""
    seen = np.zeros(int(codes.max(initial=-1)) + 1, np.bool_)
    seen[codes] = True
    return int(seen.sum())


def codes_of(column: pa.ChunkedArray) -> Integers:
    """Return the values of a column as numbers from 0, by first appearance; null is -1."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(), np.int64)


def _ordered(rows: Rows, label: npt.NDArray[np.bool_], control: npt.NDArray[np.bool_]) -> Floats:
    pair = rows.table.column("pair_id")
    reals = np.flatnonzero(~label & ~control)
    at = pc.index_in(pair, value_set=pair.take(pa.array(reals)))
    at = np.asarray(pc.fill_null(at, -1).to_numpy(), np.int64)
    ordered = np.full(len(label), np.nan)
    known = label & (at >= 0)
    own = rows.raw[reals[at[known]]]
    ordered[known] = np.where(
        rows.raw[known] > own, 1.0, np.where(rows.raw[known] == own, 0.5, 0.0)
    )
    return ordered
