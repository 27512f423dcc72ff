"""Accepted runs on the page: the score that decides, run after run, where it was computed alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ptycho_compare.hub import AcceptedFiles, Hub
from ptycho_compare.records.acceptance import Verdict
from ptycho_compare.records.accepted_runs import read_run
from ptycho_compare.records.accepted_scores import artifacts_of
from ptycho_compare.records.tables.metrics_csv import read_metrics_csv
from ptycho_compare.reporting.page import write_page
from ptycho_compare.reporting.page.comparison import read_comparison
from ptycho_compare.reporting.page.history import History, read_history
from ptycho_compare.study import Study

from .made import accept_run, make_short_hub

Made = tuple[Hub, Study, Verdict]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_short_hub(tmp_path_factory.mktemp("history"), arms=2)


@pytest.fixture
def own(made: Made, tmp_path: Path) -> Made:
    return Hub(Path(shutil.copytree(made[0].root, tmp_path / "own"))), made[1], made[2]


def history_of(hub: Hub, verdict: Verdict) -> History:
    (each,) = verdict.comparisons
    part = read_comparison(hub, each, required=(), pixels=0, page=hub.root / "x.html")
    return read_history(hub.accepted_runs(), [part], tables=[artifacts_of(hub, each).metrics])


def numbers_in(table: Path) -> dict[str, float | None]:
    return {row.model: row.value for row in read_metrics_csv(table) if row.metric == "fienup"}


def test_each_arm_has_its_number_in_each_run_and_now(made: Made) -> None:
    hub, _, verdict = made
    history = history_of(hub, verdict)
    (held,) = history.comparisons
    assert (held.score, held.better) == ("Fienup error", "lower")
    assert held.moments == ("run-20", "run-21", "now")
    places = [*(run.hub for run in history.runs), hub]
    tables = [numbers_in(artifacts_of(each, verdict.comparisons[0]).metrics) for each in places]
    for trend in held.trends:
        known = [table[trend.arm] for table in tables]
        assert [float(text) for text in trend.texts] == pytest.approx(known, abs=1e-4)
        heights = [y for _, y in trend.points]
        assert heights == sorted(heights)  # an error that falls goes down on the page
        assert len(trend.segments) == 1
        assert trend.segments[0].split() == [f"{x},{y}" for x, y in trend.points]


def test_a_run_that_is_not_what_was_accepted_is_named_and_draws_nothing(own: Made) -> None:
    hub, study, verdict = own
    first, second = sorted(hub.accepted_runs().iterdir())
    artifacts_of(Hub(first), verdict.comparisons[0]).metrics.write_text("model\n")
    AcceptedFiles(second).record.write_text("{}")
    history = history_of(hub, verdict)
    assert [run.record.name for run in history.runs] == ["run-20"]
    assert history.comparisons == ()
    text = write_page(hub, study, verdict).read_text(encoding="utf-8")
    for said in ("comparison_metrics.csv: is not the file that was accepted", "accepted.json: name: Field"):
        assert sum(said in line for line in history.troubles) == 1
        assert said in text


def test_scores_of_other_definitions_and_arms_that_are_new_leave_a_gap(own: Made, tmp_path: Path) -> None:
    hub, _, verdict = own
    other = Hub(Path(shutil.copytree(hub.root, tmp_path / "other")))
    table = artifacts_of(other, verdict.comparisons[0]).metrics
    lines = table.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("Baseline,")]
    table.write_text("".join(kept).replace("ptycho-compare-3", "ptycho-compare-2"))
    from ptycho_compare.records.manifest import FileRecord, read_manifest
    from ptycho_compare.storage.files import sha256_of

    path = artifacts_of(other, verdict.comparisons[0]).manifest
    record = FileRecord(path=table.name, sha256=sha256_of(table), bytes=1)
    read_manifest(path).model_copy(update={"artifacts": {table.name: record}}).write(path)
    accept_run(hub, "run-22", other, verdict)
    (held,) = history_of(hub, verdict).comparisons
    assert held.moments == ("run-20", "run-21", "run-22", "now")
    for trend in held.trends:
        assert trend.texts[2] == "N/A"
        assert len(trend.points) == 3
        assert len(trend.segments) == 1  # now stands alone behind the gap


def test_a_hub_without_runs_has_no_such_part(own: Made) -> None:
    hub, study, verdict = own
    assert 'id="history"' in write_page(hub, study, verdict).read_text(encoding="utf-8")
    shutil.rmtree(hub.accepted_runs())
    assert 'id="history"' not in write_page(hub, study, verdict).read_text(encoding="utf-8")


def test_runs_are_those_that_were_accepted(made: Made) -> None:
    for folder in made[0].accepted_runs().iterdir():
        assert read_run(folder).record.name == folder.name
