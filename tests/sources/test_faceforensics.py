from __future__ import annotations

import json
from pathlib import Path

import pytest

from datagen.errors import RecipeError, SourceError

from .trees import by_id, shipped, source, write


def _frames(sequence: str, video: str, count: int, folder: str = "c23/images") -> dict[str, str]:
    top = f"original_sequences/{sequence}/{folder}/{video}"
    return {f"{top}/{number:04d}.png": "" for number in range(count)}


SPLITS = {
    "splits/train.json": json.dumps([["000", "003"]]),
    "splits/val.json": json.dumps([["720", "672"]]),
    "splits/test.json": json.dumps([["953", "974"]]),
}


def test_real_frames_of_youtube_with_official_splits(tmp_path: Path) -> None:
    files = _frames("youtube", "003", 2) | _frames("youtube", "672", 1) | SPLITS
    files |= _frames("youtube", "555", 1)
    found = by_id(shipped("faceforensics", write(tmp_path, files)))
    assert {key: (r.identity, r.split) for key, r in found.items()} == {
        "youtube/003/0000": ("003", "train"),
        "youtube/003/0001": ("003", "train"),
        "youtube/555/0000": ("555", None),
        "youtube/672/0000": ("672", "val"),
    }
    first = found["youtube/003/0000"]
    assert first.path == "original_sequences/youtube/c23/images/003/0000.png"
    assert first.extra == {"sequence": "youtube", "video": "003", "compression": "c23"}
    assert first.age is None


def test_manipulated_sequences_are_never_listed(tmp_path: Path) -> None:
    files = _frames("youtube", "003", 1)
    files |= {"manipulated_sequences/Deepfakes/c23/images/003_000/0000.png": ""}
    found = by_id(shipped("faceforensics", write(tmp_path, files)))
    assert list(found) == ["youtube/003/0000"]


def test_an_actor_is_one_person_in_all_scenes(tmp_path: Path) -> None:
    files = _frames("actors", "03__hugging_happy", 1) | _frames("actors", "03__exit_room", 1)
    files |= _frames("actors", "14__hugging_happy", 1)
    root = write(tmp_path, files | {"splits/train.json": json.dumps([["03__exit_room", "1"]])})
    found = by_id(shipped("faceforensics", root, sequences=["actors"]))
    assert [r.identity for r in found.values()] == ["03", "03", "14"]
    assert {r.split for r in found.values()} == {None}


def test_an_actors_video_without_number_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, _frames("actors", "hugging", 1))
    with pytest.raises(
        SourceError,
        match=r"expected the name of a video to start with the actor's number.*found 'hugging'",
    ):
        list(shipped("faceforensics", root, sequences=["actors"]).records())


@pytest.mark.parametrize(
    ("count", "asked", "taken"),
    [
        (10, 2, [2, 7]),
        (9, 3, [1, 4, 7]),
        (3, 8, [0, 1, 2]),
        (8, 8, list(range(8))),
        (100, 4, [12, 37, 62, 87]),
        (7, 1, [3]),
    ],
)
def test_frames_are_evenly_spaced(tmp_path: Path, count: int, asked: int, taken: list[int]) -> None:
    root = write(tmp_path, _frames("youtube", "003", count))
    found = shipped("faceforensics", root, frames_per_video=asked).records()
    assert [int(record.image_id[-4:]) for record in found] == taken


def test_frames_count_by_number_and_not_by_letters(tmp_path: Path) -> None:
    top = "original_sequences/youtube/c23/images/003"
    root = write(tmp_path, {f"{top}/frame_{number}.png": "" for number in (10, 9, 100)})
    found = [record.image_id for record in shipped("faceforensics", root).records()]
    assert found == [f"youtube/003/frame_{number}" for number in (9, 10, 100)]


def test_compression_and_folder_of_frames(tmp_path: Path) -> None:
    files = _frames("youtube", "003", 1) | _frames("youtube", "004", 1, "c40/frames")
    found = by_id(shipped("faceforensics", write(tmp_path, files), compression="c40"))
    assert found["youtube/004/0000"].path.startswith("original_sequences/youtube/c40/frames/004/")
    assert len(found) == 1


def test_missing_frames_are_refused_with_what_to_do(tmp_path: Path) -> None:
    root = write(tmp_path, {"original_sequences/youtube/c23/videos/003.mp4": ""})
    with pytest.raises(SourceError, match=r"neither original_sequences/youtube/c23/images nor .*"):
        list(shipped("faceforensics", root).records())


