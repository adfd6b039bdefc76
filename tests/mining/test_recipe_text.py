from __future__ import annotations

import pytest
import yaml

from datagen.mining.recipe_text import Entry, rewritten

OLD = """\
# Made by 'datagen mine' from older.yaml: ...
# It was judged.

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

METHODS = [
    Entry({"use": "self_blend", "share": 0.3, "parts": ["face", "a # b"]}, ["share 0.4 -> 0.3"]),
    Entry({"use": "morph", "share": 0.7, "least": 0.4}, ["share 0.6 -> 0.7", "factor up"]),
]

NEW = """\
# My recipe, of which I am proud.
version: 2
name: mine  # and short
seed: 4
sources:
  - card: "../a.yaml"   # the card
    root: "faces"
methods:
  # shares
  # The first.
  # not a # sign in 'text'
  # of all
  # mine: share 0.4 -> 0.3
  - {use: self_blend, share: 0.3, parts: [face, 'a # b']}
  # the last
  # mine: share 0.6 -> 0.7
  # mine: factor up
  - {use: morph, share: 0.7, least: 0.4}

# About the encoder.
encode: {format: png}   # lossless
"""

VALUES = {("version",): 2, ("sources", 0, "card"): "../a.yaml"}


def test_comments_stay_and_those_of_the_last_round_go() -> None:
    assert rewritten(OLD, VALUES, {"methods": METHODS}) == NEW


def test_the_next_round_says_it_anew() -> None:
    again = rewritten(NEW, {("version",): 3}, {"methods": METHODS})
    assert again == NEW.replace("version: 2", "version: 3")


@pytest.mark.parametrize(
    "text",
    [
        "{name: mine, methods: [{use: a, share: 0.4}, {use: b, share: 0.6}], sources: [{card: a}]}",
        "sources: [&s {card: a}]\nname: mine\nmethods: [{use: a}, {use: b}]\nother: [*s]\n",
        "  name: mine\n  methods:\n  - use: a\n  - use: b\n  sources: [{card: a}]\n",
        "name: mine\nsources: [{card: a}]\nmethods: [{use: a, share: 0.4},\n  {use: b}]",
        "---\nname: mine\nsources:\n- card: a\nmethods:\n- use: a\n\n- use: b\n...\n",
    ],
)
def test_other_ways_to_write_it(text: str) -> None:
    made = rewritten(text, VALUES, {"methods": METHODS})
    old, new = yaml.safe_load(text), yaml.safe_load(made)
    assert new["methods"] == [dict(entry.body) for entry in METHODS]
    assert new["version"] == 2
    assert new["sources"][0]["card"] == "../a.yaml"
    assert new["name"] == old["name"]
    assert "# mine: share 0.6 -> 0.7\n  # mine: factor up\n  - {use: morph" in made
