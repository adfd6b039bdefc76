from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.core.arrays import Image, Landmarks
from datagen.core.images import decode, encode_jpeg
from datagen.core.phash import phash
from datagen.core.reading import probe
from datagen.faces.analyzers import ANALYZERS
from datagen.faces.indexing.duplicates import NearHashes
from datagen.faces.indexing.likeness import aligned, alike, marks, may_be_alike, thumbnails
from datagen.sources import Record
from datagen.sources.procedural import render
from tests.support.assets import london, weights


def face(number: int = 0, size: int = 400) -> tuple[Image, Landmarks]:
    made = render(3, number, 0, size)
    return made.image, made.landmarks


def test_the_face_is_moved_onto_the_template() -> None:
    image, landmarks = face()
    straight = aligned(image, landmarks)
    assert straight.shape == (128, 128, 3)
    matrix = cv2.getRotationMatrix2D((200, 200), 20, 0.8)
    turned = cv2.warpAffine(image, matrix, (400, 400), borderMode=cv2.BORDER_REFLECT_101)
    moved = (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    again = aligned(np.asarray(turned, np.uint8), moved)
    middle = np.s_[24:104, 24:104]
    assert cv2.PSNR(straight[middle], again[middle]) > 28


@pytest.mark.parametrize("number", range(6))
def test_copies_are_alike(number: int) -> None:
    image, landmarks = face(number)
    whole = thumbnails(image, [landmarks])
    half = cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA)
    assert alike(whole, thumbnails(decode(encode_jpeg(image, 40)), [landmarks]))
    assert alike(whole, thumbnails(np.asarray(half, np.uint8), [landmarks * np.float32(0.5)]))
    assert alike(whole, thumbnails(np.asarray(half, np.uint8), []))
    cut = np.ascontiguousarray(image[15:-12, 18:-9])
    assert alike(whole, thumbnails(cut, [landmarks - np.array([18, 15], np.float32)]))


def test_other_faces_are_not() -> None:
    looks = [thumbnails(*_listed(number)) for number in range(12)]
    assert not any(alike(one, other) for one, other in itertools.combinations(looks, 2))


def _listed(number: int) -> tuple[Image, list[Landmarks]]:
    image, landmarks = face(number)
    return image, [landmarks]


@given(st.integers(0, 2**32), st.sampled_from([1, 4, 7, 8, 9, 12]), st.booleans())
def test_marks_pass_whatever_is_alike(seed: int, strength: int, smooth: bool) -> None:
    draw = np.random.Generator(np.random.Philox(key=seed))
    first = draw.integers(0, 256, (128, 128, 3))
    noise = draw.normal(0, strength, (128, 128, 3))
    if smooth:
        noise = np.broadcast_to(noise[:1, :1], noise.shape)
    second = np.clip(first + noise, 0, 255)
    one, other = (np.asarray(np.round(part), np.uint8) for part in (first, second))
    if alike((one,), (other,)):
        assert may_be_alike(marks((one,)), marks((other,)))


def test_marks_are_not_alike_if_one_cannot_be_read() -> None:
    assert not may_be_alike((), marks(thumbnails(*_listed(0))))
    assert not may_be_alike((), ())


def test_near_hashes_are_found() -> None:
    hashes = ["00000000000000ff", "000000000000007f", "ffffffff00000000", "7f00000000000000"]
    near = NearHashes(hashes)
    assert near.near("00000000000000ff") == [0, 1]
    assert near.near("0000000000000000") == [1, 3]
    assert near.near("5555555555555555") == []
    assert NearHashes([]).near("0000000000000000") == []


@pytest.mark.photos
@pytest.mark.slow
def test_no_two_photographs_of_the_london_set_are_copies() -> None:
    folder = london().parent
    weights("face_landmarker.task")
    analyzer = ANALYZERS.load("mediapipe")()
    analyzer.open()
    photos = {}
    for path in sorted(folder.glob("*.jpg")):
        image = probe(path.read_bytes()).image
        record = Record(image_id=path.stem, path=path.name, identity=path.stem[:3])
        faces = [found.landmarks for found in analyzer.analyze(image, record)]
        photos[path.stem] = phash(image), thumbnails(image, faces)
    assert len(photos) == 106
    names = list(photos)
    near = NearHashes([hashed for hashed, _ in photos.values()])
    proposed = {
        (names[first], names[second])
        for first in range(len(names))
        for second in near.near(photos[names[first]][0])
        if first < second
    }
    assert sum(one[:3] != other[:3] for one, other in proposed) == 3  # a hash alone joins them
    pairs = itertools.combinations(names, 2)
    assert not [pair for pair in pairs if alike(photos[pair[0]][1], photos[pair[1]][1])]
