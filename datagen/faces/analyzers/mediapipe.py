"""Analyzer ``mediapipe``: Google's Face Landmarker, whose 478 points include the 68 of 300-W."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from datagen.core.arrays import Image
from datagen.errors import MissingExtraError
from datagen.faces.analyzers.base import Analyzer, Detection
from datagen.faces.geometry.pose import angles
from datagen.sources.base import Record
from datagen.weights.store import weight_store

__all__ = ["MESH_TO_68", "MediaPipe"]

# The mesh has no jaw line: landmarks 0-16 are the nearest points of its outline.
MESH_TO_68 = np.concatenate(
    [
        [127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356],
        [70, 63, 105, 66, 107, 336, 296, 334, 293, 300],
        [168, 197, 5, 4, 75, 97, 2, 326, 305],
        [33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],
        [61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87],
    ]
)

# MediaPipe's camera looks along -z with y up; ours along +z with y down.
_FLIP = np.diag([1.0, -1.0, -1.0])

# MediaPipe measures from the edges of pixels, this package from their centers.
_HALF_PIXEL = np.array([0.5, 0.5, 0.0], np.float32)

# Faces looked for in one image.
_MAX_FACES = 16


class MediaPipe(Analyzer):
    """Face Landmarker in image mode on one CPU thread."""

    name: ClassVar[str] = "mediapipe"
    weights: ClassVar[tuple[str, ...]] = ("mediapipe_face_landmarker",)
    gives_mesh: ClassVar[bool] = True

    def __init__(self) -> None:
        self._task: Any = None
        self._library: Any = None

    @property
    def version(self) -> str:
        """See base class."""
        return f"mediapipe-1-{weight_store().card(self.weights[0]).sha256[:16]}"

    def open(self) -> None:
        """See base class."""
        try:
            import mediapipe
            from mediapipe.tasks.python import vision
        except ImportError:
            raise MissingExtraError("mediapipe", "mediapipe", "analyzer 'mediapipe'") from None
        model = weight_store().fetch(weight_store().card(self.weights[0]))
        self._library = mediapipe
        options = vision.FaceLandmarkerOptions(
            base_options=_silent_options(str(model)),
            num_faces=_MAX_FACES,
            output_facial_transformation_matrixes=True,
        )
        with _quiet():
            self._task = vision.FaceLandmarker.create_from_options(options)
            self._task.detect(self._image(np.zeros((64, 64, 3), np.uint8)))
        # It must be closed before concurrent.futures shuts down: its calls run in a thread pool,
        # and atexit callbacks run after all pools have ended.
        close = weakref.WeakMethod(self._task.close)
        threading._register_atexit(_call, os.getpid(), close)  # type: ignore[attr-defined]

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """See base class."""
        height, width = image.shape[:2]
        found = self._task.detect(self._image(image))
        scale = np.array([width, height, width], np.float32)
        detections = []
        for points, matrix in zip(
            found.face_landmarks, found.facial_transformation_matrixes, strict=True
        ):
            unit = np.array([[p.x, p.y, p.z] for p in points], np.float32)
            mesh = unit * scale - _HALF_PIXEL
            rotation = _FLIP @ np.asarray(matrix, np.float64)[:3, :3] @ _FLIP
            landmarks = np.ascontiguousarray(mesh[MESH_TO_68, :2])
            detections.append(Detection(landmarks, angles(rotation), mesh))
        return detections

    def _image(self, image: Image) -> Any:
        return self._library.Image(image_format=self._library.ImageFormat.SRGB, data=image)


def _silent_options(model: str) -> Any:
    """Return options with which the library cannot tell its makers that it was used.

    It sends counts and times of its calls to play.googleapis.com, and has no option against it.
    Where it trusts no certificate, it ends the connection before it sends any of that.
    """
    from mediapipe.tasks.python import BaseOptions

    class Silent(BaseOptions):  # type: ignore[misc]
        def to_ctypes(self) -> Any:
            options = super().to_ctypes()
            options.ca_bundle_path = os.devnull.encode()
            return options

    return Silent(model_asset_path=model)


def _call(owner: int, reference: Callable[[], Callable[[], None] | None]) -> None:
    close = reference()
    # A forked process, such as a loader's worker, inherits the call and not the thread pool.
    if close is not None and os.getpid() == owner:
        close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the start-up messages of native libraries off the terminal."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
