"""Readers of records and tables of a hub, and of texts that people write."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foreign_readers.reader import Read, Reader, of_json, of_text
from hubs import QUICK_STUDY
from ptycho_compare.checks.accounting import judge_log
from ptycho_compare.checks.blocker import read_blocker
from ptycho_compare.checks.blocker.closing import all_blockers, judge_closings
from ptycho_compare.checks.highlights import check_highlights
from ptycho_compare.checks.history import judge_log as judge_training_log
from ptycho_compare.checks.inventory import artifact_inventory
from ptycho_compare.checks.orphans import orphans
from ptycho_compare.checks.phase_d import judge_files
from ptycho_compare.checks.pipeline_logs import cli_logs
from ptycho_compare.checks.rescored import judge_rescored
from ptycho_compare.checks.study_reports import comparison_list, judge_summary
from ptycho_compare.clock import Deadline
from ptycho_compare.errors import InputError
from ptycho_compare.gate.junit import write_junit
from ptycho_compare.gate.text import verdict_markdown
from ptycho_compare.hub import Hub, JobFiles, ReportFiles
from ptycho_compare.jobs.claim import read_claim
from ptycho_compare.jobs.heart import place_of_note, silent_s
from ptycho_compare.jobs.progress import read_progress, told_of_attempts
from ptycho_compare.jobs.record import read_done, read_launch
from ptycho_compare.jobs.rounds import begins_again_nothing
from ptycho_compare.jobs.site import read_site
from ptycho_compare.jobs.states import read_states
from ptycho_compare.jobs.ticket import read_ticket
from ptycho_compare.phases.comparison.differences import table_differences
from ptycho_compare.records.acceptance import read_verdict
from ptycho_compare.records.accepted_runs import read_run, runs_in
from ptycho_compare.records.accepted_scores import HeldArtifacts
from ptycho_compare.records.adoption import read_adoption
from ptycho_compare.records.comparison_list import jobs_of, read_job_list
from ptycho_compare.records.inventory import digests_text, read_digests
from ptycho_compare.records.manifest import Manifest, read_manifest
from ptycho_compare.records.metrics_deltas import read_deltas
from ptycho_compare.records.metrics_summary import read_summary
from ptycho_compare.records.rescoring import read_rescoring
from ptycho_compare.records.seal import read_private_key, read_public_key, why_not_sealed, write_seal
from ptycho_compare.records.step_record import read_step_record
from ptycho_compare.records.stitched import changed_parts, read_stitched
from ptycho_compare.records.study_facts import read_views
from ptycho_compare.records.tables.metrics_csv import COLUMNS, read_metrics_csv
from ptycho_compare.records.tables.pairs_csv import DIFFERENCE_COLUMNS, read_differences_csv, read_undecided
from ptycho_compare.records.tables.patches_csv import PATCH_COLUMNS, PATCH_NUMBERS, read_patches_csv
from ptycho_compare.records.tables.stitched_csv import stitched_csv
from ptycho_compare.records.training_history import Epoch, read_history
from ptycho_compare.reporting.page.attempts import read_timeline
from ptycho_compare.reporting.page.provenance import read_steps
from ptycho_compare.reporting.study.paper_table import table_latex, table_markdown
from ptycho_compare.reporting.study.report import digest_markdown, highlights_text, report_markdown
from ptycho_compare.reporting.study.stitched_table import stitched_table
from ptycho_compare.reporting.study.summary_text import summary_markdown
from ptycho_compare.reporting.study.write_reports import SSIM_GRID, persist_deltas, publish_summary
from ptycho_compare.study import load_study, parse_study
from ptycho_compare.study.holdings import holdings_of
from ptycho_compare.study.own_arms import arms_of, write_own_arms
from ptycho_compare.untrusted.regular import read_json
from reported import make_compared

_CLAIM = {"holder": {"host": "h", "boot": "b", "pid": 7, "started": "1"}, "token": "t"}
_STATE = '{"time": "2026-11-28T00:00:00+00:00", "state": "launched", "attempt": 1, "host": "h"}\n'
_STUDY = 'name = "s"\ndoses = [1]\nviews = ["a"]\nsplits = ["t"]\n[tiers.full]\n'
_ROW = ["Baseline", "mae", "0.25", "0.5", *[""] * (len(COLUMNS) - 4)]
_TICKET = {
    "system": "slurm", "cluster": "c", "job": "1", "task": "", "user": "u", "submitted": "t", "token": "t",
    "command": ["x"], "options": ["x"], "needs": ["a"], "attempts": 1, "lost": 0,
}  # fmt: skip
_SITE = 'partition = "p"\ntime = "8h"\nprelude = "x"\n[steps.train]\ngres = "gpu:1"\n'
_FILE = {"path": "a", "sha256": "0" * 64, "bytes": 1}
_MANIFEST = {
    "started": "2026-11-28T00:00:00Z", "finished": "2026-11-28T00:00:01Z", "command": ["x"], "settings": {},
    "inputs": {"test_data": _FILE}, "plan": {"groups": 1}, "mask_pixels": 1, "reference": "truth",
    "truth_range": {"phase": 1.0}, "scan": {}, "metric_version": "v", "warnings": [], "versions": {},
    "arms": {"A": {"status": "ok", "reason": "", "seconds": {}, "details": {}}}, "code": "c",
    "attempts": [], "artifacts": {"a": _FILE},
}  # fmt: skip
_STEP = {
    "id": "s", "title": "S", "status": "made", "command": ["x"],
    "fingerprint": {"inputs": {"a": "0"}, "settings": {}, "code": "c", "versions": {"numpy": "2"}},
    "outputs": {"a": ["0" * 64, 1]}, "attempts": [], "seconds": 1.0, "cpu_s": 1.0, "peak_bytes": 1,
    "ended": "e",
}  # fmt: skip
_LISTED = {"id": "a", "dose": 1, "view": "d", "split": "t"}
_LIST = {
    "n_jobs": 1, "n_success": 1, "n_failed": 0, "jobs": [_LISTED],
    "execution_results": [{**_LISTED, "returncode": 0}],
}  # fmt: skip
_NOTE_NAME = "blocked_20261128T000000Z_missing_input.md"
_NOTE = "# Blocked: dose_1-dense-test-full: missing_input\n\n**Concerns:** dose 1\n\n## What was found\n- x\n"


def _of_job(read: Callable[[JobFiles], object]) -> Read:
    return lambda path: read(JobFiles(path.parent))


def _hub_of(path: Path) -> Hub:
    """The hub in whose ``analysis/``, ``report/`` and so on a file lies."""
    return Hub(path.parents[1])


def _both(*reads: Read) -> Read:
    """Have each read it to an end of its own."""

    def read(path: Path) -> None:
        errors = []
        for each in reads:
            try:
                each(path)
            except InputError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    return read


@cache
def _reported() -> Hub:
    """Scores, summary, deltas and the texts over them of a small hub."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    hub = make_compared(root)
    publish_summary(hub, read_job_list(hub.comparison_manifest()))
    persist_deltas(hub)
    summary = read_summary(hub.reports().summary)
    hub.reports().highlights.write_text(highlights_text(summary))
    SSIM_GRID.write(hub)
    return hub


