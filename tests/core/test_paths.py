from __future__ import annotations

from pathlib import Path

import pytest

from datagen.core.paths import cache_folder, weights_folder


def test_folders_are_named_by_the_environment_or_in_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DATAGEN_WEIGHTS", "~/weights")
    assert cache_folder() == tmp_path / "cache"
    assert weights_folder() == Path.home() / "weights"
    monkeypatch.delenv("DATAGEN_CACHE")
    monkeypatch.setenv("DATAGEN_WEIGHTS", "")
    assert cache_folder() == Path.home() / ".cache" / "datagen"
    assert weights_folder() == Path.home() / ".cache" / "datagen" / "weights"
