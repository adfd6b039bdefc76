from __future__ import annotations

import cv2
import numpy as np
import pytest

from datagen.detectors.baseline.features import SMALLEST, feature_count, features_of
from datagen.sources.procedural import render


@pytest.mark.parametrize("side", [SMALLEST, 37, 128])
def test_features_are_finite_and_of_one_length(side: int) -> None:
    for image in (np.zeros((side, side, 3), np.uint8), render(1, 1, 0, side).image):
        row = features_of(image)
        assert row.shape == (feature_count(),)
        assert row.dtype == np.float32
        assert np.isfinite(row).all()
    with pytest.raises(ValueError, match="expected sides of at least"):
        features_of(np.zeros((SMALLEST - 1, 90, 3), np.uint8))


def test_a_smoothed_middle_moves_the_relative_features_more_than_a_smoothed_image() -> None:
    """The last 63 features are the middle's DCT less that around it."""
    image = render(1, 1, 0, 256).image
    noise = np.random.default_rng(1).normal(0, 6, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    smooth = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.uint8)
    pasted = image.copy()
    pasted[64:192, 64:192] = smooth[64:192, 64:192]
    own, whole, part = (features_of(one)[-63:] for one in (image, smooth, pasted))
    assert np.abs(part - own).mean() > 5 * np.abs(whole - own).mean()
