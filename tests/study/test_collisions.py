"""Names that would meet in one file, folder, key or mark are found when the study is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ptycho_compare.errors import StudyError
from ptycho_compare.study import load_study

PLAIN = {
    "views": '["dense", "sparse"]',
    "splits": '["train", "test"]',
    "tiers": "[tiers.debug]\ngroups = 320\n[tiers.full]\n",
    "arms": "",
    "head": 'name = "s"',
}


def study(folder: Path, **changes: str) -> Path:
    parts = PLAIN | changes
    path = folder / "study.toml"
    path.write_text(
        f"{parts['head']}\ndoses = [1000]\nviews = {parts['views']}\nsplits = {parts['splits']}\n"
        f"{parts['tiers']}\n{parts['arms']}\n"
    )
    return path


def arm(name: str, path: str = "x/{split}.npz") -> str:
    return f'[arms.{name}]\npath = "{path}"\n'


COLLIDING = {
    "pinn beside PtychoPINN": ({"arms": arm("pinn")}, "'PtychoPINN' and 'pinn' would share"),
    "baseline in lower case": ({"arms": arm("baseline")}, "'Baseline' and 'baseline' would share"),
    "Baseline itself": ({"arms": arm("Baseline")}, "'Baseline' and 'Baseline' would share"),
    "two that differ in case": ({"arms": arm("Mine") + arm("MINE")}, "'Mine' and 'MINE' would share"),
    "halves of X": ({"arms": arm("X") + arm("X_half")}, "'X_half': in files"),
    "halves of Baseline": ({"arms": arm("Baseline_half")}, "'Baseline_half': in files"),
    "the truth": ({"arms": arm("ground_truth")}, "'ground_truth': in files"),
    "one PtyChi for both splits": ({"arms": arm("PtyChi", "x.npz")}, r"arms\.PtyChi\.path has no \{split\}"),
    "an arm above the hub": ({"arms": arm("X", "../{split}.npz")}, r"arms\.X\.path leaves the hub"),
    "an arm as wide as memory": ({"arms": arm("X", "{dose:>99999999999}")}, "no other braces"),
    "an attribute of a dose": ({"arms": arm("X", "{dose.real}")}, "no other braces"),
    "a split in another's debug folder": ({"splits": '["train", "train_debug_v4"]'}, "share the place"),
    "views and splits with one log": (
        {"views": '["a", "a_b"]', "splits": '["b_c", "c"]'}, "share the place a_b_c",
    ),
    "a view called baseline": ({"views": '["baseline"]'}, "a view cannot be called 'baseline'"),
    "a tier called skip": ({"tiers": "[tiers.skip]"}, "a tier cannot be called 'skip'"),
    "a tier called ptycho_full": ({"tiers": "[tiers.ptycho_full]"}, "a tier cannot be called 'ptycho_full'"),
    "a tier called phase_g": ({"tiers": "[tiers.phase_g]"}, "a tier cannot be called 'phase_g'"),
    "two tiers that wait for each other": (
        {"tiers": '[tiers.a]\nafter = "b"\n[tiers.b]\nafter = "a"'}, "'a', 'b' wait for each other",
    ),
    "three tiers in a ring": (
        {"tiers": '[tiers.a]\nafter = "b"\n[tiers.b]\nafter = "c"\n[tiers.c]\nafter = "a"'}, "wait for",
    ),
    "a tier of 300 letters": ({"tiers": f"[tiers.{'a' * 300}]"}, "match pattern"),
    "a required arm with an escape": (
        {"tiers": '[tiers.full]\nrequired_arms = ["x\\u001b[2K"]'}, "required_arms",
    ),
    "a study's name with a line end": ({"head": 'name = "s\\nACCEPTED: all"'}, "without control characters"),
    "infinite": ({"arms": "[scan]\nbad_from = inf"}, "finite number"),
    "arrays nested 100 000 deep": ({"head": f"x = {'[' * 100_000}{']' * 100_000}"}, "nested"),
    "a dotted key of 5000 parts": ({"head": f"{'.'.join('a' * 5000)} = 1"}, "more than 1000 dots"),
    "draws without end": ({"arms": "[uncertainty]\ndraws = 1000000000000"}, "less than or equal"),
    "an object of 10**9 px": ({"arms": "[simulation]\nobject_px = 1000000000"}, "less than or equal"),
}  # fmt: skip


@pytest.mark.parametrize("name", COLLIDING)
def test_names_that_collide_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    changes, message = COLLIDING[name]
    path = study(tmp_path, **changes)
    with pytest.raises(StudyError, match=message) as refusal:
        load_study(path)
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}: ")
    assert len(str(refusal.value)) < 1000


def test_names_of_their_own_are_taken(tmp_path: Path) -> None:
    arms = arm("PtyChi") + arm("Tike") + arm("LSQML", "x/dose_{dose}_{view}_{split}.npz")
    assert set(load_study(study(tmp_path, arms=arms)).arms) == {"PtyChi", "Tike", "LSQML"}


def test_a_study_of_ten_thousand_doses_is_refused(tmp_path: Path) -> None:
    path = study(tmp_path)
    path.write_text(path.read_text().replace("[1000]", str(list(range(1, 10_001)))))
    with pytest.raises(StudyError, match="at most 1000 items"):
        load_study(path)


def test_a_study_that_is_no_file_of_bounded_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(StudyError, match="at most 1048576 are read"):
        load_study(path)
    path.write_bytes(b"\xef\xbb\xbf" + study(tmp_path).read_bytes())
    with pytest.raises(StudyError, match="byte order mark"):
        load_study(path)
