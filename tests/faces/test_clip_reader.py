from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.core.digests import sha256_bytes
from datagen.core.rng import rng
from datagen.errors import ImageError, SourceChangedError
from datagen.faces.clip_reader import ClipReader
from datagen.faces.crop import CropJitter, face_box
from datagen.faces.index import Face
from datagen.faces.reader import FaceReader
from datagen.faces.tracks.track import Track
from datagen.faces.virtual_camera import draw_camera
from datagen.sources import Source
from datagen.video.decode import decode_video
from datagen.video.encode import ClipEncoding, encode_clip
from tests.sources.trees import source
from tests.support.faces_made import made_face

SIDE, COUNT = 160, 12
MP4 = ClipEncoding("mp4", "h264", 1, 5, "veryfast")
Crop = Literal["fixed", "follow"]


def frames() -> list[Image]:
    """Return a face that moves by whole pixels."""
    face = made_face(0, SIDE).image
    return [np.roll(face, (number, 2 * number), (0, 1)) for number in range(COUNT)]


def track() -> Track:
    still = made_face(0, SIDE).landmarks
    steps = np.arange(COUNT, dtype=np.float32)[:, None, None]
    marks = (still[None] + steps * np.array([2, 1], np.float32)).astype(np.float32)
    return Track(
        first_frame=0,
        pts=np.arange(COUNT, dtype=np.int64),
        boxes=np.array([face_box(one) for one in marks]),
        landmarks=marks,
        raw=marks,
        mesh=None,
        pose=np.tile(np.array([5, -3, 2], np.float32), (COUNT, 1)),
        other_faces=np.zeros(COUNT, np.int32),
    )


@dataclasses.dataclass
class Made:
    source: Source
    face: Face
    track: Track
    path: Path

    def reader(self, crop: Crop = "fixed", size: int = 96) -> ClipReader:
        sources = {"faces": self.source}
        return ClipReader(sources, FaceReader(sources, size, 1.3), size, 1.3, crop)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    path = tmp_path / "ann" / "talk.mp4"
    path.parent.mkdir()
    path.write_bytes(encode_clip(frames(), Fraction(25), MP4))
    moving = track()
    face = Face(
        source="faces", image_id="ann/talk", face_id="ann/talk", path="ann/talk.mp4",
        sha256=sha256_bytes(path.read_bytes()), width=SIDE, height=SIDE, orientation=1, phash=None,
        identity="ann", box=moving.boxes[6], landmarks=moving.landmarks[6], mesh=None,
        yaw=5, pitch=-3, roll=2, age=None, sex=None, ethnicity=None, license=None,
        attribution=None, frames=COUNT, fps=Fraction(25), motion="video",
    )  # fmt: skip
    with path.open("rb") as file:
        stamps = np.array([frame.pts for frame in decode_video(file)], np.int64)
    return Made(source("folder", tmp_path), face, dataclasses.replace(moving, pts=stamps), path)


def test_a_fixed_crop_is_one_for_all_frames_and_the_face_moves_in_it(made: Made) -> None:
    clip = made.reader().of_track(made.face, made.track, np.arange(COUNT), CropJitter())
    assert len(clip) == COUNT
    assert all(np.array_equal(clip.matrices[0], matrix) for matrix in clip.matrices)
    centers = np.array([crop.landmarks.mean(axis=0) for crop in clip.crops])
    steps = np.diff(centers, axis=0)
    zoom = clip.matrices[0][0, 0]
    assert np.allclose(steps, zoom * np.array([2, 1]), atol=0.01)
    for crop in clip.crops:
        assert (crop.landmarks > 0).all()
        assert (crop.landmarks < 96).all()
        assert not crop.image.flags.writeable
        assert (crop.yaw, crop.pitch, crop.roll) == (5, -3, 2)


