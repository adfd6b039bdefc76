from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.engine.placement import max_concurrent, ray_options
from datagen.engine.resources import Resources
from datagen.errors import DeviceError, RunError

GIB = 1 << 30


def node(cpus: float, gpus: float = 0.0, memory: float = 8.0, alive: bool = True) -> dict[str, Any]:
    resources = {"CPU": cpus, "memory": memory * GIB}
    return {"Alive": alive, "Resources": resources | ({"GPU": gpus} if gpus else {})}


def test_a_plain_task_is_one_core() -> None:
    assert ray_options(Resources()) == {"num_cpus": 1.0}
    assert max_concurrent(Resources(), [node(2), node(4)]) == 6


def test_a_share_of_a_gpu() -> None:
    needs = Resources(1.0, 0.25, 2 * GIB)
    asked = ray_options(needs)
    assert asked["num_gpus"] == 0.25
    assert asked["memory"] == 2 * GIB
    assert asked["max_calls"] == 0  # the worker keeps its weights
    assert max_concurrent(needs, [node(16, 1), node(16)]) == 4
    assert max_concurrent(needs, [node(3, 1)]) == 3
    assert max_concurrent(needs, [node(16, 1, memory=4)]) == 2


def test_a_dead_node_has_no_room() -> None:
    assert max_concurrent(Resources(), [node(2), node(4, alive=False)]) == 2


def test_a_gpu_that_is_nowhere_is_named() -> None:
    with pytest.raises(DeviceError, match=r"device: cuda.*no node"):
        max_concurrent(Resources(1.0, 1.0), [node(8), node(8)])


@pytest.mark.parametrize(
    "needs", [Resources(cpus=4.0), Resources(memory=9 * GIB), Resources(gpus=2.0)]
)
def test_what_fits_nowhere_is_refused_at_once(needs: Resources) -> None:
    with pytest.raises(DeviceError, match=r"2 CPUs, 1 GPUs and 8\.0 GiB"):
        max_concurrent(needs, [node(2, 1)])


@given(
    st.lists(st.builds(Resources, st.floats(0.1, 8), st.floats(0, 2), st.integers(0, GIB))),
)
def test_the_most_covers_each(parts: list[Resources]) -> None:
    most = Resources.maximum(parts)
    assert most.cpus >= 1
    for part in parts:
        assert most.cpus >= part.cpus
        assert most.gpus >= part.gpus
        assert most.memory >= part.memory


def test_a_cluster_whose_nodes_have_ended_is_an_error_of_the_run() -> None:
    for nodes in ([], [node(2, alive=False)]):
        with pytest.raises(RunError, match="has no node any more"):
            max_concurrent(Resources(), nodes)
