"""The page without a browser: what is said, what is drawn, what cannot get in, how large it is."""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from hubs import SPLITS
from ptycho_compare.cli.page import add_commands
from ptycho_compare.gate import judge_hub
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.claim import take_claim
from ptycho_compare.records.acceptance import Verdict
from ptycho_compare.records.reconstructions_npz import write_reconstructions
from ptycho_compare.reporting.figures.drawing import PlotLimits
from ptycho_compare.reporting.page import write_page
from ptycho_compare.reporting.page.area import shown_area
from ptycho_compare.reporting.page.attempts import read_timeline
from ptycho_compare.reporting.page.curves import read_curves
from ptycho_compare.reporting.page.gallery import read_gallery
from ptycho_compare.reporting.page.words import aligned_text, breakable, decimals_of, number_text, readable
from ptycho_compare.storage.files import sha256_of
from ptycho_compare.study import Comparison, Study, load_study
from ptycho_compare.untrusted.npz import open_npz

from .made import (
    HOSTILE,
    NOTE,
    START,
    made_hub,
    verdict_on,
    whole_card,
    without,
    write_evidence,
    write_states,
)

ARMS = {"PtychoPINN": "ok", "Baseline": "ok", "PtyChi": "ok"}
Made = tuple[Hub, Study, Verdict]


class Words(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.raw = text
        self.said: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] not in ("script", "style"):
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def all_of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_hub(tmp_path_factory, tmp_path_factory.mktemp("looked") / "hub")


@pytest.fixture(scope="module")
def words(made: Made) -> Words:
    return Words(write_page(*made).read_text(encoding="utf-8"))


@pytest.fixture
def own(made: Made, tmp_path: Path) -> Made:
    return Hub(Path(shutil.copytree(made[0].root, tmp_path / "own"))), made[1], made[2]


def names_of(hub: Hub, split: str = "train", tier: str = "debug") -> Artifacts:
    return Artifacts(hub.comparison_dir(1000, "dense", split, tier))


def indices(uri: str) -> NDArray[np.uint8]:
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.array(Image.open(io.BytesIO(data)))


def said_by(hub: Hub, study: Study, verdict: Verdict) -> str:
    return Words(write_page(hub, study, verdict).read_text(encoding="utf-8")).text


def test_the_page_lies_where_the_hub_says(made: Made, tmp_path: Path) -> None:
    hub = made[0]
    assert write_page(*made) == hub.verdict().page
    elsewhere = tmp_path / "new" / "page.html"
    assert write_page(*made, output=elsewhere) == elsewhere
    link = os.path.relpath(hub.root / NOTE, elsewhere.parent)
    assert f'href="{link}"' in elsewhere.read_text()


def test_equal_hubs_give_equal_bytes(made: Made) -> None:
    first = write_page(*made).read_bytes()
    assert write_page(*made).read_bytes() == first


def test_every_standing_is_told_by_a_word(words: Words) -> None:
    for word in ("accepted", "red", "missing", "deferred"):
        assert any(
            link.get("aria-label", "").startswith(f"{word}: dose_1000-dense-") for link in words.all_of("a")
        )
    assert "2 of 6 comparisons hold" in words.text
    assert "the gate does not ask for it" in words.text


def test_what_was_found_is_told(words: Words) -> None:
    for text in (
        "dead: Baseline: |object| = 0 in 100 % of the mask",
        "PtyChi: MS-SSIM phase 0.71 is below 0.80",
        "32 of 64 patches are safe",
        "3 files are not listed",
        "2 scores differ, 1 within the tolerance",
    ):
        assert text in words.text


def test_a_winner_in_evidence_that_does_not_hold_is_not_to_be_counted(words: Words) -> None:
    assert words.text.count("Not to be counted: dead: Baseline: |object| = 0") == 1
    assert words.text.count("Not to be counted") == 1  # the others hold, or have no scores


