from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from datagen.degradations import DEGRADATIONS
from datagen.degradations.compose import compose
from datagen.errors import ContractError, ItemError
from datagen.faces.index import FaceIndex
from datagen.faces.reader import FaceReader
from datagen.generation.degrading import Degrader
from datagen.generation.pair import Pair, PairStarter
from tests.support.world import World


@pytest.fixture(scope="module")
def pair(world: World) -> Pair:
    """A pair with control, before degradation."""
    job = world.job("out")
    sources = {source.card.id: source for source in job.loaded.sources()}
    reader = FaceReader(sources, 96, job.loaded.spec.face.margin)
    starter = PairStarter(job.loaded, FaceIndex(job.built.index.table), reader)
    item = next(item for item in job.plan.items(job.shards[0]) if item.method == 1)
    draft = starter.start(replace(item, control=True))
    draft.min_change = 0.0
    made = draft.accept(draft.apply())
    assert made is not None
    return made


def degraded(pair: Pair, use: str, options: dict[str, Any] | None = None) -> Pair:
    degrader = Degrader([compose(use, options or {}, False, "")], 7, 96)
    return degrader.degrade(pair.for_item(replace(pair.item, degradation=0)))


def test_no_degradation_leaves_the_pair_as_it_is(pair: Pair) -> None:
    degrader = Degrader([], 7, 96)
    assert degrader.degrade(pair) is pair
    assert degrader.name_for(pair.item) is None


def test_all_images_are_degraded_and_the_base_pair_is_not(pair: Pair) -> None:
    before = {kind: image.copy() for kind, image in pair.images.items()}
    released = degraded(pair, "jpeg", {"quality": [20, 20]})
    assert list(released.images) == ["real", "control", "fake"]
    for kind, image in before.items():
        assert np.array_equal(pair.images[kind], image)
        assert not np.array_equal(released.images[kind], image)
    assert released.change == pair.change
    assert released.change_released != pair.change
    assert released.degraded is not None
    assert released.rotation == 0.0
    assert np.array_equal(released.mask, pair.mask)


def test_mask_and_landmarks_follow_a_rotation(pair: Pair) -> None:
    released = degraded(pair, "rotate", {"degrees": [10, 10]})
    assert released.rotation == pytest.approx(10, abs=0.01)
    assert not np.array_equal(released.mask, pair.mask)
    for kind, points in pair.landmarks.items():
        moved = released.landmarks[kind]
        assert moved is not None
        assert points is not None
        assert not np.allclose(moved, points)


def test_a_face_that_is_moved_out_of_the_image_is_rejected(pair: Pair) -> None:
    landmarks = {kind: np.float32(500.0) + points for kind, points in pair.landmarks.items()}  # type: ignore[operator]
    with pytest.raises(ItemError, match="face_lost"):
        degraded(replace(pair, landmarks=landmarks), "rotate", {"degrees": [10, 10]})


def test_a_degradation_that_moves_pixels_in_secret_stops_the_run(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mirror(self: Any, images: list[Any], params: Any) -> list[Any]:
        return [np.ascontiguousarray(image[:, ::-1]) for image in images]

    monkeypatch.setattr(DEGRADATIONS.load("jpeg"), "apply_all", mirror)
    with pytest.raises(ContractError, match=f"pair {pair.item.pair_id}: .*'jpeg' left the image"):
        degraded(pair, "jpeg")
