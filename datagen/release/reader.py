"""Reading a release: its record, its rows and its images."""

from __future__ import annotations

import io
import json
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image as Pillow

from datagen.core.arrays import Image, Mask
from datagen.errors import ReleaseError
from datagen.release.folder import Folder
from datagen.release.record import RELEASE_NAME
from datagen.release.schema import SCHEMA_VERSION

__all__ = ["Release"]


class Release:
    """A finished release.

    Args:
        folder: Where it lies.

    Raises:
        ReleaseError: No release, not finished, or of a newer schema.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.record = _read_record(folder)

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """All rows, in the order of the shards."""
        names = [name for name in self.record["files"] if name.startswith("manifest/")]
        tables = [pq.read_table(io.BytesIO(self.folder.read(name))) for name in names]
        frames: list[pd.DataFrame] = [table.to_pandas() for table in tables]
        return pd.concat(frames, ignore_index=True)

    def bytes_of(self, row: Any) -> bytes:
        """Return the encoded image of a manifest row, with one seek."""
        return self.folder.read_range(
            str(row["media_path"]), int(row["media_offset"]), int(row["media_size"])
        )

    def image(self, row: Any) -> Image:
        """Return the decoded image of a manifest row."""
        return np.asarray(Pillow.open(io.BytesIO(self.bytes_of(row))).convert("RGB"))

    def mask_bytes(self, row: Any) -> bytes:
        """Return the PNG of a fake's mask."""
        return self.folder.read_range(
            str(row["mask_path"]), int(row["mask_offset"]), int(row["mask_size"])
        )

    def mask(self, row: Any) -> Mask:
        """Return the mask of a fake's row."""
        return np.asarray(Pillow.open(io.BytesIO(self.mask_bytes(row))).convert("L"))


def _read_record(folder: Folder) -> dict[str, Any]:
    try:
        record = json.loads(folder.read(RELEASE_NAME))
    except FileNotFoundError:
        commits = len(folder.names("commits"))
        state = (
            f"it is not finished ({commits} shards are committed): run the same "
            "'datagen generate' again"
            if commits
            else "there is no release"
        )
        raise ReleaseError(f"{folder}: no {RELEASE_NAME}; {state}") from None
    except ValueError as error:
        raise ReleaseError(f"{folder}/{RELEASE_NAME} is not valid JSON: {error}") from None
    found = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(found, int) or found > SCHEMA_VERSION:
        raise ReleaseError(
            f"{folder}/{RELEASE_NAME}: schema {found!r}, this datagen reads up to {SCHEMA_VERSION}"
        )
    return dict(record)
