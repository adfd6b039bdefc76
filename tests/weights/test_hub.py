from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datagen.core.digests import digest_of, sha256_bytes
from datagen.errors import MissingExtraError, WeightsError
from datagen.weights import WeightCard
from datagen.weights.http import Deadline
from datagen.weights.store import weight_store
from tests.weights.hub import FILES, REVISION, Hub, serve_hub
from tests.weights.server import card

pytest.importorskip("huggingface_hub")

NAMES = ("config.json", "diffusion_pytorch_model.safetensors")
DIGEST = digest_of({name: sha256_bytes(FILES[f"vae/{name}"]) for name in NAMES})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with serve_hub() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        yield found


def _vae(sha256: str = DIGEST, **changes: Any) -> WeightCard:
    place = {"repo": "some/vae", "revision": REVISION, "subfolder": "vae"}
    return card(
        file="vae",
        form="diffusers",
        sha256=sha256,
        hub={**place, "files": ["*.json", "*.safetensors"], **changes},
        diffusers={"loads": "AutoencoderKL", "size": 64},
    )


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("sha256", ["", DIGEST])
def test_the_wanted_files_of_a_subfolder_are_fetched_and_checked(
    hub: Hub, folder: Path, sha256: str
) -> None:
    path = weight_store().fetch(_vae(sha256))
    assert path == folder / "vae"
    assert _left(path) == sorted(NAMES)
    assert (path / NAMES[1]).read_bytes() == FILES[f"vae/{NAMES[1]}"]
    assert weight_store().digest(_vae()) == DIGEST
    assert sorted(hub.asked) == [f"vae/{name}" for name in NAMES]
    weight_store().fetch(_vae(sha256))
    assert len(hub.asked) == 2
    assert _left(folder) == ["vae"]


def test_without_patterns_or_subfolder_all_is_fetched(hub: Hub) -> None:
    path = weight_store().fetch(_vae("", subfolder="", files=[]))
    assert {str(file.relative_to(path)) for file in path.rglob("*.*")} == set(FILES)


def test_files_with_another_digest_are_refused_and_removed(hub: Hub, folder: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(_vae("0" * 64))
    for part in (DIGEST, "0" * 64, "refused and removed", "some/vae", REVISION):
        assert part in str(caught.value)
    assert _left(folder) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_what_the_hub_lists_is_refused_and_removed(
    hub: Hub, folder: Path, name: str
) -> None:
    content = bytearray(FILES[f"vae/{name}"])
    content[3] ^= 1
    hub.listed[f"vae/{name}"] = bytes(content)
    with pytest.raises(WeightsError, match=rf"vae/{name} with other bytes than it lists: refused"):
        weight_store().fetch(_vae(""))
    assert _left(folder) == []


def test_what_came_is_kept_when_the_rest_does_not_come(hub: Hub, folder: Path) -> None:
    part = folder / f".{REVISION[:16]}-vae.part" / "vae"
    with pytest.raises(WeightsError, match=r"The download failed: .*Nothing was received"):
        weight_store().fetch(_vae(revision="f" * 40))
    (folder / f".{'f' * 16}-vae.part").mkdir()
    with pytest.raises(WeightsError, match="partial folder is kept: rerun to resume"):
        weight_store().fetch(_vae(revision="f" * 40))
    hub.listed[f"vae/{NAMES[0]}"] = b"longer than what it gives, so that the library refuses it"
    with pytest.raises(WeightsError):
        weight_store().fetch(_vae())
    hub.listed.clear()
    assert not (folder / "vae").exists()
    assert weight_store().fetch(_vae()) == folder / "vae"
    assert not part.exists()


def test_a_repository_behind_terms_says_what_to_do(hub: Hub) -> None:
    hub.gated = True
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(_vae())
    for part in ("accept their terms", "example.org/net", "hf auth login", "LicenseRef-Research"):
        assert part in str(caught.value)


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library asks again, patiently
    with pytest.raises(WeightsError, match="The download failed"):
        weight_store().fetch(_vae())


def test_a_folder_that_cannot_be_written_is_named(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "weights"
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(place))
    told = f"Nothing was received. Check that {place} can be written"
    with pytest.raises(WeightsError, match=told):
        weight_store().fetch(_vae())
    assert hub.asked == []


def test_without_a_revision_nothing_is_fetched(hub: Hub, folder: Path) -> None:
    with pytest.raises(WeightsError, match="without a revision, and a branch would change"):
        weight_store().fetch(_vae(revision=""))
    assert hub.asked == []


def test_without_the_package_the_extra_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'datagen\[diffusers\]'"):
        weight_store().fetch(_vae())


def test_a_branch_is_no_revision() -> None:
    with pytest.raises(ValueError, match="revision"):
        _vae(revision="main")


def test_a_repository_that_is_larger_than_the_card_says_is_not_fetched(
    hub: Hub, folder: Path
) -> None:
    wanted = sum(len(FILES[f"vae/{name}"]) for name in NAMES)
    with pytest.raises(WeightsError, match=rf"lists {wanted} bytes, but the card says 1000"):
        weight_store().fetch(_vae().model_copy(update={"size": 1000}))
    assert hub.asked == []
    weight_store().fetch(_vae().model_copy(update={"size": wanted}))


def test_a_hub_that_drips_is_ended_and_what_came_is_kept(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "datagen.weights.hub_process.Deadline", lambda: Deadline(grace=6, rate=1_000_000)
    )
    hub.pause = 0.05
    begin = time.monotonic()
    with pytest.raises(WeightsError, match=r"slower than 1000 kB/s.*is kept: rerun to resume"):
        weight_store().fetch(_vae())
    assert time.monotonic() - begin < 60
    hub.pause = 0
    assert weight_store().fetch(_vae()) == folder / "vae"


def test_a_process_that_ends_without_an_answer_is_an_error(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datagen.weights.hub_process.sys.executable", "/bin/true")
    with pytest.raises(WeightsError, match="The download failed: "):
        weight_store().fetch(_vae())
