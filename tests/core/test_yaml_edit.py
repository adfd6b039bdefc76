from __future__ import annotations

from typing import Any

import pytest
import yaml

from datagen.core.yaml_edit import KeyPath, edit_yaml

OLD = """\
# My recipe, of which I am proud.
name: mine  # and short
seed: 4
sources:
  - card: a.yaml   # the card
    root: "faces"
methods:  # shares
  # The first.
  # mine: share 0.2 -> 0.4: old words
  - use: self_blend   # not a # sign in 'text'
    share: 0.4        # of all
    parts: [face, "a # b"]
  - {use: morph, share: 0.6}  # the last

# About the encoder.
encode: {format: png}   # lossless
"""

NEW = """\
# My recipe, of which I am proud.
version: 2
name: mine  # and short
seed: 4
sources:
  - card: ../a.yaml # the card
    root: "faces"
methods:  # shares
  # The first.
  # mine: share 0.4 -> 0.3
  - use: self_blend   # not a # sign in 'text'
    share: 0.3        # of all
    parts: [face, "a # b"]
  # mine: share 0.6 -> 2/3
  # mine: two lines
  - {use: morph, share: 2/3}  # the last

# About the encoder.
encode: {format: png}   # lossless
"""

VALUES: dict[KeyPath, Any] = {
    ("version",): 2,
    ("sources", 0, "card"): "../a.yaml",
    ("methods", 0, "share"): 0.3,
    ("methods", 1, "share"): "2/3",
}
NOTES: dict[KeyPath, list[str]] = {
    ("methods", 0): ["share 0.4 -> 0.3"],
    ("methods", 1): ["share 0.6 -> 2/3", "two lines"],
}


def edited(text: str) -> str:
    return edit_yaml(text, VALUES, NOTES, "mine: ")


def test_comments_stay_and_notes_of_an_earlier_edit_go() -> None:
    found = edited(OLD)
    assert found.replace("../a.yaml   #", "../a.yaml #") == NEW


def test_a_second_edit_replaces_the_notes() -> None:
    again = edit_yaml(NEW, {**VALUES, ("version",): 3}, NOTES, "mine: ")
    assert again == NEW.replace("version: 2", "version: 3")


@pytest.mark.parametrize(
    "text",
    [
        "{name: mine, methods: [{use: a, share: 0.4}, {use: b, share: 0.6}], sources: [{card: a}]}",
        "sources: [&s {card: a}]\nname: mine\nmethods: [{use: a}, {use: b}]\nother: [*s]\n",
        "  name: mine\n  methods:\n  - use: a\n  - use: b\n  sources: [{card: a}]\n",
        "name: mine\nsources: [{card: a}]\nmethods: [{use: a, share: 0.4},\n  {use: b}]",
        "---\nname: mine\nsources:\n- card: a\nmethods:\n- use: a\n\n- use: b\n...\n",
        "name: mine\nsources:\n- card: a\nmethods:\n-\n  use: a\n- {use: b,\n   x: off}\n",
        "name: mine\nsources:\n- card: a\nmethods:\n- {use: a, # why\n   share: 0.1}\n- use: b\n",
    ],
)
def test_other_ways_to_write_it(text: str) -> None:
    made = edited(text)
    old, new = yaml.safe_load(text), yaml.safe_load(made)
    old["version"] = 2
    old["sources"][0]["card"] = "../a.yaml"
    old["methods"][0]["share"], old["methods"][1]["share"] = 0.3, "2/3"
    assert {**new, "other": None} == {**old, "other": None}
    assert made.count("# mine: ") == 3
    assert ("# why" in made) == ("# why" in text)
    lines = made.splitlines()
    assert "use: b" in lines[lines.index(next(x for x in lines if "two lines" in x)) + 1]


def test_words_that_yaml_reads_as_values_stay_as_they_were() -> None:
    text = "a: off\nb: '1/3'\nc: 1e-3\nd: 0x10\ne: 2026-01-02\nmany: [0.10, 1_000]\n"
    assert edit_yaml(text, {("f",): 0.0001}) == "f: 0.0001\n" + text


def test_comments_inside_of_brackets_move_above_them() -> None:
    text = (
        "a:\n  - {b: 1, # one\n     c: '# no', # two\n     # three\n"
        "     d: [1, # four\n 2]}  # five\n"
    )
    made = edit_yaml(text, {("a", 0, "b"): 2})
    assert made == (
        "a:\n  # one\n  # two\n  # three\n  # four\n  - {b: 2, c: '# no', d: [1, 2]} # five\n"
    )


@pytest.mark.parametrize("sign", ["\n", "\r", "\x85", "\u2028", "\u2029", "\x00", "\x1b"])
def test_a_note_cannot_end_its_comment(sign: str) -> None:
    """A note quotes names of a release, and YAML has five ways to end a line."""
    text = "name: mine\nlist: [{a: 1}]\n"
    made = edit_yaml(text, {}, {("list", 0): [f"x{sign}name: other"]}, "mine: ")
    assert yaml.safe_load(made) == {"name": "mine", "list": [{"a": 1}]}
    assert sign == "\n" or sign not in made
