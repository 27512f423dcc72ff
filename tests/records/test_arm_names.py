"""Arms have one name each, whatever a table calls them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_compare.errors import ReportError
from ptycho_compare.records.arm_names import STUDY_ARMS, canonical_arms, in_order


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("PtychoPINN", "PtychoPINN"),
        ("baseline", "Baseline"),
        ("Baseline (gs1)", "Baseline"),
        ("PtyChi", "PtyChi"),
        ("Pty-chi", "PtyChi"),
        ("Pty-chi (pty-chi)", "PtyChi"),
        ("pty chi", "PtyChi"),
        ("ptychopinn", "ptychopinn"),  # only exact: another network's name may begin like it
        ("EPIE", "EPIE"),
        ("my_unet", "my_unet"),
    ],
)
def test_a_name_of_ptychopinn_s_tools(said: str, meant: str) -> None:
    assert canonical_arms([said], label="t.csv") == {said: meant}


def test_beside_the_exact_name_a_similar_one_is_another_arm() -> None:
    names = ["Baseline", "Baseline2", "PtyChi", "PtyChi-own"]
    assert canonical_arms(names, label="t.csv") == {name: name for name in names}


def test_two_names_that_mean_one_arm_are_refused() -> None:
    with pytest.raises(ReportError, match=r"t.csv: 'Pty-chi' and 'Ptychi \(x\)' both mean PtyChi"):
        canonical_arms(["Pty-chi", "Ptychi (x)"], label="t.csv")


@given(st.lists(st.sampled_from([*STUDY_ARMS, "own", "Zed"]), unique=True))
def test_the_study_s_arms_come_first_and_none_is_lost(names: list[str]) -> None:
    ordered = in_order(names)
    assert sorted(ordered) == sorted(names)
    assert ordered == [
        *(arm for arm in STUDY_ARMS if arm in names),
        *(n for n in names if n not in STUDY_ARMS),
    ]
    assert in_order(ordered) == ordered
    assert canonical_arms(names, label="") == {name: name for name in names}
