from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from datagen.core.arrays import Image
from datagen.core.rng import rng
from datagen.engine import Engine, InlineEngine
from datagen.errors import SourceChangedError, SourceError
from datagen.faces.analyzers import Analyzer, Detection
from datagen.faces.analyzers.given import Given
from datagen.faces.indexing import clips
from datagen.faces.indexing.build import (
    BuiltIndex,
    ClipLimits,
    FaceLimits,
    build_index,
    forget_changed,
    stated_index,
)
from datagen.faces.indexing.clip_cache import ClipCache
from datagen.faces.indexing.clips import AnalyzeClips, middle_image
from datagen.rights import Purpose
from datagen.sources import Record, Source
from tests.sources.trees import source
from tests.support.faces_made import made_landmarks
from tests.support.videos import make_sound, make_video

RESEARCH = Purpose(use="research")
LIMITS = FaceLimits(40, 60)
SIZE = (320, 240)
CONSENT = {"basis": "signed", "alteration": True, "adults_only": True, "words": "may be altered"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAGEN_CACHE", str(tmp_path / "cache"))


def scene(seed: int) -> Image:
    coarse = rng("scene", seed).integers(40, 215, (15, 20, 3))
    return np.kron(coarse, np.ones((16, 16, 1))).astype(np.uint8)


def face(x: float, y: float = 30.0, yaw: float = 0.0, side: int = 160) -> Detection:
    points = (made_landmarks(1, side) + np.array([x, y], np.float32)).astype(np.float32)
    return Detection(points, (yaw, 0.0, 0.0))


Script = Callable[[int], list[Detection]]


class Scripted(Analyzer):
    """Finds in each frame of a video what its script says; counts the frames."""

    name: ClassVar[str] = "scripted"

    def __init__(self, scripts: dict[str, Script], version: str = "1") -> None:
        self.scripts = scripts
        self._version = version
        self._video, self._frame = "", 0

    @property
    def version(self) -> str:
        return f"scripted-{self._version}-{id(self.scripts)}"

    def open(self) -> None:
        pass

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        if record.image_id != self._video:
            self._video, self._frame = record.image_id, 0
        found = self.scripts[record.image_id](self._frame)
        self._frame += 1
        return found


class Videos:
    """A folder of identities with videos."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root
        self.scripts: dict[str, Script] = {}

    def add(
        self, name: str, script: Script, count: int = 12, data: bytes | None = None, cut: int = 99
    ) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        frames = [scene(1 if number < cut else 2) for number in range(count)]
        path.write_bytes(make_video(frames) if data is None else data)
        self.scripts[name.rpartition(".")[0]] = script

    def source(self, **card: Any) -> Source:
        return source("folder", self.root, card_changes={"consent": CONSENT, **card})

    def build(
        self, engine: Callable[[], Engine] = InlineEngine, span: int = 8, **card: Any
    ) -> BuiltIndex:
        analyzer = Scripted(self.scripts)
        clip = ClipLimits(span)
        said: list[tuple[int, int]] = []
        built = build_index(
            [self.source(**card)],
            analyzer,
            LIMITS,
            RESEARCH,
            engine,
            lambda done, total: said.append((done, total)),
            clip=clip,
        )
        self.said = said
        return built


@pytest.fixture
def videos(tmp_path: Path) -> Videos:
    made = Videos(tmp_path / "videos")
    made.add("ann/talk.mp4", lambda n: [face(40 + n)])
    return made


def no_engine() -> Engine:
    raise AssertionError("nothing was to be analyzed")


def codes(built: BuiltIndex) -> list[tuple[str, str]]:
    return sorted((one.image_id, one.code) for one in built.rejects)


def test_a_video_is_a_row_and_its_frames(videos: Videos) -> None:
    built = videos.build()
    index = built.index
    assert (built.analyzed, built.rejects, built.warnings) == (1, [], [])
    one, track = index.face(0), index.track(0)
    assert (one.image_id, one.path, one.identity) == ("ann/talk", "ann/talk.mp4", "ann")
    assert (one.frames, one.fps, one.motion, one.width, one.height) == (
        *(12, Fraction(25), "video"),
        *SIZE,
    )
    assert track.frames.tolist() == list(range(12))
    assert (np.diff(track.pts) > 0).all()
    np.testing.assert_array_equal(one.landmarks, track.landmarks[6])
    np.testing.assert_array_equal(one.box, track.boxes[6])
    assert one.phash is not None
    assert len(index.column("look")[0]) == 8
    np.testing.assert_allclose(track.raw[3], face(43).landmarks, atol=1 / 64)
    assert videos.said[-1] == (12, 12)


def test_what_is_known_is_not_read_again(videos: Videos) -> None:
    first = videos.build()
    again = videos.build(no_engine)
    assert (again.analyzed, again.remembered) == (0, 1)
    assert again.index.digest == first.index.digest
    assert again.index.frames.equals(first.index.frames)
    videos.add("ben/talk.mp4", lambda n: [face(40)])
    assert (videos.build().analyzed, len(videos.build().index)) == (1, 2)


def test_a_cache_whose_parts_do_not_belong_together_is_not_believed(videos: Videos) -> None:
    videos.build()
    cache = ClipCache("faces", _place(videos), Scripted(videos.scripts).version)
    assert list(cache.load()) == ["ann/talk"]
    whole = cache.frames_path.read_bytes()
    cache.save([{**row, "track": None} for row in cache.load()["ann/talk"]])
    cache.frames_path.write_bytes(whole)
    assert cache.load() == {}
    cache.frames_path.unlink()
    assert cache.load() == {}


def _place(videos: Videos) -> dict[str, Any]:
    from datagen.faces.indexing.cache import place_of

    return place_of(videos.source())


def test_a_video_that_a_job_found_changed_is_forgotten(videos: Videos) -> None:
    videos.build()
    told = SourceChangedError("changed", key="faces", row="ann/talk")
    forget_changed([videos.source()], Scripted(videos.scripts), [told])
    assert videos.build().analyzed == 1


def test_each_fault_of_a_file_has_a_code(videos: Videos) -> None:
    good = videos.root.joinpath("ann/talk.mp4").read_bytes()
    videos.add("ann/cut_off.mp4", lambda n: [face(40)], data=good[: len(good) * 2 // 3])
    videos.add("ann/sound.mp4", lambda n: [face(40)], data=make_sound())
    videos.add("ann/text.mp4", lambda n: [face(40)], data=b"no video at all")
    videos.add("ann/empty.mp4", lambda n: [face(40)], data=b"")
    videos.add("ann/one.mp4", lambda n: [face(40)], count=1)
    videos.add("ann/nobody.mp4", lambda n: [])
    built = videos.build()
    assert codes(built) == [
        ("ann/cut_off", "unreadable_video"),
        ("ann/empty", "unreadable_video"),
        ("ann/nobody", "no_track"),
        ("ann/one", "too_short"),
        ("ann/sound", "unreadable_video"),
        ("ann/text", "unreadable_video"),
    ]
    details = {one.image_id: one.detail for one in built.rejects}
    assert "no video stream" in details["ann/sound"]
    assert details["ann/nobody"] == "no face in 12 frames"
    assert "minimum 8" in details["ann/one"]
    assert len(built.index) == 1


def test_a_listed_file_that_is_missing(videos: Videos) -> None:
    task = AnalyzeClips(videos.source(), Scripted(videos.scripts))
    (row,) = task((Record(image_id="ann/x", path="ann/x.mp4", identity="ann"),))
    assert row["problem"] == "missing_file"


def test_a_cut_in_the_middle_makes_two_tracks_or_none(videos: Videos) -> None:
    videos.add("ann/cut.mp4", lambda n: [face(40)], count=20, cut=11)
    videos.add("ann/short.mp4", lambda n: [face(40)], count=12, cut=6)
    built = videos.build()
    rows = [built.index.face(number) for number in range(len(built.index))]
    assert [(one.face_id, one.frames) for one in rows] == [
        ("ann/cut", 11),
        ("ann/cut#1", 9),
        ("ann/talk", 12),
    ]
    assert built.index.track(1).frames[0] == 11
    assert codes(built) == [("ann/short", "cut")] * 2


def test_a_face_that_leaves_or_is_lost(videos: Videos) -> None:
    videos.add("ann/leaves.mp4", lambda n: [face(40 + 40 * n)])
    videos.add("ann/blinks.mp4", lambda n: [] if n % 5 == 4 else [face(40)])
    built = videos.build()
    assert {code for image, code in codes(built) if image == "ann/leaves"} == {"face_lost"}
    assert {code for image, code in codes(built) if image == "ann/blinks"} == {
        "face_lost",
        "too_short",
    }


def test_of_people_who_cross_no_track_goes_from_one_to_the_other(videos: Videos) -> None:
    def crossing(n: int) -> list[Detection]:
        return [face(8 * n, side=120), face(184 - 8 * n, side=120)]

    videos.add("ann/cross.mp4", crossing, count=24)
    built = videos.build(span=4, faces="all")
    numbers = [n for n, name in enumerate(built.index.column("image_id")) if name == "ann/cross"]
    assert len(numbers) == 4
    for number in numbers:
        track = built.index.track(number)
        steps = np.diff(track.boxes[:, 0])
        assert (steps > 0).all() or (steps < 0).all()


def test_of_two_people_the_larger_is_used(videos: Videos) -> None:
    videos.add("ann/two.mp4", lambda n: [face(10, side=90), face(150)])
    built = videos.build()
    assert codes(built) == [("ann/two", "not_largest")]
    everyone = videos.build(faces="all")
    assert (len(everyone.index), codes(everyone)) == (3, [])


def test_frames_that_are_unfit_are_left_out(videos: Videos) -> None:
    videos.add("ann/turns.mp4", lambda n: [face(40, yaw=80 if 10 <= n < 15 else 5)], count=30)
    videos.add("ann/away.mp4", lambda n: [face(40, yaw=80)])
    videos.add("ann/far.mp4", lambda n: [face(40, side=40)])
    built = videos.build()
    spans = [built.index.track(n).frames[[0, -1]].tolist() for n in range(1, 3)]
    assert built.index.column("image_id") == ["ann/talk", "ann/turns", "ann/turns"]
    assert spans == [[0, 9], [15, 29]] or spans == [[0, 8], [16, 29]]
    assert codes(built) == [("ann/away", "too_turned"), ("ann/far", "too_small")]


def test_a_table_says_who_is_where(tmp_path: Path) -> None:
    made = Videos(tmp_path / "videos")

    def two(n: int) -> list[Detection]:
        return [face(-10, side=130), face(150, side=150)]

    made.add("two.mp4", two)
    made.add("photo.png", two, data=b"")
    rows = [
        {"id": "left", "image": "two.mp4", "identity": "l", "box": "5 40 90 140"},
        {"id": "right", "image": "two.mp4", "identity": "r", "box": "180 40 290 160"},
        {"id": "still", "image": "photo.png", "identity": "s", "box": None},
    ]
    pd.DataFrame(rows).to_csv(made.root / "faces.csv", index=False)
    columns = {"id": "id", "image": "image", "identity": "identity", "box": "box"}
    of = source("table", made.root, columns=columns, card_changes={"consent": CONSENT})
    scripted = Scripted({"left": two, "right": two})
    built = build_index(
        [of], scripted, LIMITS, RESEARCH, InlineEngine, lambda d, t: None, clip=ClipLimits(8)
    )
    centers = [built.index.face(n).box[[0, 2]].mean() for n in range(2)]
    assert built.index.column("identity") == ["l", "r"]
    assert centers[0] < 100 < centers[1]
    assert built.passed_over == {"faces": {".png": 1}}


def test_a_source_without_videos_is_indexed_as_images(tmp_path: Path) -> None:
    from tests.faces.indexing.test_build import Tree

    tree = Tree(tmp_path / "faces")
    built = build_index(
        [tree.source()],
        Given(),
        LIMITS,
        RESEARCH,
        InlineEngine,
        lambda done, total: None,
        clip=ClipLimits(8),
    )
    assert built.index.column("frames") == [None] * 4
    assert built.index.digest == tree.build().index.digest


class Rendered(Source):
    """Two clips of drawn points."""

    layout: ClassVar[str] = "rendered"
    has_files: ClassVar[bool] = False

    def records(self) -> Iterator[Record]:
        yield Record(image_id="still", identity="a", size=SIZE)

    def clip_records(self) -> Iterator[Record]:
        for name in "ab":
            clip = Record(image_id=name, identity=name, frames=10, fps=Fraction(30), size=SIZE)
            yield self.frame_record(clip, 0)

    def frame_record(self, record: Record, frame: int) -> Record:
        from dataclasses import replace

        points = made_landmarks(ord(record.image_id), 160) + np.array([40 + frame, 30], np.float32)
        return replace(record, landmarks=points, pose=(frame / 2, 0.0, 0.0))

    def render_frame(self, image_id: str, frame: int) -> Image:
        raise AssertionError("no pixel was to be rendered")


def rendered() -> Source:
    from tests.sources.trees import card

    made = card("rendered", consent=CONSENT)
    return Rendered.build(made, "", {})


def test_of_a_rendered_clip_with_stated_points_no_pixel_is_rendered() -> None:
    built = build_index(
        [rendered()],
        Given(),
        LIMITS,
        RESEARCH,
        no_engine,
        lambda done, total: None,
        clip=ClipLimits(8),
    )
    index = built.index
    assert index.column("motion") == ["rendered"] * 2
    assert index.column("frames") == [10, 10]
    assert index.column("phash") == [None, None]
    track = index.track(1)
    assert track.pts.tolist() == list(range(10))
    points = made_landmarks(ord("b"), 160) + np.array([44, 30], np.float32)
    np.testing.assert_allclose(track.landmarks[4], points, atol=1 / 64)
    assert track.pose[4, 0] == 2.0


def test_the_stated_index_knows_rendered_lengths(videos: Videos) -> None:
    index = stated_index([rendered(), videos.source(id="films")], RESEARCH, ClipLimits(8))
    assert index.column("frames") == [10, 10, 8]
    assert stated_index([rendered()], RESEARCH).column("frames") == [None]


def test_a_video_that_is_too_long_is_refused(
    videos: Videos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "MAX_LENGTH", 11)
    with pytest.raises(SourceError, match="1 unreadable_video"):
        videos.build()


def test_the_middle_frame_is_found_again(videos: Videos) -> None:
    built = videos.build()
    of = videos.source()
    track = built.index.track(0)
    image = middle_image(of, "ann/talk", "ann/talk.mp4", int(track.pts[6]))
    assert image.shape == (240, 320, 3)


def test_one_video_under_two_names_is_one_person(videos: Videos) -> None:
    good = videos.root.joinpath("ann/talk.mp4").read_bytes()
    videos.add("ben/copy.mp4", lambda n: [face(40 + n)], data=good)
    built = videos.build()
    assert any("ann and faces/ben" in warning for warning in built.warnings)
