"""The page in headless Chromium: what is seen, what moves, what is sent, and whether all can read it."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from processes import until
from ptycho_compare.reporting.page import write_page
from trained_study import trained_study

from .made import made_hub, make_short_hub, verdict_on

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
AXE = Path(os.environ.get("AXE_CORE") or Path(sys.prefix, "axe/node_modules/axe-core/axe.min.js"))
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
LAPTOP, PHONE = 1280, 390
SCREEN = 900  # px
SERIOUS = ("serious", "critical")

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="chromium or chromedriver is not installed"
)

Show = Callable[..., webdriver.Chrome]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(*made_hub(tmp_path_factory, tmp_path_factory.mktemp("browsed") / "hub"))


@pytest.fixture(scope="module", params=[(4, LAPTOP), (3, PHONE)], ids=str)
def short(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A page of so many arms, and a width at which all of it must be seen without moving it sideways."""
    arms, width = request.param
    return write_page(*make_short_hub(tmp_path_factory.mktemp(f"arms{arms}"), arms=arms)), width


@pytest.fixture(scope="module")
def of_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a study says as a whole."""
    hub, study = trained_study(tmp_path_factory, tmp_path_factory.mktemp("study") / "hub")
    return write_page(hub, study, verdict_on(hub, study))


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture
def show(chromium: webdriver.Chrome, page: Path) -> Iterator[Show]:
    """Show the page at a width, in a colour scheme, with or without motion."""

    def shown(
        width: int = LAPTOP,
        *,
        scheme: str = "light",
        motion: str = "no-preference",
        other: Path | None = None,
    ) -> webdriver.Chrome:
        metrics = {"width": width, "height": SCREEN, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        media = {"features": [{"name": name, "value": value} for name, value in features.items()]}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        chromium.get((other or page).as_uri())
        return chromium

    chromium.get_log("browser")
    chromium.get_log("performance")
    yield shown
    assert chromium.get_log("browser") == []  # errors, and what the policy refused


def open_all(driver: webdriver.Chrome, within: str = "body") -> None:
    driver.execute_script(
        "document.querySelectorAll(arguments[0]).forEach((each) => { each.open = true; })",
        f"{within} details",
    )


def comparison(driver: webdriver.Chrome, name: str = "dose_1000-dense-train-debug") -> WebElement:
    element = driver.find_element(By.ID, name)
    driver.execute_script("arguments[0].open = true", element)
    return element


def pixels(element: WebElement) -> np.ndarray[Any, np.dtype[np.int16]]:
    """What is seen of an element; the driver's own way of taking its picture stalls at times."""
    x, y, width, height = element.parent.execute_script(
        "arguments[0].scrollIntoView({block: 'center'}); const box = arguments[0].getBoundingClientRect();"
        "return [box.x, box.y, box.width, box.height].map(Math.floor)",
        element,
    )
    taken = element.parent.execute_cdp_cmd("Page.captureScreenshot", {})
    image = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    return np.array(image.crop((x, y, x + width, y + height))).astype(np.int16)


