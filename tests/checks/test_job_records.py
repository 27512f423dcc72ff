"""The gate holds the records of jobs and steps against each other, and against what the jobs left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_runs import DOSE
from mutations import cut, gone, in_json, pattern, restored, text
from ptycho_compare.checks.job_records import judge_job_of
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.jobs.states import append_state
from ptycho_compare.records.manifest import read_manifest

G = f"analysis/dose_{DOSE}/dense/test"
STEP = f"jobs/steps/dose_{DOSE}-overlap-dense"
RECORD, STEP_DONE, STEP_STATES = f"{STEP}/record.json", f"{STEP}/job/done.json", f"{STEP}/job/states.jsonl"
LOG, STUDY = f"{G}/logs/logs/debug.log", "study.toml"
MANIFEST, LAUNCH, DONE, STATES = (
    f"{G}/manifest.json",
    f"{G}/job/launch.json",
    f"{G}/job/done.json",
    f"{G}/job/states.jsonl",
)
Harm = Callable[[Path], object]
OTHER = "says that"


def line(state: str, **facts: object) -> Harm:
    return lambda path: append_state(path, state, **facts)


def without_lines(word: str) -> Harm:
    """Take away the lines that hold a word."""

    def edit(path: Path) -> None:
        lines = path.read_text().splitlines(keepends=True)
        kept = [each for each in lines if word not in each]
        assert kept != lines
        path.write_text("".join(kept))

    return edit


def half(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: len(lines) // 2]))


def of_before(path: Path) -> None:
    """Claim that the manifest is of a version that logged none."""
    in_json("schema_version", 3)(path)


def zeros(path: Path) -> None:
    pattern(r"nonzero_count=\d+/", "nonzero_count=0/", count=0)(path)


def with_a_traceback(path: Path) -> None:
    path.write_text(f"{path.read_text()}Traceback (most recent call last):\n  File x\nValueError: x\n")


def with_outcome(outcome: str) -> Harm:
    def edit(path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"test: x\noutcome: {outcome}\n")

    return edit


# numbers are those of cases/mutations.md
CHANGES: list[tuple[str, str, Harm, str]] = [
    ("19 another command", MANIFEST, in_json("command", ["make", "it"]), OTHER),
    ("20 finished in 2099", MANIFEST, in_json("finished", "2099-01-01T00:00:00.000000Z"), OTHER),
    ("22 attempts invented", MANIFEST, in_json("attempts", lambda held: [*held, held[0]]), "tells of no"),
    ("attempts left out", MANIFEST, in_json("attempts", []), OTHER),
    ("23 warnings invented", MANIFEST, in_json("warnings", ["looks well"]), OTHER),
    ("26 time of an arm", MANIFEST, in_json("arms/Baseline/seconds/computation_s", 1e4), OTHER),
    ("28 version of h5py", MANIFEST, in_json("versions/h5py", "9.9"), OTHER),
    ("32 a key nobody knows", MANIFEST, in_json("verdict", "good"), OTHER),
    ("37 no reference", MANIFEST, in_json("reference", "none"), OTHER),
    ("written again with other blanks", MANIFEST, text("  ", " "), OTHER),
    ("of a version before", MANIFEST, of_before, OTHER),
    ("188 launch gone", LAUNCH, gone, "launch.json: is not there"),
    ("launch cut", LAUNCH, cut, "is no LaunchRecord"),
    ("launch by another process", LAUNCH, in_json("pid", 1), "launch.json: pid is 1, and states.jsonl says"),
    ("launch elsewhere", LAUNCH, in_json("host", "far"), "launch.json: host is 'far'"),
    ("launch of another attempt", LAUNCH, in_json("attempt", 2), "launch.json: attempt is 2"),
    ("done gone", DONE, gone, "done.json: is not there"),
    ("done cut", DONE, cut, "is no DoneRecord"),
    ("done failed", DONE, in_json("returncode", 1), "done.json: returncode is 1, and states.jsonl says 0"),
    ("done quicker", DONE, in_json("seconds", 0.5), "done.json: seconds is 0.5"),
    ("done smaller", DONE, in_json("peak_bytes", 5), "done.json: peak_bytes is 5"),
    ("done of another command", DONE, in_json("command", ["true"]), "done.json: command is ['true']"),
    ("done of another start", DONE, in_json("started", "2020-01-01T00:00:00.000Z"), "done.json: started is"),
    ("done of another attempt", DONE, in_json("attempt", 7), "done.json: is not of attempt 1"),
    ("done without its host", DONE, text('"host"', '"hosts"'), "is no DoneRecord"),
    ("states gone", STATES, gone, "states.jsonl tells of no manifest"),
    ("103 states empty", STATES, lambda path: path.write_text(""), "states.jsonl tells of no manifest"),
    ("190 states cut in half", STATES, half, "states.jsonl tells of no manifest"),
    ("manifest not logged", STATES, without_lines('"published"'), "states.jsonl tells of no manifest"),
    ("another manifest logged", STATES, line("published", manifest_sha256="0" * 64), "says that 000000000"),
    ("191 a failed end", STATES, text('"returncode": 0', '"returncode": 1'), "exit status 1 of the attempt"),
    ("191 a failed end at the end", STATES, line("ended", attempt=1, returncode=1), "returncode is 0, and"),
    ("no end", STATES, without_lines('"ended"'), "done.json: tells of an attempt"),
    ("no start", STATES, without_lines('"launched"'), "tells of attempts none"),
    ("an attempt more", STATES, line("launched", attempt=2, host="far", pid=1), "launch.json: attempt is 1"),
    ("an attempt twice", STATES, line("launched", attempt=1, host="far", pid=1), "tells of attempts 1, 1"),
    ("another number", STATES, text('"attempt": 1', '"attempt": 4'), "tells of attempts 4"),
    ("work left out", STATES, without_lines('"checkpoint"'), "attempts: the job's log of states tells of no"),
    ("185 settings of a step", RECORD, in_json("fingerprint/settings/overlap/s_img", 0.7),
     "setting overlap.s_img was 0.7, is 0.8"),
    ("197 settings that are a number", RECORD, in_json("fingerprint/settings", 5), "is no record of a"),
    ("no settings", RECORD, in_json("fingerprint/settings", {}), "setting dose was None"),
    ("an input of a step", RECORD, in_json("fingerprint/inputs", {}), "input data/phase_c"),
    ("a status that is none", RECORD, in_json("status", "good"), "is no record of a finished"),
    ("an id of another step", RECORD, in_json("id", "dose_5-overlap-dense"), "is the record of dose_5"),
    ("attempts of a step", RECORD, in_json("attempts/0/host", "far"), "record.json: attempts: the job's log"),
    ("seconds of a step", RECORD, in_json("seconds", 1e-3), "record.json: seconds is 0.001, and done.json"),
    ("memory of a step", RECORD, in_json("peak_bytes", 1), "record.json: peak_bytes is 1"),
    ("an end that is no time", RECORD, in_json("ended", "yesterday"), "ended is 'yesterday'"),
    ("done of a step", STEP_DONE, in_json("returncode", 1), "done.json: returncode is 1"),
    ("done of a step gone", STEP_DONE, gone, "done.json: is not there"),
    ("states of a step gone", STEP_STATES, gone, "tells of attempts none"),
    ("states of a step empty", STEP_STATES, lambda path: path.write_text(""), "tells of attempts none"),
    ("a record of a report cut", "jobs/steps/report/record.json", cut, "is no record of a finished step"),
    ("167 another seed in the study", STUDY, text("[simulation]", "[simulation]\nseed = 9"),
     "setting simulation.seed was 42, is 9"),
    ("169 other iterations in the study", STUDY,
     text("[commands]", "[reconstruction]\nepochs = 7\n[commands]"),
     "setting reconstruction.epochs was 100, is 7"),
    ("a command of the study gone", STUDY, text("phase_f", "phase_g"),
     "the step is our own command, and another"),
    ("104 log empty", LOG, lambda path: path.write_text(""), "debug.log: is empty"),
    ("133 log of zeros", LOG, zeros, "every predicted pixel is zero"),
    ("134 log with a traceback", LOG, with_a_traceback, "tells of a traceback"),
    ("137 green log that says failed", "green/pytest_test_x_20261129T000000Z.log", with_outcome("failed"),
     "says that the outcome is failed, and lies in green/"),
    ("red log that says passed", "red/pytest_test_x_20261129T000000Z.log", with_outcome("passed"),
     "and lies in red/"),
]  # fmt: skip


@pytest.fixture(scope="module")
def hub(run_hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A copy of the finished hub whose records are changed and brought back."""
    return Hub(Path(shutil.copytree(run_hub.root, tmp_path_factory.mktemp("records") / "hub")))


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        pytest.param(
            name, harm, said, id=what.replace(" ", "-"), marks=[] if place % 5 == 0 else pytest.mark.slow
        )
        for place, (what, name, harm, said) in enumerate(CHANGES)
    ],
)
def test_a_record_that_contradicts_another_is_named(
    hub: Hub, tmp_path: Path, name: str, harm: Harm, said: str
) -> None:
    """The inventory is taken again: that its digest is another is not what finds a manifest."""
    listed = (hub.reports().inventory, hub.reports().digests)
    with restored([hub.root / name, *listed], tmp_path):
        harm(hub.root / name)
        main(["inventory", "--hub", str(hub.root)])
        status = main(["gate", "--hub", str(hub.root)])
        verdict = json.loads(hub.verdict().record.read_text())
    assert status in (1, 3)
    judged = (*verdict["comparisons"], *verdict["checks"])
    findings = [text for each in judged for text in each["findings"]]
    assert any(said in text for text in findings), findings


def test_evidence_of_before_manifests_were_logged_is_asked_for_no_records(hub: Hub, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(hub.root / G, tmp_path / "old"))
    in_json("schema_version", 3)(folder / "manifest.json")
    shutil.rmtree(Artifacts(folder).job.folder)
    assert list(judge_job_of(folder, read_manifest(folder / "manifest.json"))) == []


def test_an_attempt_that_was_killed_after_it_wrote_leaves_whole_evidence(hub: Hub, tmp_path: Path) -> None:
    """Its claim lies there still, and nothing tells of its end."""
    folder = Path(shutil.copytree(hub.root / G, tmp_path / "killed"))
    files = Artifacts(folder).job
    files.done.unlink()
    files.claim.write_text("{}")
    without_lines('"ended"')(files.states)
    assert list(judge_job_of(folder, read_manifest(folder / "manifest.json"))) == []
