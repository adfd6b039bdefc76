from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.errors import RecipeError, SourceError
from tests.support.ends import ends_soon

from .trees import by_id, ffhq_entry, ffhq_tree, points, shipped, write


def test_the_aligned_images(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(60001), ffhq_entry(2), ffhq_entry(10))
    found = by_id(shipped("ffhq", root))
    assert list(found) == ["00002", "00010", "60001"]
    assert {record.identity for record in found.values()} == set(found)
    assert [record.split for record in found.values()] == ["train", "train", "val"]
    last = found["60001"]
    assert last.path == "images1024x1024/60000/60001.png"
    assert last.attribution == "Jane Doe, https://www.flickr.com/photos/someone/60001/"
    assert (last.age, last.sex, last.ethnicity, last.box) == (None, None, None, None)
    assert last.extra == {
        "photo_title": "DSCF0899.JPG",
        "date_uploaded": "2007-08-16",
        "license": "Attribution License",
    }
    np.testing.assert_array_equal(last.landmarks, np.array(points(), np.float32))


def test_the_photographs_they_were_cut_from(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(2))
    record = by_id(shipped("ffhq", root, which="in_the_wild"))["00002"]
    assert record.path == "in-the-wild-images/00000/00002.png"
    np.testing.assert_array_equal(record.landmarks, np.array(points(500.0), np.float32))
    np.testing.assert_array_equal(record.box, np.array([667, 410, 1438, 1181], np.float32))


def test_thumbnails_are_not_offered(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="which: must be 'images1024' or 'in_the_wild'"):
        shipped("ffhq", tmp_path, which="thumbnails128")


@pytest.mark.parametrize(
    ("address", "license"),
    [
        ("https://creativecommons.org/licenses/by/2.0/", "CC-BY-2.0"),
        ("https://creativecommons.org/licenses/by-nc/2.0/", "CC-BY-NC-2.0"),
        ("http://creativecommons.org/licenses/by-nc/2.0", "CC-BY-NC-2.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "LicenseRef-PDM"),
        ("http://www.usa.gov/copyright.shtml", "LicenseRef-US-Gov"),
        ("https://creativecommons.org/licenses/by-nd/2.0/", "LicenseRef-Unknown"),
        ("https://creativecommons.org/licenses/by/4.0/", "LicenseRef-Unknown"),
        ("", "LicenseRef-Unknown"),
    ],
)
def test_each_image_has_its_own_license(tmp_path: Path, address: str, license: str) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(0, license_url=address))
    assert by_id(shipped("ffhq", root))["00000"].license == license


@pytest.mark.parametrize("key", ["7", "00007", "00007.png", "images1024x1024/00000/00007.png"])
def test_ages_go_by_number_or_file(tmp_path: Path, key: str) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7), ffhq_entry(8))
    write(root, {"ages.csv": f"image,age\n{key},33\n8,\n"})
    found = by_id(shipped("ffhq", root, ages="ages.csv"))
    assert (found["00007"].age, found["00008"].age) == (33.0, None)


def test_ages_may_lie_elsewhere(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path / "set", ffhq_entry(7))
    elsewhere = write(tmp_path / "mine", {"ages.csv": "image,age\n7,33\n"}) / "ages.csv"
    found = shipped("ffhq", root, ages=str(elsewhere))
    with pytest.raises(SourceError, match="leads outside of the root"):
        by_id(found)
    found.allow_outside = True
    assert by_id(found)["00007"].age == 33.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,years\n7,3\n", "it has image, years"),
        (
            "image,identity,age\n7,7,3\n",
            "expected the columns image, age or the columns identity, age",
        ),
        ("image,age\n7,3\n7,4\n", "row 2: image '7' occurs twice"),
        ("image,age\n7,3\n00007,4\n", "'00007' and '7' are the same image"),
        ("image,age\n,3\n", "row 1: column 'image' is empty"),
        ("image,age\n7,old\n", "row 1: age: expected a number, found 'old'"),
        (
            "image,age\nIMG_7,3\n",
            "no row matches an image of this source. The table has image 'IMG_7'",
        ),
    ],
)
def test_a_wrong_table_of_ages_is_refused(tmp_path: Path, content: str, message: str) -> None:
    root = write(ffhq_tree(tmp_path, ffhq_entry(7)), {"ages.csv": content})
    with pytest.raises(SourceError) as caught:
        list(shipped("ffhq", root, ages="ages.csv").records())
    assert message in str(caught.value)


def test_a_missing_table_of_ages_is_named(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    for name in ("gone.csv", f"{tmp_path}/gone.csv"):
        found = shipped("ffhq", root, ages=name)
        found.allow_outside = True
        with pytest.raises(SourceError, match=r"gone\.csv' is missing"):
            list(found.records())


def _without(part: str, field: str) -> dict[str, Any]:
    entry = ffhq_entry(3)
    del entry[part][field]
    return entry


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_without("image", "face_landmarks"), "image '3': expected category"),
        (_without("metadata", "license_url"), "wrong or missing: 'license_url'"),
        (ffhq_entry(3) | {"category": "test"}, "wrong or missing: 'test'"),
        (
            ffhq_entry(3) | {"image": ffhq_entry(3)["image"] | {"face_landmarks": points()[:67]}},
            "image '3': face_landmarks: expected (68, 2) finite numbers",
        ),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    root = write(tmp_path, {"ffhq-dataset-v2.json": json.dumps({"3": entry})})
    with pytest.raises(SourceError) as caught:
        list(shipped("ffhq", root).records())
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", ": not the metadata of FFHQ"),
        ("[1]", "expected images by number, found list"),
        ('{"x1": {}}', "expected an image's number as key, found 'x1'"),
        ('{"1": {}, "1": {}}', "key '1' occurs twice"),
    ],
)
def test_what_is_not_the_metadata_is_refused(tmp_path: Path, content: str, message: str) -> None:
    root = write(tmp_path, {"ffhq-dataset-v2.json": content})
    with pytest.raises(SourceError) as caught:
        list(shipped("ffhq", root).records())
    assert message in str(caught.value)


def test_a_missing_metadata_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"metadata '.*ffhq-dataset-v2\.json' is missing"):
        list(shipped("ffhq", tmp_path).records())


def test_a_face_rect_must_have_a_width_and_a_height(tmp_path: Path) -> None:
    entry = ffhq_entry(7)
    entry["in_the_wild"]["face_rect"] = [1438, 1181, 667, 410]
    with pytest.raises(SourceError, match=r"image '7': face_rect: .*greater than x0 and y0"):
        by_id(shipped("ffhq", ffhq_tree(tmp_path, entry), which="in_the_wild"))


def test_a_key_of_many_that_occurs_twice_is_named(tmp_path: Path) -> None:
    root = ffhq_tree(tmp_path, ffhq_entry(7))
    keys = [*(f'"{number}":0' for number in range(60_000)), '"59999":1']
    (root / "ffhq-dataset-v2.json").write_text("{" + ",".join(keys) + "}")
    with ends_soon(), pytest.raises(SourceError, match="key '59999' occurs twice"):
        list(shipped("ffhq", root).records())
