from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import SourceError
from tests.support.ends import ends_soon

from .trees import ffhq_entry, ffhq_tree, shipped, source, write

TOP = "original_sequences/youtube/c23/images"


@pytest.mark.parametrize("written", ["Jose\u0301", "José ", "\u200bJosé"])
def test_an_age_is_found_in_any_spelling(tmp_path: Path, written: str) -> None:
    write(tmp_path, {f"{TOP}/José/0.png": "", "ages.csv": f'identity,age\n"{written}",33\n'})
    (record,) = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert record.age == 33.0


def test_the_age_of_a_minor_counts_in_another_case_too(tmp_path: Path) -> None:
    files = {f"{TOP}/{name}/0.png": "" for name in ("anna", "ben", "carl")}
    write(tmp_path, {**files, "ages.csv": "identity,age\nAnna,15\nBEN,33\ncarl,40\n"})
    found = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert {r.identity: r.age for r in found} == {"anna": 15.0, "ben": None, "carl": 40.0}


def test_one_name_in_two_spellings_is_stated_twice(tmp_path: Path) -> None:
    table = "identity,age\nJosé,33\nJose\u0301,34\n"
    write(tmp_path, {f"{TOP}/José/0.png": "", "ages.csv": table})
    with pytest.raises(SourceError, match=r"row 2: identity .* occurs twice"):
        list(source("faceforensics", tmp_path, ages="ages.csv").records())


CELEBA = {
    "identity_CelebA.txt": "000001.jpg 1\n000002.jpg 2\n",
    "list_attr_celeba.txt": "2\nMale\n000001.jpg 1\n000002.jpg 1\n",
    "list_eval_partition.txt": "000001.jpg 0\n000002.jpg 0\n",
    "img_align_celeba/000002.jpg": "",
}


@pytest.mark.parametrize(
    "written",
    ["2", "2.0", "000002.png", "img_align_celeba/000002.jpg", "D\\000002.JPG", "img/2.jpg"],
)
def test_the_age_of_a_minor_counts_however_the_image_is_written(
    tmp_path: Path, written: str
) -> None:
    write(tmp_path, {**CELEBA, "ages.csv": f"image,age\n000001.jpg,30\n{written},17\n"})
    found = source("celeba", tmp_path, ages="ages.csv").records()
    assert [record.age for record in found] == [30.0, 17.0]


def test_the_age_of_a_minor_counts_with_other_zeros(tmp_path: Path) -> None:
    files = {f"{TOP}/{name}/0.png": "" for name in ("001", "002", "010")}
    write(tmp_path, {**files, "ages.csv": "identity,age\n1,17\n2.0,16\n010,40\n"})
    found = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert {r.identity: r.age for r in found} == {"001": 17.0, "002": 16.0, "010": 40.0}


def test_a_frame_of_a_minor_is_no_frame_of_others(tmp_path: Path) -> None:
    files = {f"{TOP}/{name}/0000.png": "" for name in ("001", "002")}
    write(tmp_path, {**files, "ages.csv": "image,age\nyoutube/1/0000,17\nyoutube/002/0000,40\n"})
    found = source("faceforensics", tmp_path, ages="ages.csv").records()
    assert {r.identity: r.age for r in found} == {"001": 17.0, "002": 40.0}


def test_rows_that_match_nothing_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = "image,age\n000001.jpg,30\n999999.jpg,17\nother.jpg,40\n000002.jpg,\n"
    write(tmp_path, {**CELEBA, "ages.csv": table})
    list(source("celeba", tmp_path, ages="ages.csv").records())
    (told,) = caplog.messages
    assert told.endswith(
        "2 of 3 rows match no image that is listed: the first has image '999999.jpg'"
    )
    caplog.clear()
    write(tmp_path, {"ages.csv": "image,age\n000001.jpg,30\nimg/2.jpg,17\n"})
    list(source("celeba", tmp_path, ages="ages.csv").records())
    assert caplog.messages == []


@pytest.mark.parametrize("key", ["a/" * 30_000 + "b", "x" * 2001])
def test_a_name_that_no_image_has_is_refused(tmp_path: Path, key: str) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    write(root, {"ages.csv": f"image,age\n7,40\n{key},15\n"})
    with ends_soon(), pytest.raises(SourceError, match="characters or 15 folders"):
        list(shipped("ffhq", root, ages="ages.csv").records())


def test_zeros_and_blank_folders_of_a_name_take_no_time(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    rows = [f"{'0' * 1900}x{number},15" for number in range(2000)]
    rows += [f"{'/' * 15}{number}x,15" for number in range(2000)]
    write(root, {"ages.csv": "\n".join(["image,age", "00007,40", *rows]) + "\n"})
    with ends_soon():
        assert [one.age for one in shipped("ffhq", root, ages="ages.csv").records()] == [40.0]
