from __future__ import annotations

import pytest

from datagen.core.progress import Progress
from datagen.engine import InlineEngine
from datagen.engine.choice import engine_choice
from datagen.errors import EngineError

SILENT = Progress(shown=False)


def test_the_engine_is_made_once() -> None:
    with engine_choice(True, None, None, SILENT) as engine:
        assert engine() is engine()
        assert isinstance(engine(), InlineEngine)


def test_nothing_is_started_when_nothing_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_start(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("datagen.engine.ray.RayEngine.__enter__", no_start)
    with engine_choice(False, 2, None, SILENT):
        pass


@pytest.mark.parametrize(
    ("inline", "workers", "address", "words"),
    [
        (True, 2, None, "one process"),
        (True, None, "auto", "one process"),
        (False, 0, None, "at least 1, found 0"),
    ],
)
def test_contradictions_are_refused(
    inline: bool, workers: int | None, address: str | None, words: str
) -> None:
    with (
        pytest.raises(EngineError, match=words),
        engine_choice(inline, workers, address, SILENT),
    ):
        pass


@pytest.mark.parametrize(
    ("inline", "seconds", "words"),
    [(True, 5.0, "inline has no second process"), (False, 0.0, "more than 0 seconds, found 0")],
)
def test_a_shard_timeout_needs_a_process_to_end(inline: bool, seconds: float, words: str) -> None:
    with (
        pytest.raises(EngineError, match=words),
        engine_choice(inline, None, None, SILENT, seconds),
    ):
        pass
