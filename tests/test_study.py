"""study.toml: a mistake is one line that names the file, the line, the key and what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.request import request_of, scoring_of
from ptycho_compare.scan.reading import Reading
from ptycho_compare.study import load_study

SHIPPED = Path(__file__).parents[1] / "acceptance" / "study.toml"

MISTAKES = {
    "negative": ("groups = 320", "groups = -3", "line 10: 'tiers.debug.groups': .* found -3"),
    "misspelt": ("seed = 123", "sed = 1", "line 23: 'grouping.sed': Extra inputs are not permitted, found 1"),
    "left out": ('views = ["dense"]', "", "'views': Field required"),
    "no number": ("chunk = 256", 'chunk = "a"', "line 16: 'tiers.full.chunk': .* found 'a'"),
    "twice": ('["train", "test"]', '["train", "train"]', "line 7: 'splits': .*listed twice"),
    "no dose": ("[1_000_000_000]", "[0]", r"line 5: 'doses.0': .* found 0"),
    "empty": ("[1_000_000_000]", "[]", "line 5: 'doses': .* found \\[\\]"),
    "a path for a view": ('["dense"]', '["../dense"]', "line 6: 'views.0': .* found '../dense'"),
    "a gate that is none": (
        'after = "debug"',
        'after = "night"',
        "tier 'full' comes after 'night', which is no",
    ),
    "a gate of its own": ('after = "debug"', 'after = "full"', "tier 'full' comes after 'full', which is no"),
    "no TOML": ("[tiers.debug]", "[tiers.debug", "is not TOML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(tmp_path: Path, mistake: str) -> None:
    old, new, message = MISTAKES[mistake]
    path = tmp_path / "study.toml"
    text = SHIPPED.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(StudyError, match=message) as caught:
        load_study(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def before_stitching(section: str) -> tuple[str, str]:
    return "[stitching]", f"{section}\n[stitching]"


NEAREST = [
    ("seed = 123", "sed = 1", "'grouping.sed': .* found 1; did you mean seed?"),
    ("[grouping]", "[groupings]", "'groupings': .*; did you mean grouping?"),
    ("groups = 320", "gropus = 320", "'tiers.debug.gropus': .*; did you mean groups?"),
    ("views =", "view =", r"line 6: 'view': .* found \['dense'\]; did you mean views\? \(and 1 more"),
    (*before_stitching("[uncertainty]\nlevels = 1"), "'uncertainty.levels': .*; did you mean level?"),
    (*before_stitching("[acceptance.default]\nrelativ = 1"), "acceptance.default.relativ'.* mean relative?"),
    (*before_stitching("[arms.X]\npaht = 'x'"), "'arms.X.paht': .*; did you mean path?"),
    (*before_stitching("[scoring]\nreference = 'thruth'"), "found 'thruth'; did you mean truth?"),
    (*before_stitching("[simulation]\nobject = 'sieman'"), "found 'sieman'; did you mean siemens?"),
    ("seed = 123", "quux = 1", r"'grouping.quux': Extra inputs are not permitted, found 1$"),
]


@pytest.mark.parametrize(("old", "new", "message"), NEAREST)
def test_a_misspelt_word_is_told_with_the_nearest(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "study.toml"
    text = SHIPPED.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(StudyError, match=message) as caught:
        load_study(path)
    assert "\n" not in str(caught.value)


def test_all_keys_that_are_missing_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('name = "s"\n[tiers.debug]\n[arms.X]\n')
    with pytest.raises(StudyError, match=r"'doses', 'views', 'splits': Field required \(and 1 more\)"):
        load_study(path)


def test_several_mistakes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        SHIPPED.read_text().replace("chunk = 256", "chunk = 0").replace("seed = 123", "seed = -1")
    )
    with pytest.raises(StudyError, match=r"\(and 1 more\)"):
        load_study(path)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), (b"\xff\xfe", "is not UTF-8 text")]
)
def test_an_unreadable_file(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "study.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match=message):
        load_study(path)


@pytest.mark.parametrize(
    ("line", "tier"),
    [('after = "debug"', "debug"), ("", "debug"), ('after = ""', None)],
)
def test_full_comes_after_debug_unless_the_study_says_otherwise(
    tmp_path: Path, line: str, tier: str | None
) -> None:
    path = tmp_path / "study.toml"
    path.write_text(SHIPPED.read_text().replace('after = "debug"', line))
    study = load_study(path)
    for comparison in study.comparisons():
        before = study.prerequisite_of(comparison)
        if comparison.tier == "debug":
            assert before is None
        else:
            assert (None if before is None else before.tier) == tier
            assert before is None or before.split == comparison.split


def test_a_tier_of_any_name_may_come_after_another(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(SHIPPED.read_text() + '\n[tiers.night]\ngroups = 9\nafter = "full"\n')
    study = load_study(path)
    (night, *_) = [each for each in study.comparisons() if each.tier == "night"]
    before = study.prerequisite_of(night)
    assert before is not None
    assert before.tier == "full"


def test_comparisons_come_by_dose_view_split_and_tier(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "s"\ndoses = [10000, 1000]\nviews = ["dense", "sparse"]\nsplits = ["train", "test"]\n'
        "[tiers.debug]\ngroups = 320\n[tiers.full]\n"
    )
    study = load_study(path)
    ids = [comparison.id for comparison in study.comparisons()]
    assert len(ids) == len(set(ids)) == 16
    assert ids[:5] == [
        "dose_1000-dense-train-debug",
        "dose_1000-dense-train-full",
        "dose_1000-dense-test-debug",
        "dose_1000-dense-test-full",
        "dose_1000-sparse-train-debug",
    ]
    assert study.tiers["full"].groups is None
    assert study.tiers["full"].required_arms == ("PtychoPINN", "Baseline", "PtyChi")


EXTENDED = """
[scoring]
reference = "same_data"
free_ramp = true
metrics = "ptychopinn"
half_data = true
patches = 12

