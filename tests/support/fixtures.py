"""Fixtures that several rooms of tests use; ``tests/conftest.py`` makes them known everywhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clip_world import ClipWorld, make_clip_world
from tests.support.small.onnx import build_onnx
from tests.support.small.onnx_broken import build_broken


@pytest.fixture(scope="module")
def small_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small ONNX networks, whole and broken ones, with their cards; one per module."""
    folder = tmp_path_factory.mktemp("weights")
    build_onnx(folder)
    build_broken(folder)
    return folder


@pytest.fixture
def onnx_folder(small_onnx: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as ``DATAGEN_WEIGHTS``. A test may add cards, but change none."""
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(small_onnx))
    return small_onnx


@pytest.fixture
def weights_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Copies a folder of weights, as ``DATAGEN_WEIGHTS``, for a test that changes it."""

    def copy(folder: Path) -> Path:
        own = tmp_path / "weights"
        shutil.copytree(folder, own)
        monkeypatch.setenv("DATAGEN_WEIGHTS", str(own))
        return own

    return copy


@pytest.fixture(scope="session")
def clip_world(tmp_path_factory: pytest.TempPathFactory) -> ClipWorld:
    """Nine moving procedural identities and a recipe of clips; a test may add recipes."""
    return make_clip_world(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def clip_release(clip_world: ClipWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of eight pairs of clips of four frames, in MP4; read-only."""
    out = tmp_path_factory.mktemp("clip-release") / "out"
    assert clip_world.generate(out, "--inline") == 0
    return out


@pytest.fixture(scope="session")
def lossless_clips(clip_world: ClipWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of four pairs of clips in FFV1, with controls; read-only."""
    return _four_pairs(clip_world, tmp_path_factory, {"codec": "ffv1"})


@pytest.fixture(scope="session")
def frame_clips(clip_world: ClipWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of four pairs of clips stored as PNG frames, with controls; read-only."""
    return _four_pairs(clip_world, tmp_path_factory, {"format": "frames"})


def _four_pairs(
    world: ClipWorld, temporary: pytest.TempPathFactory, encode: dict[str, str]
) -> Path:
    out = temporary.mktemp("clips-lossless") / "out"
    settings = f"encode={json.dumps(encode)}", "controls=1"
    options = ("--inline", "--limit", "4", *(part for one in settings for part in ("--set", one)))
    assert world.generate(out, *options) == 0
    return out
