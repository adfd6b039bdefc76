from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datagen.errors import ItemError
from datagen.faces.index import FaceIndex
from datagen.faces.reader import FaceReader
from datagen.generation.pair import PairStarter
from datagen.planning import Item
from tests.support.world import Job, World


@pytest.fixture
def job(world: World) -> Job:
    return world.job("out")


@pytest.fixture
def starter(job: Job) -> PairStarter:
    sources = {source.card.id: source for source in job.loaded.sources()}
    reader = FaceReader(sources, 96, job.loaded.spec.face.margin)
    return PairStarter(job.loaded, FaceIndex(job.built.index.table), reader)


def item_of(job: Job, method: int) -> Item:
    items = (item for shard in job.shards for item in job.plan.items(shard))
    return next(item for item in items if item.method == method)


def test_a_face_is_looked_up_once_per_item(
    job: Job, starter: PairStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[int] = []
    plain = FaceIndex.face

    def counted(self: FaceIndex, number: int) -> object:
        looked_up.append(number)
        return plain(self, number)

    monkeypatch.setattr(FaceIndex, "face", counted)
    item = item_of(job, 1)
    draft = starter.start(item)
    pair = draft.accept(draft.apply())
    assert looked_up == [item.target, item.donor]
    assert pair is None or pair.target.face_id == draft.target.face_id


def test_an_item_without_a_donor_names_the_rule(job: Job, starter: PairStarter) -> None:
    item = replace(item_of(job, 1), donor=None)
    with pytest.raises(ItemError) as caught:
        starter.start(item)
    assert caught.value.code == "no_donor"
    assert caught.value.detail == "no donor satisfies the rule for this target"


def test_a_draft_and_its_pair_come_from_the_item_alone(job: Job, starter: PairStarter) -> None:
    item = item_of(job, 0)
    first, second = starter.start(item), starter.start(item)
    assert first.params == second.params
    assert np.array_equal(first.ctx.target.image, second.ctx.target.image)
    assert not first.ctx.target.image.flags.writeable
    result = first.apply()
    assert np.array_equal(result.image, second.apply().image)


def test_a_pair_with_control_has_three_images(job: Job, starter: PairStarter) -> None:
    draft = starter.start(replace(item_of(job, 1), control=True))
    draft.min_change = 0.0
    pair = draft.accept(draft.apply())
    assert pair is not None
    assert list(pair.images) == ["real", "control", "fake"]
    assert pair.change == pair.change_released > 0
    other = replace(draft.item, pair_id="another level")
    assert pair.for_item(other).item is other
