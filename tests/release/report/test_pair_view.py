from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from datagen.core.images import size_of
from datagen.release.pairs import ReleasedPair
from datagen.release.reader import Release
from datagen.release.report.pair_view import image_view, points_of
from tests.support.world import World


@pytest.fixture(scope="module")
def pair(world: World, tmp_path_factory: pytest.TempPathFactory) -> ReleasedPair:
    out: Path = tmp_path_factory.mktemp("views") / "out"
    assert world.generate(out, "--inline", "--set", "face.size=256", "--set", "splits.train=6") == 0
    return next(pair for pair in Release(out) if "control" in pair.rows)


def bytes_in(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def test_where_they_fit_the_released_bytes_are_shown(pair: ReleasedPair) -> None:
    view = image_view(pair, 10**6)
    assert view.side is None
    for kind, url in (("real", view.real), ("fake", view.fake), ("control", view.control)):
        assert url is not None
        assert bytes_in(url) == pair.release.bytes_of(pair.rows[kind])
    shown = np.array(Pillow.open(io.BytesIO(bytes_in(view.mask))).convert("RGBA"))
    assert np.array_equal(shown[..., 3], pair.mask)
    assert view.box == "-0.5 -0.5 256 256"
    assert view.real_points.count("M") == view.fake_points.count("M") == 68


def test_where_they_do_not_copies_get_smaller(pair: ReleasedPair) -> None:
    whole = image_view(pair, 10**6)
    small = image_view(pair, whole.size // 2)
    assert small.side in (128, 192)
    assert size_of(bytes_in(small.real)) == (small.side, small.side)
    assert size_of(bytes_in(small.mask)) == (small.side, small.side)
    assert small.real.startswith("data:image/jpeg")
    assert image_view(pair, 1).side == 128  # no smaller


def test_unknown_landmarks_are_no_points() -> None:
    assert points_of({"landmarks": None}) == ""
    assert points_of({"landmarks": [1.0, 2.0, 3.5, 4.0]}) == "M1.0 2.0h0M3.5 4.0h0"
