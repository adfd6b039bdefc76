from __future__ import annotations

import numpy as np
import pytest

from datagen.faces.geometry import surface
from datagen.faces.masks import Canvas
from datagen.faces.pixels.blend import Region
from datagen.sources.procedural.template import template


def _canonical(yaw: float = 0.0) -> np.ndarray:
    """Return the canonical face in 200 pixels, turned so that yaw > 0 points to larger x."""
    position = template().position * [1, -1, -1]
    angle = np.radians(yaw)
    turn = np.array(
        [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
    )
    points = position @ turn.T * 10 + 100
    irises = np.repeat(points[[159, 386]], 5, axis=0)
    return np.concatenate([points, irises]).astype(np.float32)


def test_a_face_from_the_front_is_seen_nearly_whole() -> None:
    mesh = _canonical()
    assert (surface.facing(mesh) > 0).mean() > 0.9
    assert surface.seen(mesh).mean() > 0.85


@pytest.mark.parametrize("yaw", [-50.0, 50.0])
def test_a_turned_face_hides_its_far_half(yaw: float) -> None:
    mesh = _canonical(yaw)
    hidden = ~surface.seen(mesh)
    x = template().position[surface.triangles()].mean(axis=1)[:, 0]
    far = x * np.sign(yaw) > 3
    assert hidden[far].mean() > 0.5
    assert hidden[x * np.sign(yaw) < -3].mean() < 0.2


def test_a_mesh_laid_over_its_turned_self_falls_together() -> None:
    front, turned = _canonical(), _canonical(35)
    bigger = (front * 1.7 + [3, -8, 2]).astype(np.float32)
    assert np.abs(surface.align_mesh(bigger, turned) - turned).max() < 0.01


def test_partners_of_the_canonical_face_are_its_mirror_image() -> None:
    mesh = _canonical()
    other = surface.mirrored(mesh)
    assert np.abs(other[:468, 0] - (200 - mesh[:468, 0])).max() < 0.01
    assert np.abs(other[:468, 1:] - mesh[:468, 1:]).max() < 0.01


def test_weights_are_of_the_inner_face_and_of_the_mouth() -> None:
    inner, mouth = surface.inner_weight(), surface.mouth_weight()
    assert inner.shape == mouth.shape == (478,)
    assert inner[[10, 152, 234, 454]].max() == 0
    assert inner[[4, 13, 159, 468]].min() > 0.8
    assert mouth[[13, 14, 0, 17]].min() > 0.8
    assert mouth[[10, 33, 263, 468, 473]].max() == 0


def test_what_is_drawn_lies_within_the_mesh() -> None:
    mesh = _canonical()
    canvas = Canvas(Region(0, 0, 200, 200), 200, 200)
    drawn = surface.draw(mesh, surface.facing(mesh) > 0, canvas)
    rows, columns = np.nonzero(drawn)
    assert abs(int(rows.min()) - mesh[:468, 1].min()) < 3
    assert abs(int(columns.max()) - mesh[:468, 0].max()) < 3
    assert drawn[100, 100] == 255
    assert not surface.draw(mesh, np.zeros(898, bool), canvas).any()


def test_sideways_is_measured_from_the_middle_to_the_border() -> None:
    across = surface.sideways()
    assert -1.1 < across.min() < -0.9
    assert 0.9 < across.max() < 1.1
    nose = (surface.triangles() == 4).any(axis=1)
    assert np.abs(across[nose]).max() < 0.15
