"""What arms cost, as records tell: nothing is guessed, and who is faster and better is named."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from ptycho_compare.hub import Hub
from ptycho_compare.records.arm_costs import GIVEN, NOT_RECORDED, ArmCost, StepCost, arm_costs, step_costs
from ptycho_compare.records.study_answers import StudyAnswers
from ptycho_compare.records.study_costs import costs_of
from ptycho_compare.records.tables.answers_csv import costs_csv
from ptycho_compare.records.tables.metrics_csv import MetricRow
from ptycho_compare.reporting.figures.study_costs import cost_figure, plot_costs
from ptycho_compare.reporting.page.responses import study_part
from ptycho_compare.reporting.study.study_text import study_markdown
from ptycho_compare.study import Comparison
from ptycho_compare.study.steps import BASELINE_NETWORK, ReconstructStep, TrainStep
from records.test_study_lines import compared
from reporting.study.test_study_text import study_of
from scorecards import texts

PLACE = Comparison(1000, "dense", "test", "full")


def write_step(
    hub: Hub, step: TrainStep | ReconstructStep, *, status: str = "made", attempts: int = 1
) -> None:
    step.records.folder.mkdir(parents=True)
    record = {
        "id": step.id, "title": step.title, "status": status, "command": ["x"],
        "fingerprint": {"inputs": {}, "settings": {}, "code": "", "versions": {}}, "outputs": {},
        "attempts": [{"attempt": n + 1, "host": f"node{n + 1}"} for n in range(attempts)],
        "seconds": 0.0 if status == "given" else 60.0, "cpu_s": 90.0, "peak_bytes": 1,
        "ended": "2026-11-29T00:00:00Z",
    }  # fmt: skip
    step.records.record.write_text(json.dumps(record))


def times(**seconds: float) -> list[MetricRow]:
    return [MetricRow(arm, "computation_time_s", None, None, value) for arm, value in seconds.items()]


def test_costs_are_those_of_the_records(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    write_step(hub, TrainStep(hub, 1000, "dense"), attempts=2)
    write_step(hub, TrainStep(hub, 1000, BASELINE_NETWORK), status="given")
    write_step(hub, ReconstructStep(hub, 1000, "dense", "test"))
    steps = step_costs(hub, PLACE)
    rows = [
        *times(PtychoPINN=2.0, Baseline=1.0),
        *compared({"PtychoPINN": 0.1, "Mine": 0.2, "PtyChi": 0.3}).rows,
    ]
    held = {each.arm: each for each in arm_costs(rows, images=50, host="node9", steps=steps)}
    assert held["PtychoPINN"] == ArmCost(
        "PtychoPINN", 50, 2.0, "node9", StepCost(60.0, 90.0, "node2", "the last of 2 attempts")
    )
    assert held["PtychoPINN"].seconds_per_image == pytest.approx(0.04)
    assert held["Baseline"].training == StepCost(note=GIVEN)
    assert held["PtyChi"] == ArmCost("PtyChi", 50, 60.0, "node1", None)
    assert held["Mine"].seconds_per_image is None
    assert held["Mine"].note == f"time per image: {NOT_RECORDED}"
    assert step_costs(Hub(tmp_path / "other"), PLACE)["PtyChi"] == StepCost()


def costly(
    fienup: dict[str, float], seconds: dict[str, float], *, half: float = 0.01, hosts: str = "ab"
) -> StudyAnswers:
    found = []
    for dose, host in zip((100, 1000), hosts, strict=True):
        costs = tuple(
            ArmCost(arm, 100, seconds.get(arm), host, StepCost(10.0, 20.0, host, "") if arm == "A" else None)
            for arm in fienup
        )
        found.append(replace(compared(fienup, dose=dose, half=half), costs=costs))
    return study_of(found)


def test_who_is_faster_and_told_apart_as_better_is_named() -> None:
    answers = costly({"A": 0.1, "B": 0.2, "C": 0.05}, {"A": 1.0, "B": 2.0})
    found = {each.arm: each for each in costs_of(answers)}
    assert {arm: each.beaten_by for arm, each in found.items()} == {"A": "", "B": "A", "C": None}
    alike = costly({"A": 0.1, "B": 0.101}, {"A": 1.0, "B": 2.0})
    assert [each.beaten_by for each in costs_of(alike)] == ["", "", "", ""]


def test_the_table_says_what_is_not_known() -> None:
    answers = costly({"A": 0.1, "B": 0.2}, {"A": 1.0})
    lines = list(csv.DictReader(io.StringIO(costs_csv(answers))))
    assert [(line["arm"], line["seconds_per_image"], line["images_per_second"]) for line in lines[:2]] == [
        ("A", "0.010000", "100.000000"),
        ("B", "", ""),
    ]
    assert lines[0]["training_cpu_s"] == "20.000000"
    assert lines[1]["note"] == f"time per image: {NOT_RECORDED}"
    assert lines[1]["beaten_by"] == ""
    text = study_markdown(answers)
    assert "Times of different machines do not compare: a, b." in text
    assert "| 100 | dense | test | A | 0.01 | 10 | 20 | 0.1000 |" in text


def test_marks_are_hollow_where_another_arm_is_faster_and_better(tmp_path: Path) -> None:
    figure = cost_figure(costly({"A": 0.1, "B": 0.2}, {"A": 1.0, "B": 2.0}))
    assert isinstance(figure, Figure)
    faces = [(line.get_xdata()[0], line.get_markerfacecolor()) for line in figure.axes[0].lines]
    assert [face == "white" for _, face in faces] == [False, True, False, True]
    assert [time for time, _ in faces] == pytest.approx([0.01, 0.02, 0.01, 0.02])
    assert any("times of 2 machines, which do not compare" in text for text in texts(figure))
    assert (
        len(
            plot_costs(tmp_path / "a.png", tmp_path / "a.pdf", costly({"A": 0.1, "B": 0.2}, {"A": 1, "B": 2}))
        )
        == 2
    )


def test_one_arm_with_a_time_has_no_figure_and_its_place_on_the_page() -> None:
    answers = costly({"A": 0.1, "B": 0.2}, {"A": 1.0}, hosts="aa")
    assert cost_figure(answers) is None
    part = study_part(answers)
    assert part.hosts == ("a",)
    assert part.cost_score == "Fienup error"
    assert part.costs[0][:5] == ("dose 100, dense, test", "A", "0.01", "10", "0.1")