def test_evidence_that_is_not_what_was_judged_is_named(made: Made) -> None:
    hub, study, verdict = made
    digest = sha256_of(names_of(hub).manifest)
    for sha256, count in ((digest, 0), ("0" * 64, 1)):
        first, *rest = verdict.comparisons
        judged = first.model_copy(update={"manifest_sha256": sha256})
        assert first.id == "dose_1000-dense-train-debug"
        said = said_by(hub, study, without(verdict, comparisons=(judged, *rest)))
        assert said.count("manifest.json: is not the one that was judged; run ptycho-hub gate again") == count


def test_missing_things_are_said(words: Words) -> None:
    assert "missing: there is no evidence to look at" in words.text
    assert "No truth: no error maps" in words.text
    assert "Baseline: no curve" in words.text  # it is dead
    assert "not computed: no arm has a curve" in words.text  # without a truth
    assert "missing Mine : required by the study" in words.text


def test_no_cell_is_not_a_number(words: Words) -> None:
    assert not re.search(r"\bnan\b", words.text, re.IGNORECASE)
    assert words.text.count("N/A") > 10  # the dead arm's cells
    assert number_text(float("nan")) == number_text(float("inf")) == number_text(None) == "N/A"


def test_text_of_the_hub_is_never_markup(words: Words) -> None:
    assert words.all_of("script") == [{}]
    assert "window.hacked = 1" in words.text
    assert not [image for image in words.all_of("img") if image.get("src") == "x"]
    assert not [tag for tag, attributes in words.tags if any(name.startswith("on") for name in attributes)]
    assert "a study & <b>its</b> page" in words.text
    assert readable(HOSTILE) == HOSTILE.rstrip("\x07\x00")
    assert HOSTILE not in words.raw


def test_the_policy_lets_nothing_in(words: Words) -> None:
    policy = next(meta["content"] for meta in words.all_of("meta") if "http-equiv" in meta) or ""
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert not words.all_of("link")
    assert not [
        attributes for _, attributes in words.tags if "style" in attributes
    ]  # the policy would drop it
    for tag, attributes in words.tags:
        address = attributes.get("src") or attributes.get("href") or "#"
        assert re.match(r"data:image/png;base64,|#|\.\./", address), (tag, address[:80])


def test_a_note_outside_the_hub_is_not_read(own: Made) -> None:
    hub, study, verdict = own
    secret = hub.root.parent / "secret.md"
    secret.write_text("the secret")
    (hub.root / "red" / "link.md").symlink_to(secret)
    said = said_by(hub, study, without(verdict, blockers=("../secret.md", "red/link.md", "red/gone.md")))
    assert "the secret" not in said
    assert said.count("not shown: it lies outside the hub") == 2
    assert "missing: cannot be read (No such file or directory)" in said


def test_a_long_note_is_cut(own: Made) -> None:
    (own[0].root / NOTE).write_text("a" * 30_000)
    assert "and 10000 characters more" in said_by(*own)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("manifest.json", "manifest.json: is no manifest"),
        ("comparison_metrics.csv", "comparison_metrics.csv: columns"),
        ("comparison_differences.csv", "comparison_differences.csv: columns"),
        ("reconstructions_aligned.npz", "reconstructions_aligned.npz"),
        ("pinn_frc_curves.csv", "pinn_frc_curves.csv: columns"),
    ],
)
def test_a_damaged_file_is_named_and_stops_nothing(own: Made, file: str, said: str) -> None:
    (names_of(own[0]).folder / file).write_bytes(b"damaged \xff")
    if file.endswith("csv"):
        (names_of(own[0]).folder / file).write_text("damaged\n")
    text = said_by(*own)
    assert said in text
    assert "Every comparison of the study" in text


def test_a_table_that_holds_nan_shows_none(own: Made) -> None:
    path = names_of(own[0]).metrics
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    path.write_text("\n".join([lines[0], ",".join([*cells[:2], "nan", "inf", *cells[4:]]), *lines[2:], ""]))
    assert not re.search(r"\b(nan|inf)\b", said_by(*own))


