"""Copies go to folders of this machine, beside the release."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen import api
from datagen.cli.main import run
from datagen.errors import UserError
from tests.support.world import digests


@pytest.mark.parametrize("place", [".", "copy", "media/copy"])
def test_no_copy_is_written_into_its_release(release: Path, place: str) -> None:
    before = digests(release)
    with pytest.raises(UserError, match=f"lies in the release {release}, whose files"):
        api.export(release, release / place, "hf", progress=False)
    assert digests(release) == before


def test_an_address_is_no_folder(
    release: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["s3://bucket/copy"], ["-o", "s3://bucket/copy"]):
        assert run(["export", str(release), *arguments, "--to", "hf"]) == 2
        assert "s3://bucket/copy: a copy is written to a folder on this" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_be_written_as_an_address(release: Path, copy: Path, tmp_path: Path) -> None:
    api.export(release, f"file://{tmp_path}/copy", "hf", progress=False)
    assert digests(tmp_path / "copy") == digests(copy)
