from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from datagen.cli.main import run
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.lock import LOCK_NAME, lock_folder
from tests.support.world import World, digests


def test_the_lock_lies_in_the_folder_and_goes_with_the_run(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    with lock_folder(Folder(str(out))):
        assert [path.name for path in out.iterdir()] == [LOCK_NAME]
        with pytest.raises(ReleaseError, match="is writing here"), lock_folder(Folder(str(out))):
            pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_wrote_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with lock_folder(Folder(str(out))):
        (out / "recipe.yaml").write_text("")
    assert [path.name for path in out.iterdir()] == ["recipe.yaml"]


def hold(out: Path, cache: Path) -> subprocess.Popen[str]:
    """Hold the lock in a process with a cache of its own."""
    code = f"""
        import sys
        from datagen.release import Folder
        from datagen.release.lock import lock_folder
        with lock_folder(Folder({str(out)!r})):
            print("held", flush=True)
            sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "DATAGEN_CACHE": str(cache)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_two_caches_do_not_make_two_locks(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    holder = hold(out, tmp_path / "cache")
    try:
        assert world.generate(out, "--inline") == 2
    finally:
        holder.communicate("")
    assert "is writing here" in capsys.readouterr().err
    assert world.generate(out, "--inline") == 0
    assert LOCK_NAME not in digests(out)


def test_the_lock_of_a_killed_run_is_in_nobodys_way(world: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert world.generate(out, "--inline") == 0
    expected = digests(out)
    holder = hold(out, tmp_path / "cache")
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert (out / LOCK_NAME).exists()
    assert run(["verify", str(out)]) == 0
    assert world.generate(out, "--inline") == 0
    assert digests(out) == expected


def test_the_lock_of_another_run_is_not_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with lock_folder(Folder(str(out))):
        (out / LOCK_NAME).unlink()
        (out / "new").write_text("")
        (out / LOCK_NAME).write_text("")  # as another run does after someone removed the folder
    assert (out / LOCK_NAME).exists()


def test_a_file_and_a_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("thesis")
    with pytest.raises(ReleaseError, match="is a file"), lock_folder(Folder(f"{tmp_path}/file")):
        pass
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_NAME).symlink_to(tmp_path / "file")
    with pytest.raises(ReleaseError, match="cannot be"), lock_folder(Folder(f"{tmp_path}/out")):
        pass
    assert (tmp_path / "file").read_text() == "thesis"


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300, "a\0b"])
def test_a_name_that_no_folder_can_have_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError) as caught, lock_folder(Folder(str(tmp_path / name))):
        pass
    assert len(str(caught.value)) < 600
