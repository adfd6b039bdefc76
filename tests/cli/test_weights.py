from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.cli.main import run
from datagen.weights.catalog import shipped_weight_cards
from tests.support.onnx_pack import build_pack
from tests.support.world import make_world
from tests.weights.server import CONTENT, DIGEST, Served, serve


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "weights"
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(place))
    return place


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as found:
        yield found


class Told:
    """What a command said; line ends of the terminal's width do not matter."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = capsys.readouterr()
        self.out, self.err = found.out, " ".join(found.err.split())


def _write(path: Path, **changes: Any) -> Path:
    plain = {"id": "net", "title": "A net", "file": "net.task", "form": "task", "license": "MIT"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(plain | changes), encoding="utf-8")
    return path


def _own(folder: Path, **changes: Any) -> None:
    name = changes.get("id", "net")
    _write(folder / "cards" / f"{name}.yaml", **changes)


def test_the_list_shows_each_card_with_terms_and_whereabouts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, license="unknown")
    (folder / "net.task").write_bytes(CONTENT)
    assert run(["weights", "list"]) == 0
    lines = Told(capsys).out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[1:]}
    assert set(rows) == {*shipped_weight_cards(), "net"}
    assert rows["net"] == "no purpose here, your card"
    assert rows["simswap_256"] == "research, redistribute pull, 220 MB"
    assert rows["inswapper_128"] == "research by hand, 554 MB"


def test_the_list_describes_the_cards_that_are_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, license="unknown")
    (folder / "net.task").write_bytes(CONTENT)
    named = ["net", "simswap_256", "sd15", "inswapper_128", "ghost_1_256", "insightface_buffalo_l"]
    assert run(["weights", "list", *named]) == 0
    lines = Told(capsys).out.splitlines()
    assert len(lines) == 4 * len(named)
    place = lines.index("net (your card)")
    assert lines[place + 1 : place + 4] == [
        "  A net",
        "  unknown: permits no purpose",
        f"  here: {folder / 'net.task'}",
    ]
    for card, parts in {
        "simswap_256": ["CC-BY-NC-4.0: permits research, redistribute", "pull", "(220 MB)"],
        "sd15": ["research, commercial, redistribute", "stable-diffusion-v1-5", "from the hub"],
        "inswapper_128": ["permits research", "get it from https://", str(folder)],
        "ghost_1_256": ["get it from https://", "its card has no digest: 'datagen weights pull"],
        "insightface_buffalo_l": ["get it from https://"],
    }.items():
        block = " ".join(lines[lines.index(card) : lines.index(card) + 4])
        for part in parts:
            assert part in block


def test_the_list_names_cards_that_cannot_be_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, file="../up")
    assert run(["weights", "list"]) == 2
    told = Told(capsys)
    assert "net: " in told.err
    assert "file:" in told.err
    assert "simswap_256" in told.out


def test_pull_fetches_checks_and_tells_the_terms(
    folder: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, address=f"{served.address}/net", sha256=DIGEST, size=len(CONTENT))
    for _ in range(2):
        assert run(["weights", "pull", "net"]) == 0
        assert Told(capsys).out.splitlines() == [
            str(folder / "net.task"),
            f"sha256 {DIGEST}",
            "MIT: permits research, commercial, redistribute",
        ]
    assert len(served.asked) == 1


def test_pull_goes_on_after_a_break(
    folder: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, address=f"{served.address}/cut", sha256=DIGEST)
    assert run(["weights", "pull", "net"]) == 2
    assert "The partial file is kept: rerun" in Told(capsys).err
    _own(folder, address=f"{served.address}/net", sha256=DIGEST)
    assert run(["weights", "pull", "net"]) == 0
    assert served.asked[-1] == ("/net", "bytes=100-")


def test_pull_of_an_unknown_digest_tells_it_and_installs_nothing(
    folder: Path, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, address=f"{served.address}/net")
    assert run(["weights", "pull", "net"]) == 2
    assert f"returned 7000 bytes with sha256 {DIGEST}" in Told(capsys).err
    assert not (folder / "net.task").exists()


@pytest.mark.parametrize(
    ("card", "parts"),
    [
        (
            "inswapper_128",
            [
                "cannot be downloaded automatically: get it",
                "insightface",
                "LicenseRef-InsightFace-NC",
            ],
        ),
        ("insightface_buffalo_l", ["not downloaded for you", "read the terms", "models/buffalo_l"]),
        (
            "ddpm_celebahq_256",
            ["cannot be downloaded automatically", "Apache-2.0", "put it at", "ddpm_celebahq_256"],
        ),
        ("inswapper_129", ["Did you mean 'inswapper_128'"]),
    ],
)
def test_pull_of_what_cannot_be_had_says_what_to_do(
    card: str, parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["weights", "pull", card]) == 2
    told = Told(capsys).err
    for part in parts:
        assert part in told


def test_pull_of_a_local_file_without_a_known_digest_warns(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder)
    (folder / "net.task").write_bytes(CONTENT)
    assert run(["weights", "pull", "net"]) == 0
    told = Told(capsys)
    assert DIGEST in told.out
    assert "has no digest, so nothing was compared" in told.err


def test_pull_names_what_a_network_leans_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = {
        "task": "swap",
        "face": {"template": "arcface_128", "size": 128},
        "identity": "embedding",
        "embedder": "arcface_w600k_r50",
    }
    _own(folder, form="onnx", network=network)
    (folder / "net.task").write_bytes(CONTENT)
    assert run(["weights", "pull", "net"]) == 0
    assert "'datagen weights pull arcface_w600k_r50'" in Told(capsys).err


def test_check_of_an_empty_folder_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "check"]) == 0
    assert f"no weight file of a known card is in {folder}" in Told(capsys).out
    assert run(["weights", "check", "simswap_256"]) == 2
    assert f"not in {folder}" in Told(capsys).err
    assert run(["weights", "check", "nope"]) == 2
    told = Told(capsys).err
    assert told.count("no weight card 'nope'") == 1
    assert "not usable" not in told


def test_a_recipe_is_no_weight_card(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: x\nsources: []\nmethods: []\n")
    assert run(["weights", "add", str(recipe)]) == 2
    told = Told(capsys).err
    assert "is no weight card: it has none of the keys id, title, file, license" in told
    assert "it looks like a recipe" in told


def test_check_reads_the_files_anew_and_names_each_that_is_bad(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    cards: dict[str, dict[str, Any]] = {
        "good": {"sha256": DIGEST, "size": len(CONTENT)},
        "unpinned": {},
        "short": {"size": len(CONTENT) + 1},
        "other": {"sha256": "0" * 64},
        "without_terms": {"license": "unknown"},
    }
    for name, changes in cards.items():
        _own(folder, id=name, file=f"{name}.task", **changes)
        (folder / f"{name}.task").write_bytes(CONTENT)
    assert run(["weights", "check"]) == 2
    told = Told(capsys)
    assert told.out.splitlines() == [
        f"ok   good: sha256 {DIGEST}; permits research, commercial, redistribute",
        f"ok   unpinned: sha256 {DIGEST} (the card has none to compare); permits research, "
        "commercial, redistribute",
    ]
    for part in (
        "other: ",
        f"its sha256 is {DIGEST}",
        "short: ",
        "is incomplete: 7000 bytes",
        "without_terms: license unknown is not known to permit research use",
        "3 of 5 weight files",
    ):
        assert part in told.err
    assert run(["weights", "check", "good"]) == 0


def test_check_opens_networks_and_compares_them_with_their_contracts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    from tests.support.small.onnx import SWAP, build_onnx

    folder.mkdir()
    build_onnx(folder)
    assert run(["weights", "check"]) == 0
    assert f"ok   {SWAP}: sha256" in Told(capsys).out
    place = folder / "cards" / f"{SWAP}.yaml"
    card = yaml.safe_load(place.read_text())
    card["network"]["face"]["size"] += 16
    place.write_text(yaml.safe_dump({**card, "id": "wrong_size"}))
    place.rename(place.with_name("wrong_size.yaml"))
    assert run(["weights", "check", "wrong_size"]) == 2
    told = Told(capsys).err
    assert "not the network of weight card 'wrong_size'" in told
    assert "Correct the card" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"embedder": "nobody"}, "no weight card 'nobody'"),
        ({"embedder": "small_age"}, "network.task is 'edit', expected 'embed'"),
        ({"converter": "small_embedder"}, "network.task is 'embed', expected 'convert'"),
    ],
)
def test_check_looks_at_what_a_swap_leans_on(
    folder: Path, changes: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    from tests.support.small.onnx import SWAP, build_onnx

    folder.mkdir()
    build_onnx(folder)
    place = folder / "cards" / f"{SWAP}.yaml"
    card = yaml.safe_load(place.read_text())
    place.write_text(yaml.safe_dump({**card, "network": card["network"] | changes}))
    assert run(["weights", "check", SWAP]) == 2
    assert words in Told(capsys).err


def test_check_looks_into_folders_of_trained_autoencoders(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, file="two", form="datagen")
    (folder / "two").mkdir()
    (folder / "two" / "config.json").write_text("{}")
    assert run(["weights", "check", "net"]) == 2
    assert "config.json" in Told(capsys).err


def test_check_opens_the_networks_of_a_pack(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    build_pack(folder / "pack")
    _own(folder, file="pack", form="insightface")
    assert run(["weights", "check", "net"]) == 0
    network = next((folder / "pack").glob("w*.onnx"))
    network.write_bytes(network.read_bytes()[:5000])
    assert run(["weights", "check", "net"]) == 2
    assert f"{network.name}: onnxruntime cannot open it" in Told(capsys).err


@pytest.mark.parametrize("command", ["list", "pull"])
def test_terms_that_expired_permit_nothing(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(folder, expires="2020-02-29")
    (folder / "net.task").write_bytes(CONTENT)
    assert run(["weights", command, "net"]) == 0
    assert "MIT: permits no purpose since 2020-02-29, when its terms expired" in Told(capsys).out


def test_check_looks_into_folders_of_diffusers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = {"loads": "AutoencoderKL", "size": 64}
    _own(folder, file="vae", form="diffusers", diffusers=contract)
    (folder / "vae").mkdir()
    (folder / "vae" / "config.json").write_text('{"_class_name": "AutoencoderTiny"}')
    assert run(["weights", "check"]) == 2
    assert "_class_name is 'AutoencoderTiny'" in Told(capsys).err


def test_check_tells_of_a_packs_own_license(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("insightface")
    from insightface.model_zoo import model_license

    from tests.rights.signing import sign, write_trusted_keys

    write_trusted_keys(tmp_path / "library")
    monkeypatch.setattr(model_license.resources, "files", lambda package: tmp_path / "library")
    pack = build_pack(folder / "models" / "buffalo_l")
    sign(pack)
    assert run(["weights", "check"]) == 0
    told = Told(capsys).out
    assert "permits research, commercial; license file T-1, verified by insightface" in told
    sign(pack, valid_until="2025-06-01T00:00:00Z")
    assert run(["weights", "check"]) == 2
    assert "is invalid: Model license expired" in Told(capsys).err


def test_add_copies_a_card_and_tells_what_it_permits(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grounds = "The lab's lawyers, 2026-01-01, by letter"
    permits = {"research": True, "commercial": True, "grounds": grounds}
    card = _write(tmp_path / "mine.yaml", license="unknown", permits=permits)
    assert run(["weights", "add", str(card)]) == 0
    assert Told(capsys).out.splitlines() == [
        str(folder / "cards" / "net.yaml"),
        "unknown: permits research, commercial (as its card states)",
        f"not here: get it from its authors and put it at {folder / 'net.task'}",
    ]
    assert run(["weights", "add", str(card)]) == 2
    assert "Use --replace" in Told(capsys).err
    assert run(["weights", "add", str(card), "--replace"]) == 0


def test_add_refuses_to_hide_a_shipped_card(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = _write(tmp_path / "mine.yaml", id="simswap_256")
    assert run(["weights", "add", str(card)]) == 2
    assert "that of a shipped card" in Told(capsys).err
    assert not folder.exists()


def test_add_warns_of_an_embedder_that_nobody_knows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = {
        "task": "swap",
        "face": {"template": "arcface_128", "size": 128},
        "identity": "embedding",
        "embedder": "somebodys_arcface",
    }
    card = _write(tmp_path / "mine.yaml", form="onnx", network=network)
    assert run(["weights", "add", str(card)]) == 0
    assert "needs 'somebodys_arcface', but no weight card of that id is known" in Told(capsys).err


def test_the_group_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["weights", "--help"]) == 0
    told = Told(capsys).out
    for command in ("list", "pull", "check", "add"):
        assert command in told


def test_generate_names_all_weights_that_nobody_can_fetch_before_it_fetches_any(
    folder: Path, served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message of the one that could be fetched is not among them, nor is it asked for."""
    network = {
        "task": "edit",
        "face": {"template": "ffhq_512", "size": 64},
    }
    onnx: dict[str, Any] = {"form": "onnx", "network": network}
    _own(folder, id="lost_one", file="lost_one.onnx", **onnx)
    _own(folder, id="lost_two", file="lost_two.onnx", **onnx)
    _own(folder, id="near", file="near.onnx", address=served.address, sha256=DIGEST, **onnx)
    world = make_world(tmp_path / "world")
    uses = [
        {"use": "onnx_edit", "share": share, "weights": name}
        for name, share in (("near", 0.5), ("lost_one", 0.25), ("lost_two", 0.25))
    ]
    capsys.readouterr()
    assert world.generate(tmp_path / "out", "--inline", "--set", f"methods={json.dumps(uses)}") == 2
    told = Told(capsys).err
    assert "2 weight files must be put in place by hand" in told
    assert "lost_one.onnx" in told
    assert "lost_two.onnx" in told
    assert "near.onnx" not in told
    assert served.asked == []
    assert not (tmp_path / "out" / "manifest").exists()


def test_a_release_names_the_licenses_of_the_networks_that_made_it(
    folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    from tests.support.small.onnx import AGE, build_onnx

    folder.mkdir()
    build_onnx(folder)
    place = folder / "cards" / f"{AGE}.yaml"
    card = yaml.safe_load(place.read_text())
    place.write_text(yaml.safe_dump({**card, "license": "CC-BY-NC-4.0"}))
    world = make_world(tmp_path / "world")
    uses = json.dumps([{"use": "onnx_edit", "share": 1, "weights": AGE}])
    out = tmp_path / "out"
    words = ["--inline", "--limit", "2", "--set", f"methods={uses}"]
    research = ["--set", "purpose={use: research, redistribute: false}"]
    assert world.generate(out, *words, *research) == 0
    assert "CC-BY-NC-4.0" in json.loads((out / "croissant.json").read_text())["license"]
    assert "\nlicense:\n- cc-by-nc-4.0\n- cc0-1.0\n" in (out / "README.md").read_text()
