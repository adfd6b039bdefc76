from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.core.paths import cache_folder
from datagen.core.sealed import read_sealed, write_sealed
from datagen.faces.indexing.cache import AnalysisCache

PLACE = {"root": "/faces", "layout": "folder", "options": {}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def row(name: str, face_no: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "image_id": name,
        "path": f"{name}.jpg",
        "stamp": "10:1.5:abc",
        "sha256": "0" * 64,
        "face_no": face_no,
        "problem": None,
        "detail": None,
        "width": 300,
        "height": 200,
        "orientation": 1,
        "inner": [0, 20, 300, 180],
        "phash": "0" * 16,
        "turned": "f" * 16,
        "box": [0.5, 1.25, 100.0625, 200.0],
        "landmarks": [n / 16 for n in range(136)],
        "mesh": [n / 16 for n in range(1434)],
        "yaw": -1.5,
        "pitch": 0.0625,
        "roll": 3.0,
        "embedding": None,
        **changes,
    }


def cache(analyzer: str = "given-1", **place: Any) -> AnalysisCache:
    return AnalysisCache("faces", {**PLACE, **place}, analyzer)


def rewrite(table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    write_sealed(cache().path, sink.getvalue())


def test_what_is_saved_is_loaded() -> None:
    problem = {
        name: None if name not in ("image_id", "path", "stamp", "face_no") else value
        for name, value in row("größe").items()
    }
    problem |= {"problem": "no_face", "detail": ""}
    rows = [row("a"), row("a", 1, mesh=None), row("b"), problem]
    cache().save(rows)
    assert cache().load() == {"a": rows[:2], "b": [rows[2]], "größe": [problem]}


def test_nothing_saved_is_nothing_known() -> None:
    assert cache().load() == {}


def test_saving_replaces_and_leaves_one_file() -> None:
    cache().save([row("a"), row("b")])
    cache().save([row("c")])
    assert list(cache().load()) == ["c"]
    assert [path.name for path in cache().path.parent.iterdir()] == [cache().path.name]


def test_copies_and_analyzers_do_not_mix() -> None:
    others = [cache("given-2"), cache(root="/else"), cache(options={"a": 1}), cache(layout="x")]
    cache().save([row("a")])
    assert all(other.load() == {} for other in others)
    assert len({cache().path, *(other.path for other in others)}) == 5


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_a_damaged_file_counts_as_empty_and_is_written_anew(cut: int) -> None:
    cache().save([row("a")])
    data = cache().path.read_bytes()
    cache().path.write_bytes(data[:cut])
    assert cache().load() == {}
    cache().save([row("b")])
    assert list(cache().load()) == ["b"]


def test_no_flipped_bit_is_believed(caplog: pytest.LogCaptureFixture) -> None:
    cache().save([row("a"), row("b", embedding=[0.5] * 8)])
    content = cache().path.read_bytes()
    for place in range(0, len(content), 23):
        harmed = bytearray(content)
        harmed[place] ^= 1 << place % 8
        cache().path.write_bytes(harmed)
        assert cache().load() == {}, place
    assert f"{cache().path}: is damaged" in caplog.text
    assert "built anew" in caplog.text


def test_a_file_of_another_version_counts_as_empty() -> None:
    cache().save([row("a")])
    rewrite(pa.table({"image_id": [{"not": "text"}]}))
    assert cache().load() == {}


@pytest.mark.parametrize("metadata", [None, {"datagen.index": "1"}])
def test_a_cache_of_an_older_schema_is_built_anew(metadata: dict[str, str] | None) -> None:
    cache().save([row("a")])
    data = read_sealed(cache().path)
    assert data is not None
    table = pq.read_table(pa.BufferReader(data))
    rewrite(table.replace_schema_metadata(metadata))
    assert cache().load() == {}
    rewrite(table.drop_columns(["phash"]))
    assert cache().load() == {}
    rewrite(table)
    assert list(cache().load()) == ["a"]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache().save([row("a")])

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{cache().path}'"):
        cache().save([row("b")])
    assert list(cache().load()) == ["a"]
    assert [path.name for path in cache().path.parent.iterdir()] == [cache().path.name]


def test_a_reader_never_sees_half_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    cache().save([row("a")])
    seen = []
    plain = Path.replace

    def watched(self: Path, target: Path) -> Path:
        assert self.parent == target.parent
        seen.append(list(cache().load()))
        return plain(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    cache().save([row("b")])
    assert seen == [["a"]]
    assert list(cache().load()) == ["b"]


def test_the_folder_is_named_by_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == folder
    monkeypatch.setenv("DATAGEN_CACHE", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("DATAGEN_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "datagen"
