from __future__ import annotations

from pathlib import Path

import pytest

from datagen.core.yaml_io import parse_yaml, read_yaml
from datagen.errors import CardError, RecipeError


def test_reads_a_mapping_in_utf8(tmp_path: Path) -> None:
    path = tmp_path / "größe.yaml"
    path.write_text("a: [1, 2.5, true]\nb: {c: größe}\n", encoding="utf-8")
    assert read_yaml(path, RecipeError) == {"a": [1, 2.5, True], "b": {"c": "größe"}}


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "top:\n  a: 1\n  a: 1\n", "[{a: 1, a: 1}]"])
def test_a_key_given_twice_is_refused_at_any_depth(text: str) -> None:
    with pytest.raises(RecipeError, match=r"^here: .*key 'a' is given twice \(line \d\)"):
        parse_yaml(text, "here", RecipeError)


def test_the_same_key_in_two_mappings_is_fine() -> None:
    assert parse_yaml("a: {k: 1}\nb: {k: 1}\n", "here", RecipeError) == {
        "a": {"k": 1},
        "b": {"k": 1},
    }


def test_merge_keys_work_and_are_overridden() -> None:
    text = "base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\n"
    assert parse_yaml(text, "here", RecipeError)["mine"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "a: b: c",
        "{{name}}: 1",
        "? [a]\n: 1",
        "day: 2026-02-30",
        "a: !!python/object/apply:os.system ['true']",
        "a: \x00",
    ],
)
def test_what_is_not_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(CardError, match=r"^here: not valid YAML"):
        parse_yaml(text, "here", CardError)


@pytest.mark.parametrize("text", ["", "- 1", "word", "3"])
def test_a_file_must_hold_a_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(CardError, match=r"x\.yaml: .*expected keys and values"):
        read_yaml(path, CardError)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    for name, why in (
        ("gone.yaml", "no such file"),
        (".", "is a folder"),
        ("latin.yaml", "cannot"),
    ):
        path = tmp_path / name
        with pytest.raises(RecipeError) as caught:
            read_yaml(path, RecipeError)
        assert f"{path}: {why}" in str(caught.value)
