"""Caches that are damaged or cannot be written: told, rebuilt, and never part of a release."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.cli.main import run
from datagen.core.sealed import read_sealed
from tests.support.world import World, digests


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_flipped_bit_in_the_face_index_does_not_reach_a_release(
    world: World, tmp_path: Path, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert world.generate(tmp_path / "first", "--inline") == 0
    (index,) = (cache / "index").iterdir()
    content = bytearray(index.read_bytes())
    for place in range(100, len(content), len(content) // 3):
        content[place] ^= 1
        index.write_bytes(content)
        out = tmp_path / f"after-{place}"
        assert world.generate(out, "--inline") == 0
        assert "24 images analyzed, 0 remembered" in " ".join(capfd.readouterr().err.split())
        assert digests(out) == digests(tmp_path / "first")
        assert read_sealed(index) is not None
        content = bytearray(index.read_bytes())


def test_the_command_line_names_a_damaged_cache(world: World, tmp_path: Path, cache: Path) -> None:
    from tests.support.world import start

    assert run(["index", str(world.recipe), "--inline"]) == 0
    (index,) = (cache / "index").iterdir()
    index.write_bytes(index.read_bytes()[:-1])
    _, told = start(["index", str(world.recipe), "--inline"]).communicate(timeout=60)
    assert f"{index}: is damaged (its digest differs): it is built anew" in told
    assert "Traceback" not in told


def test_a_full_cache_disk_is_named_and_the_run_goes_on(
    world: World, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.mkdir()
    (cache / "index").write_text("a file where the folder would be")
    assert world.generate(tmp_path / "out", "--inline") == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "the face index cannot be kept" in told
    assert str(cache / "index") in told
    assert "DATAGEN_CACHE" in told
    assert run(["index", str(world.recipe), "--inline"]) == 1
    assert "24 faces; not cached in" in " ".join(capsys.readouterr().out.split())
