from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.cli.main import run
from datagen.errors import CardError
from datagen.weights.add import add_card
from datagen.weights.store import weight_store

GROUNDS = "Our lawyers, 2026-01-01, after a letter of the makers"
PERMITS = {"research": True, "commercial": True, "grounds": GROUNDS}


def _card(folder: Path, **changes: Any) -> Path:
    plain = {"id": "own_net", "title": "Mine", "file": "own.onnx", "license": "MIT"}
    path = folder / "some name.yaml"
    path.write_text("# by hand\n" + yaml.safe_dump(plain | changes), encoding="utf-8")
    return path


def test_a_card_is_copied_as_it_is_and_found_by_its_id(tmp_path: Path, folder: Path) -> None:
    path = _card(tmp_path)
    added, place = add_card(weight_store(), path)
    assert place == folder / "cards" / "own_net.yaml"
    assert place.read_bytes() == path.read_bytes()
    assert weight_store().card("own_net") == added
    assert "own_net" in weight_store().known()
    assert [file.name for file in place.parent.iterdir()] == ["own_net.yaml"]


def test_a_card_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    add_card(weight_store(), _card(tmp_path))
    other = _card(tmp_path, title="Another")
    with pytest.raises(CardError, match=r"own_net\.yaml already exists\. Use --replace"):
        add_card(weight_store(), other)
    assert weight_store().card("own_net").title == "Mine"
    add_card(weight_store(), other, replace=True)
    assert weight_store().card("own_net").title == "Another"


@pytest.mark.parametrize("changes", [{"permits": PERMITS}, {"sha256": "1" * 64}])
def test_a_shipped_id_may_be_taken_by_a_card_that_adds_something(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(CardError, match=r"id 'uniface_256' is that of a shipped card"):
        add_card(weight_store(), _card(tmp_path, id="uniface_256"))
    assert weight_store().card("uniface_256").license == "unknown"
    add_card(weight_store(), _card(tmp_path, id="uniface_256", **changes))
    assert weight_store().card("uniface_256").title == "Mine"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"license": ""}, "license"),
        ({"permits": {"research": True}}, r"permits\.grounds"),
        ({"permits": {**PERMITS, "grounds": "we want to"}}, r"permits\.grounds"),
        ({"permits": {**PERMITS, "grounds": " " * 30}}, r"permits\.grounds"),
        ({"permitts": PERMITS}, "Did you mean 'permits'"),
        ({"id": "Own"}, "id"),
        ({"file": "a\nb.onnx"}, r"file: must be one line"),
        ({"file": "a\u202exnno.b"}, r"file: must be one line"),
        ({"file": "a" * 5000}, "file: .*at most 200 characters"),
        ({"title": "a\nb"}, r"title: must be one line .*U\+000A"),
        ({"title": "a" * 5000}, "title: .*at most 2000 characters"),
        ({"license": "MIT\n"}, r"license: must be one line .*U\+000A"),
        ({"license": "\u202eTIM"}, r"license: must be one line .*U\+202E"),
        ({"license": "MIT AND " * 500 + "MIT"}, "license: .*at most 1000 characters"),
        ({"homepage": "https://x.org\n## Owner"}, r"homepage: must be one line"),
        ({"address": "https://x.org/" + "a" * 3000}, "address: .*at most 2000 characters"),
        ({"size": 1 << 60}, "size: .*less than or equal to"),
        ({"citation": "a" * 20_000}, "citation: .*at most 10000 characters"),
        ({"hub": {"repo": "a/b", "files": ["*"] * 101}}, "hub.files: .*at most 100"),
    ],
)
def test_a_wrong_card_is_not_added(
    tmp_path: Path, folder: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(CardError, match=words):
        add_card(weight_store(), _card(tmp_path, **changes))
    assert not folder.exists()


def test_a_license_that_cannot_be_read_is_refused_before_the_card_is_in_place(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["weights", "add", str(_card(tmp_path, license="MIT AND ((("))]) == 2
    assert "is not an SPDX expression" in capsys.readouterr().err
    assert not folder.exists()


def test_a_missing_card_and_a_folder_that_cannot_be_written_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CardError, match=r"nowhere\.yaml: no such file"):
        add_card(weight_store(), tmp_path / "nowhere.yaml")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path / "file"))
    with pytest.raises(CardError, match=r"cannot be written.*DATAGEN_WEIGHTS"):
        add_card(weight_store(), _card(tmp_path))
