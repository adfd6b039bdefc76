from __future__ import annotations

import pytest

from datagen.core.media import SUFFIXES, suffix_of


def test_each_media_type_has_one_suffix() -> None:
    assert [suffix_of(media_type) for media_type in SUFFIXES] == [
        "jpg",
        "png",
        "webp",
        "mp4",
        "mkv",
    ]


@pytest.mark.parametrize(
    "media_type", ["", "image/jpg", "IMAGE/PNG", "image/bashrc", "image/svg+xml", "x" * 10_000]
)
def test_others_are_refused_in_a_short_message(media_type: str) -> None:
    with pytest.raises(ValueError, match="allowed are image/jpeg, image/png, image/webp") as error:
        suffix_of(media_type)
    assert len(str(error.value)) < 200
