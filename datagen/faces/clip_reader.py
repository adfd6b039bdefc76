"""Read faces as clips: some frames of a video, of a rendered clip, or of a camera over a still."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from datagen.core.arrays import Affine, Box, Image
from datagen.core.images import average_down
from datagen.errors import ImageError
from datagen.faces.crop import CropJitter, crop_matrix, shrink_for
from datagen.faces.face import FaceCrop
from datagen.faces.index import Face
from datagen.faces.indexing.clips import clip_digest
from datagen.faces.reader import FaceReader, Seen, changed, cut
from datagen.faces.tracks.track import Track
from datagen.faces.virtual_camera import CameraMotion
from datagen.sources import Record, Source
from datagen.video.decode import decode_video

__all__ = ["ClipCrops", "ClipReader"]

_BLOCK = 1 << 20
_MOVING = 1.1  # side of a fixed crop as a multiple of the box around all faces, at least
_CALM = 3.0  # frames: standard deviation of the filter over the path of a crop that follows


@dataclass(frozen=True, slots=True, eq=False)
class ClipCrops:
    """The frames of a clip as methods see them.

    Attributes:
        crops: One crop per frame.
        matrices: Affine maps from source pixels to crop pixels, one per frame.
        frames: Numbers of the frames in the video, ``(T,)`` int64.
        pts: Time stamps in the file's time base, ``(T,)`` int64.
        other_faces: How many other faces are near, ``(T,)`` int32.
    """

    crops: list[FaceCrop]
    matrices: list[Affine]
    frames: NDArray[np.int64]
    pts: NDArray[np.int64]
    other_faces: NDArray[np.int32]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.crops)

    def shown(self, places: Sequence[int]) -> ClipCrops:
        """Return the frames that are shown, each perhaps twice or never."""
        return ClipCrops(
            [self.crops[place] for place in places],
            [self.matrices[place] for place in places],
            self.frames[places],
            self.pts[places],
            self.other_faces[places],
        )


class ClipReader:
    """Reads the faces of all sources as clips of one size.

    Args:
        sources: Sources by card id.
        stills: Reads the images under a virtual camera, and donors that are stills.
        size: Side of the crops in pixels.
        margin: Side of the crop as a multiple of the longer side of the face box.
        crop: ``fixed`` crops all frames alike; ``follow`` moves the crop with the face.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        stills: FaceReader,
        size: int,
        margin: float,
        crop: Literal["fixed", "follow"],
    ) -> None:
        self._sources = sources
        self._stills = stills
        self._size = size
        self._margin = margin
        self._follows = crop == "follow"
        self._whole: set[tuple[str, str]] = set()

    def of_track(
        self, face: Face, track: Track, places: NDArray[np.int64], jitter: CropJitter
    ) -> ClipCrops:
        """Return the crops of some frames of a track.

        Args:
            face: The face in the index.
            track: Its track, or a window of it.
            places: Positions of the frames in the track, in any order; each may occur again.
            jitter: Drawn shift, scale, rotation and flip of all crops.

        Raises:
            SourceChangedError: The file is gone or differs from the one that was indexed.
            ImageError: A frame cannot be decoded here.
        """
        matrices = self._matrices(track, places, jitter)
        shrink = shrink_for(matrices[0])
        crops: dict[int, FaceCrop] = {}
        at = dict(zip(map(int, places), matrices, strict=True))
        for place, image in self._images(face, track, sorted(at), shrink):
            seen = _seen(track, place, image, shrink)
            crops[place] = cut(face, seen, at[place], self._size, jitter)
        if len(crops) != len(at):
            raise ImageError(f"{_named(face)}: a frame that was indexed is no longer there")
        return ClipCrops(
            [crops[int(place)] for place in places],
            matrices,
            track.frames[places],
            track.pts[places],
            track.other_faces[places],
        )

    def of_still(self, face: Face, motion: CameraMotion, jitter: CropJitter) -> ClipCrops:
        """Return the crops of a still under a moving camera.

        Args:
            face: The face in the index.
            motion: The path of the camera.
            jitter: Drawn shift, scale, rotation and flip of the still crop.

        Raises:
            SourceChangedError, ImageError: See ``FaceReader.crop``.
        """
        still = np.vstack([crop_matrix(face.box, self._margin, self._size, jitter), (0, 0, 1)])
        matrices = [moved @ still for moved in motion.matrices(self._size)]
        shrink = shrink_for(matrices[0])
        seen = Seen(
            self._stills.image(face, shrink),
            shrink,
            face.landmarks,
            face.mesh,
            (face.yaw, face.pitch, face.roll),
        )
        turns = [CropJitter(rotate=jitter.rotate + turn, flip=jitter.flip) for turn in motion.turn]
        crops = [
            cut(face, seen, matrix, self._size, turned)
            for matrix, turned in zip(matrices, turns, strict=True)
        ]
        numbers = np.arange(len(crops), dtype=np.int64)
        return ClipCrops(crops, matrices, numbers, numbers, np.zeros(len(crops), np.int32))

    def _matrices(
        self, track: Track, places: NDArray[np.int64], jitter: CropJitter
    ) -> list[Affine]:
        boxes = track.boxes.astype(np.float64)
        side = float(np.median((boxes[places, 2:] - boxes[places, :2]).max(axis=1)))
        if not self._follows:
            used = boxes[places]
            around = np.concatenate([used[:, :2].min(axis=0), used[:, 2:].max(axis=0)])
            wide = float((around[2:] - around[:2]).max()) * _MOVING
            box = _square((around[:2] + around[2:]) / 2, max(side, wide / self._margin))
            return [crop_matrix(box, self._margin, self._size, jitter)] * len(places)
        centers = gaussian_filter1d((boxes[:, :2] + boxes[:, 2:]) / 2, _CALM, 0, mode="nearest")
        return [
            crop_matrix(_square(centers[place], side), self._margin, self._size, jitter)
            for place in places
        ]

    def _images(
        self, face: Face, track: Track, places: Sequence[int], shrink: int
    ) -> Iterator[tuple[int, Image]]:
        """Yield the images of some frames of a track, in order, with their positions."""
        source = self._sources[face.source]
        if not source.has_files:
            _check_rendered(source, face)
            for place in places:
                image = source.render_frame(face.image_id, int(track.frames[place]))
                yield place, _reduced(image, shrink)
            return
        self._check_file(source, face)
        at = {int(track.pts[place]): place for place in places}
        with source.open(face.path) as file:
            for frame in decode_video(file, min(at)):
                found = at.pop(frame.pts, None)
                if found is not None:
                    _check_size(face, frame.image)
                    yield found, _reduced(frame.image, shrink)
                if not at:
                    return

    def _check_file(self, source: Source, face: Face) -> None:
        """Compare a file with the one that was indexed, once per process."""
        if (face.source, face.path) in self._whole:
            return
        digest = hashlib.sha256()
        try:
            with source.open(face.path) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            raise changed(
                face, f"{_named(face)} is missing; it existed when the source was indexed"
            ) from None
        if digest.hexdigest() != face.sha256:
            raise changed(face, f"{_named(face)} has changed since it was indexed")
        self._whole.add((face.source, face.path))


def _check_rendered(source: Source, face: Face) -> None:
    record = Record(image_id=face.image_id, identity=face.identity, fps=face.fps)
    if clip_digest(source, record) != face.sha256:
        raise changed(face, f"{_named(face)} is now rendered by another version")


def _square(center: NDArray[np.float64], side: float) -> Box:
    return np.concatenate([center - side / 2, center + side / 2]).astype(np.float32)


def _seen(track: Track, place: int, image: Image, shrink: int) -> Seen:
    yaw, pitch, roll = map(float, track.pose[place])
    mesh = None if track.mesh is None else track.mesh[place]
    return Seen(image, shrink, track.landmarks[place], mesh, (yaw, pitch, roll))


def _reduced(image: Image, shrink: int) -> Image:
    return image if shrink == 1 else average_down(image, shrink)


def _check_size(face: Face, image: Image) -> None:
    found = image.shape[1], image.shape[0]
    if found != (face.width, face.height):
        raise ImageError(
            f"{_named(face)} has {found[0]}x{found[1]} pixels here; by the index it has "
            f"{face.width}x{face.height}"
        )


def _named(face: Face) -> str:
    return f"source {face.source!r}: video {face.path or face.image_id!r}"