def test_a_crop_that_follows_keeps_the_face_in_its_place(made: Made) -> None:
    clip = made.reader("follow").of_track(made.face, made.track, np.arange(COUNT), CropJitter())
    centers = np.array([crop.landmarks.mean(axis=0) for crop in clip.crops])[3:-3]
    assert np.abs(centers - centers.mean(axis=0)).max() < 1.5
    images = np.array([crop.image for crop in clip.crops])[3:-3].astype(int)
    assert np.abs(np.diff(images[:, 30:66, 30:66], axis=0)).mean() < 12


def test_frames_are_those_that_were_asked_for_in_any_order(made: Made) -> None:
    reader = made.reader()
    whole = reader.of_track(made.face, made.track, np.arange(COUNT), CropJitter())
    places = np.array([7, 2, 2, 11])
    some = reader.of_track(made.face, made.track, places, CropJitter())
    assert some.frames.tolist() == places.tolist()
    assert some.pts.tolist() == made.track.pts[places].tolist()
    assert np.array_equal(some.crops[1].image, some.crops[2].image)
    same = reader.of_track(made.face, made.track, np.arange(COUNT)[::-1], CropJitter())
    for place in range(COUNT):
        assert np.array_equal(same.crops[COUNT - 1 - place].image, whole.crops[place].image)


def test_a_window_with_a_stride_takes_every_nth_frame(made: Made) -> None:
    part = made.track.window(2, 4, 3)
    clip = made.reader().of_track(made.face, part, np.arange(4), CropJitter())
    assert clip.frames.tolist() == [2, 5, 8, 11]


def test_a_video_that_changed_is_told(made: Made) -> None:
    made.path.write_bytes(encode_clip(frames()[::-1], Fraction(25), MP4))
    with pytest.raises(SourceChangedError, match=r"talk\.mp4' has changed since it was indexed"):
        made.reader().of_track(made.face, made.track, np.arange(COUNT), CropJitter())
    made.path.unlink()
    with pytest.raises(SourceChangedError, match="is missing"):
        made.reader().of_track(made.face, made.track, np.arange(COUNT), CropJitter())


def test_frames_that_the_index_saw_otherwise_are_an_error(made: Made) -> None:
    later = dataclasses.replace(made.track, pts=made.track.pts + 1)
    with pytest.raises(ImageError, match="a frame that was indexed is no longer there"):
        made.reader().of_track(made.face, later, np.arange(COUNT), CropJitter())
    wide = dataclasses.replace(made.face, width=2 * SIDE)
    with pytest.raises(ImageError, match="has 160x160 pixels here; by the index it has 320x160"):
        made.reader().of_track(wide, made.track, np.arange(COUNT), CropJitter())


def test_a_flip_mirrors_every_frame(made: Made) -> None:
    plain = made.reader().of_track(made.face, made.track, np.arange(3), CropJitter())
    flipped = made.reader().of_track(made.face, made.track, np.arange(3), CropJitter(flip=True))
    for one, other in zip(plain.crops, flipped.crops, strict=True):
        assert np.abs(one.image[:, ::-1].astype(int) - other.image).mean() < 1
        assert (one.yaw, one.roll) == (-other.yaw, -other.roll)


def test_a_camera_moves_the_image_and_its_landmarks_alike(
    monkeypatch: pytest.MonkeyPatch, made: Made
) -> None:
    still = made_face(0, SIDE)
    face = dataclasses.replace(
        made.face, frames=None, fps=None, motion=None,
        landmarks=still.landmarks, box=face_box(still.landmarks),
    )  # fmt: skip
    monkeypatch.setattr(FaceReader, "image", lambda self, face, shrink: still.image)
    motion = draw_camera(rng("t"), 9, 25, 0.02, 0.1, 5)
    clip = made.reader(size=SIDE).of_still(face, motion, CropJitter())
    first, last = clip.crops[0], clip.crops[-1]
    assert np.abs(first.landmarks - last.landmarks).max() > 1
    assert abs(first.roll - last.roll) > 0.01
    for crop, matrix in zip(clip.crops, clip.matrices, strict=True):
        moved = np.column_stack([still.landmarks, np.ones(68)]) @ matrix.T
        assert np.allclose(crop.landmarks, moved, atol=1e-3)
