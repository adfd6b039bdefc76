"""Real, trained networks make the frozen pictures, embeddings and choices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.golden.made import Frozen, digest, read_picture
from tests.golden.networks import (
    ENHANCERS,
    METHODS_OF,
    NETWORKS,
    NUMBERS,
    files,
    make_network,
    numbers,
)
from tests.support.assets import weights


@pytest.fixture(scope="module")
def frozen() -> Frozen:
    return Frozen(NETWORKS)


@pytest.mark.parametrize(
    "name",
    [
        *METHODS_OF,
        ENHANCERS[0],
        pytest.param(ENHANCERS[1], marks=pytest.mark.slow),
    ],
)
def test_a_network_makes_the_frozen_picture(name: str, frozen: Frozen) -> None:
    kind = "safetensors" if name == "taef2" else "onnx"
    weights(f"{files(name)}.{kind}")
    problem = frozen.problem(make_network(name))
    assert problem is None


def test_the_files_are_those_of_the_record(frozen: Frozen) -> None:
    expected: dict[Path, str] = dict(frozen.pictures())
    assert set((NETWORKS / "images").rglob("*.png")) == set(expected)
    assert {key.partition("/")[2] for key in frozen.entries} == {*METHODS_OF, *ENHANCERS}
    assert [path for path, value in expected.items() if digest(read_picture(path)) != value] == []


def test_embeddings_and_donors_by_them_are_the_frozen_ones() -> None:
    for name in ("mobileface", "faceres"):
        weights(f"{name}.onnx")
    then, now = json.loads(NUMBERS.read_text(encoding="utf-8")), numbers()
    assert now.keys() == then.keys()
    assert now["donors"] == then["donors"]
    for name in ("mobileface", "faceres"):
        assert now[name]["cosine"] == pytest.approx(then[name]["cosine"], abs=1e-3)
        np.testing.assert_allclose(now[name]["target"], then[name]["target"], atol=1e-3)