def wait_for(condition: Callable[[], bool], *, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("width", [LAPTOP, PHONE])
def test_every_image_is_there_and_nothing_sticks_out(show: Show, width: int) -> None:
    driver = show(width)
    open_all(driver)
    broken = driver.execute_script(
        "return [...document.images].filter((each) => !each.complete || !each.naturalWidth"
        " || each.getBoundingClientRect().width < 20).map((each) => each.alt)"
    )
    assert broken == []
    require_nothing_sticks_out(driver, width)


@pytest.mark.parametrize("width", [LAPTOP, PHONE])
def test_nothing_of_a_study_s_curves_and_tables_sticks_out(show: Show, of_study: Path, width: int) -> None:
    driver = show(width, other=of_study)
    open_all(driver)
    titles = [each.text for each in driver.find_elements(By.CSS_SELECTOR, "#study summary")]
    assert any("Losses" in title for title in titles), titles
    assert any("Transfer" in title or "trained on" in title for title in titles), titles
    require_nothing_sticks_out(driver, width)


def require_nothing_sticks_out(driver: webdriver.Chrome, width: int) -> None:
    assert driver.execute_script("return innerWidth") == width
    page, seen = driver.execute_script(
        "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]"
    )
    assert page <= seen <= width
    outside = driver.execute_script(
        "return [...document.querySelectorAll('body *')]"
        ".filter((each) => !each.closest('.scroll, pre, .skip, .symbols')"
        " && each.getBoundingClientRect().right > document.documentElement.clientWidth + 1)"
        ".map((each) => each.outerHTML.slice(0, 80))"
    )
    assert outside == []


def test_who_is_best_stands_within_the_first_screen(show: Show, short: tuple[Path, int]) -> None:
    driver = show(short[1], other=short[0])
    found = driver.find_element(By.CSS_SELECTOR, ".answers li")
    for said in ("accepted", "PtychoPINN is best", "Fienup error 0.", " lower [0."):
        assert said in found.text
    below = found.rect["y"] + found.rect["height"]
    assert below < SCREEN
    order = [".panel img", ".frc", ".numbers", "#history", "#matrix", "#attempts"]
    places = [driver.find_element(By.CSS_SELECTOR, each).rect["y"] for each in order]
    assert [below, *places] == sorted([below, *places])


def test_no_part_of_a_page_of_few_arms_is_moved_sideways(show: Show, short: tuple[Path, int]) -> None:
    driver = show(short[1], other=short[0])
    open_all(driver)
    wide = driver.execute_script(
        "return [...document.querySelectorAll('.scroll')]"
        ".filter((each) => each.scrollWidth > each.clientWidth + 1)"
        ".map((each) => [each.ariaLabel, each.scrollWidth, each.clientWidth])"
    )
    assert wide == []


def test_digits_of_a_row_stand_below_each_other(show: Show, short: tuple[Path, int]) -> None:
    driver = show(short[1], other=short[0])
    cells = driver.execute_script(
        "return [...document.querySelectorAll('.comparison .numbers tbody tr')].slice(0, 9)"
        ".map((row) => [...row.cells].slice(1).map((cell) => cell.firstChild.data.trim()))"
    )
    assert len(cells) == 9
    for row in cells:
        assert len({len(text.partition(".")[2]) for text in row}) == 1


def test_a_trend_is_drawn_for_each_arm(show: Show, short: tuple[Path, int]) -> None:
    driver = show(short[1], other=short[0])
    trends = driver.find_elements(By.CSS_SELECTOR, "#history .trend")
    arms = [name.text for name in driver.find_elements(By.CSS_SELECTOR, "#history .trends tbody th")]
    assert len(trends) == len(arms) > 1
    for arm, trend in zip(arms, trends, strict=True):
        label = trend.get_attribute("aria-label") or ""
        assert label.startswith(f"{arm.replace(chr(10), '')}, Fienup error: run-20 0.")
        assert len(trend.find_elements(By.TAG_NAME, "circle")) == 3
        assert pixels(trend).std() > 3


def test_each_arm_is_there_with_each_quantity(show: Show) -> None:
    driver = show()
    found = {
        name: driver.execute_script(
            "return [...arguments[0].querySelectorAll('.panel img')].map((each) => each.alt)",
            comparison(driver, f"dose_1000-dense-{name}"),
        )
        for name in ("train-debug", "train-full", "test-debug")
    }
    arms = ["PtychoPINN", "Baseline", "PtyChi"]
    for name, error in (("train-debug", arms), ("train-full", ["PtychoPINN", "PtyChi"]), ("test-debug", [])):
        truth = [] if name == "test-debug" else ["Truth"]
        expected = [f"{quantity} of {arm}" for quantity in ("Amplitude", "Phase") for arm in [*arms, *truth]]
        expected += [f"Error of {arm}" for arm in error]
        assert found[name] == [f"{each}, dose_1000-dense-{name}" for each in expected]


def test_images_are_not_blank_and_arms_differ(show: Show) -> None:
    driver = show()
    panels = comparison(driver).find_elements(By.CSS_SELECTOR, ".panel img[data-quantity=amplitude]")
    seen = [pixels(each) for each in panels]
    assert all(each.std() > 10 for each in seen)
    assert all(np.abs(each - seen[0]).max() > 10 for each in seen[1:])


def test_each_ring_correlation_and_transfer_is_drawn(show: Show) -> None:
    driver = show()
    curves = driver.execute_script(
        "return [...arguments[0].querySelectorAll('.frc')]"
        ".map((panel) => [...panel.querySelectorAll('polyline.curve')]"
        ".map((each) => [each.dataset.arm, each.points.numberOfItems, each.getBBox().width,"
        " getComputedStyle(each).stroke, getComputedStyle(each).strokeDasharray]))",
        comparison(driver),
    )
    assert len(curves) == 6
    for panel in curves[:3]:  # a transfer ends where noise hides it
        assert all(curve[1] > 10 and curve[2] > 250 for curve in panel)
    for panel in curves:
        assert [curve[0] for curve in panel] == ["PtychoPINN", "Baseline", "PtyChi"]
        assert len({curve[3] for curve in panel}) == len({curve[4] for curve in panel}) == 3


def test_nothing_is_sent_and_no_text_of_the_hub_runs(show: Show, page: Path) -> None:
    driver = show()
    open_all(driver)
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {each for each in asked if not each.startswith("data:")} == {page.as_uri()}
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert driver.execute_script("return typeof window.hacked") == "undefined"
    assert "window.hacked = 1" in driver.find_element(By.CSS_SELECTOR, "#blockers pre").text
    assert driver.execute_script("return document.scripts.length") == 1


def test_keys_move_the_divider(show: Show) -> None:
    driver = show(PHONE)
    box = comparison(driver).find_element(By.CSS_SELECTOR, ".comparer")
    stage, slider = (box.find_element(By.CSS_SELECTOR, each) for each in (".stage", "input"))
    assert slider.get_attribute("value") == "50"
    before = pixels(stage)
    slider.send_keys(Keys.ARROW_RIGHT * 20)
    assert slider.get_attribute("aria-valuetext") == "PtychoPINN left of 70 %, Truth right of it"
    after = pixels(stage)
    width = before.shape[1]
    changed = np.abs(after - before).max(axis=(0, 2)) > 12
    assert changed[int(0.53 * width) : int(0.68 * width)].mean() > 0.9
    assert not changed[: int(0.48 * width)].any()
    assert not changed[int(0.73 * width) :].any()
    slider.send_keys(Keys.HOME)
    left_end = pixels(stage)  # all of the right image
    slider.send_keys(Keys.END)
    assert np.abs(pixels(stage) - left_end)[:, 5:-5].max() > 12
    assert driver.switch_to.active_element == slider


def test_another_quantity_and_other_arms_are_chosen(show: Show) -> None:
    box = comparison(show()).find_element(By.CSS_SELECTOR, ".comparer")
    under, over = (box.find_element(By.CSS_SELECTOR, f".{each}") for each in ("under", "over"))
    Select(box.find_element(By.CSS_SELECTOR, ".quantity")).select_by_value("error")
    assert [each.get_attribute("alt").split(",")[0] for each in (under, over)] == [
        "Error of PtychoPINN",
        "Error of PtyChi",
    ]
    Select(box.find_element(By.CSS_SELECTOR, ".left")).select_by_value("Baseline")
    assert (under.get_attribute("alt") or "").startswith("Error of Baseline")
    assert under.get_attribute("src") != over.get_attribute("src")


def test_blink_shows_one_arm_and_the_other(show: Show) -> None:
    box = comparison(show()).find_element(By.CSS_SELECTOR, ".comparer")
    stage, button = (box.find_element(By.CSS_SELECTOR, each) for each in (".stage", "button"))
    button.send_keys(Keys.SPACE)
    assert button.get_attribute("aria-pressed") == "true"
    first = pixels(stage)
    assert wait_for(lambda: bool(np.abs(pixels(stage) - first).max() > 12))
    button.send_keys(Keys.SPACE)
    assert button.get_attribute("aria-pressed") == "false"
    resting = pixels(stage)
    time.sleep(1.0)
    assert np.array_equal(pixels(stage), resting)


def test_with_reduced_motion_only_a_press_changes_the_image(show: Show) -> None:
    box = comparison(show(motion="reduce")).find_element(By.CSS_SELECTOR, ".comparer")
    stage, button = (box.find_element(By.CSS_SELECTOR, each) for each in (".stage", "button"))
    button.send_keys(Keys.ENTER)
    seen = box.find_element(By.CSS_SELECTOR, ".seen")
    assert seen.text == "PtychoPINN"
    first = pixels(stage)
    time.sleep(1.0)
    assert np.array_equal(pixels(stage), first)
    button.send_keys(Keys.ENTER)
    assert seen.text == "Truth"
    assert np.abs(pixels(stage) - first).max() > 12


def test_a_link_opens_what_it_leads_to(show: Show) -> None:
    driver = show()
    target = driver.find_element(By.ID, "dose_1000-dense-train-debug")
    assert target.get_attribute("open") is None
    driver.find_element(By.CSS_SELECTOR, "#matrix a[href='#dose_1000-dense-train-debug']").send_keys(
        Keys.ENTER
    )
    assert wait_for(lambda: target.get_attribute("open") is not None)
    assert target.find_element(By.CSS_SELECTOR, ".panel img").is_displayed()


def _images_laid_out(driver: WebDriver) -> tuple[dict[str, Any], list[int]] | None:
    """What stands on the page, and which of its nodes are images; None while there is none."""
    seen = driver.execute_cdp_cmd(
        "DOMSnapshot.captureSnapshot", {"computedStyles": [], "includePaintOrder": False}
    )
    strings, document = seen["strings"], seen["documents"][0]
    placed = set(document["layout"]["nodeIndex"])
    names = document["nodes"]["nodeName"]
    images = [index for index, name in enumerate(names) if strings[name] == "IMG" and index in placed]
    return (seen, images) if images else None


def test_all_is_readable_without_scripts(show: Show, page: Path) -> None:
    driver = show()
    try:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(page.as_uri())
        # a page may have been loaded, and not be laid out yet
        seen, images = until(lambda: _images_laid_out(driver), "no image was laid out")
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    strings, document = seen["strings"], seen["documents"][0]
    nodes, layout = document["nodes"], document["layout"]
    laid_out = dict(zip(layout["nodeIndex"], layout["bounds"], strict=True))
    # the red comparison stands open; the other images are in closed details, which open without scripts
    assert len(images) == 10 + 3
    assert all(laid_out[index][2] > 20 and laid_out[index][3] > 5 for index in images)
    classes = {
        strings[value]
        for attributes in nodes["attributes"]
        for name, value in zip(attributes[::2], attributes[1::2], strict=True)
        if strings[name] == "class"
    }
    assert "comparer" not in classes
    text = " ".join(strings[each] for each in layout["text"] if each >= 0)
    assert "Without scripts all images stand side by side below" in text
    assert "NaN" not in text


needs_axe = pytest.mark.skipif(
    not AXE.is_file(), reason=f"axe-core is not at {AXE} (environment variable AXE_CORE)"
)


def serious(driver: webdriver.Chrome) -> list[tuple[str, str, list[str]]]:
    """What axe-core finds on the page, as it is shown."""
    found = driver.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[arguments.length - 1])"
    )
    return [
        (each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]][:3])
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")])
def test_axe_finds_no_serious_issue(show: Show, width: int, scheme: str) -> None:
    driver = show(width, scheme=scheme)
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    assert serious(driver) == []
    open_all(driver)
    assert serious(driver) == []


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), [(LAPTOP, "dark"), (PHONE, "light")])
def test_axe_finds_no_serious_issue_with_a_study(show: Show, of_study: Path, width: int, scheme: str) -> None:
    driver = show(width, scheme=scheme, other=of_study)
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    open_all(driver, "#study")  # its comparisons are as those of the other pages
    assert serious(driver) == []


@needs_axe
def test_axe_finds_no_serious_issue_with_few_arms(show: Show, short: tuple[Path, int]) -> None:
    driver = show(short[1], scheme="dark" if short[1] == LAPTOP else "light", other=short[0])
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    open_all(driver)
    assert serious(driver) == []


def test_every_region_that_scrolls_takes_the_focus(show: Show) -> None:
    driver = show(PHONE)
    open_all(driver)
    unreachable = driver.execute_script(
        "return [...document.querySelectorAll('main *')]"
        ".filter((each) => each.scrollWidth > each.clientWidth + 1"
        " && ['auto', 'scroll'].includes(getComputedStyle(each).overflowX) && each.tabIndex < 0)"
        ".map((each) => each.outerHTML.slice(0, 80))"
    )
    assert unreachable == []
