"""Small files that unpack to much, and files of other formats, in a process with a limit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image as Pillow

from tests.core.image_headers.made import grid_avif, saved, slopes, with_stated_size

_READ = """
import resource, sys, time
from pathlib import Path
from datagen.core import images, reading
from datagen.errors import ImageError

def programs(event, arguments):
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        print("starts", arguments[0], flush=True)

sys.addaudithook(programs)
data = Path(sys.argv[1]).read_bytes()
READERS = {
    "probe": lambda data: reading.probe(data).image,
    "read_again": lambda data: reading.read_again(data, 1),
    "read_rgb": images.read_rgb,
    "read_gray": images.read_gray,
    "size_of": images.size_of,
}
READERS["probe"](images.encode_png(images.np.zeros((9, 9, 3), images.np.uint8)))  # all is loaded
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for name in sys.argv[3:]:
    begin = time.process_time()
    try:
        found = READERS[name](data)
        print(name, getattr(found, "shape", found))
    except ImageError as error:
        print(name, "ImageError:", error)
    assert time.process_time() - begin < 30, "slow"
"""
MIB = 2**20
LIMIT = 1500 * MIB  # what the documents promise, for every format at its largest size


def read(path: Path, memory: int, *names: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path), str(memory), *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", **environment},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def flat(width: int, height: int) -> Pillow.Image:
    return Pillow.new("RGB", (width, height), (90, 120, 150))


def webp() -> bytes:
    return saved("WEBP", flat(9_100, 9_100), lossless=True, quality=0, method=0)


@cache
def avif() -> bytes:
    return saved("AVIF", flat(9_200, 9_200), speed=10, quality=10)


def png() -> bytes:
    return saved("PNG", Pillow.new("L", (12_000, 12_000)), compress_level=1)


BOMBS: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "webp": (webp, 100, "9100x9100"),
    "avif": (avif, 4_000, "9200x9200"),
    "lying_avif": (lambda: with_stated_size(avif(), 16, 16), 4_000, "9200x9200"),
    "grid": (lambda: grid_avif(40, 40, 512), 80_000, "20480x20480"),
    "mask": (png, 700_000, "12000x12000"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_at_no_cost(
    name: str, tmp_path: Path
) -> None:
    make, size, words = BOMBS[name]
    path = tmp_path / "small.jpg"
    path.write_bytes(make())
    assert path.stat().st_size < size
    found = read(path, 64 * MIB, "probe", "read_again", "read_rgb", "read_gray", "size_of")
    for line in found[:4]:
        assert f"ImageError: too large: {words} pixels; the limit" in line
    assert found[4] == "size_of None"


AT_THE_LIMIT: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: saved("JPEG", flat(11_000, 10_000), progressive=True, subsampling=0),
    "png": lambda: saved("PNG", flat(11_000, 10_000), compress_level=1),
    "tiff": lambda: saved("TIFF", flat(11_000, 10_000), compression="tiff_lzw"),
    "bmp": lambda: saved("BMP", flat(11_000, 10_000)),
    "webp": lambda: saved("WEBP", flat(8_900, 8_900), lossless=True, quality=0, method=0),
    "lossy_webp": lambda: saved("WEBP", flat(8_900, 8_900), quality=10, method=0),
    "avif": lambda: saved("AVIF", flat(8_900, 8_900), speed=10, quality=10, subsampling="4:4:4"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_the_largest_image_of_each_format_is_read_in_the_memory_promised(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.write_bytes(AT_THE_LIMIT[name]())
    sides = (8_900, 8_900) if "webp" in name or name == "avif" else (10_000, 11_000)
    want = (*sides, 3)
    assert read(path, LIMIT, "probe", "read_again") == [f"probe {want}", f"read_again {want}"]


def test_an_image_that_does_not_fit_into_the_memory_is_one_error(tmp_path: Path) -> None:
    for format_ in ("JPEG", "WEBP", "AVIF"):
        path = tmp_path / f"image.{format_}"
        path.write_bytes(saved(format_, flat(4_000, 4_000)))
        for line in read(path, 40 * MIB, "probe", "read_again", "read_rgb"):
            assert "ImageError: " in line


def test_postscript_named_jpg_starts_nothing(tmp_path: Path) -> None:
    """Pillow starts Ghostscript to read it."""
    programs, path, trace = tmp_path / "bin", tmp_path / "face.jpg", tmp_path / "started"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\necho >> {trace}\n", encoding="utf-8")
    (programs / "gs").chmod(0o755)
    path.write_bytes(saved("EPS", slopes()))
    assert path.read_bytes().startswith(b"%!PS-Adobe")
    names = ("probe", "read_again", "read_rgb", "read_gray", "size_of")
    found = read(path, 512 * MIB, *names, PATH=f"{programs}:{os.environ['PATH']}")
    assert not trace.exists()
    assert [line.partition(" ")[0] for line in found] == [*names]
    assert all("it begins like PostScript" in line for line in found[:4])
    assert found[4] == "size_of None"
    opened = f"from PIL import Image; Image.open({str(path)!r}).load()"
    subprocess.run(
        [sys.executable, "-c", opened],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    assert trace.exists(), "the test does not see what Pillow starts"
