"""A choice without items is told at once, by both readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datagen.errors import ReleaseError, UserError
from datagen.loaders import PairBatchSampler, PairDataset, stream
from tests.support.world import World


@pytest.fixture(scope="module")
def without_controls(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("no-controls") / "out"
    assert world.generate(folder, "--inline", "--limit", "6", "--set", "controls=0") == 0
    return folder


@pytest.mark.parametrize("read", [PairDataset, stream])
def test_controls_that_no_pair_has_are_no_items(
    without_controls: Path, read: Callable[..., Any]
) -> None:
    with pytest.raises(ReleaseError, match="none of the 4 pairs chosen has a control") as raised:
        read(without_controls, "train", kinds="control")
    assert raised.value.key == "kinds"
    read(without_controls, "train", kinds=["real", "control"])


def test_batches_given_as_single_items_are_told_how_to_be_given(out: Path) -> None:
    torch = pytest.importorskip("torch")
    data = PairDataset(out, "train")
    loader = torch.utils.data.DataLoader(data, sampler=PairBatchSampler(data, 4, seed=1))
    with pytest.raises(UserError, match="give batches of pairs as batch_sampler="):
        next(iter(loader))
