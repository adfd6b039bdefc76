from __future__ import annotations

import pytest

from datagen.video.libraries import encoder_name, frame_types, repeatable

pytest.importorskip("av")


def test_forced_types_close_every_group_with_a_predicted_frame() -> None:
    assert frame_types("h265", 14, 12) == "IBBBPBBBPBBPIP"
    assert frame_types("h265", 7, 250) == "IBBBPBP"
    assert frame_types("h265", 3, 1) == "III"
    assert frame_types("h265", 0, 5) == ""
    assert frame_types("h264", 14, 12) == ""


def test_groups_are_closed_and_fixed_for_both_libraries() -> None:
    for codec, library in (("h264", "x264"), ("h265", "x265")):
        options = repeatable(codec, 12, "vbv-maxrate=9")
        for part in ("scenecut=0", "b-adapt=0", "open-gop=0", "keyint=12", "vbv-maxrate=9"):
            assert part in options[f"{library}-params"].split(":")


def test_encoders_are_named_with_build_and_version() -> None:
    assert encoder_name("h264").startswith("libx264 core 1")
    assert "libavcodec" in encoder_name("h265")
    assert encoder_name("png").startswith("opencv ")
