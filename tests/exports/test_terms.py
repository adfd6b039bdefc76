"""What a copy says of the terms of a stranger's release."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from datagen import api
from datagen.errors import ReleaseError
from datagen.exports.base import EXPORTS
from tests.support.releases import change_record, change_rows

FORMS = pytest.mark.parametrize("form", EXPORTS)


@FORMS
def test_rows_that_may_not_be_passed_on_are_not_copied_as_if_they_might(
    release: Path, tmp_path: Path, form: str
) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))
    change_rows(out, lambda rows: [row.update(purposes=["research"]) for row in rows])
    with pytest.raises(ReleaseError, match="'redistribute', which the purpose"):
        api.export(out, tmp_path / "copy", form, progress=False)
    assert not (tmp_path / "copy" / "README.md").exists()


@FORMS
@pytest.mark.parametrize(
    "purpose",
    [
        {"use": "research", "redistribute": "no"},
        {"use": "<b>", "redistribute": False},
        {"use": "research"},
        {},
        {"use": "research", "redistribute": False, "more": "x"},
    ],
)
def test_a_purpose_is_one_of_those_that_a_recipe_may_have(
    release: Path, tmp_path: Path, form: str, purpose: dict[str, Any]
) -> None:
    out = Path(shutil.copytree(release, tmp_path / "out"))
    change_record(out, lambda record: record.update(purpose=purpose))
    with pytest.raises(ReleaseError, match="purpose"):
        api.export(out, tmp_path / "copy", form, progress=False)


@FORMS
def test_a_copy_for_own_use_says_so_and_not_where_the_release_was(
    release: Path, tmp_path: Path, form: str
) -> None:
    out = Path(shutil.copytree(release, tmp_path / "home-of-somebody"))
    own = {"use": "research", "redistribute": False}
    change_record(out, lambda record: record.update(purpose=own))
    done = api.export(out, tmp_path / "copy", form, progress=False)
    assert "may not be passed on" in done.warnings[0]
    text = (tmp_path / "copy" / "README.md").read_text(encoding="utf-8")
    assert "redistribut" in text
    assert "home-of-somebody" not in text


@pytest.mark.parametrize("to", EXPORTS)
@pytest.mark.parametrize("change", [b"x", b"another"])
def test_changed_terms_are_not_copied(
    release: Path, tmp_path: Path, to: str, change: bytes
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(release, changed)
    card = next((changed / "rights").rglob("*.*"))
    data = card.read_bytes()
    card.write_bytes(data[:-1] + change if change == b"x" else data + change)
    with pytest.raises(ReleaseError, match=r"rights/.*(release\.json says|at most)"):
        api.export(changed, tmp_path / "copy", to, progress=False)
    assert not list((tmp_path / "copy").rglob(card.name))
