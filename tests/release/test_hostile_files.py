"""Files of strangers' releases: cut, swapped, or no files at all. Verify goes on."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datagen.cli.main import run
from datagen.errors import ReleaseError
from datagen.release import Folder
from datagen.release.tar_members import members
from datagen.release.verify import verify
from tests.support.releases import own_up

SHARD = "train-000000"
TAR, NAME = f"media/small-v1-{SHARD}.tar", f"manifest/{SHARD}.parquet"


def problems(out: Path) -> str:
    return "\n".join(verify(Folder(str(out))))


@pytest.mark.parametrize("name", [TAR, NAME, f"commits/{SHARD}.json", "release.json", "README.md"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "device"])
def test_what_is_no_file_of_the_release_is_not_opened(
    out: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = out / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        (path / "below").mkdir(parents=True)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        (out.parent / "secret").write_bytes(b"x" * 100)
        path.symlink_to(out.parent / "secret")
    assert run(["verify", str(out)]) == 1
    said = capsys.readouterr().out
    assert name in said or Path(name).name in said
    if name in (TAR, NAME, "release.json"):
        assert run(["show", str(out)]) == 2


def test_a_link_inside_the_release_is_a_file(out: Path) -> None:
    (out / "README.md").rename(out / "rights" / "text.md")
    (out / "README.md").symlink_to("rights/text.md")
    assert problems(out) == "rights/text.md: not listed in release.json"


@pytest.mark.parametrize("name", ["report", ".staging"])
def test_nothing_is_written_through_a_link(
    out: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    shutil.rmtree(out / name, ignore_errors=True)
    (out / name).symlink_to(away)
    assert run(["show", str(out)]) == 2
    assert "through a link" in capsys.readouterr().err
    assert list(away.iterdir()) == []


def test_a_link_in_place_of_the_page_is_replaced_not_followed(out: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (out / "report").mkdir()
    (out / "report" / "index.html").symlink_to(tmp_path / "mine.txt")
    assert run(["show", str(out)]) == 0
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\b", "a\x00b", ""])
def test_a_folder_reads_nothing_outside(tmp_path: Path, name: str) -> None:
    for folder in (Folder(str(tmp_path)), Folder("memory://x")):
        if folder.local is None and (".." not in name and not name.startswith("/")):
            continue
        with pytest.raises(ReleaseError):
            folder.read(name)
        with pytest.raises(ReleaseError):
            folder.read_range(name, 0, 1)
        with pytest.raises(ReleaseError):
            folder.size(name)


@pytest.mark.parametrize("left", ["half", "a few bytes", "nothing", "all but the end"])
@pytest.mark.parametrize("owned", [False, True])
def test_what_a_cut_tar_lacks_is_named_and_the_rest_is_compared(
    out: Path, left: str, owned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (out / TAR).read_bytes()
    kept = {"half": len(data) // 2, "a few bytes": 700, "nothing": 0, "all but the end": 512 * 20}
    (out / TAR).write_bytes(data[: kept[left]])
    if owned:
        own_up(out, TAR)
    (out / "media/small-v1-train-000001.tar").unlink()
    assert run(["verify", str(out)]) == 1
    found = capsys.readouterr().out
    if owned:
        assert f"{NAME}: row " in found
        assert "is cut short" in found or "beyond the end" in found
    else:
        assert f"{TAR}: {kept[left]} bytes, expected {len(data)}" in found
        assert "differs from the row's" in found
        assert f"{TAR}: " in found
    assert "media/small-v1-train-000001.tar: missing" in found
    assert "shard train-000001: its" in found
    assert "test-0000" not in found
    if left == "half":
        assert found.count("differs from the row's") < 12  # the first half is whole


def hostile_tar(out: Path, change: Callable[[tarfile.TarFile], None]) -> None:
    """Append members to a tar, in place of its end."""
    with tarfile.open(out / TAR, "a", format=tarfile.GNU_FORMAT) as tar:
        change(tar)
    own_up(out, TAR)


def seal(header: bytearray | memoryview) -> None:
    """Make the checksum of a changed header right."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (member("/etc/cron.d/x"), "is not named"),
        (member("../x"), "is not named"),
        (member("a.fake.jpg", tarfile.SYMTYPE, "/etc/passwd"), "is a symbolic link"),
        (member("a.fake.jpg", tarfile.LNKTYPE, "/etc/passwd"), "is a hard link"),
        (member("a.fake.jpg", tarfile.FIFOTYPE), "is a pipe"),
        (member("a.fake.jpg", tarfile.CHRTYPE), "is a device"),
        (member("a", tarfile.DIRTYPE), "is a folder"),
        (member("a.fake.jpg", tarfile.GNUTYPE_SPARSE), "is a sparse file"),
        (member("x" * 300), "is a long name"),
        (member("a.fake.jpg"), "None in the rows"),
    ],
)
def test_odd_members_are_named(out: Path, info: tarfile.TarInfo, words: str) -> None:
    hostile_tar(out, lambda tar: tar.addfile(info))
    found = problems(out)
    assert words in found
    assert "differs" not in found


