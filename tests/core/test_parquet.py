from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.core import parquet_pages
from datagen.core.parquet import MAX_TABLE, read_parquet, table_limit
from datagen.core.parquet_pages import TEXT, chunks_of, pages_of
from tests.support.ends import ends_soon

NAMES = ("sample_id", "score", "status")


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_columns_that_the_file_has_are_read_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", score=[0.5, None], other=[[1], [2]], sample_id=["a", None])
    table = read_parquet(path, NAMES)
    assert table.column_names == ["score", "sample_id"]
    assert table.to_pydict() == {"score": [0.5, None], "sample_id": ["a", None]}
    assert table.schema.field("sample_id").type == pa.string()
    assert read_parquet(path, ["x"]).column_names == ["score", "other", "sample_id"]


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
)
def test_every_kind_of_text_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    values = pa.array(["a", None, "bc", "a"]).cast(kind)
    table = read_parquet(write(tmp_path / "a.parquet", sample_id=values), NAMES)
    assert table.column("sample_id").to_pylist() == ["a", None, "bc", "a"]


def test_a_table_without_rows_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", sample_id=pa.array([], pa.string()), score=[])
    assert read_parquet(path, NAMES).num_rows == 0


def test_many_files_of_pandas_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"sample_id": ["b", "a"], "score": [1.0, 0.0], "status": None})
    frame.astype({"sample_id": "category"}).to_parquet(path)
    assert read_parquet(path, NAMES).num_rows == 2


BOMBS: dict[str, Callable[[int], dict[str, Any]]] = {
    "one text": lambda n: {"sample_id": pa.array(["x" * (1 << 20)] * n), "score": [0.5] * n},
    "bytes": lambda n: {"sample_id": pa.array([b"x" * (1 << 20)] * n), "score": [0.5] * n},
    "a wide value": lambda n: {
        "sample_id": pa.array([b"x" * (1 << 16)] * (n * 16), pa.binary(1 << 16)),
        "score": [0.5] * (n * 16),
    },
    "rows": lambda n: {"sample_id": pa.nulls(n << 19, pa.string()), "score": pa.nulls(n << 19)},
}


