from __future__ import annotations

import pytest

from datagen.errors import CardError
from datagen.rights import license_of
from datagen.rights.spdx import spdx_of


@pytest.mark.parametrize(
    ("written", "id_"),
    [
        ("CC BY 2.0", "CC-BY-2.0"),
        ("CCBY2.0", "CC-BY-2.0"),
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0"),
        ("cc by nc nd 3.0", "CC-BY-NC-ND-3.0"),
        ("https://creativecommons.org/licenses/by-nc/2.0/", "CC-BY-NC-2.0"),
        ("Creative Commons Attribution-ShareAlike 3.0 Unported", "CC-BY-SA-3.0"),
        ("Attribution-NonCommercial 2.0", "CC-BY-NC-2.0"),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("Public Domain Mark", "LicenseRef-PDM"),
        ("CC BY", "CC-BY with its version, such as CC-BY-4.0"),
        ("Attribution License", "CC-BY with its version, such as CC-BY-4.0"),
        ("All rights reserved", ""),
        ("None", ""),
        ("", ""),
    ],
)
def test_what_is_meant(written: str, id_: str) -> None:
    assert spdx_of(written) == id_
    if " " not in id_ and id_:
        assert license_of(id_).research


def test_the_error_says_the_id() -> None:
    with pytest.raises(CardError, match=r"licenses/by/2.0/' is not an SPDX .*\. Write CC-BY-2.0$"):
        license_of("https://creativecommons.org/licenses/by/2.0/")
