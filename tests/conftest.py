"""What all tests share: a separate cache, one Ray cluster, quick tests first.

Shared fixtures
---------------
``world``, ``own_world``    a small source on disk with card and recipe; ``own_world`` is a copy
``ray_cluster``             the one local Ray cluster of a test run
``small_weights``           small networks with the signatures of real ones, and their cards
``small_onnx``, ``onnx_folder``  the ONNX ones of them, whole and broken, for one module

Helpers are in ``tests/support/``; data that one room of tests needs is in its ``made.py``.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from datagen.degradations import DEGRADATIONS
from datagen.engine.ray import RayEngine
from datagen.methods import METHODS
from tests.support.small.build import Build, SmallWeights
from tests.support.world import World, make_world

pytest_plugins = ["tests.support.fixtures"]

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Set before anything starts, so that Ray's workers inherit it: no test touches the user's cache,
# nor any storage other than the server that the tests start.
os.environ["DATAGEN_CACHE"] = tempfile.mkdtemp(prefix="datagen-test-cache-")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{_free_port()}"
os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
os.environ["AWS_MAX_ATTEMPTS"] = "2"
os.environ["SOURCE_DATE_EPOCH"] = "1767225600"  # no test compares days

_LAST = ("ray", "slow")
_LEARNED = tuple(f"[{name}" for name in METHODS if METHODS.load(name).learned)


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of ``pytest -n`` one folder of small networks."""
    if getattr(config.option, "numprocesses", None) and "DATAGEN_SMALL_WEIGHTS" not in os.environ:
        os.environ["DATAGEN_SMALL_WEIGHTS"] = tempfile.mkdtemp(prefix="datagen-small-")
        config.add_cleanup(lambda: _forget(os.environ["DATAGEN_SMALL_WEIGHTS"]))


def _forget(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep a file's tests in one process of ``pytest -n``, and all that use Ray in one."""
    if item.get_closest_marker("ray"):
        group = "ray"
    else:
        group = f"{item.path.relative_to(item.config.rootpath)}:{_rank(item)}"
    item.add_marker(pytest.mark.xdist_group(group))


def _needs_networks(item: pytest.Item) -> bool:
    by_name = "small_weights" in getattr(item, "fixturenames", ())
    return by_name or any(part in item.name for part in _LEARNED)


def _rank(item: pytest.Item) -> float:
    marked = sum(item.get_closest_marker(name) is not None for name in _LAST)
    return max(marked, 0.5 * _needs_networks(item))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run quick tests first, so that failures show early and networks are built meanwhile."""
    items.sort(key=_rank)


@pytest.fixture(autouse=True)
def own_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the plug-ins that a test has registered, so that no other test meets them."""
    for registry in (METHODS, DEGRADATIONS):
        monkeypatch.setattr(registry, "_added", dict(registry._added))


_BUILD = pytest.StashKey[Build]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start building the small networks on the other core if any test needs them."""
    if any(_needs_networks(item) for item in session.items):
        session.config.stash[_BUILD] = Build(os.environ.get("DATAGEN_SMALL_WEIGHTS"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop a build that no test waited for; remove this process's cache."""
    if (build := session.config.stash.get(_BUILD, None)) is not None:
        build.stop()
    _forget(os.environ["DATAGEN_CACHE"])


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayEngine]:
    """The one local cluster of a test run; commands that use Ray join it."""
    with RayEngine(workers=2) as engine:
        yield engine


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Twelve procedural identities on disk with their card and recipe; read-only."""
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def small_weights(request: pytest.FixtureRequest) -> SmallWeights:
    """Small networks with the signatures of real ones, and their cards; read-only.

    Building them takes two minutes, while the quick tests run; ``DATAGEN_SMALL_WEIGHTS`` names a
    folder that keeps them.
    """
    return request.config.stash[_BUILD].finished()


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    """A copy of ``world`` that a test may change."""
    return make_world(tmp_path / "world")