def _report(choose: Callable[[ReportFiles], Path]) -> Callable[[], bytes]:
    return lambda: choose(_reported().reports()).read_bytes()


def _among_reports(*judges: Callable[[Hub], object]) -> Read:
    """Judge a report beside all others, which are as they were written."""

    def laid(path: Path) -> Hub:
        hub = _hub_of(path)
        if not (hub.root / "whole").is_file():
            content = path.read_bytes()
            shutil.copytree(_reported().root, hub.root, dirs_exist_ok=True)
            path.write_bytes(content)
            (hub.root / "whole").touch()
        return hub

    return _both(*(lambda path, judge=judge: judge(laid(path)) for judge in judges))


_highlighted = _among_reports(check_highlights)


def _told(path: Path) -> None:
    """What people read of a log of states."""
    list(read_states(path))
    told_of_attempts(read_progress(JobFiles(path.parent)))
    hub = Hub(path.parents[4])
    read_timeline(hub, {})


def _on_pages(path: Path) -> None:
    """What people read of a verdict."""
    verdict = read_verdict(path)
    verdict_markdown(verdict)
    write_junit(path.with_name("junit.xml"), verdict)


def _step_shown(path: Path) -> None:
    read_step_record(path)
    read_steps(Hub(path.parents[3]))


def _digested(hub: Hub) -> None:
    digest_markdown(
        read_summary(hub.reports().summary),
        hub.reports().highlights.read_text(errors="replace"),
        references=[],
    )


