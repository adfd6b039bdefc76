from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datagen.core.digests import sha256_bytes
from datagen.detectors.shards import _encoded
from datagen.release.folder import Folder
from tests.core.image_headers.made import saved, slopes


def row_of(folder: Path, data: bytes, media_type: str) -> dict[str, Any]:
    (folder / "media").mkdir(exist_ok=True)
    (folder / "media" / "test-000000.tar").write_bytes(bytes(512) + data)
    return {
        "sample_id": "a-real",
        "media_type": media_type,
        "media_path": "media/test-000000.tar",
        "media_offset": 512,
        "media_size": len(data),
        "sha256": sha256_bytes(data),
        "width": 57,
        "height": 40,
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (saved("EPS"), "it begins like PostScript"),
        (saved("TIFF"), "is a TIFF, expected JPEG"),
        (saved("JPEG", slopes(9, 9)), "is not 57x40 pixels"),
        (saved("PNG"), "is a PNG, expected JPEG"),
        (b"", "not"),
    ],
)
def test_what_is_not_the_image_of_its_row_reaches_no_detector(
    tmp_path: Path, data: bytes, words: str
) -> None:
    found = _encoded(Folder(str(tmp_path)), row_of(tmp_path, data, "image/jpeg"))
    assert found.data is None
    assert words in found.problem


def test_the_image_of_a_row_does(tmp_path: Path) -> None:
    data = saved("JPEG")
    found = _encoded(Folder(str(tmp_path)), row_of(tmp_path, data, "image/jpeg"))
    assert (found.data, found.suffix, found.problem) == (data, "jpg", "")
