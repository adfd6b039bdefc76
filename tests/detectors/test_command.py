"""Programs as detectors: what they are given, and what they may answer."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.core.media import SUFFIXES
from datagen.detectors.batched import Encoded
from datagen.detectors.command import CommandDetector
from datagen.detectors.config import DetectorConfig
from datagen.detectors.postprocess import Answer
from datagen.errors import DatagenError, DetectorError
from tests.detectors.made import PROGRAM, png, read_rows
from tests.detectors.test_score import score

LISTS = """
import json, os, sys
paths = open(sys.argv[1]).read().splitlines()
found = [[path, os.stat(path).st_mtime, os.stat(path).st_size] for path in paths]
with open(sys.argv[3], "a") as handle:
    handle.write(json.dumps(found) + "\\n")
with open(sys.argv[2], "w") as handle:
    handle.write("path,score\\n" + "".join(f"{path},0.5\\n" for path in paths))
"""


def images(count: int) -> list[Encoded]:
    """Return images of a shard, in the order of a manifest."""
    kinds = ("real", "fake", "control")
    return [Encoded(f"r-test-{n // 3:06d}-{kinds[n % 3]}", png(n), "png") for n in range(count)]


def detector(tmp_path: Path, text: str, *words: str) -> CommandDetector:
    program = tmp_path / "program.py"
    program.write_text(text)
    command = " ".join([sys.executable, str(program), "{paths}", "{scores}", *words])
    return CommandDetector(command, str(tmp_path), DetectorConfig())


def seen_by_a_program(tmp_path: Path, shard: list[Encoded]) -> list[list[Any]]:
    log = tmp_path / "log"
    detector(tmp_path, LISTS, str(log)).score(shard, 32)
    found: list[list[Any]] = json.loads(log.read_text().splitlines()[-1])
    return found


def test_names_times_and_order_tell_nothing(tmp_path: Path) -> None:
    shard = images(60)
    found = seen_by_a_program(tmp_path, shard)
    names = [Path(path).name for path, *_ in found]
    assert names == [f"{number:06d}.png" for number in range(1, 61)]
    assert len({time for _, time, _ in found}) == 1
    assert seen_by_a_program(tmp_path, list(reversed(shard)))[0][2] == found[0][2]


def test_scores_come_back_to_their_images_in_a_mixed_order(tmp_path: Path) -> None:
    shard = images(60)
    answers = detector(tmp_path, PROGRAM).score(shard, 32)
    assert [answer.score for answer in answers] == pytest.approx([n / 255 for n in range(60)])
    order = tmp_path / "order"
    note = f"open({str(order)!r}, 'a').write(f'{{np.asarray(Image.open(path)).mean():.0f}} ')"
    text = PROGRAM.replace("for path in paths:", f"for path in paths:\n        {note}")
    detector(tmp_path, text).score(shard, 32)
    given = [int(value) for value in order.read_text().split()]
    assert sorted(given) == list(range(60))
    assert given != sorted(given)
    thirds = [[value % 3 for value in given[start : start + 30]] for start in (0, 30)]
    assert all(5 <= part.count(kind) <= 15 for part in thirds for kind in range(3))


HOSTILE_IDS = [
    "/any/path/",
    "../../x",
    "a/b",
    "a\x00b",
    "~",
    "",
    "x" * 5000,
    "-rf",
    "a\nb",
    "$(id)",
]


def test_no_name_is_made_from_an_id(tmp_path: Path) -> None:
    shard = [Encoded(name, png(number), "png") for number, name in enumerate(HOSTILE_IDS)]
    names = [Path(path).name for path, *_ in seen_by_a_program(tmp_path, shard)]
    assert names == [f"{number:06d}.png" for number in range(1, len(shard) + 1)]
    answers = detector(tmp_path, PROGRAM).score(shard, 32)
    assert [round(255 * (answer.score or 0)) for answer in answers] == list(range(len(shard)))


@pytest.mark.parametrize("suffix", ["/../../x", "/../../../x", "a\x00b"])
def test_a_path_is_below_its_folder_whatever_the_suffix(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name of a file|leads outside"):
        detector(tmp_path, LISTS, "log").score([Encoded("a", b"", suffix)], 32)


@pytest.mark.parametrize(
    ("sample_id", "media_type"),
    [
        ("/any/path/", "image/bashrc"),
        ("x", "image/../../../../any/path/.bashrc"),
        ("x", "image/svg+xml"),
        ("x", ""),
        ("x", "image/png\n"),
        ("../../../x", "image/png"),
    ],
)
def test_a_release_of_a_stranger_writes_no_file(
    small: Path, tmp_path: Path, sample_id: str, media_type: str
) -> None:
    """The strings of its manifest reach neither the disk nor the program."""
    out, to, home = tmp_path / "out", tmp_path / "s.parquet", tmp_path / "any" / "path"
    home.mkdir(parents=True)
    shutil.copytree(small, out)
    name = out / "manifest" / "test-000000.parquet"
    table = pq.read_table(name)
    for column, value in (("sample_id", sample_id), ("media_type", media_type)):
        values = table.column(column).to_pylist()
        values[0] = value.replace("/any/path", str(home))
        place = table.schema.get_field_index(column)
        table = table.set_column(place, table.schema.field(column), pa.array(values))
    pq.write_table(table, name)
    before = sorted(tmp_path.rglob("*"))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    code = score(
        out, f"cmd: {sys.executable} {program} {{paths}} {{scores}}", to, "--split", "test"
    )
    new = {path.name for path in tmp_path.rglob("*")} - {path.name for path in before}
    assert new <= {"program.py", "s.parquet", "s.parquet.parts"} | {
        path.name for path in tmp_path.glob("s.parquet.parts/*")
    }
    assert list(home.iterdir()) == []
    if code == 0 and media_type not in SUFFIXES:
        rows = read_rows(to)
        assert "media type" in str(rows[rows["status"] == "unreadable"]["detail"].iloc[0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("path,score\n/x\x00y,0.5", "which is not one of the given paths"),
        (f"path,score\n{'/x' * 9000},0.5", "which is not one of the given paths"),
        (f'path,score\n"{"x" * (2 << 20)}",0.5', "cannot be read as CSV: field larger"),
        (f"{'x' * (1 << 19)},score\n", "expected 'path,score'"),
    ],
)
def test_a_hostile_answer_is_an_error_of_ours(tmp_path: Path, answer: str, words: str) -> None:
    (tmp_path / "answer").write_text(answer)
    program = "import shutil, sys\nshutil.copy('answer', sys.argv[2])"
    with pytest.raises(DatagenError, match=words) as error:
        detector(tmp_path, program).score(images(3), 32)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("text", ["inf", "nan", "1e999", "0x10", "9" * 5000, "½", "1;2"])
def test_a_score_that_is_no_number_is_of_one_image(tmp_path: Path, text: str) -> None:
    (tmp_path / "score").write_text(text)
    program = "import sys\npath = open(sys.argv[1]).readline().strip()\n"
    program += "open(sys.argv[2], 'w').write(f'path,score\\n{path},' + open('score').read())"
    found = detector(tmp_path, program).score(images(1), 32)
    assert isinstance(found[0], Answer)
    assert found[0].status == "failed"


def test_a_path_by_another_way_is_the_given_one(tmp_path: Path) -> None:
    program = "import sys\npath = open(sys.argv[1]).readline().strip()\n"
    program += "other = path.replace('000001', './../' + path.split('/')[-2] + '/000001')\n"
    program += "open(sys.argv[2], 'w').write(f'path,score\\n{other},0.25\\n')"
    assert detector(tmp_path, program).score(images(1), 32) == [Answer(0.25)]


def test_blank_rows_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    program = "import sys\npath = open(sys.argv[1]).readline().strip()\n"
    program += "text = f'\\ufeffpath, score\\n\\n{path}, 0.25\\n,\\n ,\\n'\n"
    program += "open(sys.argv[2], 'w', encoding='utf-8').write(text)"
    assert detector(tmp_path, program).score(images(1), 32) == [Answer(0.25)]


def test_a_program_that_is_killed_says_so(tmp_path: Path) -> None:
    found = detector(tmp_path, "import os\nos.kill(os.getpid(), 9)").score(images(2), 32)
    assert {one.detail for one in found} == {
        "the program was ended by signal 9 (9: out of memory?)"
    }


def test_a_program_that_is_gone_is_named(tmp_path: Path) -> None:
    command = CommandDetector("gone-program {paths} {scores}", str(tmp_path), DetectorConfig())
    with pytest.raises(DetectorError, match="gone-program"):
        command.score(images(1), 32)
