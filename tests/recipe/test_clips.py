from __future__ import annotations

from typing import Any

import pytest

from datagen.core.schema import parse
from datagen.errors import RecipeError
from datagen.recipe import RecipeSpec
from datagen.recipe.clips import ClipEncode
from tests.planning.made import RECIPE


def spec(**changes: Any) -> RecipeSpec:
    return parse(RecipeSpec, {**RECIPE, **changes}, "r.yaml", RecipeError)


def test_a_clip_is_encoded_as_mp4_unless_the_recipe_says_otherwise() -> None:
    made = spec(clip={})
    assert made.clip is not None
    assert (made.clip.frames, made.clip.stride, made.clip.span) == (32, 1, 32)
    assert isinstance(made.encode, ClipEncode)
    assert made.encode.format == "mp4"
    assert spec(clip={"frames": 10, "stride": 3}).clip.span == 28  # type: ignore[union-attr]
    lossless = spec(clip={}, encode={"codec": "ffv1"}).encode
    assert (lossless.format, lossless.codec) == ("mkv", ("ffv1",))  # type: ignore[union-attr]


DONOR = [{"use": "landmark_swap", "share": 1, "donor": {"frames": "in_order"}}]
MOTION = [{"use": "landmark_swap", "share": 1, "donor": {"strategy": "nearest_motion"}}]
CAMERA = [{"card": "faces.yaml", "camera": {}}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encode": {"format": "mp4"}}, "encode: holds clips: add 'clip: {frames: 32}'"),
        ({"clip": {}, "encode": {"format": "jpeg"}}, "encode: jpeg holds images"),
        ({"clip": {}, "encode": {"crf": [10, 60]}}, "encode.crf: must be a range within 0 and 51"),
        ({"clip": {}, "encode": {"gop": 0}}, "encode.gop: must be a range within 1 and 600"),
        ({"clip": {}, "encode": {"codec": "h266"}}, "encode.codec[0]: must be 'h264', 'h265'"),
        ({"clip": {}, "encode": {"codec": []}}, "encode.codec: must have at least one"),
        ({"clip": {}, "encode": {"codec": ["h264", "ffv1"]}}, "encode.codec: mp4 holds h264 or"),
        ({"clip": {}, "encode": {"format": "frames", "crf": 3}}, "encode.crf: frames is lossless"),
        ({"clip": {}, "encode": {"format": "mp4", "quality": 3}}, "encode.quality: unknown key"),
        ({"clip": {"frame": 3}}, "clip.frame: unknown key. Did you mean 'frames'?"),
        ({"clip": {"frames": 1}}, "clip.frames: must be greater than or equal to 2"),
        ({"clip": {"frames": 513}}, "clip.frames: must be less than or equal to 512"),
        ({"clip": {}, "face": {"analyzer": "given", "size": 95}}, "face.size: must be even"),
        (
            {"clip": {"frames": 512}, "face": {"analyzer": "given", "size": 512}},
            "clip.frames: 512 frames of 512 pixels a side",
        ),
        ({"sources": CAMERA}, "sources[0].camera: moves over clips"),
        ({"methods": DONOR}, "methods[0].donor.frames: is for clips"),
        ({"methods": MOTION}, "methods[0].donor.strategy: nearest_motion is for clips"),
    ],
)
def test_what_does_not_go_together_is_told_with_its_key(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        spec(**changes)
    assert words in str(caught.value)
