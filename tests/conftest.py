"""What all tests share: a cache of their own, one Ray cluster, and the slow ones last."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from datagen.engine.ray import RayEngine
from datagen.methods import METHODS
from tests.support.small.build import Build, SmallWeights
from tests.support.world import World, make_world

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Set before anything starts, so that Ray's workers have it too: no test touches the user's
# cache, nor any storage but the server that the tests start.
os.environ["DATAGEN_CACHE"] = tempfile.mkdtemp(prefix="datagen-test-cache-")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{_free_port()}"
os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
os.environ["AWS_MAX_ATTEMPTS"] = "2"

_LAST = ("ray", "slow")
_LEARNED = tuple(f"[{name}" for name in METHODS if METHODS.load(name).learned)


def _asks_for_networks(item: pytest.Item) -> bool:
    by_name = "small_weights" in getattr(item, "fixturenames", ())
    return by_name or any(part in item.name for part in _LEARNED)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first, so that a mistake shows early and networks are built meanwhile."""

    def rank(item: pytest.Item) -> float:
        marked = sum(item.get_closest_marker(name) is not None for name in _LAST)
        return max(marked, 0.5 * _asks_for_networks(item))

    items.sort(key=rank)


_BUILD = pytest.StashKey[Build]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to build the small networks on the other core, where tests will ask for them."""
    if any(_asks_for_networks(item) for item in session.items):
        session.config.stash[_BUILD] = Build(os.environ.get("DATAGEN_SMALL_WEIGHTS"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what nobody waited for."""
    if (build := session.config.stash.get(_BUILD, None)) is not None:
        build.stop()


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[RayEngine]:
    """The one local cluster of a test run; commands that want Ray join it."""
    with RayEngine(workers=2) as engine:
        yield engine


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Twelve computed people on disk with their card and recipe; not to be changed."""
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def small_weights(request: pytest.FixtureRequest) -> SmallWeights:
    """Small networks with the signatures of real ones, and their cards; not to be changed.

    They take two minutes, while the quick tests run; ``DATAGEN_SMALL_WEIGHTS`` names a folder
    that keeps them.
    """
    return request.config.stash[_BUILD].finished()


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    """The same, for a test that spoils it."""
    return make_world(tmp_path / "world")
