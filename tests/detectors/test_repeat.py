"""Asking a detector twice: scores that depend on the batch, parts of a detector that changed."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper

import datagen as dg
from datagen.detectors.config import DetectorConfig
from datagen.detectors.score import score_release
from tests.detectors.made import expected, onnx_mean, read_rows, released
from tests.detectors.test_score import score

ALONE = "the score of an image depends on the other images in its batch"


def mean(batch: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(batch.mean(axis=(1, 2, 3)) / 255)


def doubts(out: Path, infer: Any, **config: Any) -> list[str]:
    frame = score_release(
        released(out), infer, "test", config=DetectorConfig.model_validate(config)
    )
    found: list[str] = frame.attrs["doubts"]
    return found


def relative(batch: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(0.5 + mean(batch) - mean(batch).mean())


def turned(batch: NDArray[Any]) -> NDArray[Any]:
    return mean(batch)[::-1]


def test_a_callable_whose_scores_depend_on_the_batch_is_told(small: Path) -> None:
    assert doubts(small, mean) == []
    for infer in (relative, turned):
        (told,) = doubts(small, infer)
        assert told.startswith(ALONE)
        assert "model.eval()" in told
    frame = score_release(released(small), relative, "test", batch=1)
    assert not any(one.startswith(ALONE) for one in frame.attrs["doubts"])


def test_a_small_rounding_is_no_difference(small: Path) -> None:
    assert doubts(small, lambda batch: mean(batch) + 1e-3 * (len(batch) > 1)) == []


def test_it_is_told_of_a_plug_in(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(
        "def f(batch):\n    m = batch.mean(axis=(1, 2, 3)) / 255\n    return 0.5 + m - m.mean()\n"
    )
    to = tmp_path / "s.parquet"
    assert score(small, "mine:f", to, "--plugin", str(tmp_path / "mine.py")) == 0
    assert f"warning: {ALONE}" in capsys.readouterr().err


def test_it_is_told_of_a_program(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.py").write_text(
        "import sys\npaths = open(sys.argv[1]).read().split()\n"
        "rows = [f'{path},{n / len(paths)}' for n, path in enumerate(paths)]\n"
        "open(sys.argv[2], 'w').write('\\n'.join(['path,score', *rows]))\n"
    )
    command = f"cmd: {sys.executable} {tmp_path / 'p.py'} {{paths}} {{scores}}"
    assert score(small, command, tmp_path / "s.parquet", "--split", "test") == 0
    assert ALONE in capsys.readouterr().err


def test_it_is_told_of_an_onnx_network(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = onnx_mean(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "own"
    model.graph.node.append(helper.make_node("ReduceMean", ["own"], ["all"], keepdims=1))
    model.graph.node.append(helper.make_node("Add", ["own", "all"], ["sum"]))
    model.graph.node.append(helper.make_node("Div", ["own", "sum"], ["y"]))
    onnx.save(model, path)
    assert score(small, str(path), tmp_path / "s.parquet", "--split", "test") == 0
    assert ALONE in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["pt", "pt2"])
def test_it_is_told_of_a_network_of_torch(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    torch: Any = pytest.importorskip("torch")

    class Net(torch.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            means = x.mean(dim=(1, 2, 3))
            return 0.5 + means - means.mean()

    path, example = tmp_path / f"net.{suffix}", torch.rand(2, 3, 96, 96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if suffix == "pt":
            torch.jit.save(torch.jit.trace(Net(), example), str(path))
        else:
            batch = torch.export.Dim("batch", min=1, max=64)
            program = torch.export.export(Net(), (example,), dynamic_shapes=({0: batch},))
            torch.export.save(program, str(path))
    assert score(small, str(path), tmp_path / "s.csv", "--split", "test", "--allow-code") == 0
    assert ALONE in capsys.readouterr().err


def test_scores_that_are_all_alike_are_told(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (told,) = doubts(small, lambda batch: np.full(len(batch), 0.5))
    assert told.endswith("do size, mean, std and output fit it?")
    middle = np.median(list(expected(small).values()))
    (told,) = doubts(small, lambda batch: (mean(batch) > middle).astype(int))
    assert "look like classes" in told
    (told,) = doubts(small, mean, logits=True)
    assert "taken as logits, but all of them lie within [0, 1]" in told
    (told,) = doubts(small, mean, output="sigmoid", higher_is="real")
    assert "taken as logits" in told
    dg.score(small, lambda batch: np.full(len(batch), 0.5), "test")
    assert "warning: All " in capsys.readouterr().err


def test_what_a_detector_is_given_is_in_no_order_of_labels(small: Path) -> None:
    """Its place in a batch would tell a fake from a real."""
    seen: list[float] = []

    def infer(batch: NDArray[Any]) -> NDArray[Any]:
        seen.extend(mean(batch))
        return mean(batch)

    score_release(released(small), infer, "train", batch=1000)
    rows = released(small).manifest
    want, label = expected(small), dict(zip(rows["sample_id"], rows["label"], strict=True))
    of_mean = {round(value, 9): label[name] for name, value in want.items()}
    labels = [of_mean[round(value, 9)] for value in seen[: len(seen) - 1]]
    places = {label: [n % 2 for n, one in enumerate(labels) if one == label] for label in (0, 1)}
    for parities in places.values():
        assert 0.2 < np.mean(parities) < 0.8
    order = [name for name in want if "-train-" in name]
    assert [want[name] for name in order] != pytest.approx(seen[: len(order)])


def interrupted(small: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Return a release and the scores file of a run of which all shards but one are done."""
    out, to = tmp_path / "out", tmp_path / "s.parquet"
    shutil.copytree(small, out)
    aside = out / "manifest" / "test-000001.parquet"
    aside.rename(tmp_path / "aside")
    (tmp_path / "mine.py").write_text(
        "import os\ndef f(batch):\n"
        "    return float(os.environ['FACTOR']) * batch.mean(axis=(1, 2, 3)) / 255\n"
    )
    return out, to