[uncertainty]
draws = 50
block_px = 24

[scan]
values = "counts"
dc = "corner"
pixel_nm = 20.5
keys = {diffraction = "entry/data"}

[arms.LSQML]
path = "data/{split}/lsqml.h5:object"

[arms.Mine]
reconstructor = "my-code:fast"
"""


def extended(tmp_path: Path, text: str = EXTENDED) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(SHIPPED.read_text() + text)
    return path


def test_a_study_says_how_to_read_to_score_and_what_else_to_compare(tmp_path: Path) -> None:
    study = load_study(extended(tmp_path))
    hub = Hub(tmp_path)
    for folder in ("data/train", "data/phase_f/dose_1000000000/dense/train"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/train/lsqml.h5").touch()
    hub.ptychi(1_000_000_000, "dense", "train").touch()
    request = request_of(hub, study, study.comparisons()[1])
    assert [(arm.name, str(arm.source).removeprefix(f"{tmp_path}/")) for arm in request.arms[2:]] == [
        ("Mine", "my-code:fast"),
        ("PtyChi", "data/phase_f/dose_1000000000/dense/train/ptychi_reconstruction.npz"),
        ("LSQML", "data/train/lsqml.h5:object"),
    ]
    assert request.reading == Reading("counts", "corner", {"diffraction": "entry/data"}, 20.5e-9)
    scoring = request.scoring
    assert (scoring.reference, scoring.free_ramp, scoring.metrics) == ("same_data", True, "ptychopinn")
    assert (scoring.resampling.draws, scoring.resampling.block_px) == (50, 24)
    assert request.half_data is True
    assert request.patches == 12


@pytest.mark.parametrize(
    ("line", "expected"),
    [("", None), ("free_ramp = false", False), ('free_ramp = ["PtyChi", "LSQML"]', ("PtyChi", "LSQML"))],
)
def test_whose_ramp_is_free_is_said_by_the_study_or_left_to_the_files(
    tmp_path: Path, line: str, expected: bool | tuple[str, ...] | None
) -> None:
    study = load_study(extended(tmp_path, EXTENDED.replace("free_ramp = true", line)))
    assert study.scoring.free_ramp == expected
    assert scoring_of(study).free_ramp == expected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('reconstructor = "my-code:fast"', "", "'arms.Mine': .*one of the three"),
        (
            'path = "data/{split}/lsqml.h5:object"',
            'path = "data/{spilt}.h5"',
            "'arms.LSQML': .*no other braces",
        ),
        ("[arms.LSQML]", '[arms."../up"]', "'arms.*up"),
        ('"same_data"', '"simulated"', "'scoring.reference': .* found 'simulated'"),
        (
            "free_ramp = true",
            'free_ramp = ["PtyChi", "LSQM"]',
            "free_ramp names 'LSQM', and the arms of .* LSQML",
        ),
        ("free_ramp = true", "free_ramp = 0.5", "'scoring.free_ramp"),
        ("draws = 50", "draws = -1", "'uncertainty.draws': .* found -1"),
        ('"counts"', '"photons"', "'scan.values': .* found 'photons'"),
    ],
)
def test_a_mistake_in_the_new_sections_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in EXTENDED
    with pytest.raises(StudyError, match=message):
        load_study(extended(tmp_path, EXTENDED.replace(old, new)))
