"""The release of a stranger, whose rows make names of files: nothing is written, all is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.releases import change_rows
from tests.support.world import World, digests, start

_PROGRAM = """
import pathlib, sys
paths, scores = map(pathlib.Path, sys.argv[1:])
lines = [f"{path},0.5" for path in paths.read_text().splitlines()]
scores.write_text("\\n".join(["path,score", *lines]) + "\\n")
"""


@pytest.fixture(scope="module")
def out(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stranger") / "out"
    assert world.generate(folder, "--inline", "--set", "splits.train=6") == 0
    return folder


def _run(*arguments: str) -> tuple[int, str, str]:
    process = start(arguments)
    said, complained = process.communicate(timeout=120)
    return process.returncode, said, complained


def test_a_row_that_makes_the_name_of_a_file_writes_none(out: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "detector.py").write_text(_PROGRAM)
    secret = tmp_path / "secret.txt"
    secret.write_text("only its owner reads this\n" * 50)

    def change(rows: list[dict[str, Any]]) -> None:
        # Before rows were checked, this wrote `<home>/.bashrc` with the stranger's bytes.
        rows[0] |= {"sample_id": f"{home}/", "media_type": "image/bashrc"}
        fake = next(row for row in rows if row["kind"] == "fake")
        fake |= {"mask_path": str(secret), "mask_offset": 0, "mask_size": 100}

    change_rows(out, change)
    before = digests(tmp_path), digests(out)
    command = f"cmd: python {tmp_path / 'detector.py'} {{paths}} {{scores}}"
    scores = tmp_path / "parts" / "scores.csv"
    for arguments in (
        ("score", str(out), "--detector", command, "-o", str(scores), "--inline", "--allow-code"),
        ("show", str(out)),
        ("baseline", str(out), "--model", str(tmp_path / "parts" / "model.json"), "--inline"),
    ):
        code, said, complained = _run(*arguments)
        assert (code, "Traceback" in complained) == (2, False), complained
        assert "manifest/train-000000.parquet: row 1, column 'sample_id'" in complained
        assert not scores.exists()
        after = {name: digest for name, digest in digests(tmp_path).items() if "parts" not in name}
        assert (after, digests(out)) == before
    assert list(home.iterdir()) == []
    code, said, complained = _run("verify", str(out))
    assert (code, "Traceback" in complained) == (1, False)
    for words in (
        f"row 1, column 'sample_id': found '{home}/'"[:60],
        "row 1, column 'media_type': found 'image/bashrc', allowed: image/jpeg, image/png",
        f"column 'mask_path': found '{secret}'"[:50],
    ):
        assert words in said
    assert "only its owner" not in said
