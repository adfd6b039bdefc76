"""The FPR on controls: reals that went through a method's processing without its change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.evaluation.groups import groupings
from datagen.evaluation.metrics.intervals import Estimate, Resampler, by_cluster, estimate, nothing
from datagen.evaluation.rows import Rows
from datagen.evaluation.sample import codes_of, distinct

__all__ = ["Controls", "control_rates"]

# By metric: `control_fpr`, and `control_gap`: that minus the FPR on the controls' own reals.
Controls = dict[str, dict[str, dict[str, Estimate]]]
_BY = ("method", "family", "degradation")


def control_rates(rows: Rows, resampler: Resampler, threshold: float) -> Controls:
    """Return the FPR on controls, overall and by method, family and degradation.

    Args:
        rows: All scored images of the split.
        resampler: Resampler over the identities of the split, as ``sample_of`` numbers them.
        threshold: Probability from which on an image is classified as fake.

    Returns:
        ``{column: {group: {"control_fpr": …, "control_gap": …}}}``; the column ``overall`` has
        the single group ``all``.
    """
    table = rows.table
    control = _is(table, "control")
    positive = rows.probability >= threshold
    own = _own_real(table, control)
    cluster = resampler.cluster(codes_of(table.column("identity_id")))
    columns = np.column_stack(
        [
            control,
            control & positive,
            control & (own >= 0),
            control & (own >= 0) & positive,
            control & (own >= 0) & positive[own],
        ]
    ).astype(np.float64)
    identities = codes_of(table.column("identity_id"))

    def rates(places: npt.NDArray[np.int64]) -> dict[str, Estimate]:
        sums = by_cluster(cluster[places], columns[places], resampler.clusters)
        inside = places[control[places]]
        return _rates(sums, resampler, (len(inside), 0, distinct(identities[inside])))

    found: Controls = {"overall": {"all": rates(np.arange(len(control)))}}
    if not control.any():
        return found
    for grouping in groupings(table)[0]:
        if grouping.column in _BY:
            found[grouping.column] = {name: rates(places) for name, places in grouping.places()}
    return found


def _rates(
    sums: npt.NDArray[np.float64], resampler: Resampler, sizes: tuple[int, int, int]
) -> dict[str, Estimate]:
    total, drawn = sums.sum(axis=0), resampler.sums(sums)
    if not total[0]:
        return {name: nothing("no controls", sizes) for name in ("control_fpr", "control_gap")}
    found = {"control_fpr": estimate(float(total[1] / total[0]), _ratio(drawn, 1, 0), sizes)}
    if total[2]:
        gap = (total[3] - total[4]) / total[2]
        drawn_gap = _ratio(drawn, 3, 2) - _ratio(drawn, 4, 2)
        found["control_gap"] = estimate(float(gap), drawn_gap, sizes, share=False)
    else:
        found["control_gap"] = nothing("no control with its own real scored", sizes)
    return found


def _ratio(drawn: npt.NDArray[np.float64], part: int, whole: int) -> npt.NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return np.where(drawn[:, whole] > 0, drawn[:, part] / drawn[:, whole], np.nan)


def _is(table: Any, kind: str) -> npt.NDArray[np.bool_]:
    equal = pc.equal(table.column("kind"), kind)
    return np.asarray(equal.to_numpy(zero_copy_only=False) if hasattr(equal, "chunks") else equal)


def _own_real(table: Any, control: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    reals = np.flatnonzero(_is(table, "real"))
    pair = table.column("pair_id")
    at = pc.index_in(pair, value_set=pair.take(pa.array(reals)))
    at = np.asarray(pc.fill_null(at, -1).to_numpy(), np.int64)
    own = np.full(len(control), -1)
    own[at >= 0] = reals[at[at >= 0]]
    return own
