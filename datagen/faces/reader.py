"""Read faces as crops: from the checked bytes of an image file to the square crop."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from datagen.core.arrays import Affine, Image, Landmarks, Mesh
from datagen.core.digests import sha256_bytes
from datagen.core.images import average_down
from datagen.core.phash import distance, phash
from datagen.core.reading import read_again
from datagen.errors import ImageError, SourceChangedError
from datagen.faces.crop import CropJitter, crop_matrix, shrink_for, take_crop
from datagen.faces.face import FaceCrop
from datagen.faces.geometry.mesh import move_mesh
from datagen.faces.index import Face
from datagen.faces.indexing.analyze import image_digest
from datagen.faces.landmarks import move_landmarks
from datagen.sources import Record, Source

__all__ = ["FaceReader", "Seen", "changed", "cut"]

# Size of the cache of decoded images: with few faces, the same image is soon needed again.
_CACHE_BYTES = 96 * 2**20

# Of the 64 bits of a perceptual hash, those that may differ between an image and the same at a
# reduced size. On photographs at most 6 do; one that lies on its side differs in 22 or more.
_MAX_HASH_DISTANCE = 12

_ADVICE = "Read it with the libraries that indexed it, or run 'datagen index' with those here"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """An upright source image, or frame of a video, with the face in it.

    Attributes:
        image: The image at ``1 / shrink`` of its size.
        shrink: By what it was reduced.
        landmarks: The 68 points in pixels of the image at its own size.
        mesh: The 478 points in the same pixels; ``None`` if unknown.
        pose: Yaw, pitch and roll in degrees; NaN where unknown.
    """

    image: Image
    shrink: int
    landmarks: Landmarks
    mesh: Mesh | None
    pose: tuple[float, float, float]


def cut(face: Face, seen: Seen, matrix: Affine, size: int, jitter: CropJitter) -> FaceCrop:
    """Return the crop of a face; its arrays are read-only.

    Args:
        face: The face in the index: whose it is.
        seen: The image and the face in it.
        matrix: Affine map from pixels of the image at its own size to pixels of the crop.
        size: Side of the crop in pixels.
        jitter: Drawn rotation and flip, which ``matrix`` contains.
    """
    image = take_crop(seen.image, matrix, size, seen.shrink)
    landmarks = move_landmarks(seen.landmarks, matrix)
    mesh = None if seen.mesh is None else move_mesh(seen.mesh, matrix)
    for array in (image, landmarks, mesh):
        if array is not None:
            array.flags.writeable = False  # a method that writes to its input fails
    mirrored = -1.0 if jitter.flip else 1.0
    yaw, pitch, roll = seen.pose
    return FaceCrop(
        image=image,
        landmarks=landmarks,
        mesh=mesh,
        yaw=mirrored * yaw,
        pitch=pitch,
        roll=math.remainder(mirrored * (roll + jitter.rotate), 360.0),
        identity=f"{face.source}/{face.identity}",
        age=face.age,
        sex=face.sex,
    )


class FaceReader:
    """Reads the faces of all sources as crops of one size.

    Args:
        sources: Sources by card id.
        size: Side of the crops in pixels.
        margin: Side of the crop as a multiple of the longer side of the face box.
    """

    def __init__(self, sources: Mapping[str, Source], size: int, margin: float) -> None:
        self._sources = sources
        self._size = size
        self._margin = margin
        self._cache: OrderedDict[tuple[str, int], Image] = OrderedDict()
        self._cached_bytes = 0

    def crop(self, face: Face, jitter: CropJitter) -> tuple[FaceCrop, Affine]:
        """Return the crop of a face and the affine map from source pixels to crop pixels.

        Args:
            face: The face in the index.
            jitter: Drawn shift, scale, rotation and flip of the crop.

        Returns:
            The arrays of the crop are read-only.

        Raises:
            SourceChangedError: The image file is gone or differs from the one that was indexed.
            ImageError: It cannot be decoded here, e.g. for want of memory, or gives other pixels
                than the index saw.
        """
        matrix = crop_matrix(face.box, self._margin, self._size, jitter)
        shrink = shrink_for(matrix)
        image = self.image(face, shrink)
        seen = Seen(image, shrink, face.landmarks, face.mesh, (face.yaw, face.pitch, face.roll))
        return cut(face, seen, matrix, self._size, jitter), matrix

    def image(self, face: Face, shrink: int) -> Image:
        """Return the upright source image of a face in a still, at ``1 / shrink`` of its size.

        Raises:
            SourceChangedError, ImageError: See ``crop``.
        """
        key = (f"{face.source}/{face.sha256}", shrink)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        image = self._decode(face, shrink)
        self._cache[key] = image
        self._cached_bytes += image.nbytes
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
        return image

    def _decode(self, face: Face, shrink: int) -> Image:
        source = self._sources[face.source]
        what = f"source {face.source!r}: image {face.path or face.image_id!r}"
        if not source.has_files:
            record = Record(image_id=face.image_id, identity=face.identity)
            if image_digest(source, record) != face.sha256:
                raise changed(face, f"{what} is now rendered by another version")
            image = source.render(face.image_id)
            return image if shrink == 1 else average_down(image, shrink)
        try:
            data = source.read(face.path)
        except FileNotFoundError:
            raise changed(
                face, f"{what} is missing; it existed when the source was indexed"
            ) from None
        if sha256_bytes(data) != face.sha256:
            raise changed(face, f"{what} has changed since it was indexed")
        try:
            image = read_again(data, face.orientation, shrink)
        except ImageError as error:
            raise ImageError(f"{what}: {error}") from None
        _check_size(image, face, shrink, what)
        if face.phash is not None and not _looks_like(image, face.phash):
            # With little in an image, the hash of a reduced size may differ: all pixels decide.
            whole = image if shrink == 1 else read_again(data, face.orientation)
            if not _looks_like(whole, face.phash):
                raise ImageError(
                    f"{what} shows something else here than when it was indexed (perceptual hash "
                    f"{phash(whole)}, by the index {face.phash}). {_ADVICE}"
                )
        return image


def _check_size(image: Image, face: Face, shrink: int, what: str) -> None:
    """Compare the size with what the index saw: its geometry must fit these pixels.

    Raises:
        ImageError: It differs.
    """
    want = [-(-side // shrink) for side in (face.width, face.height)]
    if [image.shape[1], image.shape[0]] != want:
        raise ImageError(
            f"{what} has {image.shape[1]}x{image.shape[0]} pixels here; by the index it has "
            f"{want[0]}x{want[1]}, at 1/{shrink} of its size. {_ADVICE}"
        )


def _looks_like(image: Image, known: str) -> bool:
    return distance(phash(image), known) <= _MAX_HASH_DISTANCE


def changed(face: Face, problem: str) -> SourceChangedError:
    """Return the error of a file that is not the one that was indexed."""
    return SourceChangedError(
        f"{problem}. Restore it, or rerun the same command, which indexes it as it is now "
        "('datagen index --refresh' reads every image again)",
        path=face.path or None,
        key=face.source,
        row=face.image_id,
    )
