"""Slow and hanging tasks, on a stand-in for Ray that decides what ends when."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from datagen.engine.base import Outcome, label_of, run_all
from datagen.engine.board import Board, Place, attempt_noted
from datagen.engine.flights import Flights, Patience
from datagen.engine.testing import Doubles, FailsOn
from datagen.errors import RunError


class Kept(Board):
    """Notes in this process."""

    def __init__(self) -> None:
        object.__setattr__(self, "name", "kept")
        object.__setattr__(self, "notes", {})

    def _get(self, key: str) -> str:
        return str(self.__dict__["notes"].get(key, ""))

    def _put(self, key: str, value: str) -> None:
        self.__dict__["notes"][key] = value


class Sky:
    """Stands for ``ray``: references are numbers, and ``lands`` says which one comes in next."""

    def __init__(self, *lands: int) -> None:
        self.lands = list(lands)

    def wait(self, open_: list[int], num_returns: int, timeout: float) -> Any:
        assert num_returns == 1
        assert timeout > 0
        found = [number for number in self.lands if number in open_][:1]
        for number in found:
            self.lands.remove(number)
        return found, open_


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("datagen.engine.flights.time.monotonic", lambda: now[0])
    return now


def flights(
    sky: Sky, board: Board, said: list[str], timeout: float | None = None
) -> Flights[int, int]:
    patience = Patience(timeout, said.append)
    return Flights(sky, lambda number, key: number, Doubles(), board, patience)


def landed(found: Flights[int, int]) -> list[Outcome[int, int]]:
    return list(found.landed(lambda reference, key: Outcome(key, 2 * key)))


def test_what_comes_in_is_yielded_and_nothing_is_said(clock: list[float]) -> None:
    said: list[str] = []
    found = flights(Sky(1, 0), Kept(), said)
    for key in (10, 11):
        found.begin(key)
    assert [outcome.key for outcome in landed(found)] == [11]
    clock[0] += 59
    assert [outcome.key for outcome in landed(found)] == [10]
    assert not found.waiting
    assert said == []


def test_after_a_minute_without_a_result_it_says_on_whom_it_waits(clock: list[float]) -> None:
    said: list[str] = []
    board = Kept()
    found = flights(Sky(), board, said)
    for key in range(5):
        found.begin(key)
    clock[0] += 61
    landed(found)
    assert "No worker has begun one of 5 tasks" in said.pop()
    for number in range(5):
        board.begin(number)
    for _ in range(20):  # a line at one, two, four, eight minutes: not one a second
        clock[0] += 30
        landed(found)
    assert len(said) == 3
    assert f"Waiting for 0 (process {os.getpid()} on " in said[0]
    assert "and 2 more" not in said[0]
    assert "2 more" in said[0]
    assert "--shard-timeout SECONDS gives up" in said[0]


def test_a_task_that_takes_too_long_is_given_up_and_the_others_go_on(clock: list[float]) -> None:
    said: list[str] = []
    board = Kept()
    found = flights(Sky(), board, said, timeout=20)
    for key in (10, 11):
        found.begin(key)
    clock[0] += 100  # not yet begun: a busy cluster is no fault of the task
    assert landed(found) == []
    board._put("0", "77 elsewhere")
    clock[0] += 6
    assert landed(found) == []
    clock[0] += 19
    assert landed(found) == []
    clock[0] += 6
    (outcome,) = landed(found)
    assert outcome.key == 10
    assert isinstance(outcome.error, RunError)
    assert str(outcome.error) == (
        "took longer than 20 s (--shard-timeout): process 77 on elsewhere could not be ended from "
        "here"
    )
    assert attempt_noted(board, 0, Doubles(), 10).result is None  # Ray runs it no second time
    assert attempt_noted(board, 1, Doubles(), 11).result == 22
    assert found.waiting


def test_a_task_begun_again_after_a_crash_has_its_time_again(clock: list[float]) -> None:
    board = Kept()
    found = flights(Sky(), board, [], timeout=20)
    found.begin(10)
    board._put("0", "77 elsewhere")
    clock[0] += 6
    landed(found)
    clock[0] += 15
    board._put("0", "78 elsewhere")
    landed(found)
    clock[0] += 15
    assert landed(found) == []
    clock[0] += 6
    assert [outcome.key for outcome in landed(found)] == [10]


def test_a_worker_that_never_begins_is_given_up_where_nobody_else_is(clock: list[float]) -> None:
    own = Flights(Sky(), lambda number, key: number, Doubles(), Kept(), Patience(20), own=1)
    for key in (10, 11):
        own.begin(key)
    clock[0] += 6
    assert landed(own) == []
    clock[0] += 79
    assert landed(own) == []  # a minute more than the timeout, for a process to start
    clock[0] += 6
    (outcome,) = landed(own)
    assert outcome.key == 10
    assert "was not begun within 80 s (--shard-timeout): its worker hangs" in str(outcome.error)
    clock[0] += 21
    assert [outcome.key for outcome in own.unable(1, [])] == [11]


def test_when_every_worker_hangs_the_rest_is_told(clock: list[float]) -> None:
    board = Kept()
    found = flights(Sky(), board, [], timeout=20)
    for key in (10, 11, 12):
        found.begin(key)
    board._put("0", "77 elsewhere")
    board._put("1", "78 elsewhere")
    clock[0] += 6
    assert landed(found) == []
    clock[0] += 21
    assert [outcome.key for outcome in landed(found)] == [10, 11]
    assert list(found.unable(2, [13])) == []
    clock[0] += 21
    rest = list(found.unable(2, [13]))
    assert [outcome.key for outcome in rest] == [12, 13]
    assert str(rest[0].error) == "was not begun: all 2 workers hang"
    assert not found.waiting


def test_an_outcome_that_comes_in_too_late_is_dropped(clock: list[float]) -> None:
    board, sky = Kept(), Sky()
    found = flights(sky, board, [], timeout=20)
    found.begin(10)
    found.begin(11)
    board._put("0", "77 elsewhere")
    clock[0] += 6
    landed(found)
    clock[0] += 21
    assert len(landed(found)) == 1
    assert len(found) == 2
    sky.lands = [0, 1]
    assert [outcome.key for outcome in [*landed(found), *landed(found)]] == [11]
    assert len(found) == 0


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    found = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield found
    found.kill()
    found.wait()


def test_only_a_worker_of_ray_on_this_machine_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    import signal
    import socket
    import time

    here = Place(sleeper.pid, socket.gethostname())

    def stopped(place: Place) -> bool:
        return place.is_stopped

    assert not stopped(here)
    sleeper.send_signal(signal.SIGSTOP)
    for _ in range(500):
        if stopped(here):
            break
        time.sleep(0.01)
    assert stopped(here)
    assert not stopped(Place(sleeper.pid, "elsewhere"))
    assert not here.kill()  # its name does not begin with ray::
    assert not Place(2**22 + 1, socket.gethostname()).kill()
    assert sleeper.poll() is None


def test_without_a_store_nothing_is_known_and_nothing_fails() -> None:
    board = Board()
    assert attempt_noted(board, 0, Doubles(), 2).result == 4
    assert board.place(0) is None
    board.give_up(0)
    board.clear()


def test_a_fault_of_the_machine_names_what_it_struck() -> None:
    from datagen.engine import InlineEngine

    with pytest.raises(RunError, match=r"^1: OSError: .*No space left"):
        list(run_all(InlineEngine(), FailsOn(1), range(3)))
    assert label_of(Doubles(), 3) == "3"
