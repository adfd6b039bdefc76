from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.core.arrays import Landmarks
from datagen.faces.indexing.candidates import NEAR, Candidates, face_shapes
from tests.support.ends import ends_soon
from tests.support.faces_made import made_landmarks


def drawn(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Return faces that differ as those of people do: about 0.06 in shape."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    base = made_landmarks(0, 128)
    modes = draw.normal(0, 1, (12, 68, 2)) * 128 * 0.008
    moved = base + np.einsum("nk,kpd->npd", draw.normal(0, 0.5, (count, 12)), modes)
    return np.asarray(moved, np.float32)


def hashes(count: int, seed: int = 1) -> list[str | None]:
    draw = np.random.Generator(np.random.Philox(key=seed))
    return [f"{int(value):016x}" for value in draw.integers(0, 2**63, count)]


def pairs(
    landmarks: Landmarks,
    hashed: list[str | None],
    persons: list[int] | None = None,
    rendered: bool = False,
) -> list[tuple[int, int]]:
    count = len(hashed)
    known = np.array(range(count) if persons is None else persons, np.int64)
    made = Candidates(known, landmarks, hashed, np.full(count, rendered))
    return [(int(a), int(b)) for a, b in made.pairs(1000)[0]]


def moved(landmarks: Landmarks, noise: float = 0.0) -> Landmarks:
    turn = 0.3
    matrix = 0.37 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    away = np.random.Generator(np.random.Philox(key=9)).normal(0, noise, landmarks.shape)
    return (landmarks @ matrix.T + [40, -7] + away).astype(np.float32)


def test_a_shape_knows_no_place_size_and_turn() -> None:
    faces = drawn(5)
    away = np.linalg.norm(face_shapes(faces) - face_shapes(moved(faces)), axis=1)
    assert away.max() < 1e-4
    np.testing.assert_allclose(np.linalg.norm(face_shapes(faces), axis=1), 1, atol=1e-5)


def test_a_copy_is_proposed_whatever_was_cut_off() -> None:
    faces = drawn(200)
    faces[150] = moved(faces[20], 0.1)
    hashed = hashes(200)
    assert pairs(faces, hashed) == [(20, 150)]
    assert pairs(faces, hashed, [n % 150 if n != 150 else 20 for n in range(200)]) == []


def test_and_one_with_a_near_hash_if_the_landmarks_are_noisy() -> None:
    faces = drawn(200)
    faces[150] = moved(faces[20], 0.25)
    hashed = hashes(200)
    assert pairs(faces, hashed) == []
    hashed[150] = f"{int(hashed[20] or '', 16) ^ 0b1111111:016x}"
    assert pairs(faces, hashed) == [(20, 150)]
    hashed[150] = f"{int(hashed[20] or '', 16) ^ 0b11111111:016x}"
    assert pairs(faces, hashed) == []


def test_every_near_hash_is_found() -> None:
    same = np.repeat(drawn(1), 300, axis=0) + drawn(300, 5) * np.float32(0.02)
    draw = np.random.Generator(np.random.Philox(key=3))
    values = [int(draw.integers(0, 2**63))]
    while len(values) < 300:
        value = values[int(draw.integers(len(values)))]
        for bit in draw.choice(64, int(draw.integers(1, 9)), replace=False):
            value ^= 1 << int(bit)
        values.append(value)
    made = Candidates(
        np.arange(300), same, [f"{value:016x}" for value in values], np.zeros(300, bool)
    )
    first, second = np.concatenate([np.stack(found) for found in made._by_hash()], axis=1)
    found = {(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b}
    assert found == {
        (a, b)
        for a in range(300)
        for b in range(a + 1, 300)
        if (values[a] ^ values[b]).bit_count() <= NEAR
    }


def test_rendered_faces_are_copies_only_if_exact() -> None:
    faces = drawn(60)
    faces[40], faces[50] = faces[3], moved(faces[4], 0.1)
    assert pairs(faces, [None] * 60, rendered=True) == [(3, 40)]
    assert pairs(faces, [None] * 60) == [(3, 40), (4, 50)]


def test_templates_instead_of_landmarks_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("datagen.faces.indexing.candidates._MAX_CLOSE", 10_000)
    same = np.repeat(drawn(1), 400, axis=0)
    hashed = hashes(400)
    hashed[7] = hashed[300]
    made = Candidates(np.arange(400), same, hashed, np.zeros(400, bool))
    found, complete = made.pairs(100)
    assert found.tolist() == [[7, 300]]
    assert not complete


def test_the_nearest_are_kept_if_there_are_too_many() -> None:
    same = np.repeat(drawn(1), 30, axis=0)
    made = Candidates(np.arange(30), same, hashes(30), np.zeros(30, bool))
    found, complete = made.pairs(10)
    assert (len(found), complete) == (10, False)


def test_ten_thousand_faces_take_seconds() -> None:
    with ends_soon():
        made = Candidates(np.arange(10_000), drawn(10_000), hashes(10_000), np.zeros(10_000, bool))
        made.pairs(1000)


def test_one_face_is_looked_up_among_all() -> None:
    faces, hashed = drawn(200), hashes(200)
    made = Candidates(np.arange(200), faces, hashed, np.zeros(200, bool))
    assert made.of(moved(faces[20], 0.1), None, False).tolist() == [20]
    assert made.of(moved(drawn(1, 5)[0]), None, False).tolist() == []
    assert made.of(faces[20] + 1, hashed[20], False).tolist() == [20]
    none = Candidates(np.arange(0), faces[:0], [], np.zeros(0, bool))
    assert none.of(faces[0], hashed[0], False).tolist() == []


def test_equal_templates_are_looked_up_by_hash_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datagen.faces.indexing.candidates._MAX_CLOSE", 100)
    faces, hashed = np.repeat(drawn(1), 50, axis=0), hashes(50)
    made = Candidates(np.arange(50), faces, hashed, np.zeros(50, bool))
    assert not made.shapes_tell
    assert made.of(faces[0], hashed[7], False).tolist() == [7]
