"""Accepted runs: verdict and tables of a hub, whole or not there, and refused once they are not the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.judged import comparison, judged_hub, row, verdict
from ptycho_compare.errors import InputError, ReportError
from ptycho_compare.gate.regression import changes
from ptycho_compare.hub import AcceptedFiles, Hub
from ptycho_compare.records.acceptance import Verdict, read_verdict
from ptycho_compare.records.accepted_runs import check_name, is_named, read_run, runs_in, write_run
from ptycho_compare.study.comparing import Acceptance


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return judged_hub(tmp_path / "hub", [row("mae", value=0.5), row("ssim", amplitude=0.5, phase=0.75)])


def kept(hub: Hub, name: str = "first") -> Path:
    return write_run(hub.accepted_runs(), name, hub, read_verdict(hub.verdict().record))


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "ends.", "a/b", "../up", "/abs", "a\\b", "a b", "a\nb", "é", "x" * 65, "-x"],
)
def test_a_name_that_is_no_folder_everywhere_is_refused(hub: Hub, name: str) -> None:
    with pytest.raises(InputError, match="--name "):
        kept(hub, name)
    assert not is_named(hub.accepted_runs(), name)
    assert not hub.accepted_runs().exists()


@given(st.text("aZ9._-/\\ ~\né", max_size=70))
def test_a_name_that_is_taken_is_one_part_of_a_path(name: str) -> None:
    with suppress(InputError):
        assert check_name(name) == name
        assert Path("store", name).parent == Path("store")
        assert Path("store", name).resolve().parent == Path("store").resolve()


def test_a_run_is_compared_with_as_the_hub_that_it_was(hub: Hub, tmp_path: Path) -> None:
    run = read_run(kept(hub))
    now = judged_hub(tmp_path / "now", [row("mae", value=0.75), row("ssim", amplitude=0.75)])
    found = changes(run.hub, now, [comparison()], Acceptance())
    assert found == changes(hub, now, [comparison()], Acceptance())
    assert [each.judged for each in found] == ["worse", "better", "worse"]
    assert (run.record.name, run.record.hub, run.record.outcome) == ("first", str(hub.root), "accepted")


def test_what_does_not_hold_is_not_kept(hub: Hub) -> None:
    other = comparison(id="other", split="train", state="red", findings=("x",))
    both = verdict(*read_verdict(hub.verdict().record).comparisons, other, outcome="red")
    run = read_run(write_run(hub.accepted_runs(), "first", hub, both))
    assert run.record.outcome == "red"
    assert [path.parent.name for path in run.hub.analysis().rglob("manifest.json")] == ["test"]


def table_of(folder: Path) -> Path:
    return next(folder.rglob("comparison_metrics.csv"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: Hub(run).verdict().record.write_text("{}"), "is not the verdict that was accepted"),
        (lambda run: Hub(run).verdict().record.unlink(), "acceptance.json: cannot be read"),
        (lambda run: pipe(Hub(run).verdict().record), "acceptance.json: cannot be read (is a pipe"),
        (lambda run: AcceptedFiles(run).record.write_text("{}"), "accepted.json: name: Field required"),
        (lambda run: AcceptedFiles(run).record.write_text("[" * 9999), "accepted.json: "),
        (
            lambda run: AcceptedFiles(run).record.unlink(),
            "accepted.json: not found; ptycho-hub accept",
        ),
        (lambda run: pipe(AcceptedFiles(run).record), "accepted.json: cannot be read (is a pipe"),
        (
            lambda run: table_of(run).write_text("model"),
            "comparison_metrics.csv: is not the file",
        ),
        (lambda run: table_of(run).unlink(), "comparison_metrics.csv: is not the file that was accepted"),
        (
            lambda run: table_of(run).with_name("manifest.json").write_text("{}"),
            "manifest.json: is not the file that was accepted",
        ),
    ],
)
def test_a_run_that_is_not_what_was_accepted_is_named(
    hub: Hub, damage: Callable[[Path], object], said: str
) -> None:
    folder = kept(hub)
    damage(folder)
    with pytest.raises(ReportError) as caught:
        changes(read_run(folder).hub, hub, [comparison()], Acceptance())
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["comparison_metrics.csv", "manifest.json"])
def test_evidence_exchanged_while_it_was_judged_leaves_no_run(hub: Hub, name: str) -> None:
    table_of(hub.analysis()).with_name(name).write_text("{}")
    with pytest.raises(ReportError, match=f"{name}: was exchanged while the hub was judged"):
        kept(hub)
    assert list(hub.accepted_runs().iterdir()) == []


def test_a_name_is_taken_once_whatever_its_case(hub: Hub) -> None:
    kept(hub, "v1")
    with pytest.raises(InputError, match="v1: there is a run of this name; name another by --name"):
        kept(hub, "V1")


def test_runs_are_listed_in_the_order_in_which_they_were_accepted(hub: Hub) -> None:
    moments = {"b": "2026-01-01T00:00:00Z", "a": "2026-01-02T00:00:00Z", "c": "2026-01-01T00:00:00Z"}
    for name, moment in moments.items():
        record = AcceptedFiles(kept(hub, name)).record
        read_run(record.parent).record.model_copy(update={"accepted": moment}).write(record)
    (hub.accepted_runs() / "d").mkdir()  # no run
    (hub.accepted_runs() / ".e.12-0123abcd.tmp").mkdir()  # what a stopped writer left
    *found, wrong = runs_in(hub.accepted_runs())
    assert [each.record.name for each in found if not isinstance(each, ReportError)] == ["b", "c", "a"]
    assert "d/accepted.json: not found" in str(wrong)


def test_a_verdict_from_elsewhere_leads_to_no_other_folder(hub: Hub, tmp_path: Path) -> None:
    """A run lies where its comparison does, whatever folder a verdict names."""
    elsewhere = judged_hub(tmp_path / "elsewhere", [row("mae", value=9.0)])
    folder = kept(hub)
    held = read_verdict(Hub(folder).verdict().record)
    away = str(elsewhere.analysis() / "dose_1000" / "dense" / "test")
    moved = Verdict.model_validate(
        {**held.model_dump(), "comparisons": [comparison(folder=away, manifest_sha256="0" * 64).model_dump()]}
    )
    moved.write(hub.verdict().record)
    with pytest.raises(ReportError, match=r"manifest.json: is not the file that was accepted"):
        changes(hub, hub, [comparison()], Acceptance())
