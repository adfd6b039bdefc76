from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datagen.core.images import read_rgb
from datagen.errors import ReleaseError
from datagen.release.clip_schema import CLIP_NAMES
from datagen.release.reader import Release
from datagen.release.report.page import PAGE, write_report
from datagen.release.strips import frames_shown, sheet
from datagen.video.encode import decode_clip
from tests.release.report.test_page import Balanced
from tests.support.releases import own_up


def page_of(release: Path, count: int = 4) -> tuple[str, list[str]]:
    """Return a page and the URLs of its pairs."""
    write_report(Release(release), count)
    text = (release / PAGE).read_text(encoding="utf-8")
    page = Balanced()
    page.feed(text)
    assert page.open == []
    return text, re.findall('src="([^"]+)"', text.partition('id="pairs"')[2])


@pytest.fixture
def own(clip_release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_release, tmp_path / "own"))


def test_the_released_clips_play_side_by_side_with_mask_and_difference(own: Path) -> None:
    text, urls = page_of(own)
    assert text.count("data-pair=") == 4
    videos = [url for url in urls if url.startswith("data:video/mp4;base64,")]
    strips = [url for url in urls if url.startswith("data:image/png;base64,")]
    assert len(strips) == 4
    assert len(videos) + len(strips) == len(urls)
    release = Release(own)
    players = [base64.b64decode(url.partition(",")[2]) for url in videos]
    released = {release.bytes_of(row) for pair in release for row in pair.rows.values()}
    made = [data for data in players if data not in released]
    assert len(made) == 2 * 4
    assert 2 * 4 < len(players) - len(made) <= 3 * 4  # some have a control
    assert all(np.shape(decode_clip(data)) == (4, 96, 96, 3) for data in made)
    assert "click them for slow motion" in text
    assert "<dt>track</dt>" in text
    assert re.search("<dt>length</dt><dd>4 frames, 0[.][0-9]+ s</dd>", text)
    assert re.search("<dt>begins</dt><dd>at frame [0-9]+ of the source", text)
    assert not any(f"<dt>{name}</dt>" in text for name in set(CLIP_NAMES) - {"motion"})


@pytest.mark.parametrize("name", ["lossless_clips", "frame_clips"])
def test_what_browsers_do_not_play_is_shown_as_strips(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    own = Path(shutil.copytree(request.getfixturevalue(name), tmp_path / "own"))
    text, urls = page_of(own, 2)
    assert [url.partition(",")[0] for url in urls] == ["data:image/png;base64"] * 2
    assert "<video" not in text
    assert "Browsers do not play these clips" in text
    image = read_rgb(base64.b64decode(urls[0].partition(",")[2]))
    assert image.shape == (5 * 116 + 4 * 2, 4 * 116 + 3 * 2, 3)


def test_a_strip_has_the_same_frames_of_each_clip() -> None:
    clip = np.zeros((5, 8, 16, 3), np.uint8)
    clip += np.arange(0, 50, 10, dtype=np.uint8)[:, None, None, None]
    made = sheet([clip, clip[..., 0]], [0, 2, 4], 8)
    assert made.shape == (4 + 2 + 4, 8 + 2 + 8 + 2 + 8, 3)
    assert [made[1, 10 * n + 4, 0] for n in range(3)] == [0, 20, 40]
    assert np.array_equal(made[:4], made[6:])
    assert frames_shown(3, 8) == [0, 1, 2]
    assert frames_shown(32, 8)[::7] == [0, 31]


def test_no_other_media_type_gets_into_a_page(own: Path) -> None:
    name = "manifest/train-000000.parquet"
    table = pq.read_table(own / name)
    types = pa.array(["text/html"] * len(table), table.schema.field("media_type").type)
    number = table.column_names.index("media_type")
    field = table.schema.field("media_type")
    pq.write_table(table.set_column(number, field, types), own / name)
    own_up(own, name, shard="train-000000")
    with pytest.raises(ReleaseError, match="text/html"):
        write_report(Release(own), 4)
    assert not (own / PAGE).exists()


def test_a_notebook_shows_middle_frames(clip_release: Path) -> None:
    release = Release(clip_release)
    text = release._repr_html_()
    assert "clips in <code>" in text
    page = Balanced()
    page.feed(text)
    pair = next(iter(release))
    shown = [read_rgb(base64.b64decode(url.partition(",")[2])) for url in page.fetched[:2]]
    assert np.array_equal(shown[0], pair.real[2])
    assert np.array_equal(shown[1], pair.fake[2])
    assert repr(release).endswith("clips>")
