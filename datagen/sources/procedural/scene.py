"""All surfaces of an image: placed, lit at their points, and painted into layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import body, ears, hairstyle, head, light, raster
from .arrays import F32, F64, I64, Mask
from .camera import PIVOT, Camera, rotation
from .figure import Figure
from .hairstyle import Shell
from .held import Held
from .light import Light
from .patch import HAIR, Patch, join
from .raster import Layer

# Columns of the values at points: of head and body, then of hair.
NORMAL, UV, SHADE, SKY, SCALP, DEPTH = slice(0, 3), slice(3, 5), 5, 6, 7, 8
TANGENT, STRAND, MARGIN, HANG, HAIR_DEPTH = slice(3, 6), slice(6, 8), 8, 9, 10


# Of the head, the first triangles are those of the face.
FACE_TRIANGLES = 3592


@dataclass(frozen=True, slots=True)
class Scene:
    """Two layers: the body with the hair behind it, and the hair in front.

    Attributes:
        solid: the painted head and body, and hair that faces away from the camera.
        solid_values: (n, 9) float32, columns as named above.
        material: (m,) of the solid layer's triangles.
        hair: the painted hair that faces the camera, or None.
        hair_values: (k, 11) float32, columns as named above.
        face_triangles: number of solid triangles that belong to the face; they come first.
        shell: the hair's surface in head coordinates, or None.
    """

    solid: Layer
    solid_values: F32
    material: I64
    hair: Layer | None
    hair_values: F32
    face_triangles: int
    shell: Shell | None


@dataclass(frozen=True, slots=True)
class Backdrop:
    """What doesn't move in a video.

    Attributes:
        scene: the torso alone, without what follows the head.
        sky: (n,) visible share of the sky at the points of head and torso.
        received: (k, 2) light at the points of the torso.
        fixed: (k,) which of these points never move.
        seam: (m, 2) places in the image of the torso's points that move or touch what does.
    """

    scene: Scene
    sky: F64
    received: F64
    fixed: Mask
    seam: F64


def resting(camera: Camera) -> tuple[float, float, float]:
    """Yaw, pitch and roll of the torso below a head in this pose."""
    return camera.yaw * 0.5, camera.pitch * 0.12, camera.roll * 0.45


def _body_turn(patch: Patch, follow: F64, camera: Camera) -> Patch:
    """The body, turned partly with the head; the neck twists in between."""
    stance = camera.stance
    angles = stance.torso if stance else resting(camera)
    turned, still = camera.rotation, rotation(*angles)
    offset, share = patch.points - PIVOT, follow[:, None]
    points = (offset @ still.T) * (1.0 - share) + (offset @ turned.T) * share
    normals = (patch.normals @ still.T) * (1.0 - share) + (patch.normals @ turned.T) * share
    normals /= np.sqrt((normals**2).sum(axis=1, keepdims=True))
    if stance:
        points = points - (1.0 - share) * np.array(stance.lag)
    return Patch(points + PIVOT @ turned.T, normals, patch.uv, patch.triangles, patch.material)


def _scalp(points: F64, figure: Figure, skull: head.Skull) -> tuple[F64, F64]:
    """Cover of the scalp by hair, and share of the light that hair lets through near its edge."""
    inside = hairstyle.margin(points, skull, figure.identity.values)
    style = hairstyle.STYLES.get(figure.identity.hair)
    if style is None:
        return 0.22 * np.clip(inside / 10.0, 0.0, 1.0), np.ones(len(points))
    cover = np.clip(inside / style.ragged * 0.5 + 0.35, 0.0, 1.0)
    thick = min(1.0, 0.35 + style.front * 0.4)
    return cover, 1.0 - 0.42 * thick * np.exp(-np.clip(-inside, 0.0, 90.0) / 5.0)


def _lit_points(
    solid: Patch, layer: Layer, head_count: int, turn: F64, lamp: Light, sky: F64 | None = None
) -> F64:
    """Share of key and sky light at every visible point: (n, 2); ``sky`` where it is known."""
    in_head, in_normals = solid.points @ turn, solid.normals @ turn
    first = slice(0, head_count)
    field = light.height_field(in_head[first], in_normals[first, 2])
    toward = lamp.key.astype(np.float64) @ turn
    if sky is not None:
        # All points, so that none changes when it comes into view.
        whole = slice(0, len(sky))
        received = np.stack([light.shadow(field, in_head[whole], toward, lamp.softness), sky], 1)
        within = solid.triangles[(solid.triangles < len(sky)).all(axis=1)]
        even = _averaged(received, np.ones(len(sky)), within)
        return np.concatenate([even, np.ones((len(in_head) - len(sky), 2))])
    painted = np.zeros(len(layer.triangles) + 1, np.bool_)
    painted[layer.ids.ravel()] = True
    drawn = painted[1:]
    touched = np.zeros(len(solid.points), np.bool_)
    touched[layer.triangles[drawn].ravel()] = True
    seen = np.nonzero(touched)[0]
    received = np.ones((len(in_head), 2))
    received[seen, 0] = light.shadow(field, in_head[seen], toward, lamp.softness)
    received[seen, 1] = light.openness(field, in_head[seen], in_normals[seen])
    known = np.zeros(len(in_head))
    known[seen] = 1.0
    return _averaged(received, known, solid.triangles[drawn])


def _averaged(values: F64, known: F64, triangles: I64) -> F64:
    """Values (n, k) at points, averaged over the known points of their triangles."""
    weight = known[triangles].sum(axis=1)
    around = np.bincount(triangles.ravel(), np.repeat(weight, 3), len(values))
    out = np.empty_like(values)
    for column in range(values.shape[1]):
        total = (values[:, column] * known)[triangles].sum(axis=1)
        near = np.bincount(triangles.ravel(), np.repeat(total, 3), len(values))
        out[:, column] = np.where(around > 0.0, near / np.maximum(around, 1.0), 1.0)
    return out


def _hair_layer(shell: Shell, camera: Camera) -> tuple[Layer, F32, I64, F64]:
    """Hair that faces the camera, its values, the triangles that face away, and positions."""
    placed = camera.place(shell.points)
    screen = camera.project(placed)
    turn = camera.rotation
    values = np.concatenate(
        [
            shell.normals @ turn.T,
            shell.tangents @ turn.T,
            shell.strand,
            shell.margin[:, None],
            shell.hang[:, None],
            screen[:, 2:],
        ],
        axis=1,
    ).astype(np.float32)
    grown = shell.margin[shell.triangles].max(axis=1) > -8.0
    front = raster.facing(screen, shell.triangles)
    layer = raster.paint(screen, shell.triangles, [np.nonzero(grown & front)[0]], camera)
    # At the nape, short hair touches the neck: its inside is never visible.
    nape = (shell.points[:, 1] < -1.5) & (not shell.falls)
    dense = np.where(nape, -9.0, shell.margin)[shell.triangles].min(axis=1)
    # Slightly beyond the hairline, it fills the gap between hair and the far temple.
    hidden = (dense > -2.5) & ~front
    return layer, values, shell.triangles[hidden], screen


def _behind(shell: Shell, triangles: I64) -> Patch:
    """The inside of the hair behind the head, visible past neck and shoulders."""
    material = np.full(len(triangles), HAIR, np.int64)
    return Patch(shell.points, -shell.normals, shell.strand, triangles, material)


def _painted(
    face: Patch, torso: Patch, back: list[Patch], camera: Camera
) -> tuple[Patch, Layer, F64]:
    """Head, torso and hair behind them as one patch, painted, with their places in the image."""
    solid = join([face, torso, *back])
    screen = camera.project(solid.points)
    seen = raster.facing(screen, solid.triangles)
    first, second = len(face.triangles), len(face.triangles) + len(torso.triangles)
    index = np.arange(len(solid.triangles))
    groups = [index[second:], index[first:second][seen[first:second]], index[:first][seen[:first]]]
    return solid, raster.paint(screen, solid.triangles, groups, camera), screen


def _placed(face: Patch, camera: Camera) -> Patch:
    normals = face.normals @ camera.rotation.T
    return Patch(camera.place(face.points), normals, face.uv, face.triangles, face.material)


def build(figure: Figure, lamp: Light, held: Held | None = None) -> Scene:
    """Surfaces of a figure under a light, ready for shading; ``held`` only in videos."""
    camera = figure.camera
    face, skull = head.build(figure.control, figure.neutral, figure.identity)
    chin = float(figure.neutral[152, 1])
    torso = _body_turn(*body.build(figure.identity.values, chin), camera)
    turn = camera.rotation
    cover, dim = _scalp(face.points, figure, skull)
    if held is None:
        shell = hairstyle.build(figure.identity, skull, face.points, -turn[1])
    else:
        shell = held.hair(camera)
    front, behind = None, []
    front_values = np.zeros((0, 11), np.float32)
    if shell is not None:
        front, front_values, hidden, _ = _hair_layer(shell, camera)
        behind = [_placed(_behind(shell, hidden), camera)]
    solid, layer, screen = _painted(_placed(face, camera), torso, behind, camera)
    count = len(face.points)
    sky = held.sky if held else None
    received = _lit_points(solid, layer, count, turn, lamp, sky)
    received[count : count + len(torso.points)] = _on_torso(
        received[count : count + len(torso.points)], held
    )
    hollow = ears.hollows()
    received[count - len(hollow) : count] *= hollow[:, None]
    received[:count, 1] *= dim
    received[:count, 0] *= 0.25 + 0.75 * dim
    scalp = np.zeros(len(solid.points))
    scalp[:count] = cover
    values = np.concatenate(
        [solid.normals, solid.uv, received, scalp[:, None], screen[:, 2:]], axis=1
    ).astype(np.float32)
    return Scene(layer, values, solid.material, front, front_values, FACE_TRIANGLES, shell)


def _on_torso(received: F64, held: Held | None) -> F64:
    """Light at the points of neck and torso; where the torso doesn't move it stays the same."""
    smooth = body.smoothed(received)
    if held is not None:
        smooth[held.fixed] = held.received[held.fixed]
    return smooth