def test_a_member_of_an_enormous_size_is_named(out: Path) -> None:
    data = bytearray((out / TAR).read_bytes())
    info = tarfile.TarInfo("a.fake.jpg")
    for size, words in ((2**32, "beyond the end of the tar"), (2**62, "no header of a member")):
        info.size = size
        header = info.tobuf(tarfile.GNU_FORMAT)
        (out / TAR).write_bytes(bytes(data).rstrip(b"\x00") + b"")
        at = -(-len(bytes(data).rstrip(b"\x00")) // 512) * 512
        (out / TAR).write_bytes(bytes(data[:at]) + header + bytes(1024))
        own_up(out, TAR)
        assert words in problems(out)


def test_the_facts_of_a_pair_beyond_the_end_of_a_tar_are_not_read(out: Path) -> None:
    data = bytearray((out / TAR).read_bytes())
    with tarfile.open(out / TAR) as tar:
        (info, *_) = [one for one in tar if one.name.endswith(".json")]
    header = memoryview(data)[info.offset : info.offset + 512]
    header[124:136] = b"777777777777"  # 64 GiB
    seal(header)
    header.release()
    (out / TAR).write_bytes(data)
    own_up(out, TAR)
    found = problems(out)
    assert f"'{info.name}' has 68,719,476,735 bytes, beyond the end of the tar" in found
    assert f"{info.name}: (offset" not in found


def test_what_other_programs_would_find_in_a_tar_is_named(out: Path) -> None:
    data = (out / TAR).read_bytes()
    with tarfile.open(out / TAR) as tar:
        first = tar.next()
    assert first is not None
    header = bytearray(data[first.offset : first.offset + 512])
    header[257:262] = b"xstar"
    header[345:355] = b"../../evil"
    seal(header)
    changed = bytearray(data)
    changed[first.offset : first.offset + 512] = header
    ends = {
        bytes(changed): f"{first.name!r} is not in the format USTAR",
        data + data: "behind its end mark",
        data[:-1] + b"x": "has more than zeros behind its end mark",
    }
    for content, words in ends.items():
        (out / TAR).write_bytes(content)
        own_up(out, TAR)
        assert words in problems(out)


@pytest.mark.parametrize(
    ("start", "field"),
    [(124, b"\0"), (148, b"\0"), (100, b"zzzzzzz\0"), (136, b"9"), (108, b"-1"), (329, b"x")],
)
def test_headers_that_programs_read_differently_are_named(
    out: Path, start: int, field: bytes
) -> None:
    data = bytearray((out / TAR).read_bytes())
    header = memoryview(data)[:512]
    header[start : start + len(field)] = field
    if start != 148:
        seal(header)
    header.release()
    (out / TAR).write_bytes(data)
    own_up(out, TAR)
    found = problems(out)
    assert "programs read differently" in found or "no header of a member" in found


def test_members_of_mutated_tars_never_fail(whole: Path) -> None:
    data = (whole / TAR).read_bytes()
    draws = np.random.default_rng(3)
    for _ in range(2000):
        changed = bytearray(data[: draws.integers(0, len(data) + 1)])
        for _ in range(draws.integers(0, 4)):
            if changed:
                at = int(draws.integers(0, len(changed))) // 512 * 512 + int(draws.integers(0, 512))
                changed[min(at, len(changed) - 1)] = int(draws.integers(0, 256))
        found = list(members(io.BytesIO(bytes(changed)), len(changed)))
        assert all(one.offset <= len(changed) + 512 for one in found)
