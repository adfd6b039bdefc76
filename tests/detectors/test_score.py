from __future__ import annotations

import shutil
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from datagen.cli.main import run
from tests.detectors.made import PROGRAM, expected, mean_network, onnx_mean, read_rows

FILE = """
import numpy as np

calls = 0


def mean(batch):
    global calls
    calls += 1
    assert batch.dtype == np.uint8 and batch.shape[3] == 3
    return batch.mean(axis=(1, 2, 3)) / 255


class Model:
    def __init__(self):
        self.offset = 0.0

    def __call__(self, batch):
        return 1 - mean(batch) + self.offset


def fussy(batch):
    means = mean(batch)
    if (abs(means - BAD) < 1e-9).any():
        raise ValueError("not this one")
    return means


def nans(batch):
    return np.full(len(batch), np.nan)


def varied(batch):
    raise ValueError("red" if batch.mean() < 128 else "green")


def logits(batch):
    return 10 * (mean(batch) - mean(batch).mean())


number = 3
"""


def score(out: Path, detector: str, to: Path, *options: str) -> int:
    return run(["score", str(out), "--detector", detector, "-o", str(to), "--inline", *options])


def yaml_file(folder: Path, text: str) -> str:
    path = folder / "det.yaml"
    path.write_text(text)
    return str(path)


@pytest.fixture
def plugin(tmp_path: Path, small: Path) -> list[str]:
    first = next(iter(expected(small).values()))
    path = tmp_path / "mine_own.py"
    path.write_text(f"BAD = {first!r}\n{FILE}")
    return ["--plugin", str(path)]


def check(to: Path, small: Path, tolerance: float = 1e-5) -> pd.DataFrame:
    rows = read_rows(to)
    want = expected(small)
    assert list(rows.index) == list(want)
    assert set(rows["status"]) == {"ok"}
    assert rows["score"].to_list() == pytest.approx(list(want.values()), abs=tolerance)
    return rows


