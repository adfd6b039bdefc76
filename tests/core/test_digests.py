from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.core.digests import canonical_json, digest_of, sha256_bytes, sha256_file
from datagen.core.rng import rng


def test_canonical_json_is_sorted_short_and_unicode() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": {"y": True, "x": "größe"}}) == (
        '{"a":{"x":"größe","y":true},"b":[1,2.5,null]}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": [value]})


@pytest.mark.parametrize("value", [{1, 2}, b"x", np.float32(1), np.array([1]), Path("x"), object()])
def test_unknown_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical_json([value])


def test_digests() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_bytes(b"") == empty
    assert sha256_bytes(memoryview(b"abc")) == hashlib.sha256(b"abc").hexdigest()
    assert digest_of({"b": 1, "a": 2}) == digest_of({"a": 2, "b": 1})
    assert digest_of({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of("1") != digest_of(1)


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    data = rng("file").bytes(3 * 2**20 + 17)
    path = tmp_path / "x"
    path.write_bytes(data)
    assert sha256_file(path) == sha256_bytes(data)
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "gone")
