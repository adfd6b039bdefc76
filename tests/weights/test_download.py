from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from datagen.errors import WeightsError
from datagen.weights.http import Deadline
from datagen.weights.store import WeightStore, weight_store
from tests.weights.server import CONTENT, DIGEST, Served, card

PART = f".{DIGEST[:16]}-net.onnx.part"


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_missing_file_is_fetched_checked_and_kept(served: Served, folder: Path) -> None:
    wanted = card(address=f"{served.address}/net", size=len(CONTENT))
    assert weight_store().fetch(wanted) == folder / "net.onnx"
    assert (folder / "net.onnx").read_bytes() == CONTENT
    weight_store().fetch(wanted)
    assert served.asked == [("/net", "")]
    assert _left(folder) == ["net.onnx"]


def test_a_broken_line_keeps_what_came_and_the_next_try_goes_on(
    served: Served, folder: Path
) -> None:
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(card(address=f"{served.address}/cut"))
    for part in ("broke after 100 of 7000 bytes", "partial file is kept", "net.onnx", "/cut"):
        assert part in str(caught.value)
    assert _left(folder) == [PART]
    assert weight_store().fetch(card(address=f"{served.address}/net")).read_bytes() == CONTENT
    assert served.asked == [("/cut", ""), ("/net", "bytes=100-")]
    assert _left(folder) == ["net.onnx"]


def test_a_line_that_breaks_again_and_again_gets_there(served: Served, folder: Path) -> None:
    for _ in range(3):
        with pytest.raises(WeightsError, match="rerun to resume"):
            weight_store().fetch(card(address=f"{served.address}/cut"))
    assert (folder / PART).read_bytes() == CONTENT[:300]
    assert served.asked[-1] == ("/cut", "bytes=200-")


@pytest.mark.parametrize("path", ["no-ranges", "other-range"])
def test_a_server_that_does_not_go_on_where_asked_starts_over(
    served: Served, folder: Path, path: str
) -> None:
    folder.mkdir(parents=True)
    (folder / PART).write_bytes(CONTENT[:100])
    assert weight_store().fetch(card(address=f"{served.address}/{path}")).read_bytes() == CONTENT


def test_a_server_that_tells_no_length_will_do(served: Served) -> None:
    found = weight_store().fetch(card(address=f"{served.address}/no-length"))
    assert found.read_bytes() == CONTENT


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_whole_part_is_not_fetched_again(served: Served, folder: Path, size: int | None) -> None:
    folder.mkdir(parents=True)
    (folder / PART).write_bytes(CONTENT)
    weight_store().fetch(card(address=f"{served.address}/net", size=size))
    assert served.asked == ([("/net", "bytes=7000-")] if size is None else [])
    assert _left(folder) == ["net.onnx"]


def test_a_download_with_another_digest_is_refused_and_removed(
    served: Served, folder: Path
) -> None:
    with pytest.raises(WeightsError) as caught:
        weight_store().fetch(card(address=f"{served.address}/net", sha256="0" * 64))
    for part in (
        DIGEST,
        "0" * 64,
        f"{served.address}/net",
        "refused and removed",
        "LicenseRef-Research",
    ):
        assert part in str(caught.value)
    assert _left(folder) == []


def test_a_spoiled_part_is_refused_and_the_next_try_starts_clean(
    served: Served, folder: Path
) -> None:
    folder.mkdir(parents=True)
    (folder / PART).write_bytes(b"x" * 100)
    wanted = card(address=f"{served.address}/net")
    with pytest.raises(WeightsError, match="refused and removed"):
        weight_store().fetch(wanted)
    assert weight_store().fetch(wanted).read_bytes() == CONTENT


def test_a_file_of_unknown_digest_is_not_fetched_by_itself(served: Served, folder: Path) -> None:
    with pytest.raises(WeightsError, match="no sha256, so the file could not be verified"):
        weight_store().fetch(card(address=f"{served.address}/net", sha256=""))
    assert served.asked == []
    assert not folder.exists()


def test_a_pull_of_unknown_digest_tells_it_and_the_next_card_need_not_load_again(
    served: Served, folder: Path
) -> None:
    unknown = card(address=f"{served.address}/net", sha256="")
    with pytest.raises(WeightsError) as caught:
        weight_store().pull(unknown, unseen=True)
    for part in (DIGEST, "7000 bytes", "a card of your own", "datagen weights pull net"):
        assert part in str(caught.value)
    assert _left(folder) == [PART]
    known = card(address=f"{served.address}/net", size=len(CONTENT))
    assert weight_store().pull(known) == folder / "net.onnx"
    assert served.asked == [("/net", "")]


def test_an_address_that_is_not_there_leaves_nothing(served: Served, folder: Path) -> None:
    with pytest.raises(WeightsError, match=rf"net\.onnx.*{served.address}/gone.*404"):
        weight_store().fetch(card(address=f"{served.address}/gone"))
    assert _left(folder) == []


