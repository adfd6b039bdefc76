from __future__ import annotations

import numpy as np
import pytest

from datagen.errors import SourceChangedError
from datagen.faces import reader as module
from datagen.faces.crop import CropJitter
from datagen.faces.index import Face
from datagen.faces.reader import FaceReader
from datagen.sources import Source
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
