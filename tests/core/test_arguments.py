from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datagen.core import arguments
from datagen.errors import RecipeError, UserError


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number(value: object) -> None:
    assert arguments.whole(value, "batch", 1) == 3
    assert type(arguments.whole(value, "batch", 1)) is int
    assert arguments.maybe_whole(None, "batch", 1) is None


@pytest.mark.parametrize("value", [0, -1, 2.0, True, np.bool_(True), "3", None, [3], float("nan")])
def test_no_whole_number(value: object) -> None:
    with pytest.raises(
        UserError, match=r"batch: must be a whole number of at least 1 \(found "
    ) as e:
        arguments.whole(value, "batch", 1)
    assert e.value.key == "batch"


def test_numbers_flags_and_texts() -> None:
    assert arguments.number(np.float32(0.5), "threshold", 0, 1) == 0.5
    assert arguments.flag(np.bool_(False), "inline") is False
    assert arguments.text("a", "split") == "a"
    assert arguments.maybe_text(None, "address") is None
    for value in (float("nan"), "0.5", None, True, 2, [0.5]):
        with pytest.raises(UserError, match="threshold: must be a number from 0 to 1"):
            arguments.number(value, "threshold", 0, 1)
    for other in ("no", 0, 1, None, bool):
        with pytest.raises(UserError, match="inline: must be True or False"):
            arguments.flag(other, "inline")
    with pytest.raises(RecipeError, match=r"split: must be a text, e\.g\. 'test' \(found list\)"):
        arguments.text(["test"], "split", "'test'", RecipeError)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("train", ["train"]),
        (["train", "val"], ["train", "val"]),
        (("train",), ["train"]),
        (pd.Series(["train"]), ["train"]),
        (np.array(["train"]), ["train"]),
        ({"train": 1}.keys(), ["train"]),
    ],
)
def test_one_text_or_several(value: Any, expected: list[str]) -> None:
    assert arguments.text_or_texts(value, "split") == expected


@pytest.mark.parametrize("value", [1, None, [1], {"train": 1}, b"train", [["train"]]])
def test_no_texts(value: Any) -> None:
    with pytest.raises(UserError, match="split: must be a text or a list of texts"):
        arguments.text_or_texts(value, "split")


def test_paths_and_mappings() -> None:
    assert arguments.paths("a.py", "plugins") == [Path("a.py")]
    assert arguments.paths([Path("a.py"), "b.py"], "plugins") == [Path("a.py"), Path("b.py")]
    with pytest.raises(UserError, match="plugins: must be a path or a list of paths"):
        arguments.paths([5], "plugins")
    assert arguments.maybe_mapping(None, "where", "{}") == {}
    for value in ("a", [1], {5: 3}):
        with pytest.raises(UserError, match="where: "):
            arguments.maybe_mapping(value, "where", "{}")


def test_only_short_values_are_shown() -> None:
    assert arguments.found("x" * 500) == f"found '{'x' * 56}..."
    assert arguments.found(pd.DataFrame()) == "found DataFrame"