def _summarized(hub: Hub) -> None:
    summary = read_summary(hub.reports().summary)
    for render in (report_markdown, highlights_text, summary_markdown):
        render(summary)


def _in_a_store(path: Path) -> None:
    """Read a run whose verdict is the one that was accepted."""
    verdict = Hub(path.parent).verdict().record
    if not verdict.is_file():
        verdict.parent.mkdir()
        verdict.write_bytes(_VERDICT_OF_RUN)
    list(runs_in(path.parents[1]))
    read_run(path.parent)


def _sealed(path: Path) -> None:
    hub = _hub_of(path)
    hub.reports().digests.write_bytes(b"")
    if why := why_not_sealed(hub, _read_key()):
        raise InputError(why)


@cache
def _read_key() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (public := Path(folder) / "lab.pub").write_bytes(_keys()[1])
        return read_public_key(public)


def _a_seal() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        hub, key = Hub(Path(folder)), Path(folder) / "lab"
        key.write_bytes(_keys()[0])
        hub.analysis().mkdir()
        hub.reports().digests.write_bytes(b"")
        return write_seal(hub, read_private_key(key, str)).read_bytes()


def _measured(path: Path) -> None:
    """Read the metrics of a view as its checks do, and as a study is drafted from them."""
    hub = Hub(path.parents[4])
    scan = hub.patched(1000, "train")
    if not scan.is_file():
        scan.parent.mkdir(parents=True)
        scan.touch()
    list(judge_files(hub, 1000, "dense", ["train"]))
    read_views(holdings_of(hub), {})


def _taken(path: Path) -> None:
    """Judge an inventory of a hub that holds nothing else."""
    hub = _hub_of(path)
    hub.reports().digests.write_text(digests_text([]))
    artifact_inventory(hub)


def _beside_ours(path: Path) -> None:
    """Hold a table against the same made again."""
    ours = path.with_name("ours.csv")
    ours.write_text(_TABLE)
    list(table_differences(path, ours, leave_out=("a",)))
    list(table_differences(ours, path, leave_out=()))


def _logged(path: Path) -> None:
    """Judge the log of a comparison, of a training and of a pipeline."""
    list(judge_log(path, _MANIFEST_OF_LOG))
    list(judge_training_log(path, [Epoch(1, 0.5, 0.6, 1.0)]))
    cli_logs(Hub(path.parents[1]), 1000, "dense", ("train", "test"))


def _held(path: Path) -> None:
    HeldArtifacts.model_validate_json(path.read_bytes())


def _closed(path: Path) -> None:
    """Read a record beside the note that it closes."""
    (path.parent / _NOTE_NAME).write_text(_NOTE)
    all_blockers(_hub_of(path))
    list(judge_closings(_hub_of(path), unshown=()))


def _launched(path: Path) -> None:
    """Read a launch as whoever waits for the job does, and who looks for its processes."""
    read_launch(JobFiles(path.parent))
    orphans(Hub(path.parents[4]))


