"""Reading the files of a manifest: the one place that knows how."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from datagen.core.text import near
from datagen.errors import ReleaseError
from datagen.release.folder import Folder

__all__ = ["MANIFEST_FOLDER", "read_manifest", "split_of"]

MANIFEST_FOLDER = "manifest/"


def split_of(name: str) -> str:
    """Return the split of a manifest file: ``train`` of ``manifest/train-000000.parquet``."""
    return name.removeprefix(MANIFEST_FOLDER).partition("-")[0]


def read_manifest(
    folder: Folder,
    name: str,
    columns: Sequence[str] | None = None,
    dictionary: Sequence[str] = (),
) -> pa.Table:
    """Read one file of a manifest, only the columns that are asked for.

    Args:
        folder: The release.
        name: Name of the file, e.g. ``manifest/train-000000.parquet``.
        columns: See ``Release.table``.
        dictionary: See ``Release.table``.

    Raises:
        ReleaseError: The file is missing or damaged, or has no such column.
    """
    wanted = [column for column in dictionary if columns is None or column in columns]
    try:
        file = pq.ParquetFile(_source(folder, name), read_dictionary=wanted)
        known = file.schema_arrow.names
        for column in columns or ():
            if column not in known:
                raise ReleaseError(
                    f"{folder}/{name}: the manifest has no column {column!r}."
                    f"{near(column, known)} manifests/SCHEMA.md lists the columns",
                    path=f"{folder}/{name}",
                    key=column,
                )
        table = file.read(columns=None if columns is None else list(columns))
        return table if columns is None else table.select(list(columns))
    except FileNotFoundError:
        problem = "is missing"
    except (pa.ArrowException, OSError) as error:
        problem = f"cannot be read: {str(error).partition(chr(10))[0]}"
    raise ReleaseError(
        f"{folder}/{name} {problem}: 'datagen verify' lists what is damaged",
        path=f"{folder}/{name}",
    )


def _source(folder: Folder, name: str) -> pa.NativeFile | io.BytesIO:
    if folder.local is None:
        return io.BytesIO(folder.read(name))
    return pa.memory_map(str(folder.local / name))  # columns that are not asked for stay on disk
