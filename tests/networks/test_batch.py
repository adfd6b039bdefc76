from __future__ import annotations

from collections.abc import Callable

import pytest

from datagen.errors import DeviceError
from datagen.networks.batch import BatchRunner, OutOfMemoryError


def _network(most: int, calls: list[list[int]]) -> Callable[[list[int]], list[int]]:
    def run(items: list[int]) -> list[int]:
        calls.append(items)
        if len(items) > most:
            raise OutOfMemoryError("full")
        return [10 * item for item in items]

    return run


def test_every_call_has_one_size_and_the_last_is_padded() -> None:
    calls: list[list[int]] = []
    runner = BatchRunner(4, "network")
    assert runner(_network(4, calls), [1, 2, 3, 4, 5, 6]) == [10, 20, 30, 40, 50, 60]
    assert calls == [[1, 2, 3, 4], [5, 6, 6, 6]]


def test_a_batch_that_does_not_fit_is_halved_and_stays_so() -> None:
    calls: list[list[int]] = []
    runner = BatchRunner(8, "network")
    network = _network(2, calls)
    assert runner(network, [1, 2, 3]) == [10, 20, 30]
    assert [len(call) for call in calls] == [8, 4, 2, 2]
    assert runner.size == 2
    assert runner(network, [7]) == [70]
    assert calls[-1] == [7, 7]


def test_not_even_one_is_the_devices_fault() -> None:
    with pytest.raises(DeviceError, match="network on cpu: not even one face"):
        BatchRunner(4, "network on cpu")(_network(0, []), [1])
