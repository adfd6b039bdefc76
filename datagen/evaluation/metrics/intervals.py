"""Confidence intervals by resampling whole identities.

Images of one identity are not independent, so identities are drawn, not images (Davison & Hinkley,
"Bootstrap methods and their application", 1997, section 3.8). The same draws serve every metric,
group and detector, so that differences are paired.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = [
    "FEW",
    "LEVEL",
    "MIN_CLUSTERS",
    "Estimate",
    "Resampler",
    "bonferroni",
    "by_cluster",
    "estimate",
    "interval",
    "nothing",
]

Array = npt.NDArray[np.float64]

LEVEL = 0.95
REPLICATES = 1000
SEED = 20240607
# Below, a cluster bootstrap is too narrow (Cameron, Gelbach & Miller, Review of Economics and
# Statistics 90, 2008): 20 is the low end of what they call few.
MIN_CLUSTERS = 20
FEW = f"fewer than {MIN_CLUSTERS} identities"
# Above, identities are merged at random: the clusters stay independent, and with so many of them
# the width of an interval is known to 2 %. It bounds time and memory for a million identities.
MAX_CLUSTERS = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A metric with its interval.

    Attributes:
        value, low, high: Value and ends of the interval; NaN if there are none.
        n_real, n_fake: Number of reals and fakes that it is based on.
        identities: Number of identities in these images.
        reason: Reason for a missing value, or ``FEW`` for an unreliable interval; ``None``
            otherwise.
        replicates: Bootstrap replicates, for differences; ``None`` if there is no value.
    """

    value: float
    low: float
    high: float
    n_real: int
    n_fake: int
    identities: int
    reason: str | None = None
    replicates: Array | None = None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of reals, fakes and identities."""
        return self.n_real, self.n_fake, self.identities

    @property
    def reliable(self) -> bool:
        """Whether conclusions may be drawn from it."""
        return self.reason is None

    @property
    def standard_error(self) -> float:
        """Bootstrap standard error; NaN if there is no value."""
        if self.replicates is None:
            return float("nan")
        finite = self.replicates[np.isfinite(self.replicates)]
        return float(np.std(finite, ddof=1)) if len(finite) > 1 else float("nan")


class Resampler:
    """How often each identity is drawn in each replicate.

    Args:
        identity: Identity of each image, numbered from 0.
        replicates: Number of bootstrap samples.
        seed: Seed of the draws.
    """

    def __init__(
        self, identity: npt.NDArray[np.int64], replicates: int = REPLICATES, seed: int = SEED
    ) -> None:
        identities = int(identity.max()) + 1 if len(identity) else 0
        rng = np.random.Generator(np.random.Philox(seed))
        self.count = replicates
        self.clusters = max(1, min(identities, MAX_CLUSTERS))
        self._of_identity = rng.permutation(identities) % self.clusters
        drawn = rng.integers(0, self.clusters, (replicates, self.clusters))
        drawn += np.arange(replicates)[:, None] * self.clusters
        times = np.bincount(drawn.ravel(), minlength=replicates * self.clusters)
        self._times = np.ascontiguousarray(
            times.reshape(replicates, self.clusters).T, dtype=np.float32
        )

    def cluster(self, identity: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the cluster of each image."""
        return np.asarray(self._of_identity[identity])

    def sums(self, per_cluster: Array) -> Array:
        """Return the totals (replicates, columns) of each replicate, from (clusters, columns)."""
        return np.asarray(self._times.T @ per_cluster.astype(np.float32), np.float64)

    def cells(
        self,
        cell: npt.NDArray[np.int64],
        cluster: npt.NDArray[np.int64],
        cells: int,
    ) -> npt.NDArray[np.float32]:
        """Return the number of images of each replicate in each cell.

        Args:
            cell: Cell of each image, ascending.
            cluster: Cluster of each image.
            cells: Number of cells.

        Returns:
            (replicates, cells) float32, whole numbers.
        """
        import scipy.sparse as sp  # a tenth of a second to import

        starts = np.searchsorted(cell, np.arange(cells + 1))
        counts = sp.csr_matrix(
            (np.ones(len(cell), np.float32), cluster.astype(np.int32), starts.astype(np.int32)),
            shape=(cells, self.clusters),
        )
        return np.ascontiguousarray((counts @ self._times).T)


def by_cluster(cluster: npt.NDArray[np.int64], columns: Array, clusters: int) -> Array:
    """Return the sums of the columns of (images, columns) in each cluster."""
    sums = [np.bincount(cluster, column, clusters) for column in columns.T]
    return np.asarray(np.column_stack(sums), np.float64)


def estimate(
    value: float,
    replicates: Array,
    sizes: tuple[int, int, int],
    reflected: bool = False,
    share: bool = True,
) -> Estimate:
    """Return a metric with its percentile interval.

    Args:
        value: The metric on the images.
        replicates: The metric on the resampled images; NaN where a replicate has no data.
        sizes: Number of reals, fakes and identities.
        reflected: Mirror the interval at the value, for a metric that noise can only increase.
        share: Whether the metric is a share, whose interval at 0 or 1 needs a special case.
    """
    low, high = interval(replicates, sizes[2])
    if reflected:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
    if share and low == high and value in (0.0, 1.0):
        low, high = _degenerate(value, sizes[2])
    reason = FEW if sizes[2] < MIN_CLUSTERS else None
    return Estimate(value, low, high, *sizes, reason, replicates)


def nothing(reason: str, sizes: tuple[int, int, int]) -> Estimate:
    """Return the estimate of a metric without data: NaN, and the reason."""
    missing = float("nan")
    return Estimate(missing, missing, missing, *sizes, reason)


def interval(replicates: Array, identities: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the expanded percentile interval.

    The plain percentile interval is too narrow for few identities, as the normal distribution is
    compared with Student's t; its tails are moved accordingly (Hesterberg, "What teachers should
    know about the bootstrap", The American Statistician 69, 2015).

    Args:
        replicates: Replicates, NaN where one has no data; if all are NaN, so are the ends.
        identities: Number of resampled identities.
        level: Confidence level of the interval.
    """
    from scipy.special import stdtrit

    finite = replicates[np.isfinite(replicates)]
    if not len(finite):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    if identities > 1:
        wide = np.sqrt(identities / (identities - 1)) * stdtrit(identities - 1, tail)
        tail = NormalDist().cdf(float(wide))
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def _degenerate(value: float, identities: int) -> tuple[float, float]:
    """Return the interval of a share of 0 or 1 that is the same in all replicates.

    Resampling says nothing about a detector without a single error: the open end is that of Clopper
    and Pearson (Biometrika 26, 1934) with the identities as trials.
    """
    bound = ((1 - LEVEL) / 2) ** (1 / identities)
    return (bound, 1.0) if value == 1.0 else (0.0, 1.0 - bound)


def bonferroni(found: Estimate, tests: int) -> Estimate:
    """Return the estimate with its interval widened for the worst of ``tests`` groups.

    Extreme percentiles would need more replicates than there are, so each side is stretched by the
    ratio of the normal quantiles.
    """
    normal, tail = NormalDist(), (1 - LEVEL) / 2
    ratio = normal.inv_cdf(1 - tail / max(tests, 1)) / normal.inv_cdf(1 - tail)
    low = found.value - ratio * (found.value - found.low)
    high = found.value + ratio * (found.high - found.value)
    return replace(found, low=max(0.0, low), high=min(1.0, high))