def test_images_show_the_values_on_one_scale(made: Made) -> None:
    gallery = read_gallery(names_of(made[0]), ARMS, truth_name="Truth", pixels=1 << 16)
    with open_npz(names_of(made[0]).reconstructions_aligned) as held:
        mask, truth, arm = (held.array(key) for key in ("mask", "ground_truth_complex", "baseline_complex"))
    assert [row.quantity for row in gallery.rows] == ["amplitude", "phase", "error"]
    assert [picture.arm for picture in gallery.rows[0].pictures] == [*ARMS, "Truth"]
    assert [picture.arm for picture in gallery.rows[2].pictures] == list(ARMS)
    error, expected = gallery.rows[2], np.abs(arm - truth)
    found = indices(error.pictures[1].source)
    assert found.shape == mask.shape == (gallery.height, gallery.width)
    assert 0.5 < mask.mean() < 0.99
    assert np.array_equal(found == 255, ~mask)  # transparent: what is not scored
    low, high = float(error.low), float(error.high)
    shown = low + found[mask] / 254 * (high - low)
    assert np.allclose(shown, np.clip(expected[mask], low, high), atol=high / 400)


def test_colours_run_between_the_percentiles_of_the_figure(made: Made) -> None:
    """Of whole pixels: means of squares would have fewer extremes."""
    with open_npz(names_of(made[0]).reconstructions_aligned) as held:
        arms = [held.array(f"{name.lower()}_complex") for name in (*ARMS, "ground_truth")]
        mask = held.array("mask")
    limits = PlotLimits().of([np.where(mask, np.abs(each), np.nan) for each in arms])
    for pixels in (1 << 16, 1600):
        row = read_gallery(names_of(made[0]), ARMS, truth_name="Truth", pixels=pixels).rows[0]
        assert (row.low, row.high) == tuple(map(number_text, limits))


@pytest.mark.parametrize(
    ("pixel_m", "width", "bar", "share"),
    [
        (None, 100, "20 px", 20.0),
        (float("nan"), 100, "20 px", 20.0),
        ("5e-9", 100, "20 px", 20.0),
        (5e-9, 100, "100 nm", 20.0),
        (5e-8, 100, "1 µm", 20.0),
        (None, 3, "0.5 px", 16.67),
    ],
)
def test_a_bar_of_round_length_tells_the_scale(pixel_m: object, width: int, bar: str, share: float) -> None:
    area = shown_area(np.array([30, 40]), (slice(5, 15), slice(2, 2 + width)), pixel_m=pixel_m)
    assert (area.top, area.bottom, area.left, area.right) == (35, 44, 42, 41 + width)
    assert (area.bar, area.bar_share) == (bar, share)


@given(st.lists(st.none() | st.floats(-1e9, 1e9), min_size=1, max_size=5))
def test_numbers_of_a_row_keep_two_digits_and_stand_below_each_other(values: list[float | None]) -> None:
    decimals = decimals_of(values)
    for value in values:
        text = aligned_text(value, decimals)
        if value is not None and value:
            assert float(text) == pytest.approx(value, rel=0.051)
        if decimals and value is not None:
            assert len(text.partition(".")[2]) == decimals


def test_a_long_name_breaks_where_a_word_ends_and_is_no_markup() -> None:
    assert breakable("PtychoPINN") == "Ptycho<wbr>PINN"
    assert breakable("my_unet-v2") == "my_<wbr>unet-<wbr>v2"
    assert "<b>" not in breakable("a<b>B")


