from __future__ import annotations

from pathlib import Path

import pytest

from datagen.core.text import RENAMED_OPTIONS, counted, first_of, near, reason, renamed


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("sexx", " Did you mean 'sex'?"),
        ("zzz", ""),
        ("ag", " Did you mean 'age'?"),
    ],
)
def test_near(name: str, hint: str) -> None:
    assert near(name, ["age", "sex", "identity"]) == hint


def test_near_gives_more_than_one() -> None:
    assert near("clean", ["clear", "cleans"]) == " Did you mean 'cleans' or 'clear'?"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("licence", "license"),
        ("licences", "licenses"),
        ("analyser", "analyzer"),
        ("colour", "color"),
        ("lip_colour", "lip_color"),
        ("grey", "gray"),
        ("choose", "strategy"),
        ("same", "match"),
        ("of", "pool_size"),
        ("else", "fallback"),
        ("people", "identities"),
        ("pictures", "images_per_identity"),
        ("picture", "image"),
        ("probe", "baseline"),
    ],
)
def test_an_old_name_gets_the_new_one_where_it_is_allowed(old: str, new: str) -> None:
    assert renamed(old, ["other", new]) == new
    assert near(old, ["other", new]) == f" It is now called {new!r}."
    assert renamed(old, ["other"]) is None


def test_an_old_key_that_several_replaced_gets_the_one_that_is_allowed() -> None:
    assert renamed("most", ["parts", "max_edits"]) == "max_edits"


@pytest.mark.parametrize(("old", "new"), RENAMED_OPTIONS.items())
def test_an_old_option_gets_the_new_one(
    old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from datagen.cli.main import run

    assert run(["train", "recipe.yaml", f"{old}=3"]) == 2
    assert f"the option {old} is now called {new}" in " ".join(capsys.readouterr().err.split())


def test_a_name_that_was_not_renamed_has_no_new_one() -> None:
    assert renamed("license", ["license"]) is None


def test_counted() -> None:
    assert counted(1, "image") == "1 image"
    assert counted(0, "image") == "0 images"
    assert counted(2, "identity", "identities") == "2 identities"


def test_a_reason_has_no_numbers_of_errors(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011  # its text is what is tested
        (tmp_path / "none").read_text()
    assert reason(caught.value) == "No such file or directory"
    with pytest.raises(UnicodeDecodeError) as decoded:
        b"ab\xff".decode("utf-8")
    assert reason(decoded.value) == "not UTF-8 (byte 2)"
    assert reason(ValueError("embedded null byte")) == "embedded null byte"


def test_first_of() -> None:
    assert first_of(["a", "b"], 2) == "a, b"
    assert first_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"
