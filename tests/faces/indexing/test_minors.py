from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.core.arrays import Image
from datagen.core.digests import digest_of
from datagen.core.spelling import folded
from datagen.faces.analyzers import Detection
from datagen.faces.analyzers.given import Given
from datagen.faces.indexing.likeness import Thumbnails
from datagen.faces.indexing.minors import Fingerprint, Seen, copies_of_minors, minors_of
from datagen.sources import Record
from tests.support.faces_made import made_landmarks

PLAIN = "00000000000000ff"
NEAR = "000000000000007f"
FAR = "ffffffff00000000"


def image(
    name: str,
    identity: str,
    content: str = "",
    phash: str | None = None,
    source: str = "faces",
    **stated: Any,
) -> Seen:
    """Return an image whose pixels are named by ``content``."""
    record = Record(image_id=name, path=f"{name}.png", identity=identity, **stated)
    return Seen(source, record, digest_of(content or name), phash)


def never(image: Seen) -> Thumbnails | None:
    raise AssertionError("no pixels were to be compared")


def gray(level: int) -> Thumbnails:
    return (np.full((128, 128, 3), level, np.uint8),)


def codes(refused: dict[tuple[str, str], tuple[str, str]]) -> dict[str, str]:
    return {f"{source}/{name}": code for (source, name), (code, _) in refused.items()}


@pytest.mark.parametrize("name", ["Anna", " anna ", "ANNA", "\uff21nna"])
def test_names_of_one_person(name: str) -> None:
    assert folded(name) == folded("anna")


def test_one_stated_age_is_enough() -> None:
    records = [
        Record(image_id="1", identity="Anna"),
        Record(image_id="2", identity="anna ", age=15.0),
        Record(image_id="3", identity="ben", age=18.0),
        Record(image_id="4", identity="carl"),
    ]
    assert minors_of(records) == {"anna": 15.0}


def test_equal_bytes_under_any_name() -> None:
    minor = image("a", "anna", "picture")
    others = [
        image("b", "ben", "picture"),
        image("b", "carl", "picture", source="other"),
        image("c", "dora"),
    ]
    refused = copies_of_minors([minor], others, never)
    assert codes(refused) == {"faces/b": "copy_of_minor", "other/b": "copy_of_minor"}
    assert refused["faces", "b"][1] == "a copy of image 'a' of source 'faces'"


def test_the_identity_of_a_copy_is_the_minor_too() -> None:
    minor = image("a", "anna", "picture")
    others = [
        image("b1", "ben", "picture"),
        image("b2", "Ben", "another"),
        image("c1", "carl", "another"),
        image("c2", "carl"),
        image("b9", "ben", source="other"),
        image("d", "dora"),
    ]
    assert codes(copies_of_minors([minor], others, never)) == {
        "faces/b1": "copy_of_minor",
        "faces/b2": "minor_identity",
        "faces/c1": "copy_of_minor",
        "faces/c2": "minor_identity",
    }


def test_near_hashes_are_decided_by_pixels() -> None:
    minor = image("a", "anna", phash=PLAIN)
    others = [image("b", "ben", phash=NEAR), image("c", "carl", phash=FAR), image("d", "dora")]
    assert codes(copies_of_minors([minor], others, lambda _: gray(100))) == {
        "faces/b": "copy_of_minor"
    }
    levels = {"a": 100, "b": 160}
    assert copies_of_minors([minor], others, lambda one: gray(levels[one.record.image_id])) == {}
    assert copies_of_minors([minor], others, lambda _: None) == {}


def test_mirrored_copies_without_a_face() -> None:
    minor = replace(image("a", "anna", phash=PLAIN), turned=FAR[::-1])
    others = [image("b", "ben", phash=FAR[::-1]), image("c", "carl", phash=FAR)]
    ramp = np.arange(128, dtype=np.uint8)[None, :, None].repeat(128, 0).repeat(3, 2)
    pixels = {"a": (ramp,), "b": (ramp[:, ::-1],)}
    assert codes(copies_of_minors([minor], others, lambda one: pixels[one.record.image_id])) == {
        "faces/b": "copy_of_minor"
    }
    assert copies_of_minors([minor], others, lambda _: (ramp,)) == {}


def test_another_face_of_one_picture_is_another_person() -> None:
    left, right = (np.array(box, np.float32) for box in ([0, 0, 50, 50], [60, 0, 110, 50]))
    minor = image("child", "anna", "picture", box=left)
    others = [image("mother", "eva", "picture", box=right), image("alone", "eva")]
    assert codes(copies_of_minors([minor], others, never)) == {"faces/mother": "copy_of_minor"}
    others[0] = image("mother", "eva", "picture", box=left + 2)
    assert len(copies_of_minors([minor], others, never)) == 2
    others[0] = image("mother", "eva", "picture")
    assert len(copies_of_minors([minor], others, never)) == 2


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=1, max_size=14),
    st.integers(1, 4),
)
def test_what_is_left_shares_nothing_with_a_minor(
    drawn: list[tuple[int, int]], minors: int
) -> None:
    images = [image(str(n), f"p{who}", f"c{what}") for n, (who, what) in enumerate(drawn)]
    first, rest = images[:minors], images[minors:]
    refused = copies_of_minors(first, rest, never)
    left = [one for one in rest if one.place not in refused]
    gone = [*first, *(one for one in rest if one.place in refused)]
    assert not {one.sha256 for one in left} & {one.sha256 for one in gone}
    again = {one.person for one in gone if one in rest}
    assert not {one.person for one in left} & again


class Embedder(Given):
    """Gives what is not to be kept of minors."""

    gives_embedding = True

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        mesh, vector = np.zeros((478, 3), np.float32), np.ones(512, np.float32)
        return [replace(one, mesh=mesh, embedding=vector) for one in super().analyze(image, record)]


def test_fingerprints_keep_places_and_no_features() -> None:
    analyzer = Fingerprint(Embedder())
    analyzer.open()
    image, points = np.zeros((64, 64, 3), np.uint8), made_landmarks(0, 64)
    record = Record(image_id="a", identity="anna", landmarks=points)
    (found,) = analyzer.analyze(image, record)
    assert (found.mesh, found.embedding) == (None, None)
    np.testing.assert_array_equal(found.landmarks, points)
    assert analyzer.analyze(image, Record(image_id="a", identity="anna")) == []
    assert Given().version in analyzer.version != Fingerprint(Given()).name
