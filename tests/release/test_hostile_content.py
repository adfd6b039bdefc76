"""Tables and images of strangers' releases: enormous, odd or damaged."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.core.images import encode_png
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.manifest import manifest_file, read_manifest
from datagen.release.reader import Release
from datagen.release.schema import MANIFEST
from datagen.release.verify import verify
from tests.support.releases import change_rows, good_row, own_up

SHARD = "train-000000"
TAR, NAME = f"media/small-v1-{SHARD}.tar", f"manifest/{SHARD}.parquet"


def problems(out: Path) -> str:
    return "\n".join(verify(Folder(str(out))))


def rewrite(out: Path, table: pa.Table, **options: Any) -> None:
    pq.write_table(table, out / NAME, **options)
    own_up(out, NAME)


def big(rows: int, **columns: Any) -> pa.Table:
    one = pa.Table.from_pylist([good_row()], MANIFEST)
    table = one.take(pa.array(np.zeros(rows, np.int64)))
    for name, value in columns.items():  # as a dictionary: this process holds it once too
        places = pa.array(np.zeros(rows, np.int32))
        values = pa.DictionaryArray.from_arrays(places, pa.array([value]))
        place = table.column_names.index(name)
        table = table.set_column(place, pa.field(name, values.type, nullable=False), values)
    return table


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (lambda: big(20_000, method_params='{"a": "' + "x" * 60_000 + '"}'), "MiB, at most 1,024"),
        (lambda: big(1000, image_id="x" * 900_000), "column 'image_id': found 'xxx"),
        (lambda: big((1 << 20) + 1), "1,048,577 rows in"),
    ],
    ids=["repeated text", "long text", "rows"],
)
def test_a_small_file_that_needs_gigabytes_is_not_decoded(
    out: Path, table: Callable[[], pa.Table], words: str
) -> None:
    made = table()
    release = pa.repeat(Release(out).record["release_id"], made.num_rows)
    made = made.set_column(0, MANIFEST.field("release_id"), release)
    place = made.column_names.index("purposes")
    purposes = pa.repeat(pa.scalar(["research", "commercial", "redistribute"]), made.num_rows)
    made = made.set_column(place, MANIFEST.field("purposes"), purposes)
    rewrite(out, made, compression="zstd", row_group_size=1 << 21, store_schema=False)
    assert (out / NAME).stat().st_size < 40_000_000
    before = pa.default_memory_pool().max_memory()
    assert words in problems(out)
    with pytest.raises(ReleaseError):
        Release(out).table()
    assert pa.default_memory_pool().max_memory() - before < 1 << 29


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        ("label", pa.string(), "0"),
        ("media_offset", pa.float64(), 0.0),
        ("media_path", pa.binary(), b"media/small-v1-train-000000.tar"),
        ("width", pa.list_(pa.int32()), [1]),
        ("licenses", pa.string(), "CC0"),
        ("sample_id", pa.null(), None),
    ],
)
def test_a_column_of_another_type_is_refused(
    out: Path, column: str, kind: pa.DataType, value: object
) -> None:
    table = pq.read_table(out / NAME)
    place = table.column_names.index(column)
    other = pa.array([value] * table.num_rows, kind)
    rewrite(out, table.set_column(place, pa.field(column, kind), other))
    with pytest.raises(ReleaseError, match=f"column '{column}' holds") as caught:
        Release(out).table(["sample_id"])
    assert caught.value.key == column
    assert f"column '{column}' holds" in problems(out)


def test_columns_that_the_schema_does_not_have_are_refused(out: Path) -> None:
    table = pq.read_table(out / NAME)
    rewrite(out, table.append_column("more", pa.array([1] * table.num_rows)))
    with pytest.raises(ReleaseError, match="has a column 'more'"):
        Release(out).table()
    rewrite(out, table.append_column(table.schema.field(0), table.column(0)))
    with pytest.raises(ReleaseError, match="two columns of one name"):
        Release(out).table()
    rewrite(out, table.drop_columns(["age"]))
    assert "the manifest has no column 'age'" in problems(out)


def test_text_that_is_not_utf8_is_refused(out: Path) -> None:
    table = pq.read_table(out / NAME)
    bad = pa.array([b"\xff\xfe"] * table.num_rows).view(pa.string())
    place = table.column_names.index("sex")
    rewrite(out, table.set_column(place, MANIFEST.field("sex"), bad))
    with pytest.raises(ReleaseError, match="cannot be read"):
        Release(out).table()
    assert NAME in problems(out)


def test_mutated_manifests_never_fail_otherwise(whole: Path, tmp_path: Path) -> None:
    data = (whole / NAME).read_bytes()
    folder = Folder(str(tmp_path))
    (tmp_path / "manifest").mkdir()
    file = manifest_file(Release(Folder(str(whole))).record, NAME)
    draws = np.random.default_rng(11)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(draws.integers(1, 4)):
            changed[int(draws.integers(0, len(changed)))] = int(draws.integers(0, 256))
        (tmp_path / NAME).write_bytes(bytes(changed))
        with contextlib.suppress(ReleaseError):
            read_manifest(folder, file)


def replace_mask(out: Path, data: bytes) -> str:
    """Put other bytes in place of the first mask; return the id of its fake."""
    rows = pq.read_table(out / NAME).to_pylist()
    fake = next(row for row in rows if row["kind"] == "fake")
    tar = bytearray((out / TAR).read_bytes())
    at = len(tar)
    (out / TAR).write_bytes(bytes(tar) + data)
    own_up(out, TAR)

    def change(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["sample_id"] == fake["sample_id"])
        row |= {"mask_offset": at, "mask_size": len(data)}

    change_rows(out, change)
    return str(fake["sample_id"])


def test_a_mask_of_30000_pixels_is_refused_by_its_header(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image as Pillow

    stream = io.BytesIO()
    Pillow.new("L", (30_000, 30_000)).save(stream, "PNG", compress_level=1)
    fake = replace_mask(out, stream.getvalue())
    release = Release(out)
    row = next(pair.row for pair in release.pairs() if pair.row["sample_id"] == fake)
    with pytest.raises(ReleaseError, match=f"{fake}: the mask is too large: 30000x30000"):
        release.mask(row)
    assert f"{fake}: the mask is too large: 30000x30000" in problems(out)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encode_png(np.ones((9, 9), np.uint8)), "the mask is not 96x96 pixels"),
        (encode_png(np.ones((96, 96, 3), np.uint8)), "expected 8-bit gray"),
        (encode_png(np.ones((96, 96), np.uint8))[:-40], "mask"),
        (b"GIF89a" + bytes(100), "the mask is "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n" + bytes(100), "the mask is "),
        (encode_png(np.zeros((96, 96), np.uint8)), "the mask is empty"),
    ],
)
def test_a_mask_that_is_none_is_named(out: Path, data: bytes, words: str) -> None:
    fake = replace_mask(out, data)
    assert any(line.startswith(f"{fake}: ") and words in line for line in problems(out).split("\n"))
