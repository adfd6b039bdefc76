from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datagen.core.digests import canonical_json, digest_of, rng, sha256_bytes, sha256_file

NAMES = st.lists(st.one_of(st.integers(-(10**9), 10**9), st.text("abc:/0", max_size=4)), max_size=4)


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


def test_a_stream_is_what_it_was() -> None:
    # If this fails, no old recipe gives its old data.
    assert rng(2026, "train", 0, "method").integers(0, 2**32, 4).tolist() == [
        755967276,
        872675989,
        1110242952,
        3026638339,
    ]
    assert rng("x").random(2).tolist() == [0.1529815291417025, 0.4528692078410459]
    assert rng("x").permutation(8).tolist() == [7, 2, 1, 4, 3, 5, 0, 6]


@given(NAMES)
def test_the_same_name_gives_the_same_stream(name: list[str | int]) -> None:
    np.testing.assert_array_equal(rng(*name).random(5), rng(*name).random(5))


@given(NAMES, NAMES)
def test_other_names_give_other_streams(one: list[str | int], other: list[str | int]) -> None:
    same = list(map(str, one)) == list(map(str, other)) or (one, other) in (([], [""]), ([""], []))
    assert (rng(*one).random(3).tolist() == rng(*other).random(3).tolist()) is same


def test_parts_do_not_run_together() -> None:
    first = {float(rng(*name).random()) for name in (("ab", "c"), ("a", "bc"), ("abc",), (1, 23))}
    assert len(first | {float(rng(12, 3).random())}) == 5


def test_draws_in_one_stream_move_no_other() -> None:
    first, second = rng("one"), rng("two")
    first.random(1000)
    assert second.random() == rng("two").random()


def test_neighboring_streams_do_not_correlate() -> None:
    draws = np.stack([rng(7, "train", number, "donor").random(200) for number in range(200)])
    between = np.asarray(np.corrcoef(draws))[np.triu_indices(200, 1)]
    assert np.abs(between).max() < 0.35
    assert abs(float(between.mean())) < 0.005
    assert abs(float(draws[:, 0].mean()) - 0.5) < 0.07
    assert len(np.unique(draws)) == draws.size
