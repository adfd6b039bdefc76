from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from datagen.core.progress import Progress
from tests.support.world import World


def test_the_bar_counts_pairs_that_are_to_be_made(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int | None]] = []

    @contextmanager
    def bar(self: Progress, label: str, percent: bool = False) -> Iterator[Any]:
        def shown(done: int, total: int | None, text: str = "") -> None:
            if label == "making pairs":
                told.append((done, total))

        yield shown

    monkeypatch.setattr(Progress, "bar", bar)
    out = tmp_path / "out"
    assert world.generate(out, "--inline") == 0
    assert [total for _, total in told] == [36] * len(told)
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert set(done) == set(range(37))  # within a shard too
    (out / "commits" / "test-000001.json").unlink()
    told.clear()
    assert world.generate(out, "--inline") == 0
    assert told[0] == (0, 36)
    assert told[-1] == (6, 6)  # what is there takes no time
