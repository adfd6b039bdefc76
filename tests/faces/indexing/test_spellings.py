"""One identity in several spellings, in splits, donors, the exclusion of minors and ``verify``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from datagen.errors import CardError
from datagen.faces.indexing.screening import Listed, list_source
from datagen.rights import Purpose
from datagen.sources import Source
from tests.sources.trees import source, write

RESEARCH = Purpose(use="research")
NFC, NFD = "José", "Jose\u0301"
ADULTS = {"basis": "signed", "alteration": True, "words": "x", "adults_only": True}


def listed(of: Source) -> Listed:
    return list_source(of, RESEARCH)


def names(of: Source) -> list[str]:
    return [record.identity for record in listed(of).screened.records]


def table(root: Path, *people: str, **options: object) -> Source:
    rows = {"image": [f"{n}.jpg" for n in range(len(people))], "identity": people}
    pd.DataFrame(rows).to_csv(root / "faces.csv", index=False)
    return source("table", root, card_changes={"consent": ADULTS, **options})


@pytest.mark.parametrize("other", [NFD, f"{NFC} ", f"{NFC}\u00a0", f"{NFC}\u200b", f" {NFC}"])
def test_folders_of_one_person_are_one(tmp_path: Path, other: str) -> None:
    write(tmp_path, {f"{NFC}/1.jpg": "", f"{other}/2.jpg": "", "ben/3.jpg": ""})
    found = listed(source("folder", tmp_path, card_changes={"consent": ADULTS}))
    assert {record.identity for record in found.screened.records} == {NFC, "ben"}
    assert {r.path for r in found.screened.records} == {
        f"{NFC}/1.jpg",
        f"{other}/2.jpg",
        "ben/3.jpg",
    }
    (note,) = found.notes
    assert "1 identity in several spellings" in note
    assert ascii(NFC) in note


@pytest.mark.parametrize("other", [NFD, f"{NFC}\u200b", f"{NFC}  "])
def test_rows_of_one_person_are_one(tmp_path: Path, other: str) -> None:
    assert names(table(tmp_path, NFC, other, "ben")) == [NFC, NFC, "ben"]


def test_videos_of_one_actor_are_one(tmp_path: Path) -> None:
    top = "original_sequences/youtube/c23/images"
    write(tmp_path, {f"{top}/{name}/0.png": "" for name in (NFC, NFD)})
    of = source("faceforensics", tmp_path, card_changes={"consent": ADULTS})
    assert names(of) == [NFC, NFC]


def test_flat_tables_of_london_too(tmp_path: Path) -> None:
    rows = f"identity_id,image,expression\n{NFC},a.jpg,neutral\n{NFD},b.jpg,neutral\n"
    write(tmp_path, {"people.csv": rows})
    assert names(source("london", tmp_path, card_changes={"consent": ADULTS})) == [NFC, NFC]


def test_a_name_in_one_spelling_stays_as_it_is(tmp_path: Path) -> None:
    found = listed(table(tmp_path, NFD, "a  b", "ben"))
    assert [record.identity for record in found.screened.records] == [NFD, "a  b", "ben"]
    assert found.notes == ()


def test_images_that_count_alone_are_not_joined_by_name(tmp_path: Path) -> None:
    write(tmp_path, {"a b/1.jpg": "", "a  b/1.jpg": ""})
    of = source("folder", tmp_path, card_changes={"consent": ADULTS, "identity": "per_image"})
    assert sorted(names(of)) == ["a  b/1", "a b/1"]


def test_names_that_differ_in_case_are_told(tmp_path: Path) -> None:
    found = listed(table(tmp_path, "Anna", "anna", "ben"))
    assert {record.identity for record in found.screened.records} == {"Anna", "anna", "ben"}
    (note,) = found.notes
    assert "'Anna' and 'anna'" in note
    assert "may be in two splits" in note


def test_names_that_mean_nothing_or_were_rounded_are_told(tmp_path: Path) -> None:
    found = listed(table(tmp_path, "NA", "NA", "1.23457E+17", "ben"))
    assert len(found.screened.records) == 4
    nothing, rounded = found.notes
    assert "'NA' (2 images) is taken for the name of one identity" in nothing
    assert "1.23457E+17" in rounded


@pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "@eaDir", "__MACOSX", ".Trash-1000"])
def test_rows_of_folders_that_systems_make_are_no_people(tmp_path: Path, hidden: str) -> None:
    found = listed(table(tmp_path, hidden, "ben"))
    assert [record.identity for record in found.screened.records] == ["ben"]
    assert found.passed_over == {"hidden or system": 1}


@pytest.mark.parametrize("other", [NFD, f"{NFC} ", "JOSÉ", f"{NFC}\u200b"])
def test_a_minor_is_one_in_every_spelling(tmp_path: Path, other: str) -> None:
    rows = f"image,identity,age\na.jpg,{NFC},15\nb.jpg,{other},\nc.jpg,ben,30\n"
    write(tmp_path, {"faces.csv": rows})
    columns = {"image": "image", "identity": "identity", "age": "age"}
    of = source("table", tmp_path, columns=columns, card_changes={"consent": ADULTS})
    found = listed(of)
    assert [record.identity for record in found.screened.records] == ["ben"]
    assert [reject.code for reject in found.screened.rejects] == ["under_age", "minor_identity"]


def test_a_license_that_is_no_id_is_told_with_the_id(tmp_path: Path) -> None:
    columns = {"image": "image", "identity": "identity", "license": "license"}
    of = source("table", tmp_path, columns=columns, card_changes={"consent": ADULTS})
    rows = "image,identity,license\na.jpg,anna,CC-BY-4.0\nb.jpg,ben,{}\n"
    for written, says in (
        ("CC BY 2.0", "CC BY 2.0 (if it is meant, write CC-BY-2.0)"),
        ("cc-by", "cc-by (if it is meant, write CC-BY with its version, such as CC-BY-4.0)"),
        ("LicenseRef-Mine", "LicenseRef-Mine"),
        ("CC-BY-ND-4.0 AND X", "CC-BY-ND-4.0 AND X"),
    ):
        write(tmp_path, {"faces.csv": rows.format(written)})
        (reject,) = listed(of).screened.rejects
        assert (reject.code, reject.detail) == ("license_not_covered", says)
    write(tmp_path, {"faces.csv": rows.format("https://creativecommons.org/licenses/by/2.0/")})
    with pytest.raises(CardError, match=r"source 'faces': .*Write CC-BY-2\.0 \(1 image, .* 'b'\)"):
        listed(of)