def test_a_callable_of_a_file(
    small: Path, tmp_path: Path, plugin: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "new" / "s.parquet"
    assert score(small, "mine_own:mean", to, *plugin) == 0
    assert capsys.readouterr().out.strip().endswith("81 images in 6 shards: 81 ok")
    rows = check(to, small)
    manifest = pd.read_parquet(small / "manifest").set_index("sample_id")
    assert rows["sha256"].equals(manifest["sha256"].reindex(rows.index))
    metadata = pq.read_schema(to).metadata
    assert b'"spec": "mine_own:mean"' in metadata[b"datagen.detector"]
    assert b'"name": "small"' in metadata[b"datagen.release"]
    assert sorted(path.name for path in to.parent.iterdir()) == ["s.parquet"]


def test_a_module_of_the_users_folder_and_a_class(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_detector.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    to = tmp_path / "s.parquet"
    assert score(small, "their_detector:Model", to, "--split", "test") == 0
    rows, want = read_rows(to), expected(small)
    assert {name.split("-")[1] for name in rows.index} == {"test"}
    assert rows["score"].to_list() == pytest.approx([1 - want[name] for name in rows.index])


def test_polarity_and_logits(small: Path, tmp_path: Path, plugin: list[str]) -> None:
    to = tmp_path / "s.parquet"
    config = yaml_file(tmp_path, "{higher_is: real}")
    assert score(small, "mine_own:Model", to, "--detector-config", config, *plugin) == 0
    check(to, small)


def test_one_image_that_fails_has_a_status_and_no_score(
    small: Path, tmp_path: Path, plugin: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "s.parquet"
    assert score(small, "mine_own:fussy", to, *plugin) == 0
    told = capsys.readouterr()
    assert "1 failed, 80 ok" in told.out
    assert "warning: 1 without a score: failed: ValueError: not this one" in told.err
    rows = read_rows(to)
    bad = rows[rows["status"] == "failed"]
    assert list(bad.index) == [next(iter(expected(small)))]
    assert bad["score"].isna().all()


def test_logits_are_refused_although_some_look_like_probabilities(
    small: Path, tmp_path: Path, plugin: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "s.parquet"
    assert score(small, "mine_own:logits", to, *plugin) == 2
    assert "set 'logits: true' in --detector-config" in capsys.readouterr().err
    assert not to.exists()
    config = yaml_file(tmp_path, "logits: true")
    assert score(small, "mine_own:logits", to, "--detector-config", config, *plugin) == 0
    assert set(read_rows(to)["status"]) == {"ok"}


def test_no_score_at_all_is_exit_2_by_one_cause_and_1_by_several(
    small: Path, tmp_path: Path, plugin: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "s.parquet"
    assert score(small, "mine_own:nans", to, *plugin) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "failed for every one of 81 images: the answer is NaN, expected a finite number" in told
    assert not list(tmp_path.glob("s.parquet*"))
    assert score(small, "mine_own:varied", to, *plugin) == 1
    assert len(set(read_rows(to)["detail"])) == 2


def test_an_onnx_network(small: Path, tmp_path: Path) -> None:
    to = tmp_path / "s.parquet"
    path = str(onnx_mean(tmp_path / "free.onnx"))
    assert score(small, path, to) == 0
    check(to, small)
    text = "{mean: 0.25, std: [0.5, 0.5, 0.5], channels: bgr, logits: true}"
    assert score(small, path, to, "--detector-config", yaml_file(tmp_path, text)) == 0
    rows, want = read_rows(to), expected(small)
    for name, row in rows.iterrows():
        logit = (want[str(name)] - 0.25) / 0.5
        assert row["score"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_onnxruntime_has_an_extra_of_its_own(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert score(small, str(onnx_mean(tmp_path / "a.onnx", batch=3)), tmp_path / "s.parquet") == 2
    assert "pip install 'datagen[onnx]'" in capsys.readouterr().err
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert any(line.startswith("onnxruntime") for line in project["optional-dependencies"]["onnx"])


def test_an_onnx_network_that_insists_on_size_and_batch(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "s.parquet"
    path = str(onnx_mean(tmp_path / "fixed.onnx", side=48, batch=5))
    assert score(small, path, to, "--batch", "7") == 0
    check(to, small, tolerance=0.01)
    config = yaml_file(tmp_path, "size: 64")
    assert score(small, path, to, "--detector-config", config) == 2
    assert "takes only images of [48, 48]" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pt", "pt2"])
def test_a_network_of_torch(small: Path, tmp_path: Path, kind: str) -> None:
    torch: Any = pytest.importorskip("torch")
    network, path, to = mean_network(torch), tmp_path / f"mean.{kind}", tmp_path / "s.parquet"
    example = torch.rand(2, 3, 96, 96)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "pt":
            torch.jit.save(torch.jit.trace(network, example), str(path))
        else:
            batch = torch.export.Dim("batch", min=1, max=64)
            torch.export.save(
                torch.export.export(network, (example,), dynamic_shapes=({0: batch},)), str(path)
            )
    config = yaml_file(tmp_path, "output: softmax")
    assert score(small, str(path), to, "--detector-config", config, "--allow-code") == 0
    check(to, small)


def test_a_command(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program, to = tmp_path / "their program.py", tmp_path / "s.parquet"
    program.write_text(PROGRAM)
    command = f"cmd: {sys.executable} '{program}' {{paths}} {{scores}}"
    assert score(small, command, to) == 0
    check(to, small)
    to = tmp_path / "t.parquet"
    assert score(small, f"{command} 000003", to) == 0
    failed = read_rows(to).query("status == 'failed'")
    assert len(failed) == 6  # one of each shard
    assert set(failed["detail"]) == {"the program wrote no score"}
    program.write_text("import sys; sys.exit('no GPU')")
    capsys.readouterr()
    to = tmp_path / "u.parquet"
    assert score(small, command, to) == 2
    assert "images: the program exited with code 1: no GPU. No scores" in capsys.readouterr().err
    program.write_text("import sys; open(sys.argv[2], 'w').write('1,2')")
    assert score(small, command, to) == 2
    assert "expected 'path,score'" in capsys.readouterr().err
    program.write_text("import sys; open(sys.argv[2], 'w').write('path,score\\n/x.png,0.5')")
    assert score(small, command, to) == 2
    assert "which is not one of the given paths: write each path" in capsys.readouterr().err


def test_a_stopped_run_goes_on_with_what_is_there(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, to = tmp_path / "program.py", tmp_path / "s.parquet"
    program.write_text(PROGRAM)
    command = f"cmd: {sys.executable} {program} {{paths}} {{scores}}"
    out = tmp_path / "out"
    shutil.copytree(small, out)
    media = out / "manifest" / "test-000001.parquet"
    media.rename(tmp_path / "aside")
    assert score(out, command, to) == 1
    told = capsys.readouterr().err
    assert "1 of 6 shards failed:\n  - shard test-000001: " in told
    assert not to.exists()
    parts = tmp_path / "s.parquet.parts"
    assert len(list(parts.iterdir())) == 5
    (parts / sorted(path.name for path in parts.iterdir())[0]).write_bytes(b"torn")
    (tmp_path / "aside").rename(media)
    assert score(out, command, to) == 0
    assert "81 images in 6 shards (4 from an earlier run): 81 ok" in capsys.readouterr().out
    check(to, small)
    assert not parts.exists()


def test_parts_of_another_detector_are_not_taken(
    small: Path, tmp_path: Path, plugin: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "s.parquet"
    out = tmp_path / "out"
    shutil.copytree(small, out)
    (out / "manifest" / "test-000001.parquet").unlink()
    assert score(out, "mine_own:Model", to, *plugin) == 1
    assert score(small, "mine_own:mean", to, *plugin) == 0
    assert "from an earlier run" not in capsys.readouterr().out
    check(to, small)


def test_images_that_are_gone_or_spoiled_are_unreadable(
    small: Path, tmp_path: Path, plugin: list[str]
) -> None:
    out, to = tmp_path / "out", tmp_path / "s.parquet"
    shutil.copytree(small, out)
    (out / "media" / "small-v1-test-000000.tar").unlink()
    tar = out / "media" / "small-v1-train-000000.tar"
    rows = pd.read_parquet(out / "manifest")
    row = rows[rows["media_path"] == "media/small-v1-train-000000.tar"].iloc[0]
    data = bytearray(tar.read_bytes())
    data[int(row["media_offset"]) + 40] ^= 0xFF
    tar.write_bytes(data)
    assert score(out, "mine_own:mean", to, *plugin) == 0
    found = read_rows(to)
    gone = rows[rows["media_path"] == "media/small-v1-test-000000.tar"]["sample_id"]
    bad = found[found["status"] == "unreadable"]
    assert set(bad.index) == {*gone, row["sample_id"]}
    assert bad["score"].isna().all()
    assert "differ from the manifest" in bad.loc[row["sample_id"], "detail"]


@pytest.mark.ray
def test_ray_gives_the_same_scores(
    ray_cluster: object, small: Path, tmp_path: Path, plugin: list[str]
) -> None:
    to = tmp_path / "ray.parquet"
    arguments = ["score", str(small), "--detector", "mine_own:mean", "-o", str(to), *plugin]
    assert run([*arguments, "--workers", "2"]) == 0
    assert score(small, "mine_own:mean", tmp_path / "inline.parquet", *plugin) == 0
    assert to.read_bytes() == (tmp_path / "inline.parquet").read_bytes()


@pytest.mark.parametrize(
    ("spec", "config", "words"),
    [
        ("none.onnx", "", "detector none.onnx: no such file"),
        ("frob", "", "expected module:callable, model.onnx"),
        ("nothing_here:score", "", "module 'nothing_here' not found"),
        ("mine_owm:mean", "", "Did you mean 'mine_own'?"),
        ("mine_own:number", "", "is of type int, which is not callable"),
        ("mine_own:absent", "", "does not load: AttributeError"),
        ("cmd: frobnicate {paths} {scores}", "", "program 'frobnicate' not found"),
        ("cmd: python score.py {paths}", "", "no {scores} in it"),
        ("mine_own:mean", "{mean: 0.5}", "mean: 'mine_own:mean' is given uint8 RGB images"),
        ("mine_own:mean", "{sise: 3}", "sise: unknown key. Did you mean 'size'?"),
        ("mine_own:mean", "{logits: true, output: softmax}", "already takes logits"),
        ("mine_own:mean", "{std: 0}", "must be positive numbers"),
        ("broken.onnx", "", "does not load"),
        ("broken.pt", "", "does not load"),
        ("broken.json", "", "is not valid JSON"),
    ],
)
def test_a_wrong_detector_is_exit_2_and_says_what_to_do(
    small: Path,
    tmp_path: Path,
    plugin: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spec: str,
    config: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for suffix in ("onnx", "pt", "json"):
        (tmp_path / f"broken.{suffix}").write_bytes(b"not a network")
    options = ["--detector-config", yaml_file(tmp_path, config)] if config else []
    to = tmp_path / "s.parquet"
    assert score(small, spec, to, "--allow-code", *options, *plugin) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.glob("s.parquet*"))


def test_a_wrong_place_or_split_is_exit_2(
    small: Path, tmp_path: Path, plugin: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(small, "mine_own:mean", tmp_path, *plugin) == 2
    assert "is a folder: name a new file" in capsys.readouterr().err
    (tmp_path / "t.parquet.parts").write_text("a file where the parts would lie")
    assert score(small, "mine_own:mean", tmp_path / "t.parquet", *plugin) == 2
    assert "t.parquet.parts: cannot be created: File exists" in capsys.readouterr().err
    assert score(small, "mine_own:mean", tmp_path / "s.txt", *plugin) == 2
    assert "*.jsonl.gz, found '.txt': rename it" in capsys.readouterr().err
    to = tmp_path / "s.parquet"
    assert score(small, "mine_own:mean", to, "--split", "tets", *plugin) == 2
    assert "has no split 'tets'. Did you mean 'test'?" in capsys.readouterr().err
    assert score(tmp_path / "nowhere", "mine_own:mean", to, *plugin) == 2
    assert "is not a datagen release" in capsys.readouterr().err
