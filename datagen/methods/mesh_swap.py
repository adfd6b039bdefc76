"""Face swap by the dense mesh: the donor's surface, aligned with the target in space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask, Mesh
from datagen.core.rounding import rounded
from datagen.core.schema import Frozen
from datagen.errors import ItemError
from datagen.faces import masks
from datagen.faces.face import FaceCrop
from datagen.faces.geometry import surface
from datagen.faces.geometry.in_place import resampled_in_place
from datagen.faces.geometry.outline import check_face, convex_hull, face_outline, face_width
from datagen.faces.geometry.warp import WarpMap, piecewise_map, warp_pixels
from datagen.faces.landmarks import mouth_opening
from datagen.faces.pixels.blend import Region, expand, paste, region_around
from datagen.faces.pixels.color import match_light, reinhard
from datagen.methods.base import Context, Method, Result
from datagen.methods.draws import bare_in_both
from datagen.sources.procedural.landmarks import MESH_TO_68

__all__ = ["MeshSwap", "MeshSwapOptions", "MeshSwapParams"]


class MeshSwapOptions(Frozen):
    """Options of ``mesh_swap``.

    Attributes:
        identity: ``varied``: the inner face between the target's shape and 0.6 of the donor's;
            ``clear``: between 0.3 and all of the donor's, with more of its own light; ``strong``:
            always the donor's shape, with a narrow edge, up to the hair.
    """

    identity: Literal["varied", "clear", "strong"] = "clear"


class MeshSwapParams(Frozen):
    """Parameters of one fake.

    Attributes:
        lift: Height of the mask above each of the ten brow points, as a share of the forehead.
        feather: Width of the soft edge, as a share of the face's width.
        color: Strength of the color transfer, 0 to 1.
        light: Strength of the transfer of low-frequency light and shade, 0 to 1.
        shape: Share of the donor's shape in the inner face: 0 = the target's, 1 = the donor's.
        mouth: The same for the mouth; 1 when only one of the two mouths is open.
    """

    lift: list[float]
    feather: float
    color: float
    light: float
    shape: float
    mouth: float


class MeshSwap(Method):
    """Map the donor's face onto the target through the dense 478-point mesh."""

    name = "mesh_swap"
    version = 2
    family = "face_swap"
    options = MeshSwapOptions
    params = MeshSwapParams
    needs_donor = True
    needs_mesh = True
    added_options: ClassVar[Mapping[str, Any]] = {"identity": "varied"}
    min_change = 4.0
    paper = "Nirkin et al., FG 2018, On face segmentation, face swapping, and face perception"

    def sample(self, rng: np.random.Generator, ctx: Context) -> MeshSwapParams:
        """Draw the mask, the color transfer and the share of the donor's shape."""
        target, donor = ctx.target, ctx.need_donor()
        _mesh(target), _mesh(donor)
        assert isinstance(self.config, MeshSwapOptions)
        kind = _KINDS[self.config.identity]
        reach, shape = max(rng.uniform(0.2, 0.9), kind.reach), rng.uniform(*kind.shape)
        bare = bare_in_both(target, donor)
        low = np.pad(np.clip(bare - 0.05, _MIN_LIFT, reach), 1, mode="edge")
        low = np.minimum(np.minimum(low[:-2], low[1:-1]), low[2:])
        apart = abs(mouth_opening(target.landmarks) - mouth_opening(donor.landmarks)) > _ALIKE
        return MeshSwapParams(
            lift=[rounded(value) for value in low],
            feather=rounded(rng.uniform(*kind.feather)),
            color=rounded(rng.uniform(0.7, 1.0)),
            light=rounded(rng.uniform(*kind.light)),
            shape=rounded(shape),
            mouth=1.0 if apart else rounded(shape),
        )

    def apply(self, ctx: Context, params: MeshSwapParams) -> Result:
        """Warp, recolor and blend the donor's surface."""
        target, donor = ctx.target, ctx.need_donor()
        stage = _stage(ctx, params)
        warped = _taken(donor, stage, lambda field: warp_pixels(donor.image, field))
        moved = (stage.shape - _mesh(target))[list(MESH_TO_68), :2]
        return Result(
            _blended(warped, target, stage, params),
            expand(stage.mask, stage.region, target.image.shape),
            (target.landmarks + moved).astype(np.float32),
        )

    def control(self, ctx: Context, params: MeshSwapParams) -> Image:
        """Resample the target in place by the maps of the donor's surface, matched to itself."""
        target, donor, stage = ctx.target, ctx.need_donor(), _stage(ctx, params)

        def take(field: WarpMap) -> Image:
            return resampled_in_place(target.image, field, stage.region, stage.mask)

        return _blended(_taken(donor, stage, take), target, stage, params)


_MIN_LIFT = 0.12
_ALIKE = 0.02
_POOR = 0.3


class _Kind(NamedTuple):
    """Ranges of one kind of identity, and the lowest height of its mask."""

    reach: float
    shape: tuple[float, float]
    feather: tuple[float, float]
    light: tuple[float, float]


_KINDS = {
    "varied": _Kind(0.2, (0.0, 0.6), (0.06, 0.14), (0.4, 1.0)),
    "clear": _Kind(0.4, (0.3, 1.0), (0.05, 0.12), (0.1, 0.7)),
    "strong": _Kind(0.6, (1.0, 1.0), (0.05, 0.08), (0.0, 0.4)),
}


