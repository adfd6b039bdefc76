from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import UserError
from datagen.loaders import PairBatchSampler, PairDataset


@pytest.fixture(scope="module")
def dataset(out: Path) -> PairDataset:
    return PairDataset(out, "train")


def pairs_of(batch: list[int]) -> list[int]:
    numbers = np.array(batch).reshape(-1, 2)
    assert np.array_equal(numbers[:, 0] + 1, numbers[:, 1])
    assert not (numbers[:, 0] % 2).any()
    return [int(number) // 2 for number in numbers[:, 0]]


def test_a_batch_has_the_real_and_the_fake_of_each_pair(dataset: PairDataset) -> None:
    sampler = PairBatchSampler(dataset, 8, seed=1)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 6
    assert sorted(pair for batch in batches for pair in pairs_of(batch)) == list(range(24))
    items = dataset.__getitems__(batches[0])
    assert [item["label"] for item in items] == [0, 1] * 4
    assert [item["pair_id"] for item in items[::2]] == [item["pair_id"] for item in items[1::2]]


def test_the_seed_and_the_epoch_decide_the_order(dataset: PairDataset) -> None:
    sampler = PairBatchSampler(dataset, 8, seed=1)
    first, second = list(sampler), list(sampler)
    assert first != second
    assert list(PairBatchSampler(dataset, 8, seed=1)) == first
    assert list(PairBatchSampler(dataset, 8, seed=2)) != first
    sampler.set_epoch(1)
    assert list(sampler) == second
    sampler.set_epoch(0)
    assert list(sampler) == first
    with pytest.raises(TypeError, match="seed"):
        PairBatchSampler(dataset, 8)  # type: ignore[call-arg]


@pytest.mark.parametrize(("batch_size", "ranks"), [(8, 2), (10, 1), (6, 3), (2, 5)])
def test_ranks_share_an_epoch_and_what_is_left_out_changes(
    dataset: PairDataset, batch_size: int, ranks: int
) -> None:
    samplers = [
        PairBatchSampler(dataset, batch_size, seed=4, rank=rank, ranks=ranks)
        for rank in range(ranks)
    ]
    rest = 24 % (ranks * batch_size // 2)
    table = dataset.selection
    groups = list(zip(table.of_pairs("method"), table.of_pairs("degradation"), strict=True))
    used = np.zeros(24, int)
    dropped: list[set[int]] = []
    for _ in range(5):
        batches = [list(sampler) for sampler in samplers]
        assert {len(one) for one in batches} == {24 // (ranks * batch_size // 2)}
        assert {len(batch) for one in batches for batch in one} == {batch_size}
        pairs = [pair for one in batches for batch in one for pair in pairs_of(batch)]
        assert len(set(pairs)) == len(pairs) == 24 - rest
        dropped.append(set(range(24)) - set(pairs))
        used[pairs] += 1
        for group in set(groups):
            times = used[[number for number in range(24) if groups[number] == group]]
            assert times.max() - times.min() <= 1
    assert rest == 0 or all(before != after for before, after in pairwise(dropped))


def test_the_report_says_how_even_an_epoch_is(dataset: PairDataset) -> None:
    sampler = PairBatchSampler(dataset, 10, seed=1)
    report = sampler.report()
    assert (report.pairs, report.unused, report.repeated) == (20, 4, 0)
    pairs = [pair for batch in sampler for pair in pairs_of(batch)]
    methods = [dataset[2 * pair]["method"] for pair in pairs]
    assert report.counts["method"] == {name: methods.count(name) for name in set(methods)}
    assert report.deviation["method"] == 0
    assert sum(report.counts["degradation"].values()) == 20
    assert sampler.report(5).counts["method"] == report.counts["method"]


def test_a_longer_epoch_repeats_rare_pairs(out: Path) -> None:
    where = {"item": [*range(0, 24, 2), 1]}
    dataset = PairDataset(out, "train", where=where)
    methods = [dataset[number]["method"] for number in range(0, len(dataset), 2)]
    rare = min(methods.count(name) for name in set(methods))
    report = PairBatchSampler(dataset, 2, seed=1).report()
    assert report.pairs == rare * len(set(methods))
    longer = PairBatchSampler(dataset, 2, seed=1, epoch_pairs=20).report()
    assert longer.pairs == 20
    assert longer.repeated >= 20 - len(methods)
    assert longer.deviation["method"] <= 1


def test_a_state_resumes_at_the_next_batch(dataset: PairDataset) -> None:
    straight = PairBatchSampler(dataset, 8, seed=1)
    expected = [list(straight) for _ in range(3)]
    sampler = PairBatchSampler(dataset, 8, seed=1)
    list(sampler)
    batches = iter(sampler)
    begun = [next(batches), next(batches)]
    state = json.loads(json.dumps(sampler.state_dict()))
    resumed = PairBatchSampler(dataset, 8, seed=1)
    resumed.load_state_dict(state)
    assert begun + list(resumed) == expected[1]
    assert list(resumed) == expected[2]


def test_a_state_may_count_what_the_training_has_finished(dataset: PairDataset) -> None:
    expected = list(PairBatchSampler(dataset, 8, seed=1))
    sampler = PairBatchSampler(dataset, 8, seed=1)
    ahead = iter(sampler)
    for _ in range(5):
        next(ahead)
    resumed = PairBatchSampler(dataset, 8, seed=1)
    resumed.load_state_dict(sampler.state_dict(batches=2))
    assert list(resumed) == expected[2:]
    list(ahead)
    resumed.load_state_dict(sampler.state_dict(batches=len(sampler)))
    assert list(resumed) == list(sampler)
    with pytest.raises(UserError, match="an epoch has 6"):
        sampler.state_dict(batches=7)


def test_a_state_of_something_else_is_refused(dataset: PairDataset, out: Path) -> None:
    state = PairBatchSampler(dataset, 8, seed=1).state_dict()
    for other, key in (
        (PairBatchSampler(dataset, 8, seed=2), "seed"),
        (PairBatchSampler(dataset, 4, seed=1), "batch_size"),
        (PairBatchSampler(PairDataset(out, "test"), 8, seed=1), "dataset"),
    ):
        with pytest.raises(UserError, match=f"state: {key} differs") as error:
            other.load_state_dict(state)
        assert error.value.key == key
    with pytest.raises(UserError, match=r"state\.epoch: must be a whole number"):
        PairBatchSampler(dataset, 8, seed=1).load_state_dict({**state, "epoch": "1"})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 7}, "must be even"),
        ({"batch_size": 0}, "at least 2"),
        ({"rank": 2, "ranks": 2}, "rank: must be below ranks"),
        ({"batch_size": 100}, "an epoch has 24 pairs .2 methods, the rarest of 12., fewer than"),
        ({"epoch_pairs": 3}, "an epoch has 3 pairs"),
        ({"epoch_pairs": 10**12}, "an epoch has at most 100,000,000 pairs"),
        ({"seed": -1}, "seed: must be a whole number"),
    ],
)
def test_wrong_arguments_are_told(
    dataset: PairDataset, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        PairBatchSampler(dataset, **{"batch_size": 8, "seed": 1, **options})


def test_controls_are_no_items_of_pair_batches(out: Path) -> None:
    with pytest.raises(UserError, match=r"with fields=\['control'\]"):
        PairBatchSampler(PairDataset(out, "train", kinds=["real", "control"]), 8, seed=1)


@pytest.mark.parametrize("state", [None, [], 1, "x", b"", np.zeros(3), [("epoch", 1)], object()])
def test_a_state_that_is_none_is_refused(dataset: PairDataset, state: Any) -> None:
    with pytest.raises(UserError, match="state: must be what state_dict returned"):
        PairBatchSampler(dataset, 8, seed=1).load_state_dict(state)


@pytest.mark.parametrize(
    "value", [None, 1.0, np.array([1, 2]), [1] * 100_000, {"a": 1}, "9" * 100_000, b"x", object()]
)
def test_odd_values_of_a_state_are_refused_in_a_short_line(
    dataset: PairDataset, value: Any
) -> None:
    sampler = PairBatchSampler(dataset, 8, seed=1)
    state = sampler.state_dict()
    for key in state:
        with pytest.raises(UserError, match=f"state.*{key}") as error:
            sampler.load_state_dict({**state, key: value})
        assert len(str(error.value)) < 300


@pytest.mark.parametrize("changes", [{"epoch": 10**5 + 1}, {"epoch": 10**30}, {"batch": 10**9}])
def test_an_epoch_that_would_take_hours_to_plan_is_refused(
    dataset: PairDataset, changes: dict[str, int]
) -> None:
    sampler = PairBatchSampler(dataset, 8, seed=1)
    words = "epoch: at most 100,000 epochs are planned"
    with pytest.raises(UserError, match=words):
        sampler.load_state_dict({**sampler.state_dict(), **changes})
    with pytest.raises(UserError, match=words):
        sampler.set_epoch(10**9)
    with pytest.raises(UserError, match=words):
        sampler.report(10**9)


@pytest.mark.parametrize("other", [None, [1], "out"])
def test_something_else_than_a_dataset_is_refused(other: Any) -> None:
    with pytest.raises(UserError, match="dataset: must be a PairDataset"):
        PairBatchSampler(other, 4, seed=1)
