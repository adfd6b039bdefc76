"""Which frames of a track each clip takes: windows spread over the track, one per round."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.faces.index import FaceIndex

__all__ = ["Windows", "windows_of"]

# Knuth's multiplicative constant, 2**32 divided by the golden ratio: its multiples modulo 2**32 are
# spread evenly at every length of the sequence.
_GOLDEN = 2_654_435_769
_RANGE = 2**32


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The faces of a split that may be targets of clips, and where their clips may begin.

    Attributes:
        targets: Positions in the split's faces, in increasing order.
        starts: For each face of the split, the number of frames at which a clip may begin.
    """

    targets: NDArray[np.int64]
    starts: NDArray[np.int64]

    def start(self, seed: int, split: str, target: int, round_: int) -> int:
        """Return the frame of the track at which a clip begins.

        Args:
            seed: Seed of the recipe.
            split: Name of the split.
            target: Position of the target in the split's faces.
            round_: How many times it has been a target before.
        """
        phase = int(rng(seed, split, target, "window").integers(_RANGE))
        return (phase + round_ * _GOLDEN) % _RANGE * int(self.starts[target]) // _RANGE


def windows_of(
    index: FaceIndex, faces: Sequence[int], span: int, moved: Collection[str], stated: bool
) -> Windows:
    """Return the windows of a split.

    Args:
        index: The usable faces.
        faces: Rows of the split's faces.
        span: Number of frames that a clip reaches over.
        moved: Ids of the sources whose stills a virtual camera moves over.
        stated: Whether the index holds only what the sources state: lengths are not known then.
    """
    frames, sources = index.column("frames"), index.column("source")
    starts = np.ones(len(faces), np.int64)
    targets = []
    for position, row in enumerate(faces):
        if frames[row] is not None and frames[row] >= span:
            starts[position] = frames[row] - span + 1
            targets.append(position)
        elif frames[row] is None and (stated or sources[row] in moved):
            targets.append(position)
    return Windows(np.array(targets, np.int64), starts)
