"""How long fakes stay separable from their reals as the severity grows, on a severity ladder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from datagen.evaluation.metrics.intervals import Estimate, Resampler, by_cluster, estimate
from datagen.evaluation.rows import Rows
from datagen.evaluation.sample import Sample, distinct

__all__ = ["Separability", "separability"]


@dataclass(frozen=True, slots=True)
class Separability:
    """Separability of the base pairs that were released at every level of the ladder.

    Attributes:
        levels: Severities, ascending.
        pairs: Number of base pairs.
        share: By level, the share of pairs whose fake scores above its own real at this level and
            at all lower ones.
        lasting: Mean number of levels, from the lowest on, at which the fake scores above its own
            real.
    """

    levels: tuple[int, ...]
    pairs: int
    share: dict[int, Estimate]
    lasting: Estimate


def separability(rows: Rows, sample: Sample, resampler: Resampler) -> Separability | None:
    """Return the separability, or ``None`` if no base pair was released at two levels.

    Args:
        rows: All scored images.
        sample: The reals and fakes of ``rows``.
        resampler: Resampler over their identities.
    """
    fakes = sample.take(np.flatnonzero(sample.label & ~np.isnan(sample.ordered)))
    table = rows.table.take(fakes.row)
    frame = pd.DataFrame(
        {
            "base": table.column("base_id").to_pandas(),
            "level": table.column("severity").to_pandas(),
            "identity": fakes.identity,
            "above": fakes.ordered == 1.0,
        }
    ).dropna(subset=["level"])
    wide = frame.pivot_table("above", ["base", "identity"], "level", aggfunc="min").dropna()
    if wide.shape[1] < 2 or wide.empty:
        return None
    lasting = np.minimum.accumulate(wide.to_numpy(float), axis=1)
    identity = wide.index.get_level_values("identity").to_numpy().astype(np.int64)
    cluster = resampler.cluster(identity)
    columns = np.column_stack([np.ones(len(lasting)), lasting, lasting.sum(axis=1)])
    sums = by_cluster(cluster, columns, resampler.clusters)
    total, drawn = sums.sum(axis=0), resampler.sums(sums)
    with np.errstate(invalid="ignore"):
        drawn = drawn[:, 1:] / drawn[:, :1]
    sizes = (len(lasting), len(lasting), distinct(identity))
    found = [
        estimate(float(value), replicates, sizes, share=place < wide.shape[1])
        for place, (value, replicates) in enumerate(zip(total[1:] / total[0], drawn.T, strict=True))
    ]
    levels = tuple(int(level) for level in wide.columns)
    shares = dict(zip(levels, found[:-1], strict=True))
    return Separability(levels, len(lasting), shares, found[-1])
