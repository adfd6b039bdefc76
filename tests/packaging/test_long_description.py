"""What a package index shows of README.md has no link to a file that is not there."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

from tests.support.house import ROOT

pytest.importorskip("hatchling")
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOME = "https://git.example/team/datagen"


def shown(text: str, repository: str) -> str:
    made: Any = runpy.run_path(str(ROOT / "tools" / "long_description.py"))["long_description"]
    return str(made(text, repository, "1.2"))


def test_links_lead_to_the_tag_of_the_version() -> None:
    text = shown(README, HOME)
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 20
    assert all(target.startswith("https://") for target in targets)
    assert f"]({HOME}/raw/v1.2/docs/images/pairs.jpg)" in text
    assert f"[API]({HOME}/blob/v1.2/docs/api.md)" in text


def test_without_a_repository_nothing_is_broken() -> None:
    text = shown(README, "")
    assert re.findall(r"\]\((?!https://)[^)]+\)", text) == []
    assert "![" not in text
    assert "*These faces belong to" not in text
    assert "start with getting started." in text
    assert README.count("```") == text.count("```")


def test_code_and_outside_links_stay() -> None:
    text = "a [b](https://x.org)\n\n![c](d.jpg)\n\n```\n[e](f.md)\n```\n[g [h]](i.md#j)\n"
    assert shown(text, "") == "a [b](https://x.org)\n\n```\n[e](f.md)\n```\ng [h]\n"
    assert shown(text, HOME).endswith(f"[g [h]]({HOME}/blob/v1.2/i.md#j)\n")
