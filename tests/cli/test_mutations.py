"""Every single change of a finished hub is found by `ptycho-hub verify`, by name.

The table lists what is changed, which check finds it, and what that check says. Where another check
than the inventory is asked for, the inventory is taken again after the change: what finds the change
then is the check itself, not a list of digests.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mutations import (
    Mutation,
    alike,
    copied,
    cut,
    digit,
    everywhere,
    first,
    flipped,
    forged,
    gone,
    in_json,
    in_npz,
    new,
    parameter,
    pattern,
    restored,
    swapped,
    text,
    without,
)
from phase_runs import DOSE, finished_hub
from ptycho_compare.checks.listing import STEPS
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.verified import Recomputation

pytestmark = [pytest.mark.slow]

NAN = float("nan")
MASKED = 2 / 3
"""Part of each axis of a canvas at which the mask of the test split holds."""
PLACES = {
    "C": f"data/phase_c/dose_{DOSE}",
    "D": f"data/phase_d/dose_{DOSE}/dense",
    "B": f"data/phase_e/dose_{DOSE}/baseline/gs1",
    "P": f"data/phase_e/dose_{DOSE}/dense/gs2",
    "F": f"data/phase_f/dose_{DOSE}/dense",
    "G": f"analysis/dose_{DOSE}/dense",
    "S": f"jobs/steps/dose_{DOSE}",
    "A": "analysis",
}
(
    DATA, VIEW, NETWORKS, ITERATIVE, TEST, LISTED, SUMMARY, SUMMARY_TEXT, HIGHLIGHTS, DIGEST, COMPLIANCE,
    DELTAS, DELTA_LINES, GRID, LOGS, INVENTORY,
) = (
    "Phase C data", "Phase D overlap view", "Phase E networks", "Phase F reconstructions",
    "comparison test", "comparison manifest", "metrics summary JSON", "metrics summary markdown",
    "aggregate report and aggregate highlights", "metrics digest", "Phase C metadata compliance",
    "metrics delta summary", "Metrics delta highlights and preview", "SSIM grid summary (phase-only)",
    "CLI orchestrator logs", "artifact inventory",
)  # fmt: skip

STORED = "canvases test"
METRICS, MANIFEST = "{G}/test/comparison_metrics.csv", "{G}/test/manifest.json"
CANVASES, ALIGNED, PLAN = (
    "{G}/test/reconstructions.npz",
    "{G}/test/reconstructions_aligned.npz",
    "{G}/test/plan.npz",
)
RECORDED = f"{METRICS} {MANIFEST}"
CANVASES_RECORDED, PLAN_RECORDED = f"{CANVASES} {MANIFEST}", f"{PLAN} {MANIFEST}"
LOG = "{G}/test/logs/logs/debug.log"
TRAINED, MADE = "data/phase_e/training_manifest.json", "data/phase_f/reconstruction_manifest.json"
PTYCHI = "{F}/test/ptychi_reconstruction.npz"
LIST, SUMS, TRANSCRIPT = (
    "{A}/comparison_manifest.json",
    "{A}/metrics_summary.json",
    "cli/run_phase_g_dense.log",
)
LINES = "{A}/artifact_inventory.txt"
DIFFERS = "differs from the digest in the manifest"

COMPARISON = [
    Mutation("score digit", METRICS, digit("^Baseline,mae,"), TEST, DIFFERS),
    Mutation("difference digit", "{G}/test/comparison_differences.csv", digit("mae,phase,"), TEST, DIFFERS),
    Mutation("curve digit", "{G}/test/pinn_frc_curves.csv", digit("^PtychoPINN,2,"), TEST, DIFFERS),
    Mutation("cut-off digit", "{G}/test/frc_cutoffs.csv", digit("amplitude,0.5,truth,"), TEST, DIFFERS),
    Mutation("tables of two splits", f"{METRICS} {{G}}/train/comparison_metrics.csv", swapped, TEST, DIFFERS),
    Mutation("canvases of two splits", f"{CANVASES} {{G}}/train/reconstructions.npz", swapped, TEST, DIFFERS),
    Mutation("manifest of the other split", f"{MANIFEST} {{G}}/train/manifest.json", copied, TEST,
             "input test_data"),
    Mutation("no table", METRICS, gone, TEST, "it is not there"),
    Mutation("no canvases", CANVASES, gone, TEST, "it is not there"),
    Mutation("no plan", PLAN, gone, TEST, "it is not there"),
    Mutation("no figure", "{G}/test/comparison_plot.png", gone, TEST, "it is not there"),
    Mutation("no manifest", MANIFEST, gone, TEST, "did not complete"),
    Mutation("no log", LOG, gone, TEST, "is not there"),
    Mutation("canvases cut", CANVASES, cut, TEST, DIFFERS),
    Mutation("canvases cut, recorded", CANVASES_RECORDED, forged(cut), STORED,
             "not a readable zip archive"),
    Mutation("figure cut", "{G}/test/frc_plot.png", cut, TEST, DIFFERS),
    Mutation("manifest cut", MANIFEST, cut, TEST, "is no manifest"),
    Mutation("bit of residuals", "{G}/test/residuals.npz", flipped, TEST, DIFFERS),
    Mutation("score digit, recorded", RECORDED, forged(digit("^Baseline,mae,")), SUMMARY,
             "jobs.1.metrics", names="metrics_summary.json"),
    Mutation("NaN score", RECORDED, forged(pattern("^Baseline,mse,[^,]*", "Baseline,mse,nan")), TEST,
             "mse amplitude = nan"),
    Mutation("blank score", RECORDED, forged(pattern("^Baseline,ssim,[^,]*", "Baseline,ssim,")), TEST,
             "ssim amplitude is empty"),
    Mutation("row gone", RECORDED, forged(pattern("^PtyChi,psnr,.*\n", "")), TEST, "has no psnr row"),
    Mutation("arm renamed in a row", RECORDED, forged(text("PtyChi,fienup", "Tike,fienup")), TEST,
             "Tike, fienup: the manifest has no such arm"),
    Mutation("arm on other pixels", RECORDED, forged(pattern(r"^(Baseline,.*ptycho-compare-\d+),\d+", r"\1,7",
             count=0)), TEST, "mask_pixels is 7"),
    Mutation("row of other groups", RECORDED, forged(pattern(r"^(Baseline,mae.*),60,", r"\1,59,")), TEST,
             "mae: groups is 59"),
    Mutation("row of other definitions", RECORDED, forged(text("ptycho-compare-3", "ptycho-compare-1")), TEST,
             "metric_version is ptycho-compare-1"),
    Mutation("row of another reference", RECORDED, forged(text(",truth,", ",same_data,")), TEST,
             "reference is same_data"),
    Mutation("row of a failed arm", RECORDED, forged(text(",ok,", ",failed,")), TEST, "status is failed"),
    Mutation("mask", CANVASES_RECORDED, forged(in_npz("mask", first(value=False, place=MASKED))), STORED,
             "mask_pixels"),
    Mutation("zero canvas", CANVASES_RECORDED, forged(alike("baseline", 0)), STORED, "|object| = 0"),
    Mutation("constant canvas", CANVASES_RECORDED, forged(alike("ptychopinn", 0.5)), STORED,
             "constant"),
    Mutation("NaN in a canvas", CANVASES_RECORDED, forged(in_npz("ptychi_complex", first(NAN))), STORED,
             "not finite in 1"),
    Mutation("NaN in a phase", CANVASES_RECORDED, forged(in_npz("ptychi_phase", first(NAN))), STORED,
             "'ptychi_phase'"),
    Mutation("other amplitude", CANVASES_RECORDED, forged(in_npz("baseline_amplitude", first(9.0, MASKED))),
             STORED, "'baseline_amplitude' is not that of"),
    Mutation("NaN in aligned", f"{ALIGNED} {MANIFEST}",
             forged(in_npz("baseline_complex", first(NAN))), STORED,
             "'baseline_complex' is not finite"),
    Mutation("group gone", PLAN_RECORDED, forged(in_npz("groups", lambda held: held[:-1])), TEST,
             "groups is 59"),
    Mutation("image that is not there", PLAN_RECORDED, forged(in_npz("groups", first(9999))), TEST,
             "to 9999"),
    Mutation("seed of the plan", PLAN_RECORDED, forged(in_npz("seed", lambda held: held * 0 + 5)), TEST,
             "seed is 5"),
    Mutation("pixels in the manifest", MANIFEST, in_json("mask_pixels", 7), TEST, "mask_pixels",
             names="comparison_metrics.csv"),
    Mutation("NaN in the manifest", MANIFEST, in_json("mask_pixels", NAN), TEST, "is no manifest"),
    Mutation("arm renamed in the manifest", MANIFEST, text('"Baseline": {\n      "status"',
             '"Based": {\n      "status"'),
             TEST, "no such arm", names="comparison_metrics.csv"),
    Mutation("arm failed", MANIFEST, in_json("arms/PtyChi/status", "failed"), TEST,
             "PtyChi, mae and", names="says failed"),
    Mutation("digest of an input", MANIFEST, in_json("inputs/test_data/sha256", "0" * 64), TEST,
             "input test_data was"),
    Mutation("digest of a model", MANIFEST, in_json("inputs/Baseline/sha256", "0" * 64), TEST,
             "input Baseline was"),
    Mutation("input not named", MANIFEST, without("inputs/PtychoPINN"), TEST, "inputs has no PtychoPINN"),
    Mutation("size of an artifact", MANIFEST, in_json("artifacts/plan.npz/bytes", 3), TEST,
             "and the manifest says 3;", names="plan.npz"),
    Mutation("artifact not listed", MANIFEST, without("artifacts/frc_plot.png"), TEST, "does not list it",
             names="frc_plot.png"),
    Mutation("finished before it started", MANIFEST, in_json("finished", "2020-01-01T00:00:00Z"), TEST,
             "finished 2020"),
    Mutation("seed in the settings", MANIFEST, in_json("settings/seed", 5), TEST, "settings.seed is 5"),
    Mutation("version in the manifest", MANIFEST, in_json("metric_version", "ptycho-compare-1"), TEST,
             "metric_version", names="comparison_metrics.csv"),
    Mutation("groups in the manifest", MANIFEST, in_json("plan/groups", 59), TEST, "says 59",
             names="plan.npz"),
    Mutation("code in the manifest", MANIFEST, in_json("code", "0" * 64), INVENTORY, "differs from", False),
    Mutation("file beside the artifacts", "{G}/test/old_metrics.csv", new, TEST, "does not list it"),
    Mutation("file beside the log", "{G}/test/logs/other.log", new, TEST, "does not list it"),
    Mutation("log of the other split", f"{LOG} {{G}}/train/logs/logs/debug.log", copied, TEST,
             "predicted pixels"),
    Mutation("log without its lines", LOG, pattern("DIAGNOSTIC baseline_output", "x"), TEST, "has no line"),
    Mutation("score of the debug tier", "{G}/test_debug_v4/comparison_metrics.csv", digit("^Baseline,mae,"),
             INVENTORY, "differs from the inventory", False),
]  # fmt: skip

PHASE_C = [
    Mutation("position", "{C}/patched_test.npz", in_npz("xcoords", first(77.5)), DATA,
             "1 positions are none"),
    Mutation("position that is no number", "{C}/patched_test.npz", in_npz("ycoords", first(NAN)), DATA,
             "'ycoords' is not finite"),
    Mutation("image", "{C}/patched_test.npz", in_npz("diffraction", first(1.0)), DATA, "make it again"),
    Mutation("no metadata", "{C}/patched_test.npz", in_npz("_metadata", None), DATA,
             "'_metadata' is missing"),
    Mutation("complex images", "{C}/patched_train.npz",
             in_npz("diffraction", lambda held: held.astype("c8")), DATA, "diffraction must be float"),
    Mutation("real object", "{C}/patched_train.npz", in_npz("objectGuess", abs), DATA,
             "objectGuess must be complex"),
    Mutation("positions too few", "{C}/patched_test.npz", in_npz("xcoords", lambda held: held[1:]), DATA,
             "xcoords length"),
    Mutation("two splits", "{C}/patched_test.npz {C}/patched_train.npz", swapped, DATA, "make it again"),
    Mutation("no split", "{C}/patched_test.npz", gone, DATA, "no such file"),
    Mutation("split cut", "{C}/patched_test.npz", cut, DATA, "patched_test.npz"),
    Mutation("object before the split", "{C}/canonical.npz", in_npz("objectGuess", first(3.0)), DATA,
             "'objectGuess' is not that of patched.npz"),
    Mutation("raw data cut", "{C}/simulated_raw.npz", cut, DATA, "simulated_raw.npz"),
    Mutation("image before the split", "{C}/canonical.npz", in_npz("diffraction", first(1.0)), INVENTORY,
             "differs from", False),
    Mutation("list of doses", "data/phase_c/run_manifest.json",
             in_json(f"dose_{DOSE}/test", "data/elsewhere.npz"), DATA, "'data/elsewhere.npz'"),
    Mutation("record of the step", "{S}-simulate/record.json",
             pattern(r'(patched_test.npz": \[\s*")\w', r"\1x"), DATA, "patched_test.npz"),
    Mutation("compliance", SUMS, in_json(f"phase_c_metadata_compliance/dose_{DOSE}/test/compliant", False),
             COMPLIANCE, f"dose_{DOSE}/test are not compliant; run"),
]  # fmt: skip

PHASE_D = [
    Mutation("image of the view", "{D}/dense_test.npz", in_npz("diffraction", first(1.0)), VIEW,
             "'diffraction' is not that of the kept images"),
    Mutation("image left out", "{D}/dense_test.npz", in_npz("ycoords", lambda held: held[:-1]), VIEW,
             "'ycoords' is not that of the kept images"),
    Mutation("view without metadata", "{D}/dense_train.npz", in_npz("_metadata", None), VIEW,
             "has no record"),
    Mutation("views of two splits", "{D}/dense_test.npz {D}/dense_train.npz", swapped, VIEW, "parent_file"),
    Mutation("overlap digit", "{D}/test_metrics.json",
             in_json("metric_2_image_based_avg", lambda held: held + 1e-3), VIEW, "metric_2_image_based_avg"),
    Mutation("groups of the overlap", "{D}/test_metrics.json", in_json("n_groups_actual", 63), VIEW,
             "n_groups_actual: expected 64, found 63"),
    Mutation("bundle of overlaps", "{D}/metrics_bundle.json", in_json("train/n_unique_images", 7), VIEW,
             "train.n_unique_images"),
    Mutation("no overlap", "{D}/test_metrics.json", gone, VIEW, "is not there"),
    Mutation("digest of the parent", "{D}/train_metrics.json", in_json("parent_sha256", "0" * 64), VIEW,
             "parent_sha256"),
    Mutation("bundle cut", "{D}/metrics_bundle.json", cut, VIEW, "cannot be read as JSON"),
]  # fmt: skip

PHASE_E = [
    Mutation("bit of a network", "{P}/wts.h5.zip", flipped, NETWORKS, "make it again"),
    Mutation("network cut", "{B}/wts.h5.zip", cut, NETWORKS, "zip"),
    Mutation("no network", "{B}/wts.h5.zip", gone, NETWORKS, "holds no", names="baseline/gs1"),
    Mutation("two networks", "{B}/wts.h5.zip {P}/wts.h5.zip", swapped, NETWORKS, "takes groups of 4"),
    Mutation("dose of a network", "{P}/wts.h5.zip", parameter("nphotons", 5.0), NETWORKS,
             "nphotons (params of wts.h5.zip) is 1000000.0; expected 5.0"),
    Mutation("digest listed", TRAINED, in_json("jobs/0/result/bundle_sha256", "0" * 64), NETWORKS,
             "result.bundle_sha256"),
    Mutation("size listed", TRAINED, in_json("jobs/1/result/bundle_size_bytes", 5), NETWORKS,
             "result.bundle_size_bytes is 5"),
    Mutation("loss listed", TRAINED, in_json("jobs/1/result/final_loss", 0.01), NETWORKS, "final_loss",
             names="history.csv"),
    Mutation("loss that is no number", TRAINED, in_json("jobs/0/result/final_loss", NAN), NETWORKS,
             "result.final_loss is nan"),
    Mutation("training failed", TRAINED, in_json("jobs/0/result/status", "failed"), NETWORKS,
             "result.status is 'failed'"),
    Mutation("place listed", TRAINED, in_json("jobs/1/artifact_dir", "/tmp/gs2"), NETWORKS, "artifact_dir"),
    Mutation("network renamed", TRAINED, in_json("jobs/1/view", "sparse"), NETWORKS, "dense gs2"),
    Mutation("network not listed", TRAINED, without("jobs/0"), NETWORKS, "baseline gs1"),
    Mutation("dry run", TRAINED, in_json("dry_run", True), NETWORKS, "dry run"),
    Mutation("no list of networks", TRAINED, gone, NETWORKS, "not found"),
    Mutation("skipped views", "data/phase_e/skip_summary.json", in_json("skipped_count", 1), NETWORKS,
             "skipped_views"),
    Mutation("last loss", "{P}/history.csv", pattern(r"^3,0\.\d", "3,0.9"), NETWORKS, "final_loss"),
    Mutation("loss NaN", "{P}/history.csv", pattern(r"^3,[^,]*", "3,nan"), NETWORKS, "not finite"),
    Mutation("epoch gone", "{P}/history.csv", pattern(r"^2,.*\n", ""), NETWORKS, "expected 2"),
    Mutation("log of a training", "{P}/train.log", pattern(r"^(epoch 2/3: loss) \S+,", r"\1 0.5,"), NETWORKS,
             "epoch 2: loss is 0.5"),
    Mutation("log of another training", "{P}/train.log {B}/train.log", copied, NETWORKS, "epochs"),
    Mutation("figure of losses cut", "{P}/history.png", cut, NETWORKS, "breaks off"),
    Mutation("record of a training", "{S}-train-dense/record.json", cut, STEPS, "is no record"),
]  # fmt: skip

PHASE_F = [
    Mutation("NaN in an object", PTYCHI, in_npz("reconstructed_object", first(NAN)), ITERATIVE, "not finite"),
    Mutation("zero object", PTYCHI, in_npz("reconstructed_object", everywhere(0)), ITERATIVE, "|object| = 0"),
    Mutation("NaN in a probe", PTYCHI, in_npz("reconstructed_probe", first(NAN)), ITERATIVE,
             "'reconstructed_probe'"),
    Mutation("objects of two splits", f"{PTYCHI} {{F}}/train/ptychi_reconstruction.npz", swapped, ITERATIVE,
             "make it again"),
    Mutation("object of the other split", f"{PTYCHI} {{F}}/train/ptychi_reconstruction.npz", copied,
             ITERATIVE, "byte by byte"),
    Mutation("no object", PTYCHI, gone, ITERATIVE, "no such file"),
    Mutation("object cut", PTYCHI, cut, ITERATIVE, "ptychi_reconstruction.npz"),
    Mutation("place of the object", PTYCHI, in_npz("origin_yx_px", lambda held: held + 1), ITERATIVE,
             "origin_yx_px", names="reconstruction_manifest.json"),
    Mutation("engine failed", MADE, in_json("execution_results/0/returncode", 1), ITERATIVE,
             "returncode of test is 1"),
    Mutation("algorithm", MADE, in_json("jobs/0/algorithm", "ePIE"), ITERATIVE, "engine of test"),
    Mutation("epochs", MADE, in_json("jobs/1/num_epochs", 7), ITERATIVE, "epochs of train"),
    Mutation("loss of an object", MADE, in_json("execution_results/1/last_loss", 1.0), ITERATIVE,
             "last_loss"),
    Mutation("digest of an object", MADE, in_json("execution_results/1/output_sha256", "0" * 64), ITERATIVE,
             "output_sha256"),
    Mutation("size of an object", MADE, in_json("execution_results/1/output_bytes", 1), ITERATIVE,
             "output_bytes"),
    Mutation("digest of its data", MADE, in_json("execution_results/1/input_sha256", "0" * 64), ITERATIVE,
             "input_sha256"),
    Mutation("object not listed", MADE, without("jobs/0"), ITERATIVE, "total_jobs"),
    Mutation("skipped split", "data/phase_f/skip_summary.json", in_json("skipped_count", 1), ITERATIVE,
             "skipped_count"),
    Mutation("log of an object", "{F}/test/ptychi.log {F}/train/ptychi.log", copied, ITERATIVE, "says 'job:"),
    Mutation("return code in a log", "{F}/test/ptychi.log", text("return code: 0", "return code: 3"),
             ITERATIVE, "says 3"),
    Mutation("figure of an object", "{F}/test/reconstruction_visualization.png", flipped, ITERATIVE,
             "another checksum"),
]  # fmt: skip

REPORTS = [
    Mutation("failed comparison", LIST, in_json("n_failed", 1), LISTED, "1 failed"),
    Mutation("comparison not listed", LIST, without("jobs/1"), LISTED, "does not list dense/test"),
    Mutation("exit status", LIST, in_json("execution_results/1/returncode", 1), LISTED,
             "exit status 1"),
    Mutation("list cut", LIST, cut, LISTED, "JSON"),
    Mutation("summary digit", SUMS, in_json("jobs/0/metrics/1/amplitude", 0.5), SUMMARY,
             "jobs.0.metrics.1.amplitude is 0.5"),
    Mutation("average digit", SUMS, in_json("aggregate_metrics/Baseline/mae/mean_phase", 0.5), SUMMARY,
             "mean_phase is 0.5"),
    Mutation("score left out", SUMS, in_json("jobs/1/metrics/0/phase", None), SUMMARY,
             "jobs.1.metrics.0.phase"),
    Mutation("job too many", SUMS, in_json("jobs", lambda held: [*held, held[0]]), SUMMARY, "jobs"),
    Mutation("summary cut", SUMS, cut, SUMMARY, "JSON"),
    Mutation("table digit", "{A}/metrics_summary.md", digit(r"\| Baseline \| mae \| "), SUMMARY_TEXT, "says"),
    Mutation("no tables", "{A}/metrics_summary.md", gone, SUMMARY_TEXT, "not found"),
    Mutation("report digit", "{A}/aggregate_report.md", digit(r"^\| PtyChi \| "), HIGHLIGHTS, "says"),
    Mutation("highlight digit", "{A}/aggregate_highlights.txt", digit(r"^Baseline amplitude/phase: "),
             HIGHLIGHTS, "says"),
    Mutation("digest digit", "{A}/metrics_digest.md", digit(r"^\| Baseline \| "), DIGEST, "says"),
    Mutation("digest without a section", "{A}/metrics_digest.md", text("## Pipeline Summary", "## Summary"),
             DIGEST, "Pipeline Summary"),
    Mutation("delta digit", "{A}/metrics_delta_summary.json", in_json("deltas/vs_Baseline/mae/phase", 0.5),
             DELTAS, "vs_Baseline.mae.phase is 0.5"),
    Mutation("delta left out", "{A}/metrics_delta_summary.json",
             in_json("deltas/vs_PtyChi/ms_ssim/phase", None), DELTAS, "vs_PtyChi.ms_ssim.phase"),
    Mutation("deltas of another summary", "{A}/metrics_delta_summary.json", in_json("source_sha256",
             "0" * 64),
             DELTAS, "was made from another"),
    Mutation("delta line digit", "{A}/metrics_delta_highlights.txt", digit("amplitude "), DELTA_LINES,
             "vs_Baseline.ms_ssim amplitude"),
    Mutation("preview with amplitudes", "{A}/metrics_delta_highlights_preview.txt",
             text("MAE Δ (PtychoPINN - PtyChi): ", "MAE Δ (PtychoPINN - PtyChi): amplitude "), DELTA_LINES,
             "phase only"),
    Mutation("preview digit", "{A}/metrics_delta_highlights_preview.txt", digit(r"Baseline\): "), DELTA_LINES,
             "vs_Baseline.ms_ssim phase"),
    Mutation("grid cell", "{A}/ssim_grid_summary.md", digit(r"^\| vs_PtyChi \| "), GRID, "says"),
    Mutation("no grid", "{A}/ssim_grid_summary.md", gone, GRID, "not found"),
]  # fmt: skip

TRACES = [
    Mutation("transcript without a banner", TRANSCRIPT, pattern(r"^\[3/13\] ", "[x] "), LOGS, "[3/13]"),
    Mutation("no transcript", TRANSCRIPT, gone, LOGS, "not found"),
    Mutation("no log of a phase", "cli/phase_f_dense_test.log", gone, LOGS, "not found"),
    Mutation("no log of a report", "cli/metrics_digest_cli.log", gone, LOGS, "not found"),
    Mutation("no record of a step", "{S}-reconstruct-dense-test/record.json", gone, LOGS, "no record",
             names="ptychi_reconstruction.npz"),
    Mutation("log cut", "cli/phase_c_generation.log", cut, INVENTORY, "logs may only grow", False),
    Mutation("transcript without success", TRANSCRIPT, text("reused", "REUSED"), INVENTORY,
             "logs may only grow", False),
    Mutation("line gone", LINES, text("data/phase_c/run_manifest.json\n", ""), INVENTORY,
             "has no data/phase_c/run_manifest.json", False),
    Mutation("line too many", LINES, pattern("^data/phase_c", "data/none.npz\ndata/phase_c"), INVENTORY,
             "'data/none.npz' is not there", False),
    Mutation("line twice", LINES, text("study.toml", "study.toml\nstudy.toml"), INVENTORY,
             "is listed twice", False),
    Mutation("absolute line", LINES, pattern("^data/phase_c", "/data/phase_c"), INVENTORY,
             "is absolute", False),
    Mutation("digest listed wrongly", "{A}/artifact_digests.tsv", pattern(r"^\w(\w{63}\t\d+\tstudy.toml)",
             r"x\1"),
             INVENTORY, "differs from", False, names="study.toml"),
    Mutation("study", "study.toml", text("epochs = 6", "epochs = 7"), INVENTORY, "differs from", False),
    Mutation("lines of comparisons", "{A}/comparison_summary.txt", text("ok", "no"), INVENTORY,
             "differs from", False),
    Mutation("new file", "data/phase_e/new.h5", new, INVENTORY, "is not listed", False),
]  # fmt: skip

TABLE = [*COMPARISON, *PHASE_C, *PHASE_D, *PHASE_E, *PHASE_F, *REPORTS, *TRACES]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A finished hub of real phases: a copy whose files are changed and brought back."""
    whole = finished_hub(tmp_path_factory)
    return Hub(Path(shutil.copytree(whole.root, tmp_path_factory.mktemp("mutated") / "hub")))


