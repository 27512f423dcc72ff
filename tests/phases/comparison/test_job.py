"""One comparison as a job: how it ended, by the evidence that its command left."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hubs import DOSE
from ptycho_compare.cli.place_arguments import find_comparison
from ptycho_compare.finding import Finding
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.executors.protocol import Running
from ptycho_compare.jobs.record import DoneRecord
from ptycho_compare.jobs.run_or_join import Ended
from ptycho_compare.jobs.states import append_state
from ptycho_compare.phases.comparison.job import ADOPTION, ComparisonJob
from ptycho_compare.sigterm import EXIT_STOPPED
from ptycho_compare.study import load_study
from sessions import made_another_scan

DEBUG = f"dose_{DOSE}-dense-train-debug"


def job_of(root: Path) -> ComparisonJob:
    hub = Hub.open(root)
    study = load_study(hub.study())
    return ComparisonJob(hub, study, hub.study(), find_comparison(study, DEBUG))


@pytest.fixture
def green(compared_hub: Path, tmp_path: Path) -> ComparisonJob:
    return job_of(Path(shutil.copytree(compared_hub, tmp_path / "hub")))


@pytest.fixture
def missing(small_hub: Path) -> ComparisonJob:
    """One that was never computed."""
    return job_of(small_hub)


def ended(
    returncode: int,
    *,
    kind: str = "",
    command: tuple[str, ...] = (),
    attempt: int = 1,
    started: str = "2026-11-01T14:00:00.000Z",
) -> Ended:
    """A command ended like this, and said why in its last line."""
    return Ended.of(
        DoneRecord(
            attempt=attempt,
            command=[*command],
            returncode=returncode,
            reason="",
            started=started,
            ended="2026-11-28T14:01:00.000Z",
            seconds=60.0,
            cpu_s=60.0,
            peak_bytes=1,
            host="beamline-7",
            log="log",
            tail=["first", "the reason"],
            kind=kind,
        )
    )


def test_a_command_that_ended_well_is_judged_by_its_evidence(
    green: ComparisonJob, missing: ComparisonJob
) -> None:
    assert green.conclude(ended(0)) == ended(0)
    found = missing.conclude(ended(0))
    assert found.state == "failed"
    assert [finding.kind for finding in found.findings] == ["missing"]


@pytest.mark.parametrize("returncode", [0, 1])
def test_evidence_of_other_inputs_is_not_green_whatever_the_command_says(
    green: ComparisonJob, returncode: int
) -> None:
    made_another_scan(green.hub.root)
    found = green.conclude(ended(returncode))
    assert found.state == "failed"
    assert {finding.kind for finding in found.findings} == {"stale"}


def test_a_command_that_failed_beside_green_evidence_is_not_green(green: ComparisonJob) -> None:
    """Python ends with the same status when it breaks down: the evidence is an earlier run's."""
    found = green.conclude(ended(1))
    assert found.state == "failed"
    assert found.findings == (Finding("failed", "exit status 1: the reason"),)


@pytest.mark.parametrize("returncode", [2, 3, -9])
def test_a_command_that_did_not_come_to_its_end_says_why_itself(
    green: ComparisonJob, returncode: int
) -> None:
    assert green.conclude(ended(returncode)) == ended(returncode)


def test_a_command_that_was_stopped_when_all_was_written_is_finished(
    green: ComparisonJob, missing: ComparisonJob
) -> None:
    stopped = ended(EXIT_STOPPED)
    assert green.conclude(stopped) == replace(stopped, state="finished")
    assert missing.conclude(stopped) == stopped


def test_a_command_that_was_stopped_has_not_made_the_evidence_of_an_earlier_run(green: ComparisonJob) -> None:
    """As when what is green is computed anew, and there is no time to do it."""
    stopped = ended(EXIT_STOPPED, attempt=2)
    assert green.conclude(stopped) == stopped


@pytest.mark.parametrize("started", ["2025-11-28T14:00:00.000Z", "2126-11-28T14:00:00.000Z"])
def test_no_clock_says_whose_the_evidence_is(green: ComparisonJob, started: str) -> None:
    """One may be set back, or forward, while a comparison runs."""
    stopped = ended(EXIT_STOPPED, started=started)
    assert green.conclude(stopped).state == "finished"
    green.files.states.unlink()  # what is attempt 1 now is another one
    append_state(green.files.states, "launched", attempt=1, host="here")
    append_state(green.files.states, "running", pid=1)
    assert green.conclude(stopped) == stopped


def test_what_runs_on_or_was_there_is_left_as_it_is(missing: ComparisonJob) -> None:
    for each in (Ended("running", running=Running("beamline-7", 17, "token")), Ended("finished")):
        assert missing.conclude(each) == each


def test_results_that_do_not_hold_are_refused(missing: ComparisonJob) -> None:
    found = missing.conclude(ended(1, kind=ADOPTION))
    assert (found.state, found.findings) == ("refused", (Finding("adoption", "the reason"),))


def test_an_adoption_is_known_by_its_kind_and_not_by_a_word_of_its_command(missing: ComparisonJob) -> None:
    spec = missing.spec(adopted_from=Path("elsewhere"))
    assert (spec.kind, "elsewhere" in spec.command, missing.spec().kind) == (ADOPTION, True, "")
    found = missing.conclude(ended(1, command=("compare", "adopt")))
    assert [finding.kind for finding in found.findings] == ["missing"]
