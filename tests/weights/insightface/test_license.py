from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("insightface")

from datagen.errors import MissingExtraError
from datagen.weights.insightface.license import PackLicense, pack_license
from tests.rights.signing import sign, write_trusted_keys


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack's folder, in a world where the library trusts the key of the tests."""
    from insightface.model_zoo import model_license

    write_trusted_keys(tmp_path / "library")
    monkeypatch.setattr(model_license.resources, "files", lambda package: tmp_path / "library")
    folder = tmp_path / "buffalo_l"
    folder.mkdir()
    return folder


def test_a_pack_without_a_license_file_is_under_the_public_terms(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "insightface", None)  # not even asked
    assert pack_license(pack) == PackLicense(commercial=False, problem="", words="")


def test_a_bought_license_permits_commercial_use(pack: Path) -> None:
    sign(pack)
    found = pack_license(pack)
    assert found.commercial
    assert found.problem == ""
    assert found.words == (
        "license file T-1, verified by insightface: commercial use of buffalo_l by Detectors Ltd, "
        "until 2999-01-01"
    )


def test_a_verified_license_may_be_non_commercial_and_endless(pack: Path) -> None:
    sign(pack, grant="non-commercial", customer=None, valid_until=None)
    found = pack_license(pack)
    assert not found.commercial
    assert found.problem == ""
    assert found.words.endswith("non-commercial use of buffalo_l, without an end date")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid_until": "2025-06-01T00:00:00Z"}, "expired at 2025-06-01"),
        ({"valid_from": "2998-01-01T00:00:00Z"}, "not active until 2998-01-01"),
        ({"model_id": "antelopev2"}, "'antelopev2', not the active model 'buffalo_l'"),
        ({"customer": None}, "must identify the customer"),
        ({"grant": "everything"}, "grant must be one of"),
        ({"issuer": "Somebody"}, "issuer"),
    ],
)
def test_a_license_that_does_not_hold_says_why(
    pack: Path, changes: dict[str, str | None], words: str
) -> None:
    sign(pack, **changes)
    found = pack_license(pack)
    assert not found.commercial
    assert words in found.problem


def test_a_license_that_was_written_over_is_refused(pack: Path) -> None:
    place = sign(pack, grant="non-commercial")
    document = json.loads(place.read_text())
    place.write_text(json.dumps({**document, "grant": "commercial"}))
    assert "signature verification failed" in pack_license(pack).problem


def test_a_key_that_the_library_does_not_trust_signs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "buffalo_l"
    folder.mkdir()
    sign(folder)
    assert "signature verification failed" in pack_license(folder).problem


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_license_file_is_refused(pack: Path, content: str) -> None:
    (pack / "MODEL.LICENSE").write_text(content)
    assert pack_license(pack).problem


def test_a_link_to_nowhere_is_no_missing_license(pack: Path) -> None:
    os.symlink(pack / "elsewhere", pack / "MODEL.LICENSE")
    assert "missing" in pack_license(pack).problem


def test_a_manifest_says_where_the_license_lies(pack: Path) -> None:
    manifest = {"manifest_version": 2, "model_id": "buffalo_l", "license": "terms/MODEL.LICENSE"}
    (pack / "manifest.json").write_text(json.dumps(manifest))
    assert pack_license(pack) == PackLicense()
    (pack / "terms").mkdir()
    sign(pack).rename(pack / "terms" / "MODEL.LICENSE")
    assert pack_license(pack).commercial


@pytest.mark.parametrize(
    ("gone", "package"),
    [
        ("insightface", "insightface"),
        ("insightface.model_zoo.model_license", r"insightface>=2\.0"),
    ],
)
def test_a_license_file_that_nobody_can_read_needs_the_package(
    pack: Path, monkeypatch: pytest.MonkeyPatch, gone: str, package: str
) -> None:
    sign(pack)
    monkeypatch.setitem(sys.modules, gone, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}'.*'datagen\[insightface\]'"):
        pack_license(pack)


def test_without_what_verifies_signatures_a_license_does_not_hold(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(pack)
    monkeypatch.setitem(sys.modules, "rfc8785", None)
    assert "'cryptography' and 'rfc8785'" in pack_license(pack).problem