@pytest.mark.parametrize("name", ["one text", "bytes", "a wide value", "rows"])
def test_a_small_file_that_needs_a_lot_is_refused_early(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.parquet", **BOMBS[name](300))
    assert path.stat().st_size < 2 << 20
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from datagen.core.parquet import read_parquet\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_parquet(Path(sys.argv[1]), ('sample_id', 'score'))\n"
        "except ValueError as error:\n    print(error)\n"
        "more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(more >> 10)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True, text=True, check=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    )  # fmt: skip
    words, more = done.stdout.splitlines()
    assert "MiB are read of a file of its size" in words
    assert int(more) < 200


def varint(value: int, length: int = 0) -> bytes:
    """Return a number of Thrift, filled up to a length."""
    value <<= 1  # zigzag of a positive number
    found = b""
    while value >= 0x80 or len(found) < length - 1:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def lying(path: Path, size: int) -> Path:
    """Write one long text, and a description that says it has a kilobyte."""
    table = pa.table({"sample_id": ["x" * size], "score": [0.5]})
    pq.write_table(table, path, compression="zstd", write_statistics=False, use_dictionary=False)
    true = pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size
    data = path.read_bytes()
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    old = varint(true)
    assert data[end:].count(old) > 0
    path.write_bytes(data[:end] + data[end:].replace(old, varint(1000, len(old))))
    assert pq.read_metadata(path).row_group(0).column(0).total_uncompressed_size == 1000
    return path


def test_a_file_that_lies_about_its_size_is_found_out(tmp_path: Path) -> None:
    path = lying(tmp_path / "a.parquet", 300 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="its columns need 300 MiB in memory"):
        read_parquet(path, NAMES)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_pages_are_counted_as_the_writer_made_them(
    tmp_path: Path, version: str, codec: str, dictionary: bool
) -> None:
    path, count = tmp_path / "a.parquet", 20_000
    table = pa.table(
        {
            "sample_id": [f"a-{n:05d}" for n in range(count)],
            "score": np.linspace(0, 1, count),
            "status": ["ok" if n % 3 else None for n in range(count)],
        }
    )
    pq.write_table(
        table, path, compression=codec, use_dictionary=dictionary, data_page_version=version,
        data_page_size=4096, row_group_size=7000,
    )  # fmt: skip
    assert read_parquet(path, NAMES).equals(table)
    about = pq.read_metadata(path)
    with path.open("rb") as file:
        chunks = chunks_of(file)
        assert len(chunks) == 9
        for number, chunk in enumerate(chunks):
            told = about.row_group(number // 3).column(number % 3)
            assert (chunk.path, chunk.values) == (told.path_in_schema, told.num_values)
            assert (chunk.physical == TEXT) == (told.physical_type == "BYTE_ARRAY")
            assert chunk.length == told.total_compressed_size
            pages = list(pages_of(file, chunk.start, chunk.length))
            assert sum(page.values for page in pages if not page.dictionary) == told.num_values
            assert pages[0].dictionary == told.has_dictionary_page
            assert 0 < sum(page.size for page in pages) <= told.total_uncompressed_size


def test_a_description_that_ends_the_process_of_pyarrow_is_refused_or_read(tmp_path: Path) -> None:
    """``RowGroupMetaData.column`` throws where Python can't catch it: read no chunk through it."""
    count = 50
    table = pa.table({"sample_id": [f"a-{n}" for n in range(count)], "score": [0.5] * count})
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    good = path.read_bytes()
    end = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    (tmp_path / "good").write_bytes(good)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from datagen.core.parquet import read_parquet\n"
        "good, path, end = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]), int(sys.argv[3])\n"
        "for place in range(end, len(good)):\n"
        "    for flip in (1,):\n"
        "        path.write_bytes(good[:place] + bytes([good[place] ^ flip]) + good[place + 1:])\n"
        "        try:\n            read_parquet(path, ('sample_id', 'score'))\n"
        "        except (ValueError, OSError):\n            pass\n"
        "print('done')\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "good"), str(path), str(end)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_limits_grow_with_the_file() -> None:
    assert table_limit(0) == 256 << 20
    assert table_limit(64 << 20) == 1 << 30
    assert table_limit(1 << 40) == MAX_TABLE


@pytest.mark.parametrize("name", ["list", "struct", "map"])
def test_nested_columns_are_refused_before_they_are_read(tmp_path: Path, name: str) -> None:
    values = {
        "list": pa.array([[b"x"] * 10]),
        "struct": pa.array([{"a": 1}]),
        "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
    }[name]
    path = write(tmp_path / "a.parquet", sample_id=values, score=[0.5])
    with pytest.raises(ValueError, match=r"column 'sample_id' holds (list|struct|map)<"):
        read_parquet(path, NAMES)


def test_texts_that_repeat_the_start_of_the_one_before_are_refused(tmp_path: Path) -> None:
    """Each may be a megabyte longer than what is stored of it."""
    path = tmp_path / "a.parquet"
    table = pa.table({"sample_id": ["x" * 1000 + str(n) for n in range(100)], "score": [0.5] * 100})
    encodings = {"sample_id": "DELTA_BYTE_ARRAY"}
    pq.write_table(table, path, use_dictionary=False, column_encoding=encodings)
    with pytest.raises(ValueError, match="encoding DELTA_BYTE_ARRAY"):
        read_parquet(path, NAMES)


def test_texts_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(
        pa.string(),
        1,
        [None, pa.py_buffer(np.asarray([0, 2], np.int32).tobytes()), pa.py_buffer(b"\xff\xfe")],
    )
    path = write(tmp_path / "a.parquet", sample_id=bad, score=[0.5])
    with pytest.raises(ValueError, match="UTF8"):
        read_parquet(path, NAMES)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.parquet")
    for name in ("pipe.parquet", "nothing", "."):
        with pytest.raises(ValueError, match="not a file"):
            read_parquet(tmp_path / name, NAMES)


def test_files_with_wrong_bytes_are_read_or_refused(tmp_path: Path) -> None:
    count = 400
    path = write(
        tmp_path / "a.parquet",
        sample_id=[f"a-{n:04d}" for n in range(count)],
        score=np.linspace(0, 1, count),
        status=["ok"] * count,
    )
    good, dice, refused = path.read_bytes(), random.Random(5), []
    with ends_soon():
        for number in range(300):
            data = bytearray(good)
            for _ in range(dice.randint(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            path.write_bytes(data[: dice.randrange(len(data))] if number % 10 == 0 else data)
            try:
                read_parquet(path, NAMES)
            except (ValueError, OSError) as error:
                refused.append(str(error))
        assert len(refused) > 50
        assert max(map(len, refused)) < 400


@pytest.mark.parametrize("leaves", [300, 900])
def test_long_names_above_many_columns_are_refused_before_they_are_joined(
    tmp_path: Path, leaves: int
) -> None:
    parts = [(f"a{number}", pa.int8()) for number in range(leaves)]
    schema = pa.schema([("x" * 100_000, pa.struct(parts))])
    path = tmp_path / "long.parquet"
    pq.write_table(schema.empty_table(), path, store_schema=False)
    with path.open("rb") as file, pytest.raises(ValueError, match=r"names of its columns|cut off"):
        chunks_of(file)
    with pytest.raises(ValueError, match=r"names of its columns|cut off"):
        read_parquet(path, ["a"])


@pytest.mark.parametrize("name", [b"", b"a"])
def test_a_schema_of_great_depth_is_refused_at_once(name: bytes) -> None:
    group: dict[int, Any] = {4: name, 5: 1}
    with ends_soon(), pytest.raises(ValueError, match="names of its columns"):
        parquet_pages._leaves([group] * 200_000)