def _ended(path: Path) -> None:
    """Read how an attempt ended that was launched."""
    files = JobFiles(path.parent)
    files.launch.write_text(json.dumps(_LAUNCH))
    read_done(files)


def _scored_anew(path: Path) -> None:
    """Judge scores made anew, and tell what a repetition would go by."""
    list(judge_rescored(Hub(path.parents[5])))
    read_rescoring(path)


def _stitched(path: Path) -> None:
    """Tell of whole objects in every text that has them, and of what they rest on."""
    hub = _hub_of(path)
    found = read_stitched(hub)
    for each in found:
        list(changed_parts(hub, each, []))
    stitched_csv(found)
    table = stitched_table(found, level=0.95)
    if table is not None:
        table_latex(table, title="t")
        table_markdown(table)


def _listed(path: Path) -> None:
    hub = _hub_of(path)
    for place in [("train", 1), ("test", 1000)]:
        comparison_list(hub, [(place[1], "dense", place[0], ())])
    jobs_of(hub, None, asked=lambda _: True)


def _added(path: Path) -> None:
    """Read arms that a hook added, and add another."""
    study, hub = _STUDY_OF_ARMS, Hub(path.parent)
    arms_of(hub, study)
    write_own_arms(hub, study, [{"Another": {"path": "another.npz"}}])


def _noted_before(path: Path) -> None:
    """Begin once more where nothing could begin before."""
    begins_again_nothing(_hub_of(path), "a", Deadline.after(10.0))


def _beating(path: Path) -> None:
    """Look at a claim of which another process noted how it looks."""
    content = path.read_bytes()
    claim = path.with_name(f"{hashlib.sha256(content).hexdigest()}.json")  # each is noted once by a process
    (note := place_of_note(claim)).write_bytes(content)
    try:
        silent_s(claim, "look")
    finally:
        note.unlink()


def _keys() -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    return private, key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)