def run_on(hub: Hub, command: str, *words: str) -> int:
    return main([command, "--hub", str(hub.root), *words])


def verified(hub: Hub) -> tuple[int, dict[str, str]]:
    """Verify; the exit status, and what was found by check."""
    status = run_on(hub, "verify", "--dose", str(DOSE), "--view", "dense")
    report = json.loads(hub.reports().verification.read_text())
    return status, {each["description"]: each["error"] for each in report["validations"] if not each["valid"]}


def test_a_finished_hub_holds(hub: Hub) -> None:
    run_on(hub, "inventory")
    assert verified(hub) == (0, {})


@pytest.mark.parametrize("mutation", TABLE, ids=lambda each: each.name.replace(" ", "-"))
def test_a_change_is_found_by_name(
    hub: Hub, tmp_path: Path, mutation: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what only computing again finds is in tests/phases/comparison/test_verified.py: here it would take hours
    monkeypatch.setattr(Recomputation, "__call__", lambda *_: [])
    paths = [hub.root / name for name in mutation.paths.format(**PLACES).split()]
    reports = hub.reports()
    kept = list(dict.fromkeys([*paths, reports.inventory, reports.digests]))
    with restored(kept, tmp_path):
        mutation.edit(*paths)
        if mutation.retaken:
            assert run_on(hub, "inventory") == 0
        status, found = verified(hub)
    assert status == 1
    assert mutation.check in found, found
    error = found[mutation.check]
    assert mutation.said in error
    assert (mutation.names or paths[0].name) in error
    if mutation.retaken:
        assert INVENTORY not in found


def test_the_hub_is_what_it_was_before_all_changes(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """By all of its digests, those of the canvases among them: what follows from these still does."""
    monkeypatch.setattr(Recomputation, "__call__", lambda *_: [])
    assert verified(hub) == (0, {})
