from __future__ import annotations

from pathlib import Path

import pytest

from datagen.errors import SourceError

from .trees import by_id, shipped, write

IDENTITIES = "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n"
ATTRIBUTES = (
    "3\n5_o_Clock_Shadow Male Young \n000001.jpg -1 -1  1\n000002.jpg  1  1 -1\n"
    "000003.jpg -1 -1 -1\n"
)
PARTITION = "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"
TREE = {
    "Anno/identity_CelebA.txt": IDENTITIES,
    "Anno/list_attr_celeba.txt": ATTRIBUTES,
    "Eval/list_eval_partition.txt": PARTITION,
    "Img/img_align_celeba/000001.jpg": "",
    "Img/img_celeba/000001.jpg": "",
}


def test_the_published_tree(tmp_path: Path) -> None:
    found = by_id(shipped("celeba", write(tmp_path, TREE)))
    assert list(found) == ["000001", "000002", "000003"]
    assert [record.identity for record in found.values()] == ["2880", "2937", "2880"]
    assert [record.sex for record in found.values()] == ["female", "male", "female"]
    assert [record.split for record in found.values()] == ["train", "val", "test"]
    assert found["000002"].path == "Img/img_align_celeba/000002.jpg"


def test_young_is_no_age(tmp_path: Path) -> None:
    found = by_id(shipped("celeba", write(tmp_path, TREE)))
    assert {record.age for record in found.values()} == {None}
    assert found["000002"].extra == {"5_o_Clock_Shadow": "1", "Young": "-1"}


def test_the_photographs_in_the_wild(tmp_path: Path) -> None:
    found = by_id(shipped("celeba", write(tmp_path, TREE), in_the_wild=True))
    assert found["000003"].path == "Img/img_celeba/000003.jpg"


@pytest.mark.parametrize("folder", ["img_align_celeba", "img_align_celeba/img_align_celeba"])
def test_the_flat_trees(tmp_path: Path, folder: str) -> None:
    flat = {name.rpartition("/")[2]: text for name, text in TREE.items() if name.endswith(".txt")}
    found = by_id(shipped("celeba", write(tmp_path, flat | {f"{folder}/000001.jpg": ""})))
    assert found["000001"].path == f"{folder}/000001.jpg"
    assert found["000001"].identity == "2880"


@pytest.mark.parametrize(
    ("table", "ages"),
    [
        ("image,age\n000001.jpg,31\n000003,44\n", [31.0, None, 44.0]),
        ("identity,age\n2880,31\n", [31.0, None, 31.0]),
    ],
)
def test_ages_of_images_or_people(tmp_path: Path, table: str, ages: list[float | None]) -> None:
    root = write(tmp_path, TREE | {"ages.csv": table})
    assert [r.age for r in shipped("celeba", root, ages="ages.csv").records()] == ages


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Anno/identity_CelebA.txt", IDENTITIES[:-16], "'000003.jpg' is in list_attr_celeba.txt"),
        (
            "Eval/list_eval_partition.txt",
            PARTITION + "000009.jpg 0\n",
            "'000009.jpg' is in list_eval_partition.txt but not in list_attr_celeba.txt",
        ),
        (
            "Anno/identity_CelebA.txt",
            "000001.jpg\n",
            "identity_CelebA.txt, line 1: expected a file",
        ),
        (
            "Anno/identity_CelebA.txt",
            IDENTITIES + "000001.jpg 7\n",
            "identity_CelebA.txt, line 4: '000001.jpg' is listed twice",
        ),
        (
            "Anno/list_attr_celeba.txt",
            ATTRIBUTES.replace("3\n", "9\n", 1),
            "the file announces 9 images but lists 3",
        ),
        (
            "Anno/list_attr_celeba.txt",
            ATTRIBUTES.replace("Male", "M"),
            "line 1: expected the number",
        ),
        ("Anno/list_attr_celeba.txt", "", "line 1: expected the number"),
        (
            "Anno/list_attr_celeba.txt",
            ATTRIBUTES.replace("1  1 -1", "1  1"),
            "line 4: expected 3 values, found 2",
        ),
        (
            "Anno/list_attr_celeba.txt",
            ATTRIBUTES.replace("1  1 -1", "1  0 -1"),
            "'000002.jpg': expected one of 1, -1, found '0'",
        ),
        (
            "Eval/list_eval_partition.txt",
            PARTITION.replace("jpg 2", "jpg 3"),
            "'000003.jpg': expected one of 0, 1, 2, found '3'",
        ),
    ],
)
def test_files_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(SourceError) as caught:
        list(shipped("celeba", write(tmp_path, TREE | {name: content})).records())
    assert message in str(caught.value)


@pytest.mark.parametrize("name", [name for name in TREE if name.endswith(".txt")])
def test_a_missing_file_is_named_with_both_places(tmp_path: Path, name: str) -> None:
    root = write(tmp_path, {key: text for key, text in TREE.items() if key != name})
    folder, _, short = name.partition("/")
    with pytest.raises(
        SourceError, match=f"{short}: missing; expected it in .* or {folder}/ below it"
    ):
        list(shipped("celeba", root).records())


def test_missing_images_are_named(tmp_path: Path) -> None:
    root = write(tmp_path, {key: text for key, text in TREE.items() if key.endswith(".txt")})
    with pytest.raises(SourceError, match="Img/img_align_celeba, img_align_celeba/img_align_cele"):
        list(shipped("celeba", root).records())


def test_an_attribute_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    twice = ATTRIBUTES.replace("Young", "Male")
    write(tmp_path, {**TREE, "Anno/list_attr_celeba.txt": twice})
    with pytest.raises(SourceError, match="line 2: the attribute 'Male' is named twice"):
        by_id(shipped("celeba", tmp_path))
