"""The report in a browser, as its reader uses it; skipped without Chromium and its driver."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from datagen.cli.main import run
from tests.support.world import World

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

pytestmark = pytest.mark.slow

Browser = Any


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium or chromedriver is missing: install Debian's chromium-driver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    yield found
    found.quit()


@pytest.fixture(scope="module")
def page(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("browser") / "out"
    assert world.generate(out, "--inline") == 0
    assert run(["show", str(out), "--all"]) == 0
    return out / "report" / "index.html"


@pytest.fixture(scope="module")
def clip_page(clip_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = Path(shutil.copytree(clip_release, tmp_path_factory.mktemp("clips") / "out"))
    assert run(["show", str(out), "-n", "4"]) == 0
    return out / "report" / "index.html"


def opened(browser: Browser, path: Path, width: int = 1280, scheme: str = "light") -> Browser:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())
    return browser


def one(browser: Browser, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def shown(browser: Browser) -> int:
    script = "return document.querySelectorAll('.pair:not([hidden])').length"
    return int(browser.execute_script(script))


def choose(browser: Browser, name: str, text: str) -> None:
    one(browser, f"[data-filter={name}]").send_keys(text)


def style(browser: Browser, selector: str, name: str) -> str:
    script = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    return str(browser.execute_script(script, selector, name))


@pytest.mark.parametrize("width", [1280, 1440, 1920])
@pytest.mark.parametrize("media", ["page", "clip_page"])
def test_it_fits_and_says_no_error(
    browser: Browser, width: int, media: str, request: pytest.FixtureRequest
) -> None:
    opened(browser, request.getfixturevalue(media), width)
    wide, seen = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= seen
    assert browser.get_log("browser") == []


def test_it_follows_the_color_scheme(browser: Browser, page: Path) -> None:
    brightness = []
    for scheme in ("light", "dark"):
        opened(browser, page, scheme=scheme)
        colors = (style(browser, "body", name) for name in ("backgroundColor", "color"))
        brightness.append([int(color.split("(")[1].split(",")[0]) for color in colors])
    (light, ink), (dark, pale) = brightness
    assert light > 200 > 100 > ink
    assert dark < 60 < 200 < pale


def test_nothing_is_requested_nor_could_be(browser: Browser, page: Path) -> None:
    opened(browser, page)
    found = browser.execute_script(
        "return performance.getEntriesByType('resource').map(one => one.name.slice(0, 40))"
    )
    assert [name for name in found if not name.startswith("data:")] == []
    browser.get_log("browser")
    refused = browser.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done(false),"
        " () => done(true));"
    )
    assert refused
    assert any("Content Security Policy" in one["message"] for one in browser.get_log("browser"))


def test_the_border_follows_the_arrow_keys(browser: Browser, page: Path) -> None:
    opened(browser, page)
    slider = one(browser, ".pair .stage input")
    assert "50%" in style(browser, ".stage .layer.fake", "clipPath")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert "54%" in style(browser, ".stage .layer.fake", "clipPath")
    assert slider.get_attribute("aria-valuetext") == "54 % real"
    slider.send_keys(Keys.HOME)
    assert "0%" in style(browser, ".stage .layer.fake", "clipPath")
    assert style(browser, ".stage", "outlineStyle") == "solid"  # the focus is seen


def test_the_page_is_walked_with_the_tab_key(browser: Browser, page: Path) -> None:
    opened(browser, page)
    names = []
    active = browser.switch_to.active_element
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        names.append(active.get_attribute("class") or active.tag_name)
        if active.get_attribute("type") == "range":
            break
    assert names[0] == "skip"
    assert {"a", "summary", "select", "scroll", "zoom-in"} <= set(names)
    assert active.get_attribute("type") == "range"


def test_filters_hide_what_does_not_fit(browser: Browser, page: Path) -> None:
    opened(browser, page)
    every = shown(browser)
    assert every == 36
    choose(browser, "method", "self_blend")
    blends = shown(browser)
    assert 0 < blends < every
    choose(browser, "split", "test")
    assert 0 < shown(browser) < blends
    assert one(browser, ".tools output").text == f"{shown(browser)} of {every} pairs"
    opened(browser, page)
    choose(browser, "kind", "control")
    assert shown(browser) == 9
    control = browser.execute_script(
        "const one = document.querySelector('.pair:not([hidden]) .layer.control img');"
        "return [one.naturalWidth, getComputedStyle(one.parentElement).display]"
    )
    assert control == [96, "block"]


def test_masks_and_landmarks_are_laid_over(browser: Browser, page: Path) -> None:
    opened(browser, page)
    for name, layer in (("mask", ".layer.fake .mask"), ("points", ".layer.fake .points")):
        assert style(browser, layer, "display") == "none"
        one(browser, f"[data-overlay={name}]").click()
        assert style(browser, layer, "display") == "block"
    width = browser.execute_script("return document.querySelector('.layer .mask').naturalWidth")
    assert width == 96
    one(browser, "[data-overlay=mask]").click()
    assert style(browser, ".layer.fake .mask", "display") == "none"


def test_a_pair_is_enlarged_and_closed_by_keys(browser: Browser, page: Path) -> None:
    opened(browser, page)
    button = one(browser, ".zoom-in")
    button.send_keys(Keys.ENTER)
    first = one(browser, "dialog h3").text
    assert one(browser, "dialog .stage").size["width"] > one(browser, ".pair .stage").size["width"]
    one(browser, "dialog .stage input").send_keys(Keys.END)
    assert "100%" in style(browser, "dialog .layer.fake", "clipPath")
    one(browser, "dialog [data-step='1']").click()
    assert one(browser, "dialog h3").text != first
    one(browser, "dialog [data-close]").send_keys(Keys.ESCAPE)
    assert not one(browser, "dialog").get_attribute("open")
    assert browser.switch_to.active_element == button


def test_what_a_screen_reader_says_is_there(browser: Browser, page: Path) -> None:
    opened(browser, page)
    missing = browser.execute_script("""
        const named = one => one.getAttribute("aria-label") || one.labels?.length;
        return [
          ...[...document.images].filter(one => one.src && !one.alt && !one.closest(".layer")),
          ...[...document.querySelectorAll("select, input")].filter(one => !named(one)),
          ...[...document.querySelectorAll("table")].filter(one => !one.caption),
          ...[...document.querySelectorAll("svg[role=img]")].filter(one => !named(one)),
        ].map(one => one.outerHTML.slice(0, 80));
    """)
    assert missing == []
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1, h2, h3')].map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_pages_with_every_pair_are_linked(browser: Browser, page: Path) -> None:
    opened(browser, page)
    one(browser, ".pages a").click()
    assert browser.current_url.endswith("/all/00001.html")
    assert shown(browser) == 36
    one(browser, ".eyebrow a").click()
    assert browser.current_url.endswith("/index.html")
    assert browser.get_log("browser") == []


def test_clips_play_together_and_slowly(browser: Browser, clip_page: Path) -> None:
    opened(browser, clip_page)
    one(browser, ".slow").click()
    rates = browser.execute_script(
        "return [...document.querySelectorAll('.pair:first-child video')].map(v => v.playbackRate)"
    )
    assert len(rates) in (4, 5)
    assert set(rates) == {0.2}
    assert one(browser, ".slow").get_attribute("aria-pressed") == "true"
    choose(browser, "kind", "fake")
    assert style(browser, ".clips figure[data-kind=real]", "display") == "none"
    assert shown(browser) == 4
