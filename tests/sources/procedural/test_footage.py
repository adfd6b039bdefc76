from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from datagen.sources.procedural import scene
from datagen.sources.procedural.footage import Footage, footage
from datagen.sources.procedural.take import Limits, Take, take

LIMITS = Limits(head=(8.0, 12.0), shift=(0.8, 1.2), silent=0.0)
FPS = Fraction(25)
SIZE = 256
# No hair, curls, glasses over a fringe, long hair.
PEOPLE = (13, 2, 30, 19)


def shot(person: int, size: int = SIZE, noise: float | None = None) -> Footage:
    made = footage(1, person, 0, size, LIMITS)
    if noise is None:
        return made
    return dataclasses.replace(made, film=dataclasses.replace(made.film, noise=noise))


def of(person: int, video: int = 0, size: int = SIZE) -> Take:
    return take(1, person, video, size, LIMITS)


def eye_openings(mesh: NDArray[np.float32]) -> tuple[float, float]:
    """Height of both eyes as a share of their width."""
    pairs = ((159, 145, 33, 133), (386, 374, 263, 362))
    left, right = (
        float(np.hypot(*(mesh[a, :2] - mesh[b, :2])) / np.hypot(*(mesh[c, :2] - mesh[d, :2])))
        for a, b, c, d in pairs
    )
    return left, right


def test_same_numbers_same_bytes_whatever_was_made_before() -> None:
    first = shot(13).frame(7, FPS)
    footage.cache_clear()
    shot(2).frame(0, FPS)
    made = shot(13)
    made.frame(3, FPS)
    np.testing.assert_array_equal(made.frame(7, FPS), first)
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.uint8


def test_a_frame_depends_on_its_time_and_not_on_the_rate() -> None:
    assert of(13).truth(float(50 / FPS)).mesh.tolist() == of(13).truth(2.0).mesh.tolist()
    slow, fast = (shot(13, noise=0.0).frame(n, Fraction(n, 2)) for n in (50, 100))
    np.testing.assert_array_equal(slow, fast)


def test_videos_of_a_person_differ_and_show_one_identity() -> None:
    one, other = of(2).truth(1.0), of(2, video=1).truth(1.0)
    assert one.identity == other.identity
    assert (one.age, one.sex, one.monk) == (other.age, other.sex, other.monk)
    assert one.light != other.light
    assert np.abs(one.mesh - other.mesh).max() > 3.0


@pytest.mark.parametrize("person", PEOPLE)
def test_all_frames_show_one_person_in_one_light(person: int) -> None:
    truths = [of(person).truth(float(n / FPS)) for n in range(0, 100, 9)]
    assert all(known.identity == truths[0].identity for known in truths)
    assert all(known.light == truths[0].light for known in truths)
    colors = []
    for n in range(0, 100, 20):
        image, mesh = shot(person, noise=0.0).frame(n, FPS), of(person).truth(n / 25.0).mesh
        cheeks = mesh[[50, 280], :2].round().astype(int).tolist()
        parts = [image[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3) for x, y in cheeks]
        colors.append(np.concatenate(parts).mean(axis=0))
    assert np.ptp(colors, axis=0).max() < 12.0


@pytest.mark.parametrize("person", range(0, 40, 3))
def test_points_stay_inside_the_image_and_move_without_jumps(person: int) -> None:
    meshes = np.array([of(person).truth(n / 25.0).mesh for n in range(150)])
    assert meshes[..., :2].min() > 0.0
    assert meshes[..., :2].max() < SIZE
    steady = (1, 4, 10, 33, 133, 263, 362, 168)
    steps = np.hypot(*np.diff(meshes[:, steady, :2], axis=0).T)
    wide = np.hypot(*(meshes[:, 33, :2] - meshes[:, 263, :2]).T).mean()
    assert steps.max() < 0.09 * wide
    # A second difference is small where there is no jump.
    assert np.abs(np.diff(meshes[:, steady, :2], n=2, axis=0)).max() < 0.035 * wide


@pytest.mark.parametrize("person", PEOPLE)
def test_landmarks_are_those_of_what_is_drawn(person: int) -> None:
    made = shot(person)
    for n in (0, 31, 77):
        posed = made.take.figure(n / 25.0)
        ids = scene.build(posed, made.lights, made.held).solid.ids
        rows, columns = np.nonzero((ids > 0) & (ids <= scene.FACE_TRIANGLES))
        drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(posed.box - drawn).max() < 2.5
        np.testing.assert_array_equal(posed.landmarks, made.take.truth(n / 25.0).landmarks)


