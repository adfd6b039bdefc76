from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datagen.errors import ReleaseError, UserError
from datagen.release.reader import Release
from tests.support.world import World


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader") / "out"
    assert world.generate(folder, "--inline") == 0
    return folder


@pytest.fixture
def release(out: Path) -> Release:
    return Release(out)


def test_length_iteration_and_splits(release: Release) -> None:
    pairs = list(release)
    assert len(release) == len(pairs) == 36
    assert release.splits == ["test", "train"]
    assert len({pair.pair_id for pair in pairs}) == 36
    assert "36 pairs, 81 images" in repr(release)


def test_a_path_an_address_and_a_folder_open_the_same(out: Path, release: Release) -> None:
    assert Release(str(out)).record == release.record
    assert Release(release.folder).record == release.record


def test_a_pair_gives_images_mask_and_params(release: Release) -> None:
    pair = next(release.pairs(split="train", method="self_blend"))
    assert (pair.split, pair.method) == ("train", "self_blend")
    assert pair.real.shape == pair.fake.shape == (96, 96, 3)
    assert pair.mask.shape == (96, 96)
    assert pair.mask.any()
    assert not np.array_equal(pair.real, pair.fake)
    assert pair.params == json.loads(pair.row["method_params"])
    assert pair.degradation_params is None
    assert pair.row["kind"] == "fake"


def test_controls_are_there_where_they_were_made(release: Release) -> None:
    controls = [pair.control for pair in release if pair.control is not None]
    assert len(controls) == 9
    assert all(control.shape == (96, 96, 3) for control in controls)


