"""A step is stated once: pipeline, command line, checks and docs all ask `study.steps`."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from processes import ROOT
from ptycho_compare.checks import steps as checks_of_steps
from ptycho_compare.cli import phases as commands
from ptycho_compare.cli import ptycho_hub
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub, in_cell
from ptycho_compare.phases.pipeline.pipeline import Pipeline
from ptycho_compare.storage.fingerprint import code_digest
from ptycho_compare.study import Study, load_study
from ptycho_compare.study import steps as stated
from ptycho_compare.study import steps_in_cells as plan
from ptycho_compare.study.factors import cell_in_hub
from ptycho_compare.study.step import MakingStep, StudyStep
from ptycho_compare.study.steps import (
    MAKING,
    CompareStep,
    ReconstructStep,
    TrainStep,
    making_steps,
    steps_of,
)

DOSE, VIEW, SPLITS = 1000, "dense", ("train", "test")
VIEWS = ("dense", "sparse")


@pytest.fixture
def study() -> Study:
    demo = load_study(Path(str(files("ptycho_compare.study").joinpath("demo.toml"))))
    return demo.model_copy(update={"doses": (DOSE,), "views": VIEWS})


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


@pytest.mark.parametrize("view", VIEWS)
def test_the_pipeline_plans_every_step_as_it_is_stated(hub: Hub, study: Study, view: str) -> None:
    planned = Pipeline(hub, study, hub.study(), DOSE, view, SPLITS).steps
    steps = steps_of(hub, DOSE, view, SPLITS)
    assert [step.id for step in planned] == [step.id for step in steps]
    for ours, step in zip(planned, steps, strict=True):
        spec = ours.spec(grace_s=1)
        assert (ours.title, ours.files, spec.log) == (step.title, step.records, hub.step_log(step.log_name))
        assert {each.id for each in step.after} <= set(ours.needs)


def test_ids_logs_and_titles_tell_steps_apart(hub: Hub) -> None:
    steps = {step.id: step for view in VIEWS for step in steps_of(hub, DOSE, view, SPLITS)}
    assert len({step.log_name for step in steps.values()}) == len(steps)
    assert len({step.records for step in steps.values()}) == len(steps)


def test_doses_of_a_study_that_has_several_share_no_log_and_no_title(hub: Hub, study: Study) -> None:
    several = study.model_copy(update={"doses": (DOSE, 10 * DOSE)})
    steps = {step.id: step for dose in several.doses for step in steps_of(hub, dose, VIEW, SPLITS)}
    assert len({step.log_name_in(several) for step in steps.values()}) == len(steps)
    assert all(f"dose{step.dose}" in step.log_name_in(several) for step in steps.values())
    assert len({step.title_among(several.doses) for step in steps.values()}) == len(steps)
    for step in steps.values():
        assert (step.log_name_in(study), step.title_among(study.doses)) == (step.log_name, step.title)
        seeded = replace(step, hub=replace(hub, cell=cell_in_hub((("training.seed", 1),))))
        assert seeded.log_name_in(several) == in_cell(step.log_name_in(several), seeded.cell)
    assert len({step.records for step in steps.values()}) == len(steps)


@pytest.mark.parametrize("view", VIEWS)
def test_what_a_step_reads_is_made_by_the_steps_it_comes_after(hub: Hub, study: Study, view: str) -> None:
    made: dict[str, set[Path]] = {}
    for step in steps_of(hub, DOSE, view, SPLITS):
        assert {each.id for each in step.after} <= made.keys()
        if isinstance(step, MakingStep):
            before = set().union(*(made[each.id] for each in step.after))
            assert set(step.inputs(study)) <= before
        made[step.id] = set(step.outputs(SPLITS))


def test_a_dense_view_is_compared_on_phase_c_and_any_other_on_its_subsample(hub: Hub) -> None:
    ids = {
        view: [each.id for each in CompareStep(hub, DOSE, view, "test").after] for view in ("dense", "sparse")
    }
    assert ids["dense"][0] == "dose_1000-simulate"
    assert ids["sparse"][0] == "dose_1000-overlap-sparse"
    assert ids["sparse"][1:] == [
        "dose_1000-train-baseline",
        "dose_1000-train-sparse",
        "dose_1000-reconstruct-sparse-test",
    ]


def test_every_step_that_makes_something_has_a_check_and_a_command(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(checks_of_steps.CHECKS) == set(MAKING)
    assert {type(step) for step in making_steps(hub, DOSE, VIEW, SPLITS)} == set(MAKING)
    with pytest.raises(SystemExit):
        ptycho_hub.main(["--help"])
    listed = capsys.readouterr().out
    for kind in MAKING:
        assert kind.command in listed
        assert f"phase {kind.phase}" in listed


@pytest.mark.parametrize("kind", MAKING, ids=lambda kind: kind.command)
def test_the_code_that_a_step_rests_on_is_there(hub: Hub, kind: type[MakingStep]) -> None:
    (step, *_) = [each for each in making_steps(hub, DOSE, VIEW, SPLITS) if type(each) is kind]
    spec = find_spec(step.computed_by)
    assert spec is not None
    assert spec.origin is not None
    source = ast.parse(Path(spec.origin).read_text())
    assert step.command in {node.name for node in source.body if isinstance(node, ast.FunctionDef)}
    assert code_digest(step.computed_by)


def test_the_settings_of_a_training_are_those_of_its_own_network(hub: Hub, study: Study) -> None:
    for network, batch in (("baseline", 5), (VIEW, 7)):
        training = study.training.model_copy(
            update={
                "baseline": study.training.baseline.model_copy(update={"batch": 5}),
                "ptychopinn": study.training.ptychopinn.model_copy(update={"batch": 7}),
            }
        )
        changed = study.model_copy(update={"training": training})
        settings = TrainStep(hub, DOSE, network).settings(changed)["training"]
        assert settings["batch"] == batch
        assert settings["seed"] == study.training.seed
        assert not {"baseline", "ptychopinn"} & settings.keys()


# --- nothing else spells a step


STATED = sorted((ROOT / "src" / "ptycho_compare" / "study").glob("steps*.py"))
_SPELT = (
    re.compile(r"-(simulate|overlap|train|reconstruct)(-\{\}|$)"),
    re.compile(r"^phase_[c-g]_\w*(\{\}|generation|baseline)"),
    re.compile(r"run_phase_g_\{\}"),
)


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the texts of a source, ``{}`` in place of what is filled in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            yield node.lineno, node.value


def spelt_in(source: str) -> list[str]:
    return [f"{line}: {text}" for line, text in _texts(source) if any(each.search(text) for each in _SPELT)]


@pytest.mark.usefixtures("unmeasured_here")
def test_no_other_source_spells_an_id_or_a_log_of_a_step() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): spelt
        for room in ("src", "pytest_ptycho", "benchmarks")
        for path in sorted((ROOT / room).rglob("*.py"))
        if path not in STATED and (spelt := spelt_in(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        'f"dose_{dose}-simulate"',
        'f"dose_{dose}-overlap-{view}"',
        'f"dose_{dose}-train-{network}"',
        'f"dose_{d}-reconstruct-{view}-{split}"',
        '"phase_c_generation"',
        'f"phase_d_{view}"',
        'f"phase_e_baseline_gs1_dose{dose}"',
        'f"phase_g_{view}_{split}"',
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert spelt_in(f"name = {line}\n")


def test_the_docs_list_every_step_with_its_log(hub: Hub) -> None:
    page = (ROOT / "docs" / "add_a_step.md").read_text()
    for step in steps_of(hub, DOSE, VIEW, SPLITS):
        assert f"`{step.id}`" in page
        assert f"`cli/{step.log_name}.log`" in page


# --- a step more


@dataclass(frozen=True)
class PolishStep(MakingStep):
    """What docs/add_a_step.md adds."""

    phase, command = "F", "polish"
    purpose = "polish one split"

    view: str
    split: str

    @property
    def title(self) -> str:
        return f"Phase F: Polishing {self.view.capitalize()} {self.split}"

    @property
    def log(self) -> str:
        return f"phase_f_polish_{self.view}_{self.split}"

    @property
    def after(self) -> tuple[StudyStep, ...]:
        return (ReconstructStep(self.hub, self.dose, self.view, self.split),)

    def inputs(self, study: Study, /) -> tuple[Path, ...]:
        (before,) = self.after
        return before.outputs(study.splits)

    def outputs(self, _splits: Sequence[str], /) -> tuple[Path, ...]:
        return (self.hub.root / f"polished_{self.split}.npz",)

    def settings(self, study: Study) -> dict[str, Any]:
        return {"name": study.name, "split": self.split}


def _is_polished(step: PolishStep, study: Study) -> list[Finding]:
    return [Finding("failed", f"{study.name}: {step.split} is dull")]


def test_a_new_step_needs_one_entry_here_and_one_among_the_checks(
    hub: Hub, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_polish(*place: Any) -> tuple[MakingStep, ...]:
        return (*making_steps(*place), *(PolishStep(hub, DOSE, VIEW, split) for split in place[3]))

    for module in (plan, stated):
        monkeypatch.setattr(module, "making_steps", with_polish)
    monkeypatch.setattr(commands, "MAKING", (*MAKING, PolishStep))
    monkeypatch.setattr(checks_of_steps, "CHECKS", {**checks_of_steps.CHECKS, PolishStep: _is_polished})
    pipeline = Pipeline(hub, study, hub.study(), DOSE, VIEW, SPLITS)
    *_, step = pipeline.making
    *_, compared = pipeline.steps

    assert step.id == "dose_1000-polish-dense-test"
    assert step.id in compared.needs
    assert step.needs == ("dose_1000-reconstruct-dense-test",)
    assert step.inputs == (hub.ptychi(DOSE, VIEW, "test"),)
    assert step.outputs == (hub.root / "polished_test.npz",)
    assert step.settings == {"name": study.name, "split": "test"}
    assert step.spec(grace_s=1).log == hub.step_log("phase_f_polish_dense_test")
    assert step.command[3:6] == ("polish", "--view", "dense")
    assert [str(finding) for finding in step.check()] == [
        str(Finding("failed", f"{study.name}: test is dull"))
    ]
    parser = argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers())
    arguments = parser.parse_args(
        ["polish", "--hub", "h", "--dose", "1000", "--view", "dense", "--split", "test"]
    )
    assert (arguments.split, arguments.dose) == ("test", DOSE)
