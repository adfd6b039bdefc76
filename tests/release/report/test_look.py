from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from datagen.core.images import read_gray, read_rgb
from datagen.release.reader import Release
from datagen.release.report.look import look_at, luma_figures
from tests.support.world import World


def bytes_in(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def test_a_sheet_has_real_fake_and_mask_and_the_mean_mask_its_peak(
    world: World, tmp_path: Path
) -> None:
    assert world.generate(tmp_path / "out", "--inline", "--set", "splits.train=12") == 0
    release = Release(tmp_path / "out")
    look = look_at(release.pairs(split="train"))
    assert look.pairs == 12
    assert list(look.sheets) == ["landmark_swap", "self_blend"]
    assert len(look.brightness["real"]) == len(look.sharpness["fake"]) == 12
    for method, sheet in look.sheets.items():
        masks = [pair.mask for pair in release.pairs(split="train", method=method)]
        assert sheet.masks == len(masks)
        assert read_rgb(bytes_in(sheet.url)).shape == (3 * 120, 120 * sheet.columns, 3)
        mean = np.mean(masks, axis=0)
        assert sheet.peak == pytest.approx(100 * mean.max() / 255, abs=3)
        assert read_gray(bytes_in(sheet.mean_mask)).max() == 255


def test_of_clips_middle_frames_are_looked_at(clip_release: Path) -> None:
    release = Release(clip_release)
    look = look_at(release)
    pair = next(iter(release))
    assert look.brightness["real"][0] == luma_figures(pair.real[2])[0]
    assert sum(sheet.masks for sheet in look.sheets.values()) == 8


def test_a_flat_image_is_as_bright_as_it_is_and_not_sharp() -> None:
    flat = np.full((8, 8, 3), 90, np.uint8)
    assert luma_figures(flat) == (90.0, 0.0)
    noisy = np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8)
    assert luma_figures(noisy)[1] > 10
