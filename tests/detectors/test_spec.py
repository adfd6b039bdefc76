"""Specs of detectors: hints at what was meant, and what their digest covers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from datagen.core.python_file import PythonFile
from datagen.detectors.config import DetectorConfig
from datagen.detectors.spec import read_spec
from datagen.errors import DetectorError

HERE = DetectorConfig()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("my_model.py:score", "did you mean 'my_model:score'?"),
        ("my_model.py::score", "did you mean 'my_model:score'?"),
        ("my_model.py", "did you mean 'my_model:score'?"),
        ("./my_model.py:fake", "did you mean 'my_model:fake'?"),
        ("nets/my_model.py:f", "did you mean 'my_model:f' with --plugin nets/my_model.py?"),
        ("nets/my_model:f", "did you mean 'my_model:f' with --plugin nets/my_model.py?"),
        ("my_model", "name the function or class as well, such as 'my_model:score'"),
        ("pkg.my_model.score", "did you mean 'pkg.my_model:score'?"),
        ("my_model:net.forward", "without a dot: 'my_model:name'"),
        ("best.pth", "weights without their network"),
        ("best.safetensors", "no such file"),
        ("net.torchscript", "a TorchScript file is named *.pt"),
        ("python detect.py {paths} {scores}", "a program begins with 'cmd: '"),
    ],
)
def test_what_was_meant_is_told(folder: Path, text: str, words: str) -> None:
    with pytest.raises(DetectorError) as error:
        read_spec(text, HERE)
    assert words.lower() in str(error.value).lower()


def test_every_form_is_listed(folder: Path) -> None:
    with pytest.raises(DetectorError, match=r"expected module:callable, model\.onnx, .*'cmd: "):
        read_spec("what?", HERE)


def test_a_file_of_a_similar_name_is_hinted_at(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"")
    with pytest.raises(DetectorError, match=r"no such file\. Did you mean 'model.onnx'\?"):
        read_spec("modle.onnx", HERE)


def test_an_output_name_is_for_no_program() -> None:
    config = DetectorConfig(output_name="a")
    with pytest.raises(DetectorError, match=r"output_name: .* is given encoded files"):
        read_spec(f"cmd: {sys.executable} {{paths}} {{scores}}", config)


def write_model(folder: Path) -> None:
    (folder / "my_model.py").write_text(
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from helpers import net\n"
        "WEIGHTS = Path(__file__).parent / 'weights.bin'\n"
        "HUB = 'checkpoint'\n"
        "def score(batch):\n    return net.run(batch)\n"
    )
    (folder / "helpers").mkdir()
    (folder / "helpers" / "__init__.py").write_text("")
    (folder / "helpers" / "net.py").write_text("from . import layers\ndef run(b): ...\n")
    (folder / "helpers" / "layers.py").write_text("WIDTH = 3\n")
    (folder / "weights.bin").write_bytes(b"1")
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "config.json").write_text("{}")
    (folder / "checkpoint" / "model.safetensors").write_bytes(b"1")
    (folder / "unrelated.py").write_text("")


DECIDES = [
    "my_model.py",
    "helpers/net.py",
    "helpers/layers.py",
    "weights.bin",
    "checkpoint/model.safetensors",
    "checkpoint/config.json",
]
FORMS = {
    "module": "my_model:score",
    "plugin": "my_model:score",
    "program": f"cmd: {sys.executable} my_model.py {{paths}} {{scores}}",
    "option": f"cmd: {sys.executable} my_model.py --net=given.bin {{paths}} {{scores}}",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", DECIDES)
def test_the_digest_covers_what_is_imported_and_named(folder: Path, form: str, name: str) -> None:
    write_model(folder)

    def digest() -> str:
        plugin = [PythonFile.read(folder / "my_model.py", DetectorError)]
        files = plugin if form == "plugin" else []
        return read_spec(FORMS[form], HERE, files).digest

    first = digest()
    (folder / "unrelated.py").write_text("changed = 1")
    assert digest() == first
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    assert digest() != first


def test_the_digest_covers_an_option_that_names_a_file(folder: Path) -> None:
    write_model(folder)
    (folder / "given.bin").write_bytes(b"1")
    first = read_spec(FORMS["option"], HERE).digest
    (folder / "given.bin").write_bytes(b"2")
    assert read_spec(FORMS["option"], HERE).digest != first


def test_the_digest_covers_the_configuration(folder: Path) -> None:
    write_model(folder)
    first = read_spec("my_model:score", HERE).digest
    for keys in ({"output_name": "a"}, {"index": 1}, {"logits": True}, {"higher_is": "real"}):
        assert read_spec("my_model:score", DetectorConfig.model_validate(keys)).digest != first


@pytest.mark.parametrize("text", ["def f(:", "\x00", "(" * 5000, "x = " + "-" * 9000 + "1"])
def test_a_module_that_cannot_be_parsed_has_a_digest(folder: Path, text: str) -> None:
    (folder / "my_model.py").write_text(text)
    assert read_spec("my_model:score", HERE).digest
