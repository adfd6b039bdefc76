"""What ``python -m build`` makes installs into a clean environment and works there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.house import ROOT

pytestmark = pytest.mark.slow

CODE = """
import datagen
from pathlib import Path
for name in datagen.__all__:
    getattr(datagen, name)
print(Path(datagen.__file__).parent)
"""


def command(*words: object, cwd: Path) -> str:
    # Without what would let the environment see the checkout.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path, *options: str, source: Path = ROOT) -> Path:
    """Build without an environment of its own: hatchling is installed."""
    words = ("-m", "build", "--no-isolation", *options, "--outdir", folder, source)
    command(sys.executable, *words, cwd=folder)
    (made,) = folder.glob("*.tar.gz" if options == ("--sdist",) else "*.whl")
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("distributions")


@pytest.fixture(scope="module")
def sdist(folder: Path) -> Path:
    return build(folder, "--sdist")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    return build(folder, "--wheel")


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        return sorted(opened.namelist())


def test_twine_finds_nothing(sdist: Path, wheel: Path) -> None:
    command(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, cwd=sdist.parent)


def test_the_wheel_has_recipes_and_cards_and_no_tests(wheel: Path) -> None:
    found = names(wheel)
    assert {name.partition("/")[0] for name in found} == {"datagen", "datagen-0.1.0.dist-info"}
    assert not [name for name in found if "test_" in name or "__pycache__" in name]
    shipped = {name for name in found if name.startswith("datagen/recipe/shipped/")}
    assert shipped == {
        f"datagen/recipe/shipped/{path.relative_to(ROOT / 'recipes')}"
        for path in (ROOT / "recipes").rglob("*.yaml")
    }
    assert "datagen/py.typed" in found
    assert "datagen-0.1.0.dist-info/licenses/LICENSE" in found


def test_the_source_distribution_makes_the_same_wheel(
    sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    (tmp_path / "out").mkdir()
    assert names(build(tmp_path / "out", "--wheel", source=unpacked)) == names(wheel)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_clean_environment_makes_the_quickstart(
    kind: str, sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    (site,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    # The libraries of this environment, but not its .pth files, which lead to the checkout.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    install = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    file = {"wheel": wheel, "sdist": sdist}[kind]
    command(python, *install, "--ignore-installed", "--no-index", file, cwd=tmp_path)
    assert command(python, "-c", CODE, cwd=tmp_path).strip() == str(site / "datagen")
    datagen = tmp_path / "env" / "bin" / "datagen"
    assert command(datagen, "--version", cwd=tmp_path).strip() == "0.1.0"
    rows = json.loads(command(datagen, "list", "recipes", "--json", cwd=tmp_path))
    assert "quickstart" in {row["name"] for row in rows}
    if kind == "wheel":
        run = ("generate", "quickstart", "-o", "out", "--limit", 6, "--inline")
        assert "6 pairs" in command(datagen, *run, cwd=tmp_path)
        assert command(datagen, "verify", "out", cwd=tmp_path) == ""