class _Stage(NamedTuple):
    """The fake's surface, the region that changes, and the mask."""

    shape: Mesh
    region: Region
    mask: Mask


def _mesh(face: FaceCrop) -> Mesh:
    check_face(face.landmarks)
    if face.mesh is None or not np.isfinite(face.mesh).all():
        raise ItemError("method_failed", "the face has no mesh")
    return face.mesh


def _stage(ctx: Context, params: MeshSwapParams) -> _Stage:
    target = ctx.target
    own = _mesh(target)
    laid = surface.align_mesh(_mesh(ctx.need_donor()), own)
    lips = surface.mouth_weight()
    share = params.shape * (1 - lips) + params.mouth * lips
    shape = own + (share * surface.inner_weight())[:, None] * (laid - own)
    region, mask = _mask(target, shape.astype(np.float32), params)
    return _Stage(shape.astype(np.float32), region, mask)


def _mask(target: FaceCrop, shape: Mesh, params: MeshSwapParams) -> tuple[Region, Mask]:
    """Draw the surface up to the bare forehead, with a soft inner edge."""
    polygon = face_outline(target.landmarks, params.lift)
    region = region_around(np.concatenate([polygon, shape[:468, :2]]), target.image.shape, 2)
    canvas = masks.canvas_for(region)
    drawn = surface.draw(shape, surface.facing(shape) > 0, canvas)
    limit = masks.fill(convex_hull(np.concatenate([polygon, target.landmarks])), canvas)
    drawn = np.asarray(drawn & limit, np.uint8)
    width = params.feather * face_width(target.landmarks) * canvas.scale
    return region, masks.enlarge(masks.feather(drawn, width), canvas)


def _map(goal: Mesh, source: Mesh, region: Region) -> WarpMap:
    """Map by the triangles that face the camera, drawn from far to near."""
    faces = surface.triangles()
    order = np.argsort(-goal[faces, 2].mean(axis=1), kind="stable")
    order = order[surface.facing(goal)[order] > 0]
    if not len(order):
        raise ItemError("method_failed", "the mesh faces away from the camera")
    flat = [np.ascontiguousarray(mesh[:, :2]) for mesh in (goal, source)]
    return piecewise_map(flat[0], flat[1], faces[order], region)


def _taken(donor: FaceCrop, stage: _Stage, take: Callable[[WarpMap], Image]) -> Image:
    """Warp the donor's surface; its hidden side is mirrored from the visible one.

    Args:
        donor: Face of the surface.
        stage: Geometry and mask.
        take: Samples an image along a map.
    """
    mesh = _mesh(donor)
    own = take(_map(stage.shape, mesh, stage.region))
    away = _turned_away(mesh, stage.shape)
    if not away.any():
        return own
    other = take(_map(stage.shape, surface.mirrored(mesh), stage.region))
    canvas = masks.canvas_for(stage.region)
    unit = face_width(donor.landmarks) * canvas.scale
    drawn = masks.dilate(surface.draw(stage.shape, away, canvas), 0.02 * unit)
    share = masks.enlarge(masks.soften(drawn, 0.03 * unit), canvas).astype(np.float32) / 255
    return np.asarray(cv2.blendLinear(other, own, share, 1 - share), np.uint8)


def _blended(warped: Image, target: FaceCrop, stage: _Stage, params: MeshSwapParams) -> Image:
    part = np.ascontiguousarray(stage.region.of(target.image))
    inside = masks.threshold(stage.mask, 127)
    warped = reinhard(warped, part, inside, params.color)
    reach = 0.12 * face_width(target.landmarks)
    warped = match_light(warped, part, inside, reach, params.light)
    return paste(target.image, warped, stage.mask, stage.region)


def _turned_away(mesh: Mesh, shape: Mesh) -> NDArray[np.bool_]:
    """Return the triangles of the far side that the donor shows much worse than their partners.

    They begin outside the eye or, if the eye is hidden as well, between eye and nose: a seam
    through an eye would be visible. Beside the mouth they extend to the donor's outline.
    """
    wanted = np.maximum(surface.facing(shape), 1e-3)
    clear = surface.seen(mesh)
    given = np.where(clear, surface.facing(mesh), 0) / wanted
    partner = -surface.facing(surface.mirrored(mesh)) / wanted
    scale = float(np.median(given[clear])) if clear.any() else 1.0
    poor = (given < _POOR * scale) & (partner > 1.5 * given) & (surface.facing(shape) > 0)
    across = surface.sideways()
    far = across * np.sign(np.median(across[poor])) if poor.sum() > _FEW else 0 * across
    eye = (far > _BESIDE_NOSE) & (far < _BESIDE_EYE)
    lost = bool(eye.any()) and float(poor[eye].mean()) > _LOST
    faces = surface.triangles()
    jaw = np.isin(faces, faces[poor]).any(axis=1) & surface.below_nose() & (far > _BESIDE_MOUTH)
    return np.asarray((far > (_BESIDE_NOSE if lost else _BESIDE_EYE)) | jaw)


_FEW = 12
_BESIDE_NOSE, _BESIDE_MOUTH, _BESIDE_EYE = 0.18, 0.42, 0.68
_LOST = 0.3
