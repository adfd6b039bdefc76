"""Videos of stated minors, and copies of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.engine import InlineEngine
from datagen.faces.indexing.build import ClipLimits, build_index
from tests.faces.indexing.test_clips import LIMITS, RESEARCH, Scripted, Videos, codes, face, scene
from tests.sources.trees import source
from tests.support.videos import make_video


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))


def test_videos_of_a_minor_are_not_followed(tmp_path: Path) -> None:
    made = Videos(tmp_path / "videos")
    made.add("kid.mp4", lambda n: [face(40)])
    made.add("kid2.mp4", lambda n: [face(40)])
    made.add("adult.mp4", lambda n: [face(60)], cut=0)
    rows = [
        {"image": "kid.mp4", "identity": "kid", "age": 12},
        {"image": "kid2.mp4", "identity": "kid", "age": 30},
        {"image": "adult.mp4", "identity": "adult", "age": 30},
    ]
    pd.DataFrame(rows).to_csv(made.root / "faces.csv", index=False)
    of = source("table", made.root, columns={"age": "age"})
    built = build_index(
        [of],
        Scripted({name: made.scripts[name] for name in ("kid", "kid2", "adult")}),
        LIMITS,
        RESEARCH,
        InlineEngine,
        lambda done, total: None,
        clip=ClipLimits(8),
    )
    assert built.index.column("identity") == ["adult"]
    assert codes(built) == [("kid", "under_age"), ("kid2", "minor_identity")]


def test_a_copy_of_a_minors_video_is_found_though_no_face_was_found_in_the_minors(
    tmp_path: Path,
) -> None:
    made = Videos(tmp_path / "videos")
    again = make_video([scene(1)] * 12, "h264 in mkv", options={"crf": "30"})
    made.add("kid.mp4", lambda n: [])
    made.add("other.mkv", lambda n: [face(40)], data=again)
    made.add("adult.mp4", lambda n: [face(60)], cut=0)
    rows = [
        {"image": "kid.mp4", "identity": "kid", "age": 12},
        {"image": "other.mkv", "identity": "other", "age": 30},
        {"image": "adult.mp4", "identity": "adult", "age": 30},
    ]
    pd.DataFrame(rows).to_csv(made.root / "faces.csv", index=False)
    of = source("table", made.root, columns={"age": "age"})
    analyzer = Scripted(made.scripts)
    for _ in range(2):  # the second time from the cache
        built = build_index(
            [of],
            analyzer,
            LIMITS,
            RESEARCH,
            InlineEngine,
            lambda done, total: None,
            clip=ClipLimits(8),
        )
        assert codes(built) == [("kid", "under_age"), ("other", "copy_of_minor")]


def passing(count: int) -> list[Image]:
    """Return frames of a camera that moves on quickly: none is like the one ten frames later."""
    values = rng("passing", 1).integers(30, 225, (15, 20 + count, 3)).astype(np.uint8)
    wide = cv2.resize(values, None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, 16 * n : 16 * n + 320]) for n in range(count)]


def still(image: Image) -> bytes:
    return bytes(cv2.imencode(".png", image[..., ::-1])[1])


def turned(frames: list[Image]) -> list[Image]:
    return [np.ascontiguousarray(frame[:, ::-1]) for frame in frames]


PASSING = passing(40)
PARTS: dict[str, Callable[[], bytes]] = {
    "cut off": lambda: make_video(PASSING[:20], options={"crf": "24"}),
    "begins later": lambda: make_video(PASSING[20:], options={"crf": "24"}),
    "one frame less": lambda: make_video(PASSING[1:], options={"crf": "24"}),
    "in a longer one": lambda: make_video([scene(7)] * 60 + PASSING, options={"crf": "24"}),
    "mirrored": lambda: make_video(turned(PASSING), options={"crf": "24"}),
    "mirrored, begins later": lambda: make_video(turned(PASSING[20:]), options={"crf": "24"}),
}


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_minors_video_is_a_copy(tmp_path: Path, part: str, seen: bool) -> None:
    """Its middle frame is another one."""
    made = Videos(tmp_path / "videos")
    made.add("kid.mp4", lambda n: [face(30 + n)] if seen else [], data=make_video(PASSING))
    made.add("other.mp4", lambda n: [face(30 + n)], data=PARTS[part]())
    assert _codes_of(made, "kid.mp4") == [("kid", "under_age"), ("other", "copy_of_minor")]


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("frame", [0, 16, 24])
def test_a_frame_of_a_video_can_be_a_minors_photograph(
    tmp_path: Path, frame: int, mirrored: bool, seen: bool
) -> None:
    made = Videos(tmp_path / "videos")
    picture = turned(PASSING)[frame] if mirrored else PASSING[frame]
    made.add("kid.png", lambda n: [face(30)] if seen else [], data=still(picture))
    made.add("other.mp4", lambda n: [face(30 + n)], data=make_video(PASSING))
    assert _codes_of(made, "kid.png") == [("other", "copy_of_minor")]


def test_a_part_of_a_minors_video_excludes_its_person(tmp_path: Path) -> None:
    made = Videos(tmp_path / "videos")
    made.add("kid.mp4", lambda n: [face(30)], data=make_video(PASSING[:24]))
    made.add("other.mp4", lambda n: [face(30)], data=make_video(PASSING[12:]))
    made.add("third.mp4", lambda n: [face(30)], data=make_video(PASSING[26:]))
    assert _codes_of(made, "kid.mp4") == [
        ("kid", "under_age"),
        ("other", "copy_of_minor"),
        ("third", "copy_of_minor"),
    ]


def _codes_of(made: Videos, kid: str) -> list[tuple[str, str]]:
    """Index the videos, twice, one of which is a minor's; an adult's is added."""
    made.add("adult.mp4", lambda n: [face(60)], cut=0)
    rows = [
        {"image": name, "identity": name, "age": 12 if name == kid else 30}
        for name in sorted(path.name for path in made.root.iterdir())
    ]
    pd.DataFrame(rows).to_csv(made.root / "faces.csv", index=False)
    of = source("table", made.root, columns={"age": "age"})
    analyzer = Scripted(made.scripts)

    def indexed() -> list[tuple[str, str]]:
        built = build_index(
            [of],
            analyzer,
            LIMITS,
            RESEARCH,
            InlineEngine,
            lambda done, total: None,
            clip=ClipLimits(8),
        )
        return codes(built)

    found = indexed()
    assert indexed() == found  # from the cache
    return found