def test_pairs_by_split_method_and_columns(release: Release) -> None:
    assert len(list(release.pairs(split="test"))) == 12
    assert len(list(release.pairs(split=["test", "train"]))) == 36
    both = list(release.pairs(method=["self_blend", "landmark_swap"]))
    assert len(both) == 36
    first = both[0]
    assert list(release.pairs(where={"pair_id": first.pair_id})) == [first]
    who = {first.row["identity_id"], both[-1].row["identity_id"]}
    found = list(release.pairs(where={"identity_id": who}))
    assert {pair.row["identity_id"] for pair in found} == who
    assert len(list(release.pairs(where={"degradation": None}))) == 36
    assert list(release.pairs(where={"degradation": "jpeg"})) == []
    assert release.pair(first.pair_id) == first


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"split": "tset"}, "no split 'tset'. Did you mean 'test'"),
        ({"method": "self_blnd"}, "no method 'self_blnd'. Did you mean 'self_blend'"),
        ({"where": {"methd": "x"}}, "no column 'methd'. Did you mean 'method'"),
        ({"where": {"severity": "high"}}, "severity='high' cannot be compared"),
    ],
)
def test_what_a_release_does_not_have_is_named(
    release: Release, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(ReleaseError, match=words.replace("?", r"\?")):
        list(release.pairs(**asked))  # type: ignore[arg-type]


def test_an_unknown_pair_is_named(release: Release) -> None:
    with pytest.raises(ReleaseError, match="no pair 'x'"):
        release.pair("x")


def test_table_reads_the_columns_and_splits_asked_for(out: Path, release: Release) -> None:
    whole = pd.read_parquet(out / "manifest")
    assert len(release.table()) == len(whole) == 81
    table = release.table(["sample_id", "label"], split="test")
    assert list(table.columns) == ["sample_id", "label"]
    expected = whole.loc[whole["split"] == "test", "sample_id"]
    assert sorted(table["sample_id"]) == sorted(expected)
    arrow = release.table(["method"], format="arrow", dictionary=["method"])
    assert arrow.column_names == ["method"]
    assert str(arrow.schema.field("method").type).startswith("dictionary")
    with pytest.raises(ReleaseError, match="no column 'lable'"):
        release.table(["lable"])
    with pytest.raises(ReleaseError, match="no split 'val'"):
        release.table(split="val")


def test_a_missing_or_damaged_manifest_is_named(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    release = Release(copy)
    (copy / "manifest" / "train-000000.parquet").write_bytes(b"no parquet")
    with pytest.raises(ReleaseError, match=r"train-000000\.parquet cannot be read"):
        release.table()
    (copy / "manifest" / "train-000000.parquet").unlink()
    with pytest.raises(ReleaseError, match=r"train-000000\.parquet is missing"):
        release.table()


def test_verify_lists_the_problems(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    assert Release(copy).verify(pixels=True) == []
    (copy / "README.md").write_text("other")
    assert any("README.md" in problem for problem in Release(copy).verify())


def test_a_notebook_shows_a_few_pairs_and_no_markup_of_names(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "<script>"
    shutil.copytree(out, copy)
    page = Release(copy)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<img") >= 3 * 4
    assert 'src="data:image/jpeg;base64,' in page
    (copy / "manifest" / "test-000000.parquet").unlink()
    assert "is missing" in Release(copy)._repr_html_()


def test_one_name_is_as_good_as_a_list(release: Release) -> None:
    assert list(release.table("pair_id", "test")) == ["pair_id"]
    assert len(release.table(columns=["pair_id"], split="test")) == len(
        release.table(["pair_id"], ["test"])
    )
    frame = release.table("method", dictionary="method")
    assert isinstance(frame["method"].dtype, pd.CategoricalDtype)
    assert len(list(release.pairs(where={"method": (one for one in ["self_blend"])}))) == 18


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: r.image(0), "row: must be a row of the manifest"),
        (lambda r: r.image("small-test-00000000/real"), "row: must be a row of the manifest"),
        (lambda r: r.image(r.table()), "row: must be a row of the manifest"),
        (
            lambda r: r.image(r.table(["pair_id"]).iloc[0]),
            "the row lacks media_path, media_offset, media_size: read it with table() without",
        ),
        (lambda r: r.mask({"pair_id": "x"}), "the row lacks mask_path, mask_offset, mask_size"),
        (lambda r: r.params({"pair_id": "x"}), "the row lacks method_params"),
        (lambda r: r.params(3), "row: must be a row of the manifest"),
        (lambda r: r.pair(0), "pair_id: must be a text, e.g. 'quickstart-test-00000000' (found 0)"),
        (
            lambda r: r.table(format="polars"),
            "format: must be 'pandas' or 'arrow' (found 'polars')",
        ),
        (lambda r: r.table(columns=5), "columns: must be a text or a list of texts (found 5)"),
        (lambda r: list(r.pairs(split=1)), "split: must be a text or a list of texts (found 1)"),
        (lambda r: list(r.pairs(method=1)), "method: must be a text or a list of texts (found 1)"),
        (lambda r: list(r.pairs(where="text")), "where: must be a mapping such as"),
        (lambda r: list(r.pairs(where=lambda row: True)), "where: must be a mapping such as"),
        (lambda r: list(r.pairs(where={5: 3})), "where: its keys must be texts (found 5)"),
        (lambda r: list(r.pairs(where={"severity": min})), "severity: must be a value or several"),
        (lambda r: list(r.pairs(where={"label": 0})), "where looks at the row of the fake alone"),
        (lambda r: list(r.pairs(where={"kind": "real"})), "where looks at the row of the fake"),
        (lambda r: list(r.pairs(where={"method": "self_blnd"})), "Did you mean 'self_blend'"),
        (lambda r: r.verify(pixels="no"), "pixels: must be True or False (found 'no')"),
    ],
)
def test_wrong_arguments_are_named(release: Release, call: Any, words: str) -> None:
    with pytest.raises(UserError) as caught:
        call(release)
    assert words in str(caught.value)
    assert caught.value.key is not None


def test_a_deleted_or_cut_tar_is_a_release_error(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "out"
    shutil.copytree(out, copy)
    release = Release(copy)
    row = release.table().iloc[0]
    tar = copy / row["media_path"]
    data = tar.read_bytes()
    tar.write_bytes(data[: int(row["media_offset"]) + 40])
    with pytest.raises(ReleaseError, match="the image is"):
        release.image(row)
    tar.unlink()
    with pytest.raises(
        ReleaseError, match=r"is missing\. Rerun the same 'datagen generate'"
    ) as caught:
        release.image(row)
    assert caught.value.path == str(tar)


def test_what_is_no_release_is_told_apart(out: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.txt").write_text("mine")
    for name, words in (
        ("nope", "there is no such folder: check the path"),
        ("empty", "release.json not found: name the folder that 'datagen generate -o' wrote"),
        ("letter.txt", "it is a file: name the folder that holds it"),
    ):
        with pytest.raises(ReleaseError) as caught:
            Release(tmp_path / name)
        assert words in str(caught.value)
        assert caught.value.path == str(tmp_path / name)
