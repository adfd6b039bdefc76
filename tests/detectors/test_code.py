"""What may run code: only what the user names as code, or allows."""

from __future__ import annotations

import io
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import datagen as dg
from datagen.detectors.baseline.spectral import SpectralModel
from datagen.detectors.config import DetectorConfig
from datagen.detectors.score import score_release
from datagen.detectors.spec import read_spec
from datagen.errors import DetectorError
from tests.detectors.made import onnx_mean, released
from tests.detectors.test_score import score


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self._mark),)


def hostile(mark: Path) -> dict[str, bytes]:
    """Return files that run code when their pickle is read, by form."""
    pickled = pickle.dumps(_Bomb(mark))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:  # as torch.save and torch.export.save write
        for name in ("data.pkl", "constants.pkl", "serialized_example_inputs.pt"):
            zipped.writestr(f"archive/{name}", pickled)
        zipped.writestr("archive/version", "3\n")
    return {"pickle": pickled, "archive": archive.getvalue()}


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "ran"


def test_the_bomb_goes_off(mark: Path) -> None:
    pickle.loads(hostile(mark)["pickle"])
    assert mark.is_dir()


@pytest.mark.parametrize("form", ["pickle", "archive"])
@pytest.mark.parametrize("suffix", ["pt", "pt2", "PT", "Pt2"])
def test_a_file_of_torch_is_refused_before_it_is_opened(
    small: Path,
    tmp_path: Path,
    mark: Path,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
    form: str,
) -> None:
    path, to = tmp_path / f"net.{suffix}", tmp_path / "s.parquet"
    path.write_bytes(hostile(mark)[form])
    assert score(small, str(path), to) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"a .{suffix} file can run any code on this machine when it is opened" in told
    assert "add --allow-code (in Python: allow_code=True)" in told
    for call in (
        lambda: dg.score(small, str(path), inline=True, progress=False),
        lambda: score_release(released(small), str(path)),
        lambda: read_spec(str(path), DetectorConfig()),
    ):
        with pytest.raises(DetectorError, match="allow_code=True") as error:
            call()
        assert error.value.path == str(path)
    assert not mark.exists()
    assert not list(tmp_path.glob("s.parquet*"))


def test_a_link_to_a_file_of_torch_is_one(tmp_path: Path, mark: Path) -> None:
    """Its own name decides how it is opened."""
    (tmp_path / "data").write_bytes(hostile(mark)["pickle"])
    (tmp_path / "net.pt").symlink_to(tmp_path / "data")
    with pytest.raises(DetectorError, match="can run any code"):
        read_spec(str(tmp_path / "net.pt"), DetectorConfig())


def test_what_is_allowed_is_opened(tmp_path: Path, mark: Path) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(hostile(mark)["archive"])
    assert read_spec(str(path), DetectorConfig(), allow_code=True).kind == "exported"


@pytest.mark.parametrize("form", ["pickle", "archive"])
@pytest.mark.parametrize("suffix", ["onnx", "json"])
def test_the_other_files_never_run_code_whatever_is_in_them(
    small: Path,
    tmp_path: Path,
    mark: Path,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
    form: str,
) -> None:
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(hostile(mark)[form])
    for options in ((), ("--allow-code",)):
        assert score(small, str(path), tmp_path / "s.parquet", *options) == 2
        assert f"detector {path}: " in capsys.readouterr().err.replace("\n", "")
    assert not mark.exists()


def test_a_good_network_with_a_pickle_behind_it_runs_no_code(
    small: Path, tmp_path: Path, mark: Path
) -> None:
    """A zip may follow anything: whoever looks for one from the end finds it."""
    path = onnx_mean(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes() + hostile(mark)["archive"])
    assert score(small, str(path), tmp_path / "s.parquet") in (0, 2)
    assert not mark.exists()


@pytest.mark.parametrize("form", ["pickle", "archive"])
def test_safetensors_never_run_code(tmp_path: Path, mark: Path, form: str) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    path.write_bytes(hostile(mark)[form])
    with pytest.raises(Exception, match=r"(?i)header|deserializ"):
        safetensors.load_file(path)
    assert not mark.exists()


BASELINES: dict[str, str | bytes] = {
    "deep": "[" * 100_000,
    "deep in format": '{"format": "datagen.baseline", "features": ' + "[" * 50_000,
    "a long number": '{"format": ' + "1" * 10_000 + "}",
    "a number": "3",
    "null": "null",
    "not text": b"\xff\xfe{}",
    "constants": '{"format": NaN}',
    "empty": "",
}