@pytest.mark.parametrize("factor", ["1", "0.5"])
def test_a_resumed_run_never_mixes_two_detectors(
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: str,
) -> None:
    """What an environment variable decides is in no digest: the detector is asked."""
    out, to = interrupted(small, tmp_path)
    options = ("--plugin", str(tmp_path / "mine.py"))
    monkeypatch.setenv("FACTOR", "1")
    assert score(out, "mine:f", to, *options) == 1
    (tmp_path / "aside").rename(out / "manifest" / "test-000001.parquet")
    capsys.readouterr()
    monkeypatch.setitem(os.environ, "FACTOR", factor)
    assert score(out, "mine:f", to, *options) == 0
    told = capsys.readouterr()
    want = {name: float(factor) * value for name, value in expected(small).items()}
    assert read_rows(to)["score"].to_dict() == pytest.approx(want)
    assert ("(5 from an earlier run)" in told.out) == (factor == "1")
    assert ("are not used: the detector gives others now" in told.err) == (factor != "1")


def test_scores_of_another_detector_are_not_replaced(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to, net = tmp_path / "s.parquet", str(onnx_mean(tmp_path / "a.onnx"))
    assert score(small, net, to, "--split", "test") == 0
    first = to.read_bytes()
    other = str(onnx_mean(tmp_path / "b.onnx"))
    assert score(small, other, to, "--split", "test") == 2
    assert "holds the scores of another detector" in capsys.readouterr().err
    assert to.read_bytes() == first
    assert score(small, net, to, "--split", "test") == 0
    assert "warning" not in capsys.readouterr().err
    assert score(small, net, to, "--split", "train", "--split", "test") == 0
    assert "warning" not in capsys.readouterr().err
    assert score(small, net, to, "--split", "train") == 0
    assert "it held the scores of 27 images that are not in it now" in capsys.readouterr().err
    assert score(small, net, to, "--split", "test") == 0
    capsys.readouterr()
    (tmp_path / "det.yaml").write_text(json.dumps({"higher_is": "real"}))
    config = ("--detector-config", str(tmp_path / "det.yaml"))
    assert score(small, net, to, "--split", "test", *config) == 0
    assert "held the scores of another version of the detector" in capsys.readouterr().err
