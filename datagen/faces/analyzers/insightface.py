"""Analyzer ``insightface``: detector, 68 landmarks in 3-D and ArcFace embedding of a model pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.core.digests import digest_of, sha256_file
from datagen.errors import WeightsError
from datagen.faces.analyzers.base import Analyzer, Detection
from datagen.faces.geometry.pose import angles
from datagen.sources.base import Record
from datagen.weights.insightface.library import (
    check_pack,
    load_insightface,
    quiet,
    without_deprecations,
)
from datagen.weights.insightface.license import pack_license
from datagen.weights.store import weight_store

__all__ = ["InsightFace"]

_TASKS = ("detection", "landmark_3d_68", "recognition")
_DETECTOR_SIZE = (640, 640)
_THRESHOLD = 0.5

# The library's z grows toward the camera, ours away from it.
_FLIP = np.diag([1.0, 1.0, -1.0])


class InsightFace(Analyzer):
    """``FaceAnalysis`` of insightface on one CPU thread; never downloads.

    Args:
        pack: Name of the folder of ``.onnx`` files, in ``DATAGEN_WEIGHTS`` or its ``models``
            subfolder.
    """

    name: ClassVar[str] = "insightface"
    weights: ClassVar[tuple[str, ...]] = ("insightface_buffalo_l",)
    gives_embedding: ClassVar[bool] = True

    def __init__(self, pack: str = "buffalo_l") -> None:
        self._pack = pack
        self._version = ""
        self._library: Any = None

    @property
    def version(self) -> str:
        """See base class; reads the whole pack once.

        Raises:
            WeightsError: The pack is missing.
        """
        if not self._version:
            files = {path.name: sha256_file(path) for path in _onnx_files(self._folder())}
            self._version = f"insightface-1-{digest_of(files)[:16]}"
        return self._version

    def open(self) -> None:
        """See base class."""
        folder = self._folder()
        insightface = load_insightface("analyzer 'insightface'")
        self._check_license(folder)
        options = insightface.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # its warnings quote names of the files as they are
        try:
            check_pack(folder)
            with quiet():
                library = insightface.analysis(
                    name=str(folder),
                    allowed_modules=list(_TASKS),
                    providers=["CPUExecutionProvider"],
                    sess_options=options,
                )
        except insightface.broken as error:
            reason = str(error) or "it contains no detector"
            raise WeightsError(
                f"{folder}: insightface cannot load this model pack: {reason}. Unpack it again"
            ) from None
        self._check_tasks(folder, library)
        with quiet():
            library.prepare(ctx_id=0, det_thresh=_THRESHOLD, det_size=_DETECTOR_SIZE)
        self._library = library

    def analyze(self, image: Image, record: Record) -> list[Detection]:
        """See base class."""
        with without_deprecations():
            found = self._library.get(np.ascontiguousarray(image[:, :, ::-1]))
        detections = [
            Detection(
                landmarks=np.ascontiguousarray(face.landmark_3d_68[:, :2], np.float32),
                pose=_pose(face.pose),
                box=np.asarray(face.bbox, np.float32),
                embedding=np.asarray(face.normed_embedding, np.float32),
            )
            for face in found
        ]
        return sorted(detections, key=_place)

    def _folder(self) -> Path:
        top = weight_store().folder
        for folder in (top / "models" / self._pack, top / self._pack):
            if _onnx_files(folder):
                return folder.resolve()
        card = weight_store().card(self.weights[0])
        raise WeightsError(
            f"the insightface model pack {self._pack!r} was not found: expected "
            f"{top}/models/{self._pack}/*.onnx. License: {card.license} (non-commercial research "
            f"only). It is not downloaded automatically: read its terms at {card.homepage}, "
            f"download {self._pack}.zip there and unpack it into that folder"
        )

    def _check_license(self, folder: Path) -> None:
        """Refuse a pack whose license file does not verify; most packs have none."""
        if problem := pack_license(folder).problem:
            raise WeightsError(f"{folder}: the license file of this pack is not valid: {problem}")

    def _check_tasks(self, folder: Path, library: Any) -> None:
        missing = [task for task in _TASKS if task not in library.models]
        if missing:
            names = ", ".join(path.name for path in _onnx_files(folder))
            raise WeightsError(
                f"{folder} has no network for {', '.join(missing)} (found {names}). Use a complete "
                "pack such as buffalo_l"
            )


def _onnx_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.onnx"))


def _place(detection: Detection) -> tuple[float, ...]:
    return () if detection.box is None else tuple(detection.box.tolist())


def _pose(stated: NDArray[np.float32]) -> tuple[float, float, float]:
    """Turn the library's degrees about x, y, z (in that order) into ours."""
    x, y, z = np.radians(np.asarray(stated, np.float64))
    about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    rotation = np.array(about_z) @ np.array(about_y) @ np.array(about_x)
    return angles(_FLIP @ rotation @ _FLIP)