@pytest.mark.parametrize("name", BASELINES)
def test_a_hostile_model_of_the_baseline_is_refused(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / "b.json", BASELINES[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DetectorError) as error:
        SpectralModel.read(str(path))
    assert len(str(error.value)) < 600
    assert error.value.path == str(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bias", "9" * 400),
        ("bias", "1e999"),
        ("calibration", "[1]"),
        ("calibration", "[0, 1]"),
        ("calibration", "[-1, 0]"),
        ("calibration", "[1e300, 0]"),
        ("calibration", '["a", "b"]'),
        ("value", "[[1], [1, 2]]"),
        ("value", '{"a": 1}'),
        ("value", "[0, 1e308, 1]"),
        ("value", "[]"),
        ("threshold", "[" + "9" * 400 + ", 0, 0]"),
        ("threshold", "null"),
        ("threshold", "[0, 0]"),
        ("left", "[0, 1, 2]"),  # a leaf on one side alone
        ("left", "[-1, 1, 2]"),
        ("left", "[3, 1, 2]"),
        ("right", "[2, 0, 2]"),  # a circle
        ("right", "[1.5, 1, 2]"),
        ("roots", "[3]"),
        ("roots", "[]"),
        ("roots", str([0] * 2001)),
        ("value", str([0] * 50_001)),
        ("roots", "[0.5]"),
        ("feature", "[-1, 0, 0]"),
        ("feature", "[1000000, 0, 0]"),
        ("trained_on", "[[1, 2, 3]]"),
        ("trained_on", "7"),
    ],
)
def test_a_model_of_the_baseline_with_a_wrong_value_is_refused(
    tmp_path: Path, key: str, value: str
) -> None:
    from datagen.detectors.baseline.features import FEATURES_VERSION

    body = {
        "format": '"datagen.baseline"',
        "features": str(FEATURES_VERSION),
        "bias": "1",
        "calibration": "[1, 0]",
        "roots": "[0]",
        "feature": "[0, 0, 0]",
        "threshold": "[0.5, 0, 0]",
        "left": "[1, 1, 2]",
        "right": "[2, 1, 2]",
        "value": "[0, -1, 1]",
        "trained_on": "{}",
    }
    path = tmp_path / "b.json"

    def write(**changes: str) -> None:
        lines = ", ".join(f'"{name}": {text}' for name, text in {**body, **changes}.items())
        path.write_text("{" + lines + "}")

    write()
    assert SpectralModel.read(str(path)).trees.bias == 1
    write(**{key: value})
    with pytest.raises(DetectorError, match="is damaged") as error:
        SpectralModel.read(str(path))
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    "text",
    [
        "size: !!python/object/apply:os.mkdir [PLACE]",
        "!!python/object/new:os.mkdir {args: [PLACE]}",
        "plugin: PLACE",
        "module: PLACE",
        "device: PLACE",
        "output: cmd:PLACE",
        "transform: PLACE",
        "size: &a [*a, *a]",
    ],
)
def test_a_configuration_holds_no_code(
    small: Path, tmp_path: Path, mark: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    config = tmp_path / "det.yaml"
    config.write_text(text.replace("PLACE", str(mark)))
    path, to = str(onnx_mean(tmp_path / "net.onnx")), tmp_path / "s.parquet"
    assert score(small, path, to, "--detector-config", str(config), "--allow-code") == 2
    assert "det.yaml" in capsys.readouterr().err.replace("\n", "")
    assert not mark.exists()


@pytest.mark.parametrize("text", ["~nobody-of-this-name/a.onnx", "a\x00b.onnx", "x" * 5000 + ".pt"])
def test_a_name_that_is_no_file_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(DetectorError, match="no such file"):
        read_spec(text, DetectorConfig(), allow_code=True)


def test_a_detector_in_the_folder_is_looked_up_and_not_run_by_a_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: Path
) -> None:
    """A Python file is no form of a detector: only a module that is named, or ``--plugin``."""
    (tmp_path / "mine.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(DetectorError, match="expected module:callable"):
        read_spec("mine.py", DetectorConfig())
    read_spec("mine:score", DetectorConfig())
    assert not mark.exists()