_TABLE = f"{','.join(COLUMNS)}\n{','.join(_ROW)}\n"
_PATCHES = (
    f"{','.join(PATCH_COLUMNS)}\nBaseline,4,7,50.29,22.85,144,{','.join(['0.5'] * len(PATCH_NUMBERS))},v-1,\n"
)
_DIFFERENCES = f"{','.join(DIFFERENCE_COLUMNS)}\nPtychoPINN,Baseline,mae,phase,-0.5,-0.6,-0.4,yes\n"
_VERDICT_OF_RUN = b"{}"
_RUN = {
    "name": "r", "accepted": "2026-11-28T00:00:00Z", "by": "b", "host": "h", "hub": "/h", "study": "s",
    "outcome": "accepted", "reason": "x", "verdict_sha256": hashlib.sha256(_VERDICT_OF_RUN).hexdigest(),
}  # fmt: skip
_CLOSING = {
    "note": f"red/{_NOTE_NAME}", "note_sha256": hashlib.sha256(_NOTE.encode()).hexdigest(),
    "subject": "dose_1-dense-test-full", "topic": "missing_input", "closed_at": "2026-11-28T00:00:00Z",
    "closed_by": "c", "evidence": {"a": "0" * 64},
}  # fmt: skip
_VERDICT = {
    "study": "s", "generated_at": "2026-11-28T00:00:00Z", "required_tiers": ["full"], "outcome": "red",
    "reason": "r", "blockers": ["red/x.md"], "compared_with": "a",
    "comparisons": [
        {"id": "a", "dose": 1, "view": "v", "split": "t", "tier": "full", "folder": "f", "required": True,
         "state": "red", "findings": ["x"]},
    ],
    "checks": [{"description": "d", "path": "p", "findings": ["y"]}],
    "changes": [{"id": "a", "arm": "b", "metric": "mae", "part": "phase", "before": 0.5, "now": None,
                 "tolerance": "t", "judged": "worse"}],
}  # fmt: skip
_ADOPTION = {
    "adopted": "2026-11-28T00:00:00Z", "by": "b", "host": "h", "source": "s", "made": {}, "pieces": [],
    "seed": 1, "tables": [],
}  # fmt: skip
_RESCORING = {
    "comparison": "dose_1-dense-test-full", "manifest_sha256": "0" * 64, "scored": "2026-11-28T00:00:00Z",
    "by": "b", "host": "h", "command": ["x"], "changed": {"uncertainty.draws": [1, 2]}, "within": "",
    "mask_pixels": 1, "left_out": [], "metric_version": "v", "code": "c", "versions": {},
    "artifacts": {"comparison_metrics.csv": {"path": "comparison_metrics.csv", "sha256": "0", "bytes": 1}},
}  # fmt: skip
_STITCHED = {
    "objects": [
        {"dose": 1, "view": "dense", "tier": "full", "cell": {"seed": 1},
         "parts": {"dose_1-dense-test-full": "0"},
         "shared_pixels": 70, "factors": {"PtychoPINN": [1.0, 0.1]}, "mask_pixels": 900, "reference": "truth",
         "numbers": [{"arm": "PtychoPINN", "metric": "ssim", "component": "phase", "value": 0.9,
                      "low": 0.8, "high": 1.0, "status": "ok", "note": ""}]},
        {"dose": 1, "view": "sparse", "tier": "full", "cell": {"seed": 1}, "parts": {}, "why_not": "w"},
    ]
}  # fmt: skip
_LAUNCH = {
    "attempt": 1, "command": ["x"], "folder": "f", "log": "l", "done": "d", "host": "h", "pid": 7,
    "token": "t", "place": "p", "moment": {"clock": "c", "clock_s": 1.0, "utc_s": 2.0}, "kind": "",
    "started": "2026-11-28T00:00:00Z", "detached": False, "deadline": None,
}  # fmt: skip
_DONE = {
    "attempt": 1, "command": ["x"], "returncode": 0, "reason": "", "started": "2026-11-28T00:00:00Z",
    "ended": "2026-11-28T00:00:01Z", "seconds": 1.0, "cpu_s": 1.0, "peak_bytes": 1, "host": "h", "log": "l",
    "tail": ["x"],
}  # fmt: skip
_ROUND = (
    '{"time": "2026-11-28T00:00:00+00:00", "state": "no room", "subject": "a", '
    '"opened": {"clock": "c", "clock_s": 1.0, "utc_s": 2.0}, "window_s": 3.0}\n'
)
_OVERLAP = {
    "s_img": 1.0, "n_groups": 32, "gridsize": 2, "neighbor_count": 7, "probe_diameter_px": 16.0,
    "rng_seed_subsample": 1, "rng_seed_grouping": 2, "parent_sha256": "0" * 64,
}  # fmt: skip
_STUDY_OF_ARMS = parse_study(QUICK_STUDY, Path("study.toml"))
_ARMS = '[arms.Other]\npath = "data/{dose}/{view}_{split}.npz:object"\n'
_LOG = (
    "x - plan: 2 groups\nDIAGNOSTIC pinn_output stats: nonzero_count=9/9\n"
    "epoch 1/9: loss 0.5, val_loss 0.6, 1 s\n[1/8] Phase C\n--- run of x\n"
)
_MANIFEST_OF_LOG = Manifest.model_validate(
    {
        **_MANIFEST,
        "plan": {"groups": 1, "images": 1},
        "arms": {
            "PtychoPINN": {"status": "ok", "reason": "", "seconds": {},
                           "details": {"parameters": {"N": 3, "gridsize": 2}}},
        },
    }
)  # fmt: skip
RECORDS: Mapping[str, Reader] = {
    "json": Reader("a.json", read_json, of_json({"a": [1, 2.5, "x", None]}), (OSError, ValueError)),
    "study": Reader("study.toml", load_study, of_text(_STUDY)),
    "arms": Reader("arms.toml", _added, of_text(_ARMS)),
    "table": Reader("t.csv", _both(read_metrics_csv, _beside_ours), of_text(_TABLE)),
    "differences": Reader("d.csv", _both(read_differences_csv, read_undecided), of_text(_DIFFERENCES)),
    "patches": Reader("p.csv", read_patches_csv, of_text(_PATCHES)),
    "digests": Reader("d.tsv", read_digests, of_text("sha256\tbytes\tpath\n" + "a" * 64 + "\t12\tx/y\n")),
    "inventory": Reader("analysis/artifact_inventory.txt", _taken, of_text("study.toml\n")),
    "claim": Reader("claim.json", read_claim, of_json(_CLAIM)),
    "heart": Reader("seen.json", _beating, of_json({"look": "look", "since": 1.5})),
    "launch": Reader("jobs/steps/s/job/launch.json", _launched, of_json(_LAUNCH)),
    "ticket": Reader("ticket.json", _of_job(read_ticket), of_json(_TICKET)),
    "site": Reader("site.toml", lambda path: read_site(Hub(path.parent)), of_text(_SITE)),
    "done": Reader("done.json", _ended, of_json(_DONE)),
    "states": Reader("jobs/steps/s/job/states.jsonl", _told, of_text(2 * _STATE)),
    "rounds": Reader("jobs/rounds.jsonl", _noted_before, of_text(_ROUND)),
    "verdict": Reader("report/acceptance.json", _on_pages, of_json(_VERDICT)),
    "accepted run": Reader("store/r/accepted.json", _in_a_store, of_json(_RUN)),
    "adoption": Reader("adoption.json", read_adoption, of_json(_ADOPTION)),
    "scored anew": Reader("rescored/n/dose_1/dense/test/rescoring.json", _scored_anew, of_json(_RESCORING)),
    "whole objects": Reader("report/study_stitched.json", _stitched, of_json(_STITCHED)),
    "manifest": Reader("manifest.json", read_manifest, of_json(_MANIFEST), (OSError, ValidationError)),
    "accepted manifest": Reader("manifest.json", _held, of_json(_MANIFEST), (ValidationError,)),
    "step record": Reader("jobs/steps/s/record.json", _step_shown, of_json(_STEP)),
    "list": Reader("analysis/comparison_manifest.json", _listed, of_json(_LIST)),
    "summary": Reader("analysis/metrics_summary.json", _among_reports(_summarized, judge_summary),
                      _report(lambda names: names.summary)),
    "deltas": Reader("analysis/metrics_delta_summary.json", _both(read_deltas, _highlighted),
                     _report(lambda names: names.deltas)),
    "highlights": Reader("analysis/aggregate_highlights.txt", _among_reports(_digested),
                         _report(lambda names: names.highlights)),
    "delta highlights": Reader("analysis/metrics_delta_highlights.txt", _highlighted,
                               _report(lambda names: names.delta_highlights)),
    "delta preview": Reader("analysis/metrics_delta_highlights_preview.txt", _highlighted,
                            _report(lambda names: names.delta_preview)),
    "grid": Reader("analysis/ssim_grid_summary.md", _highlighted,
                   _report(lambda names: names.ssim_grid)),
    "overlap": Reader("data/phase_d/dose_1000/dense/train_metrics.json", _measured, of_json(_OVERLAP)),
    "history": Reader("history.csv", read_history, of_text("epoch,loss,val_loss\n1,0.5,0.6\n")),
    "note": Reader(_NOTE_NAME, read_blocker, of_text(_NOTE)),
    "closing": Reader(f"red/{_NOTE_NAME.removesuffix('.md')}.closed.json", _closed, of_json(_CLOSING)),
    "log": Reader("cli/run_phase_g_dense.log", _logged, of_text(_LOG)),
    "public key": Reader("lab.pub", read_public_key, lambda: _keys()[1]),
    "private key": Reader("lab", lambda path: read_private_key(path, str), lambda: _keys()[0]),
    "seal": Reader("analysis/artifact_digests.tsv.sig", _sealed, _a_seal),
}  # fmt: skip
