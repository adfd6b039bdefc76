"""Small networks under the ids of shipped cards, so that shipped recipes run with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.support.small.onnx import ENHANCER, SWAP, SWAP_MASK

__all__ = ["STANDS_FOR", "put_under_shipped_ids"]

STANDS_FOR: Mapping[str, str] = {
    "simswap_256": SWAP,
    "ghost_1_256": SWAP_MASK,
    "gpen_bfr_512": ENHANCER,
    "restoreformer_plus_plus": ENHANCER,
}
"""Those whose small network has an id of its own; the others were built under the shipped id."""


def put_under_shipped_ids(folder: Path) -> None:
    """Add cards of the shipped ids for the small networks of a ``DATAGEN_WEIGHTS``."""
    for shipped, small in STANDS_FOR.items():
        card = yaml.safe_load((folder / "cards" / f"{small}.yaml").read_text(encoding="utf-8"))
        text = yaml.safe_dump({**card, "id": shipped})
        (folder / "cards" / f"{shipped}.yaml").write_text(text, encoding="utf-8")