def test_the_pupils_are_where_the_mesh_says() -> None:
    made = shot(13, size=512, noise=0.0)
    for n in (0, 31, 77):
        known = made.take.truth(n / 25.0)
        if min(eye_openings(known.mesh)) < 0.2:
            continue
        image = made.frame(n, FPS).astype(float).mean(axis=2)
        for center, rim in ((468, 469), (473, 474)):
            x, y = known.mesh[center, :2] - 0.5
            reach = float(np.hypot(*(known.mesh[rim, :2] - known.mesh[center, :2])))
            grid = np.mgrid[0:512, 0:512]
            inside = np.hypot(grid[0] - y, grid[1] - x) < reach
            dark = np.where(inside, np.clip(np.quantile(image[inside], 0.35) - image, 0, None), 0.0)
            found = [(dark * axis).sum() / dark.sum() for axis in grid]
            assert np.hypot(found[0] - y, found[1] - x) < 0.45 * reach


def test_blinks_close_the_eyes_fully_and_open_them_again() -> None:
    for person in (13, 2):
        seen = of(person)
        closed = [seen.motion.blink(n / 100.0) for n in range(700)]
        full = [n for n, share in enumerate(closed) if share == 1.0]
        first = full[0]
        before = next(n for n in range(first, -1, -1) if closed[n] == 0.0)
        after = next(n for n in range(first, 700) if closed[n] == 0.0)
        opened = [eye_openings(seen.truth(n / 100.0).mesh) for n in (before, first, after)]
        assert max(opened[1]) < 0.035
        assert min(*opened[0], *opened[2]) > 0.12
        # And no white of the eye is left in the image.
        made, mesh = shot(person, noise=0.0), seen.truth(first / 100.0).mesh
        surfaces = scene.build(seen.figure(first / 100.0), made.lights, made.held)
        ids = surfaces.solid.ids
        eyes = np.isin(surfaces.material[np.maximum(ids - 1, 0)], (1, 2)) & (ids > 0)
        assert eyes.sum() < 0.04 * np.ptp(mesh[[33, 133], 0]) ** 2


@pytest.mark.parametrize("person", PEOPLE)
def test_what_does_not_move_is_the_same_in_every_frame_up_to_grain(person: int) -> None:
    made = shot(person, noise=0.0)
    frames = np.array([made.frame(n, FPS) for n in range(0, 60, 6)])
    still = np.ones((SIZE, SIZE), bool)
    for n in range(0, 60, 6):
        left, top, side = made._window(made.take.figure(n / 25.0))
        still[top : top + side, left : left + side] = False
    moved = (frames != frames[0]).any(axis=(0, 3))
    assert not moved[still].any()
    # In the window: the corners above the shoulders, and the shoulders at the border.
    assert not moved[: SIZE // 8, : SIZE // 16].any()
    assert not moved[-4:, : SIZE // 6].any() or person == 19  # long hair hangs there
    empty = made.plate[:40, :12]
    grainy = np.array([shot(person).frame(n, FPS)[:40, :12] for n in range(0, 60, 6)])
    assert (grainy[0] != grainy[1]).any()
    assert np.abs(grainy.mean(axis=0) - empty).mean() < 0.4 * shot(person).film.noise + 0.3


@pytest.mark.parametrize("person", PEOPLE)
def test_nothing_flickers_within_milliseconds(person: int) -> None:
    made = shot(person, noise=0.0)
    steady = [n for n in range(200, 260) if made.take.motion.blink(n / 1000.0) == 0.0][:12]
    frames = np.array([made.frame(n, Fraction(1000)) for n in steady], np.int16)
    steps = np.abs(np.diff(frames, axis=0)).max(axis=3)
    assert steps.mean() < 0.1
    assert (steps.max(axis=0) > 8).mean() < 0.012  # outlines, that move by whole pixels


@pytest.mark.parametrize("person", PEOPLE)
def test_a_part_is_rendered_as_in_the_whole(person: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shot(person, noise=0.0)
    part = made.frame(40, FPS).astype(int)
    assert made._window(made.take.figure(1.6))[2] < SIZE
    monkeypatch.setattr(Footage, "_window", lambda self, posed: (0, 0, SIZE))
    assert np.abs(made.frame(40, FPS) - part).max() <= 1


def test_detail_finer_than_pixels_is_left_out_of_the_skin() -> None:
    large, small = (shot(13, size).texture.relief[..., 0].std() for size in (1024, 128))
    assert small < 0.8 * large