def backdrop(figure: Figure, lamp: Light) -> Backdrop:
    """The part of a video's scene that doesn't move: the torso below the neck, lit in this pose."""
    camera = figure.camera
    face, _ = head.build(figure.control, figure.neutral, figure.identity)
    upright, follow = body.build(figure.identity.values, float(figure.neutral[152, 1]))
    torso = _body_turn(upright, follow, camera)
    solid, layer, screen = _painted(_placed(face, camera), torso, [], camera)
    turn, count = camera.rotation, len(face.points)
    in_head, in_normals = solid.points @ turn, solid.normals @ turn
    field = light.height_field(in_head[:count], in_normals[:count, 2])
    sky = light.openness(field, in_head, in_normals)
    received = body.smoothed(_lit_points(solid, layer, count, turn, lamp, sky)[count:])
    fixed = follow <= 0.0
    drawn = np.nonzero(fixed[torso.triangles].all(axis=1))[0]
    place = screen[count:]
    drawn = drawn[raster.facing(place, torso.triangles)[drawn]]
    alone = raster.paint(place, torso.triangles, [drawn], camera)
    dark = np.zeros((len(torso.points), 1))
    values = np.concatenate([torso.normals, torso.uv, received, dark, place[:, 2:]], axis=1)
    still = Scene(
        alone,
        values.astype(np.float32),
        torso.material,
        None,
        np.zeros((0, 11), np.float32),
        0,
        None,
    )
    # All points of triangles that move.
    moving = np.zeros(len(fixed), np.bool_)
    moving[torso.triangles[~fixed[torso.triangles].all(axis=1)].ravel()] = True
    return Backdrop(still, sky, received, fixed, place[moving, :2])
