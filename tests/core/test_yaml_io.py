from __future__ import annotations

import os
from pathlib import Path

import pytest

from datagen.core.yaml_io import MAX_YAML, parse_yaml, read_yaml
from datagen.errors import CardError, RecipeError
from tests.support.ends import ends_soon


def test_reads_a_mapping_in_utf8(tmp_path: Path) -> None:
    path = tmp_path / "größe.yaml"
    path.write_text("a: [1, 2.5, true]\nb: {c: größe}\n", encoding="utf-8")
    assert read_yaml(path, RecipeError) == {"a": [1, 2.5, True], "b": {"c": "größe"}}


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "top:\n  a: 1\n  a: 1\n", "[{a: 1, a: 1}]"])
def test_a_key_given_twice_is_refused_at_any_depth(text: str) -> None:
    with pytest.raises(
        RecipeError, match=r"^here: .*key 'a' is given twice \(line \d, column \d+\)"
    ):
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


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "aliases make it too large"),
        ("s: &s '" + "x" * 60_000 + "'\nl: [" + "*s, " * 1000 + "]", "aliases make it too large"),
        ("a: &a [*a]", "an alias inside of what it stands for"),
        ("a: &a {<<: *a}", "an alias inside of what it stands for"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("a: " + "[" * 50 + "]" * 50, "nested too deeply"),
        ("a: [" + "1," * 100_000 + "]", "too many values"),
        ("a: 0x" + "f" * 200_000, "a number of more than 64 characters"),
        ("a: 1" + ":59" * 60_000, "a number of more than 64 characters"),
        ("a: 0x" + "f" * 30, "a: an integer of more than 64 bits"),
        ("a: 100000000000000000000", "a: an integer of more than 64 bits"),
        ("a: [{b: .inf}]", "a\\[0\\].b: inf is not a finite number"),
        ("a: .nan", "a: nan is not a finite number"),
        (r'a: "b\0c"', r"a: the control character U\+0000"),
        (r'a: "\e[2J"', r"a: the control character U\+001B"),
        (r'a: ["\ud800"]', r"a\[0\]: the surrogate U\+D800"),
        (r'"\ud800": 1', r"the surrogate U\+D800"),
        ("a: " + "x" * 70_000, "a text of 70000 characters"),
        ("a: !!binary aGFs", "a value of type bytes"),
        ("a: !!set {b}", "a value of type set"),
        ('a: !!int ""', "a value is not what its tag says"),
        ("a: !!float ''", "a value is not what its tag says"),
        ("a: !!bool x", "a value is not what its tag says"),
        ("a: !!timestamp x", "a value is not what its tag says"),
        ("!" * 1000, "could not determine a constructor"),
    ],
    ids=range(25),
)
def test_what_would_not_end_or_not_print_is_refused(text: str, why: str) -> None:
    with ends_soon():
        with pytest.raises(RecipeError, match=f"^here: not valid YAML: .*{why}") as caught:
            parse_yaml(text, "here", RecipeError)
        assert len(str(caught.value)) < 300


def test_a_long_file_and_a_pipe_are_not_read(tmp_path: Path) -> None:
    long, pipe = tmp_path / "long.yaml", tmp_path / "pipe.yaml"
    long.write_text("#" * (MAX_YAML + 1))
    os.mkfifo(pipe)
    with pytest.raises(CardError, match=r"long.yaml: 262145 bytes are too long"):
        read_yaml(long, CardError)
    with pytest.raises(CardError, match=r"pipe.yaml: not a regular file"):
        read_yaml(pipe, CardError)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000])
def test_a_name_that_no_file_can_have_is_no_traceback(tmp_path: Path, name: str) -> None:
    with pytest.raises(CardError):
        read_yaml(tmp_path / name, CardError)


@pytest.mark.parametrize(
    "text",
    ["user: hunter2\n pass: [", "[default]\nkey = hunter2", "machine x: y: hunter2", "%hunter2"],
)
def test_a_message_never_quotes_the_file(text: str) -> None:
    with pytest.raises(CardError) as caught:
        parse_yaml(text, "here", CardError)
    assert "hunter2" not in str(caught.value)
