from __future__ import annotations

import pytest

from datagen.core.addresses import problem_of_address


@pytest.mark.parametrize(
    "address",
    [
        *("s3://b/x", "/data/x", "../x", "https://h/x", "", "C:/x", "a:b"),
        *("/data/a::b", "./zip::x", "faces::2024/zip::x", "../simplecache::x"),
    ],
)
def test_storage_and_paths_are_fine(address: str) -> None:
    assert problem_of_address(address) == ""


@pytest.mark.parametrize(
    "address",
    ["zip::/x", "reference::/x.json", "file::/etc", "simplecache::x",
     "reference::http://h/x.json", "simplecache::s3://b/x", "reference://x", "zip://a::/x.zip",
     "github://o:r@/x", "jupyter://h/x", "/data::reference://x", "dir::file:///etc", "data://x"],
)  # fmt: skip
def test_what_interprets_is_refused(address: str) -> None:
    assert problem_of_address(address)
