"""Readers for training: pairs of one or several releases for PyTorch and WebDataset.

Neither of the two is imported before it is needed: ``PairDataset``, ``ClipDataset`` and
``PairBatchSampler`` follow the protocols of ``torch.utils.data`` and need no torch.
"""

from datagen.loaders.clip_dataset import ClipDataset
from datagen.loaders.dataset import PairDataset
from datagen.loaders.sampler import EpochReport, PairBatchSampler
from datagen.loaders.stream import stream

__all__ = ["ClipDataset", "EpochReport", "PairBatchSampler", "PairDataset", "stream"]
