from __future__ import annotations

import numpy as np
import pytest

from datagen.core.arrays import Image
from datagen.degradations.base import warp
from datagen.degradations.ops.print import dot_screens, grain_screens, paper, separate
from datagen.degradations.print_scan import PrintScan, PrintScanParams
from datagen.errors import RecipeError
from tests.support.faces_made import made_face

FACE = made_face(1, 128).image


def drawn(**options: object) -> tuple[PrintScan, PrintScanParams]:
    built = PrintScan.build(options)
    return built, built.sample(np.random.Generator(np.random.Philox(4)), (128, 128))


@pytest.mark.parametrize("level", [40, 128, 210])
def test_dots_and_grain_keep_tones(level: int) -> None:
    gray: Image = np.full((160, 160, 3), level, np.uint8)
    inks = separate(gray, 0.0)
    for screens in (dot_screens((160, 160), 4.3, 0.0), grain_screens((160, 160), 4.3, 1)):
        even, broken = screens.ink(inks, 0.0), screens.ink(inks, 1.0)
        assert abs(broken.mean() - even.mean()) < 12
        assert broken.std() > 5 * (even.std() + 0.5)


@pytest.mark.parametrize("process", ["halftone", "inkjet"])
def test_every_level_of_a_screen_is_equally_frequent(process: str) -> None:
    shape = (256, 256)
    screens = dot_screens(shape, 4.3, 1) if process == "halftone" else grain_screens(shape, 4.3, 1)
    for plane in (screens.colors[:, :, 0], screens.black):
        shares = np.histogram(plane, bins=8, range=(0, 256))[0] / plane.size
        assert np.abs(shares - 1 / 8).max() < 0.03


def test_dots_lie_at_the_angle_of_their_ink_and_as_far_apart_as_asked() -> None:
    screens = dot_screens((256, 256), 8.0, 0.0)
    for channel, angle in enumerate((15, 75)):
        spectrum = np.abs(np.fft.fft2(screens.colors[:, :, channel] - 127.5))
        y, x = np.unravel_index(int(spectrum[:128, :128].argmax()), (128, 128))
        assert np.hypot(x, y) == pytest.approx(256 / 8, abs=1)
        assert np.degrees(np.arctan2(y, x)) == pytest.approx(angle, abs=2)


def test_drops_are_spread_without_what_is_coarser_than_they() -> None:
    plane = grain_screens((256, 256), 3.0, 1).black.astype(float)
    spectrum = np.abs(np.fft.fft2(plane - plane.mean())) ** 2
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    coarse, own = distance < 1 / 24, (distance > 1 / 8) & (distance < 1 / 3)
    assert spectrum[coarse].mean() < 0.1 * spectrum[own].mean()


def test_black_ink_takes_the_place_of_equal_colors() -> None:
    dark: Image = np.full((4, 4, 3), 60, np.uint8)
    red: Image = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    assert separate(dark, 0.0).black.min() > 100
    assert separate(red, 0.0).black.max() == 0
    assert separate(red, 0.0).colors[0, 0].tolist() == [0, 255, 255]


def test_gain_darkens_mid_tones_and_neither_end() -> None:
    ramp: Image = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    more = separate(ramp, 0.2).colors[0, :, 0].astype(int) - separate(ramp, 0.0).colors[0, :, 0]
    assert more[255] == 0
    assert more.min() >= 0
    assert more[100:200].min() > 10


def test_paper_is_warm_and_has_the_grain_that_was_asked_for() -> None:
    sheet = paper((200, 200), 6.0, 0.12, 1)
    red, green, blue = sheet.mean(axis=(0, 1))
    assert red > green > blue
    assert blue == pytest.approx(0.88, abs=0.01)
    assert 255 * sheet[:, :, 0].std() == pytest.approx(6, rel=0.3)
    assert np.all(paper((50, 40), 0.0, 0.0, 1) == 1)


def test_dots_finer_than_the_scan_are_as_fine_as_it_shows() -> None:
    assert drawn(dots=600)[1].period == 1.5
    assert drawn(dots=40, processes=["halftone"])[1].period == pytest.approx(3.2)
    assert drawn(dots=40, processes=["inkjet"])[1].period == pytest.approx(1.6)


def test_the_print_still_fills_the_frame() -> None:
    built, params = drawn(turn=8, tilt=0.05)
    full = np.full((128, 128), 255, np.uint8)
    assert (warp(full, built.homography(params, (128, 128))) == 255).all()


def test_sharpening_overshoots_at_edges() -> None:
    still = {"hardness": 0, "texture": 0, "gain": 0, "turn": 0, "tilt": 0, "blur": 0.01}
    contrasts = []
    for amount in (0, 2):
        built, params = drawn(**still, sharpen=amount)
        contrasts.append(float(built.apply(FACE, params).std()))
    assert contrasts[1] > contrasts[0] + 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"dots": [10, 50]}, "dots: must be a range within 40 and 600"),
        ({"hardness": 1.5}, "hardness: must be a range within 0 and 1"),
        ({"processes": []}, "processes: must have at least one"),
        ({"processes": ["laser"]}, "processes"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        PrintScan.build(options)
