from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.arrays import Image
from datagen.errors import ImageError, SourceChangedError
from datagen.faces import reader as module
from datagen.faces.crop import CropJitter
from datagen.faces.index import Face
from datagen.faces.reader import FaceReader
from datagen.sources import Source
from tests.core.image_headers.made import saved
from tests.core.test_orientation import xmp
from tests.support.world import World


def read_all(world: World) -> tuple[FaceReader, dict[str, Source], list[Face]]:
    job = world.job("out")
    sources = {source.card.id: source for source in job.loaded.sources()}
    faces = [job.built.index.face(number) for number in range(4)]
    return FaceReader(sources, 96, 1.3), sources, faces


def test_a_crop_is_read_only_and_of_the_asked_size(world: World) -> None:
    reader, _, faces = read_all(world)
    crop, matrix = reader.crop(faces[0], CropJitter())
    assert crop.image.shape == (96, 96, 3)
    assert matrix.shape == (2, 3)
    with pytest.raises(ValueError, match="read-only"):
        crop.image[0, 0] = 0
    with pytest.raises(ValueError, match="read-only"):
        crop.landmarks[0, 0] = 0


def test_a_flip_mirrors_the_pose(world: World) -> None:
    reader, _, faces = read_all(world)
    plain, _ = reader.crop(faces[0], CropJitter())
    flipped, _ = reader.crop(faces[0], CropJitter(flip=True))
    assert (flipped.yaw, flipped.roll) == (-plain.yaw, -plain.roll)
    assert np.abs(flipped.image[:, ::-1].astype(int) - plain.image).mean() < 1


def test_an_image_is_decoded_once_while_it_fits_into_the_cache(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, _, faces = read_all(world)
    decoded: list[str] = []
    plain = FaceReader._decode

    def counted(self: FaceReader, face: Face, shrink: int) -> object:
        decoded.append(face.face_id)
        return plain(self, face, shrink)

    monkeypatch.setattr(FaceReader, "_decode", counted)
    for face in (*faces, *faces):
        reader.crop(face, CropJitter())
    assert decoded == [face.face_id for face in faces]
    decoded.clear()
    monkeypatch.setattr(module, "_CACHE_BYTES", 1)  # room for the last image only
    small, _, _ = read_all(world)
    for number in (0, 1, 1, 0):
        small.crop(faces[number], CropJitter())
    assert decoded == [faces[number].face_id for number in (0, 1, 0)]


def test_a_changed_file_is_named(own_world: World) -> None:
    reader, _, faces = read_all(own_world)
    path = own_world.faces / faces[0].path
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(SourceChangedError, match=f"{faces[0].path}.*has changed"):
        reader.crop(faces[0], CropJitter())
    path.unlink()
    with pytest.raises(SourceChangedError, match=f"{faces[0].path}.*is missing"):
        reader.crop(faces[0], CropJitter())


def turned_by_xmp(path: Path, orientation: int) -> bytes:
    """Return the image so stored that XMP alone turns it upright."""
    stored: Pillow.Image = Pillow.open(path)
    for turn in {
        6: [Pillow.Transpose.ROTATE_90],
        3: [Pillow.Transpose.ROTATE_180],
        5: [Pillow.Transpose.TRANSPOSE],
    }[orientation]:
        stored = stored.transpose(turn)
    return saved("JPEG", stored, xmp=xmp(orientation), quality=98, subsampling=0)


@pytest.mark.parametrize("orientation", [3, 5, 6])
def test_a_crop_lies_as_the_index_saw_the_image(own_world: World, orientation: int) -> None:
    plain, _, faces = read_all(own_world)
    want = plain.crop(faces[0], CropJitter())[0].image.astype(int)
    path = own_world.faces / faces[0].path
    path.write_bytes(turned_by_xmp(path, orientation))  # what it is counts, not its name
    reader, _, found = read_all(own_world)
    assert found[0].path == faces[0].path
    assert found[0].orientation == orientation
    assert (found[0].width, found[0].height) == (faces[0].width, faces[0].height)
    crop, _ = reader.crop(found[0], CropJitter())
    assert np.abs(crop.image.astype(int) - want).mean() < 2


def test_a_reader_that_sees_something_else_than_the_index_is_an_error(world: World) -> None:
    """As a decoder of another machine may: image and source are named."""
    reader, _, faces = read_all(world)
    on_its_side = dataclasses.replace(faces[0], orientation=6)
    with pytest.raises(ImageError, match=rf"source 'nobody': image '{faces[0].path}' shows some"):
        reader.crop(on_its_side, CropJitter())
    taller = dataclasses.replace(faces[1], height=faces[1].height + 60)
    with pytest.raises(
        ImageError, match=rf"'{faces[1].path}' has 240x240 pixels here; by the .*300"
    ):
        reader.crop(taller, CropJitter())


def test_an_image_with_little_in_it_is_judged_by_all_its_pixels(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, _, faces = read_all(world)
    shrinks: list[int] = []

    def unlike_when_small(image: Image) -> str:
        shrinks.append(240 // image.shape[0])
        return "0" * 16 if image.shape[0] < 240 else str(faces[0].phash)

    monkeypatch.setattr(module, "phash", unlike_when_small)
    small = FaceReader(reader._sources, 24, 1.3)
    small.crop(faces[0], CropJitter())
    assert shrinks[0] > 1
    assert shrinks[-1] == 1
