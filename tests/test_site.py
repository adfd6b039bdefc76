"""The site builds without a broken link, and what its guides print runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

import datagen as dg
from datagen.cli.main import run
from tests.support.assets import london, weights

ROOT = Path(__file__).resolve().parent.parent


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a document in a language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a new user has it: the recipes, and nothing else."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_site_builds_strictly_and_holds_everything_public(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    names = (tmp_path / "public-names.html").read_text(encoding="utf-8")
    headings = set(re.findall(r'<h3 id="[\w.]+\.(\w+)" class="doc doc-heading', names))
    assert set(dg.__all__) | set(dg.loaders.__all__) <= headings
    for name in ("generate", "weights pull", "lint-deepfakebench"):
        assert f"datagen {name}" in (tmp_path / "commands.html").read_text("utf-8")
    outside = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(https?://[^"]+)"')
    for page in tmp_path.rglob("*.html"):
        assert outside.findall(page.read_text(encoding="utf-8")) == [], page


@pytest.mark.slow
def test_getting_started(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, text in enumerate(blocks("getting-started.md", "python")):
        exec(compile(text, f"block {number}", "exec"), {})
    assert "40 pairs" in capsys.readouterr().out
    assert run(["show", "first-out"]) == 0


@pytest.mark.slow
def test_the_benchmark_split(work: Path) -> None:
    path = work / "my-benchmark.yaml"
    shutil.copytree(work / "recipes" / "cards", work / "cards")
    path.write_text(blocks("benchmark-split.md", "yaml")[0], encoding="utf-8")
    assert run(["validate", str(path)]) == 0
    assert run(["generate", str(path), "-o", "bench", "--inline", "--limit", "30"]) == 0
    held_out = dg.Release("bench").table()
    assert set(held_out[held_out["method"] == "landmark_swap"]["split"]) == {"test"}
    for text in blocks("benchmark-split.md", "python"):
        exec(text, {})


@pytest.mark.slow
@pytest.mark.photos
def test_own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photographs of 48 people in folders, and every command as it is printed."""
    weights("face_landmarker.task")
    monkeypatch.chdir(tmp_path)
    for text in blocks("own-images.md", "yaml"):
        path = tmp_path / text.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for photo in sorted(london().parent.glob("*.jpg"))[:96]:
        folder = tmp_path / "images" / photo.name[:3]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder / photo.name[4:])
    lines = re.findall(r"^datagen (.+)", "".join(blocks("own-images.md", "")), re.MULTILINE)
    assert lines[0] == "weights pull mediapipe_face_landmarker"
    for words in map(shlex.split, lines):
        inline = ["--inline"] if words[0] in ("index", "plan", "generate") else []
        assert run([*words, *inline]) == 0, words
    kinds = dg.Release("studio-out").table()["kind"].value_counts().to_dict()
    assert kinds == {"real": 180, "fake": 180, "control": 90}


@pytest.mark.slow
def test_the_same_bytes(work: Path) -> None:
    (text,) = blocks("determinism.md", "python")
    exec(text, {})


def test_the_job_for_kubernetes_is_whole() -> None:
    (text,) = blocks("cluster.md", "yaml")
    job = yaml.safe_load(text)
    assert job["apiVersion"] == "ray.io/v1"
    assert job["kind"] == "RayJob"
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in group["template"]["spec"]["volumes"]}
        assert isinstance(group["rayStartParams"], dict)
    words = job["spec"]["entrypoint"].split()
    assert words[:2] == ["datagen", "generate"]
    from typer.main import get_command

    from datagen.cli.main import app

    options = {name for one in get_command(app).commands["generate"].params for name in one.opts}  # type: ignore[attr-defined]
    assert {word for word in words if word.startswith("-")} <= options


def test_no_document_needs_a_script_to_show_its_diagrams() -> None:
    """The theme fetches the one for Mermaid; package indexes show none at all."""
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert "```mermaid" not in page.read_text(encoding="utf-8"), page
    for drawing in (ROOT / "docs" / "images").glob("*.svg"):
        root = ET.fromstring(drawing.read_text(encoding="utf-8"))
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        assert "href" not in drawing.read_text(encoding="utf-8")


def test_every_page_is_reachable() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert {page for page in pages if f" {page}\n" not in navigation} == set()
