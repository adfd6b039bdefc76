from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import ReleaseError, UserError
from datagen.faces.forehead import landmarks_81
from datagen.loaders import PairDataset
from datagen.loaders.items import FIELDS
from datagen.release.reader import Release
from tests.loaders.same import digest
from tests.support.releases import change_record
from tests.support.world import World


def names(dataset: PairDataset) -> list[str]:
    return [item["sample_id"] for item in dataset.__getitems__(range(len(dataset)))]


def test_items_are_the_images_of_the_release(out: Path) -> None:
    dataset = PairDataset(out, "train")
    pairs = list(Release(out).pairs(split="train"))
    assert len(dataset) == 2 * len(pairs) == 48
    for number, pair in enumerate(pairs):
        real, fake = dataset[2 * number], dataset[2 * number + 1]
        assert np.array_equal(real["image"], pair.real)
        assert np.array_equal(fake["image"], pair.fake)
        assert (real["label"], fake["label"]) == (0, 1)
        assert real["pair_id"] == fake["pair_id"] == pair.pair_id
        assert fake["method"] == pair.method
        assert fake["degradation"] == (pair.row["degradation"] or "")
        severity = pair.row["severity"]
        assert fake["severity"] == (-1 if severity is None else severity)
        assert real["release_id"] == pair.row["release_id"]
    assert set(dataset[0]) == {
        *("image", "label", "severity", "release_id", "sample_id", "pair_id", "split", "kind"),
        *("identity_id", "method", "family", "degradation"),
    }


def test_fields_on_request(out: Path) -> None:
    dataset = PairDataset(out, "train", fields=FIELDS)
    for number, pair in enumerate(Release(out).pairs(split="train")):
        real, fake = dataset.__getitems__([2 * number, 2 * number + 1])
        assert np.array_equal(fake["mask"], pair.mask)
        assert not real["mask"].any()
        weight = pair.mask / 255
        assert np.allclose(fake["boundary"], 4 * weight * (1 - weight), atol=1e-6)
        assert fake["boundary"].dtype == np.float32
        points = np.reshape(pair.row["landmarks"], (68, 2))
        assert np.abs(fake["landmarks"] - points).max() <= 0.0051
        assert np.array_equal(fake["landmarks_81"], landmarks_81(fake["landmarks"]))
        assert np.array_equal(real["other"], pair.fake)
        assert np.array_equal(fake["other"], pair.real)
        assert real["has_control"] == fake["has_control"] == (pair.control is not None)
        expected = np.zeros_like(pair.real) if pair.control is None else pair.control
        assert np.array_equal(fake["control"], expected)


def test_controls_are_items_where_they_are_asked_for(out: Path) -> None:
    dataset = PairDataset(out, "train", kinds=["control", "real"], fields=["other", "control"])
    pairs = list(Release(out).pairs(split="train"))
    controls = [pair for pair in pairs if pair.control is not None]
    assert len(dataset) == len(pairs) + len(controls) > len(pairs)
    items = [item for item in dataset if item["kind"] == "control"]
    for item, pair in zip(items, controls, strict=True):
        assert item["label"] == 0
        assert np.array_equal(item["image"], np.asarray(pair.control))
        assert np.array_equal(item["other"], pair.fake)
        assert np.array_equal(item["control"], item["image"])


def test_filters_are_those_of_a_release(out: Path) -> None:
    assert len(PairDataset(out, "test")) == 24
    where = {"degradation": "jpeg", "severity": [1, 2]}
    found = PairDataset(out, "train", method="self_blend", where=where)
    expected = list(Release(out).pairs("train", "self_blend", where))
    assert names(found)[::2] == [f"{pair.pair_id}-real" for pair in expected]


def test_numbers_of_items_work_as_those_of_a_list(out: Path) -> None:
    dataset = PairDataset(out, "test")
    first, last = dataset[np.int64(0)], dataset[-1]
    assert digest(last) == digest(dataset[23])
    again = dataset.__getitems__([0, 23, 0])
    assert [digest(item) for item in again] == [digest(first), digest(last), digest(first)]
    assert len(list(dataset)) == 24
    for wrong in (24, -25):
        with pytest.raises(IndexError, match="the dataset has 24"):
            dataset[wrong]
    with pytest.raises(TypeError):
        dataset["0"]


def test_a_transform_makes_the_item(out: Path) -> None:
    dataset = PairDataset(out, "test", transform=lambda item: (item["image"] / 255, item["label"]))
    image, label = dataset[1]
    assert (image.max() <= 1, label) == (True, 1)


def test_a_pickled_dataset_reads_the_same(out: Path) -> None:
    dataset = PairDataset(out, "test", fields=FIELDS)
    dataset[0]
    copy = pickle.loads(pickle.dumps(dataset))
    assert [digest(item) for item in copy] == [digest(item) for item in dataset]