def test_a_frame_outside_a_video_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, {"original_sequences/youtube/c23/images/0000.png": ""})
    with pytest.raises(
        SourceError, match=r"expected .*/<video>/<frame>, found '.*/images/0000.png'"
    ):
        list(shipped("faceforensics", root).records())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "splits/val.json: is not valid JSON"),
        ("{}", "splits/val.json: expected a list of pairs"),
        ('[["1"]]', "splits/val.json, entry 0: expected two video ids, found ['1']"),
        ("[[1, 2]]", "entry 0: expected two video ids"),
        ('[["7", "003"]]', "video '003' is in two splits, train and val"),
    ],
)
def test_wrong_splits_are_refused(tmp_path: Path, content: str, message: str) -> None:
    files = _frames("youtube", "003", 1) | SPLITS | {"splits/val.json": content}
    with pytest.raises(SourceError) as caught:
        list(shipped("faceforensics", write(tmp_path, files)).records())
    assert message in str(caught.value)


def test_splits_that_were_asked_for_must_be_there(tmp_path: Path) -> None:
    root = write(tmp_path, _frames("youtube", "003", 1))
    assert by_id(shipped("faceforensics", root))["youtube/003/0000"].split is None
    with pytest.raises(SourceError, match=r"no train\.json, val\.json or test\.json in 'mine'"):
        list(shipped("faceforensics", root, splits="mine").records())


def test_ages_go_by_video_or_actor(tmp_path: Path) -> None:
    files = _frames("youtube", "003", 1) | _frames("actors", "03__walk", 1)
    root = write(tmp_path, files | {"ages.csv": "identity,age\n003,41\n03,29\n"})
    options = {"sequences": ["youtube", "actors"], "ages": "ages.csv"}
    found = by_id(shipped("faceforensics", root, **options))
    assert {key: record.age for key, record in found.items()} == {
        "youtube/003/0000": 41.0,
        "actors/03__walk/0000": 29.0,
    }


@pytest.mark.parametrize(
    "options", [{"compression": "c99"}, {"frames_per_video": 0}, {"sequences": ["Deepfakes"]}]
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=next(iter(options))):
        shipped("faceforensics", tmp_path, **options)


def test_the_frames_between_are_known_where_there_are_ages(tmp_path: Path) -> None:
    files = _frames("youtube", "003", 5) | {"ages.csv": "image,age\nyoutube/003/0001,15\n"}
    root = write(tmp_path, files)
    assert list(shipped("faceforensics", root, frames_per_video=1).others()) == []
    of = shipped("faceforensics", root, frames_per_video=1, ages="ages.csv")
    others = {record.image_id: record.age for record in of.others()}
    assert others == {f"youtube/003/000{n}": 15.0 if n == 1 else None for n in (0, 1, 3, 4)}


def test_an_actor_is_one_person_with_and_without_zero(tmp_path: Path) -> None:
    top = "original_sequences/actors/c23/images"
    write(tmp_path, {f"{top}/01__kitchen/0.png": "", f"{top}/1__walk/0.png": ""})
    found = source("faceforensics", tmp_path, sequences=["actors"]).records()
    assert [record.identity for record in found] == ["01", "01"]


def test_videos_of_original_sequences_are_listed(tmp_path: Path) -> None:
    top = "original_sequences/youtube/c23/videos"
    write(tmp_path, {f"{top}/000.mp4": "", f"{top}/003.mp4": "", f"{top}/note.txt": ""})
    write(tmp_path, {"splits/train.json": '[["000", "003"]]'})
    found = list(source("faceforensics", tmp_path).clip_records())
    assert [(one.image_id, one.path, one.identity, one.split) for one in found] == [
        ("youtube/000", f"{top}/000.mp4", "000", "train"),
        ("youtube/003", f"{top}/003.mp4", "003", "train"),
    ]
    assert found[0].extra["sequence"] == "youtube"


def test_videos_that_lie_elsewhere_are_told(tmp_path: Path) -> None:
    of = source("faceforensics", tmp_path, compression="c40")
    with pytest.raises(SourceError, match="no folder original_sequences/youtube/c40/videos"):
        list(of.clip_records())
    write(tmp_path, {"original_sequences/youtube/c40/videos/deep/000.mp4": ""})
    with pytest.raises(SourceError, match=r"expected .*/videos/<video>\.mp4"):
        list(of.clip_records())
