from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "albumentations",
    "diffusers",
    "insightface",
    "mediapipe",
    "onnxruntime",
    "ray",
    "torch",
    "webdataset",
}

CHILD = """
import sys
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
import MODULE
AFTER
import json
json.dump([opened, sorted({name.partition(".")[0] for name in sys.modules})], sys.stdout)
"""


def child(module: str, after: str = "") -> tuple[list[str], set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD.replace("MODULE", module).replace("AFTER", after)],
        capture_output=True,
        text=True,
        check=True,
    )
    opened, loaded = json.loads(done.stdout)
    return opened, set(loaded)


@pytest.mark.parametrize(
    "module", ["datagen", "datagen.release.reader", "datagen.recipe", "datagen.loaders"]
)
def test_importing_loads_nothing_heavy_and_opens_no_socket(module: str) -> None:
    opened, loaded = child(module)
    assert "datagen" in loaded
    assert loaded & HEAVY == set()
    assert opened == []


def test_the_package_itself_loads_no_third_party_package() -> None:
    _, loaded = child("datagen")
    assert loaded & {"numpy", "pandas", "pyarrow", "pydantic", "cv2", "yaml", "fsspec"} == set()


def test_the_watch_sees_sockets_and_modules() -> None:
    opened, loaded = child("socket", "socket.socket().close()\nimport numpy")
    assert "socket.__new__" in opened
    assert "numpy" in loaded