def test_threads_may_read_at_once_also_with_few_open_files(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datagen.loaders.media._OPEN", 1)
    dataset = PairDataset(out, "train", fields="control")
    expected = [digest(item) for item in dataset]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            found = list(pool.map(lambda number: digest(dataset[number]), range(48)))
            assert found == expected


def test_several_releases_stand_one_after_the_other(
    out: Path, world: World, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    assert world.generate(more, "--inline", "--set", "name=more", "--set", "splits={train: 6}") == 0
    both = PairDataset([out, Release(more)], "train")
    assert len(both) == 48 + 12
    assert names(both) == names(PairDataset(out, "train")) + names(PairDataset(more, "train"))
    ids = [both[number]["release_id"].partition("-")[0] for number in (0, 48)]
    assert ids == ["small", "more"]


def test_an_identity_in_different_splits_is_refused(
    out: Path, world: World, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    options = ("--set", "name=more", "--set", "splits={test: 6}", "--set", "split.shares={test: 1}")
    assert world.generate(more, "--inline", *options) == 0
    with pytest.raises(ReleaseError, match=r"nobody/\S+ \(train of \S+/out, test of \S+/more\)"):
        PairDataset([out, more], "test")


def test_a_release_is_named_once(out: Path, copy: Path) -> None:
    with pytest.raises(ReleaseError, match="are the same release"):
        PairDataset([out, copy], "test")
    with pytest.raises(ReleaseError, match="name at least one"):
        PairDataset([], "test")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"split": "tset"}, ReleaseError, "no split 'tset'. Did you mean 'test'"),
        ({"split": ["test"]}, ReleaseError, "split: must be a text"),
        ({"where": {"methd": "x"}}, ReleaseError, "no column 'methd'. Did you mean 'method'"),
        ({"where": {"label": 1}}, ReleaseError, "label cannot be chosen"),
        ({"where": {"severity": 10**30}}, ReleaseError, "severity=.* cannot be compared"),
        ({"method": "self_blnd"}, ReleaseError, "no method 'self_blnd'"),
        (
            {"where": {"degradation": "noise"}},
            ReleaseError,
            "no pair of split 'test' matches degradation='noise'",
        ),
        (
            {"method": "self_blend", "where": {"degradation": None, "width": 7}},
            ReleaseError,
            "no pair of split 'test' matches method='self_blend', degradation=None, width=7",
        ),
        ({"kinds": "fakes"}, UserError, "no 'fakes'. Did you mean 'fake'.? Allowed: real"),
        ({"kinds": []}, UserError, "name at least one of real"),
        ({"fields": ["masks"]}, UserError, "no 'masks'. Did you mean 'mask'"),
        ({"transform": 3}, UserError, "transform: must be a function"),
    ],
)
def test_wrong_arguments_are_told_at_once(
    out: Path, options: dict[str, Any], error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words):
        PairDataset(out, **{"split": "test", **options})


def _unfinished(out: Path) -> None:
    (out / "release.json").unlink()


def _other_schema(out: Path) -> None:
    change_record(out, lambda record: record.update(schema=1))


def _no_tar(out: Path) -> None:
    (out / "media" / "small-v1-test-000001.tar").unlink()


def _short_tar(out: Path) -> None:
    path = out / "media" / "small-v1-test-000001.tar"
    path.write_bytes(path.read_bytes()[:-512])


def _linked_tar(out: Path) -> None:
    path = out / "media" / "small-v1-test-000001.tar"
    path.rename(out.parent / "elsewhere.tar")
    path.symlink_to(out.parent / "elsewhere.tar")


def _no_rows(out: Path) -> None:
    (out / "manifest" / "test-000000.parquet").unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_unfinished, "is not finished"),
        (_other_schema, "schema"),
        (_no_tar, r"1 of 2 tars is not as .*test-000001.tar \(missing, expected \d+\)"),
        (_short_tar, r"1 of 2 tars is not as .*test-000001.tar \(\d+ bytes, expected \d+\)"),
        (_linked_tar, "without links"),
        (_no_rows, "test-000000.parquet"),
    ],
)
def test_a_release_that_is_not_whole_is_told_at_once(
    copy: Path, harm: Callable[[Path], None], words: str
) -> None:
    harm(copy)
    with pytest.raises(ReleaseError, match=words):
        PairDataset(copy, "test")


def test_tars_that_are_not_read_may_be_elsewhere(copy: Path) -> None:
    _no_tar(copy)
    for control in (copy / "media").glob("*-control-*"):
        control.unlink()
    assert len(PairDataset(copy, "train")) == 48
    with pytest.raises(ReleaseError, match="-train-control-"):
        PairDataset(copy, "train", fields="control")


def test_other_bytes_are_told_when_they_are_read(copy: Path) -> None:
    dataset = PairDataset(copy, "test")
    row = next(Release(copy).pairs("test")).rows["real"]
    path = copy / row["media_path"]
    data = bytearray(path.read_bytes())
    data[row["media_offset"] + row["media_size"] // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ReleaseError, match=f"{row['sample_id']}: its bytes are not those"):
        dataset[0]
    assert dataset[1]["label"] == 1


def test_a_tar_that_goes_is_told_when_it_is_read(copy: Path) -> None:
    dataset = PairDataset(copy, "test")
    for tar in (copy / "media").glob("*-test-*"):
        tar.write_bytes(b"")
    with pytest.raises(ReleaseError, match="is cut short: 0 of"):
        dataset[0]
    dataset = pickle.loads(pickle.dumps(dataset))  # with no file open
    for tar in (copy / "media").glob("*-test-*"):
        tar.unlink()
    with pytest.raises(ReleaseError, match=r"test-000000.tar is missing. Get the release again"):
        dataset[0]
