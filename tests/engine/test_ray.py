from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from datagen.engine.board import Place
from datagen.engine.flights import Patience
from datagen.engine.ray import RayEngine, _join
from datagen.engine.testing import DiesOnce, Doubles, Slow
from datagen.errors import EngineError, RunError
from tests.faults.test_kills import wait_for

pytestmark = pytest.mark.ray


def test_a_worker_that_is_killed_is_retried(ray_cluster: RayEngine, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    outcomes = list(ray_cluster.run(DiesOnce(2, str(mark)), range(5)))
    assert mark.exists()
    assert sorted((outcome.key, outcome.result) for outcome in outcomes) == [
        (key, 2 * key) for key in range(5)
    ]


def test_a_worker_that_always_dies_is_named_and_the_others_go_on(
    ray_cluster: RayEngine, tmp_path: Path
) -> None:
    task = DiesOnce(1, str(tmp_path / "mark"), always=True)
    outcomes = {outcome.key: outcome for outcome in ray_cluster.run(task, range(4))}
    assert isinstance(outcomes[1].error, RunError)
    assert "worker process died" in str(outcomes[1].error)
    assert [outcomes[key].result for key in (0, 2, 3)] == [0, 4, 6]


def test_a_joined_cluster_is_left_running(ray_cluster: RayEngine) -> None:
    import ray

    with RayEngine(workers=1) as joined:
        assert joined.workers == 1
    assert ray.is_initialized()


def in_a_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
        check=False,
    )


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("workers", [1, None])
def test_another_run_on_the_machine_starts_its_own_cluster(workers: int | None) -> None:
    """It would end with the run whose cluster it joined."""
    import ray

    here = ray.get_runtime_context().gcs_address
    done = in_a_process(
        f"""
        from datagen.engine.ray import RayEngine
        import ray

        with RayEngine(workers={workers}):
            print(ray.get_runtime_context().gcs_address)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() not in ("", here)


def test_an_unreachable_cluster_is_named_with_what_to_do() -> None:
    done = in_a_process(
        """
        from datagen.engine.ray import RayEngine
        try:
            RayEngine(address="127.0.0.1:1").__enter__()
        except Exception as error:
            print(type(error).__name__, error)
        """
    )
    assert done.stdout.startswith(EngineError.__name__), done.stdout + done.stderr
    assert "127.0.0.1:1" in done.stdout
    assert "--inline" in done.stdout


def begun(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def test_a_worker_that_a_signal_stopped_is_told_ended_and_named(
    ray_cluster: RayEngine, tmp_path: Path
) -> None:
    said: list[str] = []
    stopped: list[int] = []

    def stop_one() -> None:
        wait_for(lambda: begun(tmp_path), "no task was begun")
        stopped.append(int(begun(tmp_path)[0].read_text()))
        os.kill(stopped[0], signal.SIGSTOP)

    stopper = threading.Thread(target=stop_one)
    stopper.start()
    patience = Patience(4, said.append, quiet=1.5)
    with RayEngine(workers=1, patience=patience) as engine:
        outcomes = list(engine.run(Slow(1, str(tmp_path)), range(3)))
    stopper.join()
    assert any("stopped by a signal" in text for text in said)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    assert len(failed) == 1
    assert f"took longer than 4 s (--shard-timeout): process {stopped[0]} on" in str(
        failed[0].error
    )
    assert str(failed[0].error).endswith("which a signal had stopped, was ended")
    done = sorted(outcome.result for outcome in outcomes if outcome.result is not None)
    assert len(done) == 2  # on a new worker
    assert not Place(stopped[0], socket.gethostname()).is_stopped


def test_a_shard_that_takes_too_long_fails_and_the_others_are_made(
    ray_cluster: RayEngine, tmp_path: Path
) -> None:
    with RayEngine(workers=2, patience=Patience(2)) as engine:
        slow = list(engine.run(Slow(60, str(tmp_path)), range(1)))
        fast = list(engine.run(Doubles(), range(4)))
    assert "took longer than 2 s" in str(slow[0].error)
    assert sorted(outcome.result or 0 for outcome in fast) == [0, 2, 4, 6]


def test_a_cluster_of_ones_own_listens_on_the_loopback_and_asks_for_a_token() -> None:
    done = in_a_process(
        """
        import json
        from datagen.engine.ray import RayEngine, _has_token
        from datagen.engine.testing import Doubles
        from tests.support.ports import listening

        with RayEngine(workers=1) as engine:
            assert [outcome.result for outcome in engine.run(Doubles(), [2])] == [4]
            print(json.dumps([_has_token(), sorted(listening())]))
        """
    )
    assert done.returncode == 0, done.stderr
    token, found = json.loads(done.stdout.splitlines()[-1])
    assert token
    assert found != []
    assert {address for address, _ in found} == {"127.0.0.1"}


class StartsLate:
    """Stands for ``ray`` where a client port is open and nothing is ready behind it."""

    def __init__(self, refusals: int, text: str) -> None:
        self.calls, self._refusals, self._text = 0, refusals, text
        self.shut = 0

    def init(self, address: str, **_: object) -> None:
        self.calls += 1
        if self.calls <= self._refusals:
            raise ConnectionError(f"Initialization failure from server:\n{self._text}")

    def shutdown(self) -> None:
        self.shut += 1


def test_a_cluster_that_is_still_starting_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datagen.engine.ray._JOIN_PAUSES", (0.0, 0.0))
    late = StartsLate(2, "Starting Ray client server failed. See ray_client_server_23000.err")
    _join(late, "ray://head:10001", {})
    assert (late.calls, late.shut) == (3, 2)
    zombie = StartsLate(1, "psutil.ZombieProcess: PID still exists but it's a zombie (pid=23385)")
    _join(zombie, "ray://head:10001", {})
    assert zombie.calls == 2
    never = StartsLate(9, "Starting Ray client server failed. See ray_client_server_23000.err")
    with pytest.raises(ConnectionError, match="23000"):
        _join(never, "ray://head:10001", {})
    assert never.calls == 3
    other = StartsLate(9, "Version mismatch")
    with pytest.raises(ConnectionError, match="Version"):
        _join(other, "ray://head:10001", {})
    assert other.calls == 1


@pytest.mark.slow
def test_a_lost_node_is_survived(tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    done = in_a_process(
        f"""
        import json, os, time
        from pathlib import Path
        from ray.cluster_utils import Cluster
        from datagen.engine.ray import RayEngine
        from datagen.engine.testing import Slow

        begun = Path({str(tmp_path / "begun")!r})
        cluster = Cluster(initialize_head=True, head_node_args={{"num_cpus": 1}})
        node = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        results = []
        with RayEngine(address=cluster.address) as engine:
            assert engine.workers == 2
            for outcome in engine.run(Slow(0.5, str(begun)), range(12)):
                results.append((outcome.key, outcome.result, str(outcome.error)))
                if len(results) == 2:
                    cluster.remove_node(node, allow_graceful=False)
        cluster.shutdown()
        print(json.dumps(sorted(results)))
        """
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert results == [[key, 2 * key, "None"] for key in range(12)]


@pytest.mark.slow
def test_a_cluster_is_joined_through_its_client_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = in_a_process(
        f"""
        import contextlib, os, socket, time
        os.environ["RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S"] = "8"  # of a server that died
        from ray.cluster_utils import Cluster
        from datagen.engine.ray import RayEngine
        from datagen.engine.testing import Doubles

        cluster = Cluster(
            initialize_head=True,
            head_node_args={{"num_cpus": 1, "ray_client_server_port": {port}}},
        )
        cluster.wait_for_nodes()
        for _ in range(600):  # the client port opens some time after the node
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", {port})).close()
                break
            time.sleep(0.1)
        with RayEngine(address="ray://127.0.0.1:{port}") as engine:
            print(sorted(outcome.result for outcome in engine.run(Doubles(), range(3))))
        cluster.shutdown()
        """
    )
    assert done.stdout.splitlines()[-1:] == ["[0, 2, 4]"], done.stdout + done.stderr


def test_joining_without_a_token_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    engine = RayEngine(address="head:6379", patience=Patience(None, said.append))
    monkeypatch.setattr("datagen.engine.ray._has_token", lambda: True)
    engine._warn_of_open_doors()
    assert said == []
    monkeypatch.setattr("datagen.engine.ray._has_token", lambda: False)
    engine._warn_of_open_doors()
    assert "head:6379 was joined without a token" in said[0]
    assert "RAY_AUTH_MODE=token" in said[0]
