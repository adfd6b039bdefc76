from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.weights.server import Served, serve


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights of one test, which nobody has made yet; its cache is its own too."""
    place = tmp_path / "deep" / "weights"
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(place))
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))
    return place


@pytest.fixture
def served() -> Iterator[Served]:
    """A server of one file."""
    with serve() as found:
        yield found
