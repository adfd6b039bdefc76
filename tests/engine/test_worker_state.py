from __future__ import annotations

import pytest

from datagen.engine.worker_state import WorkerState


def test_a_value_is_built_once_per_key() -> None:
    state = WorkerState()
    first = state.get("model", "a", object)
    assert state.get("model", "a", object) is first
    assert state.get("model", "b", object) is not first


def test_a_slot_holds_one_value_and_drops_it_before_the_next_is_built() -> None:
    state = WorkerState()
    state.get("model", "a", object)

    def build() -> str:
        assert "model" not in state._slots
        return "B"

    other = state.get("plan", "a", object)
    assert state.get("model", "b", build) == "B"
    assert state.get("plan", "a", object) is other


def test_a_failed_build_leaves_the_slot_empty() -> None:
    state = WorkerState()
    with pytest.raises(ZeroDivisionError):
        state.get("model", "a", lambda: 1 // 0)
    assert state.get("model", "a", lambda: 7) == 7