def test_nobody_answers(folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"The download failed: .*Nothing was received"):
        weight_store().fetch(card(address="http://127.0.0.1:1/net"))
    assert _left(folder) == []


def test_a_folder_that_cannot_be_written_is_named(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DATAGEN_WEIGHTS", str(tmp_path / "file" / "weights"))
    with pytest.raises(WeightsError, match=r"cannot be written: .*Point DATAGEN_WEIGHTS"):
        weight_store().fetch(card(address=f"{served.address}/net"))


def test_many_who_want_the_same_file_fetch_it_once(served: Served, folder: Path) -> None:
    found: list[Path] = []
    wanted = card(address=f"{served.address}/net")
    threads = [
        threading.Thread(target=lambda: found.append(WeightStore(folder).pull(wanted)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [folder / "net.onnx"] * 8
    assert served.asked == [("/net", "")]
    assert hashlib.sha256((folder / "net.onnx").read_bytes()).hexdigest() == DIGEST
    assert _left(folder) == ["net.onnx"]


def test_progress_is_told(served: Served) -> None:
    told: list[tuple[int, int | None]] = []
    weight_store().pull(
        card(address=f"{served.address}/net"),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (7000, 7000)


@pytest.mark.parametrize("path", ["endless", "long"])
def test_no_more_is_taken_than_the_card_says(served: Served, folder: Path, path: str) -> None:
    with pytest.raises(WeightsError) as caught:
        weight_store().pull(card(address=f"{served.address}/{path}", size=1000))
    assert "bytes or more, but the card says 1000 bytes: refused and removed" in str(caught.value)
    assert _left(folder) == []
    assert served.sent < 8 << 20  # what the sockets hold


def test_a_file_without_a_stated_size_has_a_limit_too(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datagen.weights.download.MAX_SIZE", 50_000)
    with pytest.raises(WeightsError, match="but 50000 bytes are allowed"):
        weight_store().pull(card(address=f"{served.address}/endless", sha256=""), unseen=True)
    assert _left(folder) == []


@pytest.mark.parametrize(("path", "kept"), [("slow", [PART]), ("slow-head", [])])
def test_an_answer_that_drips_is_ended(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch, path: str, kept: list[str]
) -> None:
    """A byte now and then keeps up every limit on a single wait."""
    monkeypatch.setattr("datagen.weights.download.Deadline", lambda: Deadline(0.3, 1000))
    with pytest.raises(WeightsError, match=r"slower than 1 kB/s on average|timed out"):
        weight_store().pull(card(address=f"{served.address}/{path}"))
    assert _left(folder) == kept


def test_bytes_that_come_extend_the_time() -> None:
    deadline = Deadline(10, 100)
    assert deadline.left() <= 10
    deadline.received(2000)
    assert 25 < deadline.left() <= 30
    deadline.received(1_000_000)
    assert deadline.left() == 60  # of silence
    with pytest.raises(TimeoutError, match=r"slower than 0\.1 kB/s"):
        Deadline(-1, 100).left()


@pytest.mark.parametrize("address", ["http://[", "http://a..b/x", f"http://{'a' * 80}.example/x"])
def test_an_odd_address_is_an_error_of_the_download(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = card(address="http://127.0.0.1:9/x")
    monkeypatch.setattr(type(wanted), "address", address, raising=False)
    with pytest.raises(WeightsError, match="The download failed"):
        weight_store().fetch(wanted)


def test_a_partial_file_that_is_a_link_or_a_pipe_is_not_written(
    served: Served, folder: Path, tmp_path: Path
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "mine").write_text("mine")
    (folder / PART).symlink_to(tmp_path / "mine")
    with pytest.raises(WeightsError):
        weight_store().fetch(card(address=f"{served.address}/net"))
    assert (tmp_path / "mine").read_text() == "mine"
    (folder / PART).unlink()
    os.mkfifo(folder / PART)
    with pytest.raises(WeightsError):
        weight_store().fetch(card(address=f"{served.address}/net"))


@pytest.mark.parametrize("target", ["ftp://127.0.0.1:1/net", "file:///etc/passwd", "data:,x"])
def test_redirects_lead_to_http_only(served: Served, target: str) -> None:
    with pytest.raises(WeightsError, match="redirect"):
        weight_store().fetch(card(address=f"{served.address}/to?{target}"))


def test_redirects_to_http_are_followed(served: Served) -> None:
    path = weight_store().fetch(card(address=f"{served.address}/to?{served.address}/net"))
    assert path.read_bytes() == CONTENT
    assert [asked for asked, _ in served.asked][1:] == ["/net"]


def test_redirects_without_end_end(served: Served) -> None:
    with pytest.raises(WeightsError, match="infinite loop"):
        weight_store().fetch(card(address=f"{served.address}/round"))
