"""Known defects of public JSON files are found, and nothing hostile breaks the linter."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.cli.main import run
from datagen.errors import UserError
from datagen.exports.deepfakebench_rules import problems_of


def frames(video: str, count: int = 2, step: int = 10) -> list[str]:
    return [f"./data/set/frames/{video}/{number * step:03}.png" for number in range(count)]


def good() -> dict[str, Any]:
    def block(label: str) -> dict[str, Any]:
        return {
            split: {
                f"{split}{n}": {"label": label, "frames": frames(f"{label}{split}{n}")}
                for n in range(2)
            }
            for split in ("train", "val", "test")
        }

    return {"set": {label: block(label) for label in ("set_Real", "set_Fake")}}


def lint(folder: Path, body: Any, name: str = "set") -> str:
    (folder / f"{name}.json").write_text(body if isinstance(body, str) else json.dumps(body))
    return "\n".join(problems_of(folder))


def change(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def at(body: dict[str, Any]) -> None:
        for part in path[:-1]:
            body = body[part]
        body[path[-1]] = value

    return at


def remove(*path: str) -> Callable[[dict[str, Any]], None]:
    def at(body: dict[str, Any]) -> None:
        for part in path[:-1]:
            body = body[part]
        del body[path[-1]]

    return at


def copied(body: dict[str, Any]) -> None:
    body["set"]["set_Fake"]["train"] |= copy.deepcopy(body["set"]["set_Fake"]["test"])


VIDEO = ("set", "set_Fake", "test", "test0")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (remove("set", "set_Real", "test"), "has no 'test'"),
        (change(*VIDEO, "label", value="Fake"), "label is 'Fake', expected 'set_Fake'"),
        (change(*VIDEO, "frames", value=[]), "has no frames"),
        (change(*VIDEO, "frames", value=["./d/frames/a/x1.png"]), "must end in a whole number"),
        (change(*VIDEO, "frames", value=["/d/frames/a/1.png"]), "must begin with '.'"),
        (change(*VIDEO, "frames", value=["d\\frames\\a\\1.png"]), "backslash"),
        (change(*VIDEO, "frames", value=["./frames/frames/a/1.png"]), "'frames' once"),
        (change(*VIDEO, "frames", value=["./d/images/a/1.png"]), "'frames' once"),
        (change(*VIDEO, "masks", value=["./d/masks/a/1.png"]), "1 masks for 2 frames"),
        (change(*VIDEO, "frames", value=frames("a", 32, 1)), "the first ones, not spread"),
        (
            change("set", "set_Fake", "val", value={"label": "set_Fake", "frames": frames("a")}),
            "all others were overwritten",
        ),
        (copied, "are in train and in test"),
        (change(*VIDEO, "frames", value=frames("set_Realtest0")), "averaged as one video"),
        (change("set", "set_Fake", "test", value={"c23": {}}), "has a compression level"),
        (change(*VIDEO, value=None), "must hold 'label' and 'frames'"),
    ],
)
def test_each_defect_is_named_with_its_place(
    tmp_path: Path, harm: Callable[[dict[str, Any]], None], words: str
) -> None:
    body = good()
    assert lint(tmp_path, body) == ""
    harm(body)
    found = lint(tmp_path, body)
    assert words in found
    assert found.startswith("set.json: ")


def test_the_file_must_be_named_as_its_key(tmp_path: Path) -> None:
    assert "must be 'other', the name of the file (found set)" in lint(tmp_path, good(), "other")


def test_names_of_the_first_family_need_a_compression_level(tmp_path: Path) -> None:
    body = {"FF-DF": good()["set"]}
    assert "needs a compression level" in lint(tmp_path, body, "FF-DF")
    for block in body["FF-DF"].values():
        for split in block:
            block[split] = {"c23": block[split]}
    assert lint(tmp_path, body, "FF-DF") == ""


def test_missing_frames_and_odd_landmarks_are_found_where_the_images_are(tmp_path: Path) -> None:
    body = good()
    for label in body["set"].values():
        for videos in label.values():
            for video in videos.values():
                for frame in video["frames"]:
                    path = tmp_path / frame.removeprefix("./data/")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(b"png")
    assert lint(tmp_path, body) == ""
    first = frames("set_Faketest0")[0].removeprefix("./data/")
    points = tmp_path / first.replace("frames", "landmarks").replace(".png", ".npy")
    points.parent.mkdir(parents=True)
    np.save(points, np.zeros((68, 2), np.float32))
    assert "has the shape (68, 2)" in lint(tmp_path, body)
    np.save(points, np.array([None]), allow_pickle=True)
    assert "is no array" in lint(tmp_path, body)
    huge = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**9)}
    with points.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, huge)
    assert "has the shape (1000000000, 1000000000)" in lint(tmp_path, body)
    with points.open("wb") as file:
        np.savez(file, a=np.zeros(1))
    assert "is no array" in lint(tmp_path, body)
    points.write_bytes(bytes(10_000))
    assert "expected an array of (81, 2)" in lint(tmp_path, body)
    (tmp_path / first).unlink()
    assert "does not exist" in lint(tmp_path, body)


def test_many_problems_of_a_file_are_counted(tmp_path: Path) -> None:
    body = good()
    body["set"]["set_Fake"]["test"] = {str(n): None for n in range(100)}
    assert "and 80 more" in lint(tmp_path, body)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"set": 1}', '{"set": {"a": []}}', "[" * 9999])
def test_what_is_no_data_set_is_named(tmp_path: Path, text: str) -> None:
    assert "set" in lint(tmp_path, text)


def test_the_command_says_where_to_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint-deepfakebench", str(tmp_path)]) == 2
    assert "has no JSON files" in capsys.readouterr().err
    assert run(["lint-deepfakebench", str(tmp_path / "no")]) == 2
    lint(tmp_path, {"set": {}})
    assert run(["lint-deepfakebench", str(tmp_path)]) == 1
    with pytest.raises(UserError):
        list(problems_of(tmp_path / "set.json"))


ANY = st.recursive(
    st.none() | st.integers() | st.floats() | st.text() | st.sampled_from(frames("a")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["train", "test", "val", "frames", "label", "c23"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=ANY)
def test_any_json_is_judged_without_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, body: Any
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "x.json").write_text(json.dumps({"x": {"label": body}, **({} if body else {"y": 1})}))
    for problem in problems_of(folder):
        assert problem


def array(header: bytes, version: int = 1) -> bytes:
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + header


def tree(folder: Path, path: str = "./set/frames/v/0.png", **video: Any) -> Path:
    """Make a data set of one frame, and return the folder of its landmarks."""
    found = {"label": "set_Real", "frames": [path], **video}
    body = {"set": {"set_Real": {"train": {"v": found}, "test": {}}}}
    (folder / "set.json").write_text(json.dumps(body))
    for name in ("frames", "landmarks"):
        (folder / "set" / name / "v").mkdir(parents=True)
    (folder / "set" / "frames" / "v" / "0.png").write_bytes(b"x")
    return folder / "set" / "landmarks" / "v"


@pytest.mark.parametrize(
    "data",
    [
        array(b"-" * 3500 + b"1"),
        array(b"(" * 3000),
        array(b"{'descr': ("),
        array(b"{'''"),
        array(b"{1: 2, 'a': 3}"),
        array(b"{[]: 1}"),
        array(b"{'descr': (), 'fortran_order': False, 'shape': (81, 2)}"),
        array(b"if 1:\n  x\n y"),
        array(b"{'descr': '<f4', 'fortran_order': False, 'shape': (81, 2)}", 2),
        array(b"{'descr': '<f4', 'fortran_order': False, 'shape': (81L, 'x"),
    ],
)
def test_a_hostile_header_of_landmarks_is_one_line(tmp_path: Path, data: bytes) -> None:
    (tree(tmp_path) / "0.npy").write_bytes(data)
    (said,) = problems_of(tmp_path)
    assert "0.npy of './set/frames/v/0.png' is " in said
    assert len(said) < 400


def test_landmarks_of_python_2_are_read_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (81L, 2L)}"
    (tree(tmp_path) / "0.npy").write_bytes(array(header))
    assert list(problems_of(tmp_path)) == []
    assert not recwarn.list


@pytest.mark.parametrize(
    "path", [f"./set/frames/{'x' * 300}/0.png", f"./{'x' * 300}/frames/v/0.png"]
)
def test_a_name_that_no_disk_can_hold_is_that_of_no_file(tmp_path: Path, path: str) -> None:
    tree(tmp_path, path)
    assert all("does not exist" in said for said in problems_of(tmp_path))


def test_a_path_of_a_million_characters_is_not_looked_for(tmp_path: Path) -> None:
    tree(tmp_path, f"./set/frames/{'v/' * 500_000}0.png")
    (said,) = problems_of(tmp_path)
    assert "has 1,000,018 characters: at most 1,024" in said
    assert len(said) < 400


def test_masks_that_are_no_list_are_named(tmp_path: Path) -> None:
    tree(tmp_path, masks=5)
    assert list(problems_of(tmp_path)) == [
        "set.json: set_Real/train/v: masks is int, expected a list"
    ]


def test_a_json_file_that_a_link_puts_outside_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"only its owner": 1}')
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "set.json").symlink_to(secret)
    (said,) = problems_of(folder)
    assert "'set.json' leads outside of its folder through a link" in said
    assert "only its owner" not in said


def test_a_folder_of_an_impossible_name_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        list(problems_of(tmp_path / ("x" * 300)))
