from __future__ import annotations

import pytest

from tests.support.assets import weights

from .measures import benchmark


def test_same_person_is_nearer_than_another() -> None:
    assert benchmark().closer_share(24) > 0.97


@pytest.mark.photos
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_landmark_model_reads_the_faces() -> None:
    path = weights("face_landmarker.task")
    pytest.importorskip("mediapipe")
    figures = benchmark().measure(path, 60)
    assert figures.found >= 0.97
    assert figures.error <= 0.06