def test_a_dead_arm_sets_no_colours(made: Made) -> None:
    names = names_of(made[0], tier="full")
    alive = {"PtychoPINN": "ok", "PtyChi": "ok"}
    with_dead = read_gallery(names, {**alive, "Baseline": "failed"}, truth_name="Truth", pixels=1 << 16)
    without_dead = read_gallery(names, alive, truth_name="Truth", pixels=1 << 16)
    for row, other in zip(with_dead.rows, without_dead.rows, strict=True):
        assert (row.low, row.high) == (other.low, other.high)
    dead = with_dead.rows[2].pictures[2]
    assert (dead.arm, dead.source, dead.missing) == ("Baseline", "", "not scored")
    assert set(indices(with_dead.rows[0].pictures[2].source).flat) <= {0, 255}  # black, and not scored


def test_large_images_are_averaged_down(made: Made) -> None:
    whole = read_gallery(names_of(made[0]), ARMS, truth_name="Truth", pixels=1 << 16)
    small = read_gallery(names_of(made[0]), ARMS, truth_name="Truth", pixels=1600)
    factor = 2
    assert whole.height * whole.width > 1600 >= small.height * small.width
    assert (small.height, small.width) == (whole.height // factor, whole.width // factor)
    assert any(f"1/{factor} of the pixels" in note for note in small.notes)


def test_canvases_in_no_gauge_have_no_error_map(own: Made) -> None:
    names = names_of(own[0])
    names.reconstructions_aligned.rename(names.reconstructions)
    gallery = read_gallery(names, ARMS, truth_name="Truth", pixels=1 << 16)
    assert [row.quantity for row in gallery.rows] == ["amplitude", "phase"]
    assert any(note.startswith("Error maps not computed") for note in gallery.notes)


def test_every_arm_without_an_image_says_so(made: Made) -> None:
    gallery = read_gallery(names_of(made[0]), {**ARMS, "Mine": "missing"}, truth_name="Truth", pixels=1 << 16)
    assert {row.pictures[3].missing for row in gallery.rows} == {"no image"}


def test_a_ring_without_signal_is_a_gap(own: Made) -> None:
    path = names_of(own[0]).frc_curves("Baseline")
    lines = path.read_text().splitlines()
    cells = lines[10].split(",")
    lines[10] = ",".join([*cells[:2], "", *cells[3:]])
    path.write_text("\n".join([*lines, ""]))
    curves = read_curves(names_of(own[0]), list(ARMS)).panels[0].curves
    assert [len(curve.segments) for curve in curves] == [1, 2, 1]
    points = [each for segment in curves[1].segments for each in segment.split()]
    assert len(points) == len(lines) - 2


def test_attempts_keep_their_order_and_their_ends(made: Made) -> None:
    hub = made[0]
    folder = hub.comparison_dir(1000, "dense", "test", "full")
    line = read_timeline(hub, {folder: "dose_1000-dense-test-full"})
    assert line is not None
    jobs = {job.name: job for job in line.jobs}
    deferred, step = jobs["dose_1000-dense-test-full"], jobs["dose_1000-simulate"]
    assert deferred.in_words == "died, stopped"
    assert [bar.gained for bar in deferred.bars] == ["16 patches", "16 patches"]
    assert [bar.lasted for bar in deferred.bars] == ["48 s", "60 s"]  # a dead one: until it was last heard of
    assert step.in_words == "stopped, failed, finished"
    assert [bar.left for bar in step.bars] == sorted(bar.left for bar in step.bars)
    assert all(bar.left >= 0 and bar.left + bar.width <= 100.01 for job in line.jobs for bar in job.bars)


def test_a_kill_without_a_reason_is_a_death(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    write_states(hub.step("killed").job, [("", -9)])
    line = read_timeline(hub, {})
    assert line is not None
    assert [(bar.ending, bar.reason) for bar in line.jobs[0].bars] == [("died", "SIGKILL")]


def test_an_attempt_runs_while_its_claim_is_held(tmp_path: Path) -> None:
    files = Hub(tmp_path).step("running").job
    write_states(files, [("", None)])
    take_claim(files.claim)
    for content, ending in ((files.claim.read_text(), "running"), ("damaged", "died")):
        files.claim.write_text(content)
        line = read_timeline(Hub(tmp_path), {})
        assert line is not None
        assert line.jobs[0].in_words == ending


def test_a_hub_without_jobs_says_so(own: Made) -> None:
    hub, study, verdict = own
    for files in hub.jobs():
        shutil.rmtree(files.folder)
    assert "missing: no job was started in this hub" in said_by(hub, study, verdict)
    assert read_timeline(hub, {}) is None


@pytest.mark.parametrize(("views", "pictured"), [(2, 12), (5, 15)])
def test_many_comparisons_stay_small(own: Made, views: int, pictured: int) -> None:
    """Even of noise; of more than a page can show the debug tier goes without images."""
    hub, study, _ = own
    many = study.model_copy(update={"views": tuple(f"view{number}" for number in range(views))})
    source = names_of(hub)
    noise = np.random.default_rng(0).standard_normal((4, 256, 256, 2)).view(complex)[..., 0]
    write_reconstructions(
        source.reconstructions_aligned,
        dict(zip(ARMS, noise, strict=False)),
        truth=noise[3],
        extra={"mask": np.ones((256, 256), bool)},
    )
    for each in many.comparisons():
        shutil.copytree(source.folder, hub.comparison_dir(each.dose, each.view, each.split, each.tier))
    path = write_page(hub, many, verdict_on(hub, many))
    text = path.read_text()
    assert text.count("Images left out") == len(many.comparisons()) - pictured
    assert text.count("data:image/png") == pictured * (11 + 3)
    assert path.stat().st_size < 8e6


def test_a_computed_hub_is_shown_whole(compared_hub: Path, tmp_path: Path) -> None:
    """Evidence of real networks, and not of this folder's own making."""
    hub, study = Hub(compared_hub), load_study(compared_hub / "study.toml")
    page = Words(write_page(hub, study, verdict_on(hub, study), output=tmp_path / "page.html").read_text())
    images = [each["alt"] or "" for each in page.all_of("img") if "data-arm" in each]
    arms = ("PtychoPINN", "Baseline", "PtyChi", "Truth")
    expected = [f"{part} of {arm}" for part in ("Amplitude", "Phase") for arm in arms]
    expected += [f"Error of {arm}" for arm in arms[:3]]
    for split in SPLITS:
        assert [f"{each}, dose_1000-dense-{split}-debug" for each in expected] == [
            each for each in images if each.endswith(f"{split}-debug")
        ]
    assert "0 attempts" not in page.text


def test_the_command_shows_the_last_verdict_and_judges_where_there_is_none(
    own: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    hub, study, verdict = own
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    words = ["page", "--hub", str(hub.root), "--output", str(hub.root / "x.html")]
    arguments = parser.parse_args(words)
    for shown in (judge_hub(hub, study, hub.study()), verdict):
        assert arguments.run(arguments, words) == 0
        assert capsys.readouterr().out.startswith(f"wrote {hub.root / 'x.html'}, ")
        assert f"{shown.outcome} {shown.reason}" in Words((hub.root / "x.html").read_text()).text
        hub.verdict().folder.mkdir(exist_ok=True)
        verdict.write(hub.verdict().record)


def test_all_of_one_accepted_study_stands_open(tmp_path: Path, made: Made) -> None:
    hub, study = Hub(tmp_path), made[1].model_copy(update={"splits": ("train",)})
    for tier in ("debug", "full"):
        write_evidence(hub, Comparison(1000, "dense", "train", tier), whole_card())
    page = Words(write_page(hub, study, verdict_on(hub, study)).read_text())
    opened = ["open" in each for each in page.all_of("details") if each.get("class") == "comparison"]
    assert opened == [True, True]
    assert "No open notes" in page.text
    assert f"{START:%Y-%m-%d} 05:00:00" in page.text
