"""Progress moves while a task runs: steps are told, noted by workers, heard by the driver."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from datagen.engine import InlineEngine
from datagen.engine.board import attempt_noted
from datagen.engine.steps import hearing, tell_steps
from tests.engine.test_flights import Kept, Sky, flights, landed


@dataclass(frozen=True)
class Steps:
    """Tells three steps."""

    def __call__(self, key: int) -> int:
        for done in range(1, 4):
            tell_steps(done)
        return key


def test_steps_of_the_own_process_are_heard_at_once() -> None:
    heard: list[int] = []
    tell_steps(9)  # where no one waits, nothing happens
    with hearing(heard.append):
        list(InlineEngine().run(Steps(), [1, 2]))
    tell_steps(9)
    assert heard == [1, 2, 3, 1, 2, 3]


def test_a_worker_notes_its_steps_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    board = Kept()
    with hearing(heard.append):
        attempt_noted(board, 7, Steps(), 1)
        assert board.steps(7) == 0  # all within the first second
        monkeypatch.setattr("datagen.engine.board._NOTED_EVERY", 0.0)
        attempt_noted(board, 7, Steps(), 1)
    assert board.steps(7) == 3
    assert heard == []  # they go to the board
    assert board.place(7) is not None


def test_the_driver_hears_the_steps_of_all_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("datagen.engine.flights.time.monotonic", lambda: now[0])
    heard: list[int] = []
    board = Kept()
    found = flights(Sky(), board, [])
    for key in (10, 11, 12):
        found.begin(key)
    for number, steps in enumerate(("4", "5")):
        board.begin(number)
        board._put(f"{number}/steps", steps)
    now[0] += 6
    with hearing(heard.append):
        assert landed(found) == []
    assert heard == [9]
