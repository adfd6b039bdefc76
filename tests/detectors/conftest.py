from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.world import World


@pytest.fixture(scope="session")
def small(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 36 pairs in 6 shards; not to be changed."""
    out = tmp_path_factory.mktemp("small") / "out"
    assert world.generate(out, "--inline") == 0
    return out
