"""A release as a map-style dataset: any image by its number, with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

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
from datagen.loaders.pair_items import PairItems
from datagen.loaders.selection import Filter, check_media, opened, select
from datagen.release.pixels import decoded_mask

__all__ = ["PairDataset"]


class PairDataset(PairItems):
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
        ReleaseError: A release is not whole, has another schema or holds clips, tars are missing
            or changed, there is no such split, method or column, no pair matches, or an identity is
            in different splits of two releases.
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
        asked, extra = checked_kinds(kinds), checked_names(fields, "fields", FIELDS)
        read = {what for kind in asked for what in needed(kind, extra)} - {"mask"}
        more = ["landmarks"] if any(name.startswith("landmarks") for name in extra) else []
        several = opened(releases)
        check_media(several, clips=False, reader="PairDataset")
        chosen = select(several, Filter(split, method, where), sorted(read), more)
        super().__init__(chosen, asked, extra, checked_transform(transform))

    def _item(
        self,
        number: int,
        rows: Mapping[str, int],
        data: Mapping[tuple[str, int], bytes],
        start: int,
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
