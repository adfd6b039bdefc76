from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datagen.core.digests import sha256_bytes
from datagen.errors import RecipeError
from datagen.methods import METHODS
from datagen.recipe.plugins import Plugin, read_plugin

METHOD = """
from datagen.methods import Method, NoOptions, Result

class Params(NoOptions):
    strength: float = 1.0

class {name}(Method):
    name = "{method}"
    family = "pseudo_fake"
    params = Params
    min_change = 0.0
    def sample(self, rng, ctx):
        return Params(strength=2.0)
    def apply(self, ctx, params):
        raise NotImplementedError
"""


@pytest.fixture(autouse=True)
def _leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(METHODS, "_added", dict(METHODS._added))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("datagen_plugin_"):
            del sys.modules[name]


def written(folder: Path, text: str, name: str = "mine.py") -> Plugin:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_plugin(path)


def method(name: str = "mine", class_: str = "Mine") -> str:
    return METHOD.format(method=name, name=class_)


def without(attribute: str) -> str:
    return "".join(
        line for line in method().splitlines(True) if not line.startswith(f"    {attribute} =")
    )


def with_(attribute: str, value: str) -> str:
    head = "from datagen import Frozen\n"
    return head + without(attribute).replace(
        "    def sample", f"    {attribute} = {value}\n    def sample", 1
    )


def test_a_file_brings_its_methods(tmp_path: Path) -> None:
    plugin = written(tmp_path, method() + method("other", "Other"))
    assert plugin.name == str(tmp_path / "mine.py")
    assert plugin.digest == sha256_bytes(plugin.text.encode())
    assert plugin.load() == ["mine", "other"]
    assert {"mine", "other"} <= set(METHODS)
    assert METHODS.load("mine").build({}).name == "mine"


def test_the_same_file_is_run_once(tmp_path: Path) -> None:
    plugin = written(tmp_path, method())
    assert plugin.load() == ["mine"]
    first = METHODS.load("mine")
    assert pickle.loads(pickle.dumps(plugin)).load() == []
    assert METHODS.load("mine") is first


def test_what_a_plugin_defines_can_be_pickled(tmp_path: Path) -> None:
    written(tmp_path, method()).load()
    made = METHODS.load("mine").build({})
    params = made.sample(None, None)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(params))
    assert again == params
    assert type(pickle.loads(pickle.dumps(made))) is METHODS.load("mine")


def test_what_is_imported_is_not_its_own(tmp_path: Path) -> None:
    text = "from datagen.methods.self_blend import SelfBlend\n" + method()
    assert written(tmp_path, text).load() == ["mine"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ndef f(:\n", "mine.py: line 2: SyntaxError: invalid syntax"),
        (
            "import no_such_package\n",
            "mine.py: line 1: ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("x = 1\n1 / 0\n", "mine.py: line 2: ZeroDivisionError: division by zero"),
        (
            "def f():\n    open('/nope/x')\nf()\n",
            "mine.py: line 2: FileNotFoundError: No such file or directory: '/nope/x'",
        ),
        ("x = 1\n", "defines no Method or Degradation with a 'name'"),
        ("from datagen.methods.self_blend import SelfBlend\n", "defines no Method or Degradation"),
        (
            "from datagen.methods import Method\nclass Nameless(Method):\n    version = 2\n",
            "defines no Method or Degradation with a 'name'",
        ),
        (method("self_blend"), "method 'self_blend' is defined twice"),
        (without("family"), "Mine lacks 'family' (one of pseudo_fake, face_swap, "),
        (without("params"), "Mine lacks 'params' (a class derived from Frozen)"),
        (without("min_change"), "Mine lacks 'min_change' (a number)"),
        (with_("family", "'swap'"), "family: must be one of pseudo_fake, face_swap"),
        (with_("name", "'Green Mouth'"), "name: must be lower-case letters, digits and '_'"),
        (with_("name", "7"), "name: must be lower-case letters"),
        (with_("version", "'2'"), "version: must be a whole number (found '2')"),
        (with_("options", "dict"), "options: must be a class derived from Frozen"),
        (with_("params", "Frozen()"), "params: must be a class derived from Frozen"),
        (
            "from datagen import Degradation\nclass Fade(Degradation):\n    name = 'fade'\n"
            "    def sample(self, rng, shape): pass\n    def apply(self, image, params): pass\n",
            "Fade lacks 'options' (a class derived from Frozen); lacks 'params'",
        ),
    ],
)
def test_a_file_that_does_not_work_is_named_every_time(
    tmp_path: Path, text: str, words: str
) -> None:
    plugin = written(tmp_path, text)
    for _ in range(2):
        with pytest.raises(RecipeError) as caught:
            plugin.load()
        assert words in str(caught.value)
        assert str(caught.value).startswith(f"{tmp_path / 'mine.py'}: ")
    assert not any(name == f"datagen_plugin_{plugin.digest[:16]}" for name in sys.modules)


def test_two_files_that_define_one_name_are_both_named(tmp_path: Path) -> None:
    written(tmp_path, method(), "one.py").load()
    with pytest.raises(RecipeError) as caught:
        written(tmp_path, method() + "\n", "two.py").load()
    assert (
        f"method 'mine' is defined twice: by Mine in {tmp_path / 'one.py'} and by Mine in "
        f"{tmp_path / 'two.py'}. Rename one of them, or leave out its file or package"
    ) in str(caught.value)


def test_the_line_of_a_mistake_is_in_the_traceback(tmp_path: Path) -> None:
    plugin = written(tmp_path, "a = 1\n\nb = a / 0\n")
    with pytest.raises(RecipeError) as caught:
        plugin.load()
    cause = caught.value.__cause__
    assert cause is not None
    assert cause.__traceback__ is not None
    last = cause.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    assert (last.tb_frame.f_code.co_filename, last.tb_lineno) == (plugin.name, 3)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    for name in ("gone.py", "latin.py", "."):
        with pytest.raises(RecipeError) as caught:
            read_plugin(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: cannot be read: ")
