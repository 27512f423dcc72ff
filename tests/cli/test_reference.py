"""The blocked run's four commands on a copy of the reference hub, and what must not change them."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from oracles.recomputed import scores
from ptycho_compare.cli.compare_models import main

pytestmark = pytest.mark.slow

DOSE = 1_000_000_000
PINN = "--pinn_dir $HUB/data/phase_e/dose_1000/dense/gs2 "
MODELS = PINN + "--baseline_dir $HUB/data/phase_e/dose_1000/baseline/gs1 "
DATA = "--test_data $HUB/data/phase_c/dose_1000/patched_{split}.npz "
DEBUG = (
    "--output_dir $HUB/analysis/dose_1000/dense/{split}_debug_v4 --n-test-groups 320 --pinn-chunk-size 160 "
    "--pinn-predict-batch-size 16 --baseline-debug-limit 320 --baseline-chunk-size 160 "
    "--baseline-predict-batch-size 16"
)
FULL = (
    "--output_dir $HUB/analysis/dose_1000/dense/{split} --pinn-chunk-size 256 --pinn-predict-batch-size 16 "
    "--baseline-chunk-size 256 --baseline-predict-batch-size 16"
)
COMMANDS = {
    f"{split} {tier}": (MODELS + DATA + rest).replace("{split}", split)
    for split in ("train", "test")
    for tier, rest in (("debug", DEBUG), ("full", FULL))
}
FIENUP_OF_PTYCHI = {"train": 0.10, "test": 0.06}
ARMS = ("PtychoPINN", "Baseline", "PtyChi")
PAIRS = ["mae", "mse", "psnr", "ssim", "ms_ssim", "frc50"]


def run(hub: Path, command: str, *more: str) -> int:
    """Run a command line as it stands but for the hub's path and dose."""
    words = shlex.split(command.replace("$HUB", str(hub)).replace("dose_1000", f"dose_{DOSE}"))
    return main([*words, "--quiet", *more])


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_of_the_blocked_run(reference_hub: Path, name: str) -> None:
    assert run(reference_hub, COMMANDS[name]) == 0
    split, tier = name.split()
    folder = split if tier == "full" else f"{split}_debug_v4"
    output = reference_hub / f"analysis/dose_{DOSE}/dense/{folder}"
    table = pd.read_csv(output / "comparison_metrics.csv").set_index(["model", "metric"])
    for arm in ARMS:
        scores = table.loc[arm].loc[PAIRS]
        assert np.isfinite(scores[["amplitude", "phase"]]).all(axis=None)
    assert table.loc[("PtyChi", "fienup"), "value"] <= FIENUP_OF_PTYCHI[split]
    # its frame is the middle of the positions' bounding box, to a tenth of a pixel
    for axis in ("dy", "dx"):
        assert abs(table.loc[("PtyChi", f"registration_offset_{axis}"), "value"]) < 0.1
    assert_recomputed(output, table)
    assert table.groups.unique().tolist() == [320 if tier == "debug" else 640]
    log = (output / "logs/logs/debug.log").read_text()
    (line,) = [line for line in log.splitlines() if "DIAGNOSTIC baseline_output stats" in line]
    assert float(line.split("mean=")[1].split(",")[0]) > 0
    assert int(line.split("nonzero_count=")[1].split("/")[0]) > 0


def assert_recomputed(output: Path, table: pd.DataFrame) -> None:
    """Compare all scores against the truth with those that another hand makes of the stored images."""
    with np.load(output / "reconstructions_aligned.npz") as stored:  # moved, and without what was removed
        truth, mask = stored["ground_truth_complex"], stored["mask"]
        images = {arm: stored[f"{arm.lower()}_complex"] for arm in ARMS}
    for arm in ARMS:
        rows = table.loc[arm]
        expected = scores(images[arm], truth, mask, ramp_free=False)
        if arm == "PtyChi":  # its ramp is removed there
            del expected["fienup_ramp_kept", "value"]
        found = {key: rows.loc[key[0], key[1]] for key in expected}
        found = {key: number for key, number in found.items() if np.isfinite(number)}
        assert len(found) > 30
        # the table has six decimals
        assert found == pytest.approx({key: expected[key] for key in found}, rel=1e-3, abs=1e-6), arm


@pytest.fixture(scope="module")
def unchunked(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test split on 320 groups, all at once, in batches of 32."""
    hub = tmp_path_factory.mktemp("reference") / "hub"
    shutil.copytree(reference / "hub", hub)
    output = tmp_path_factory.mktemp("out")
    assert (
        run(hub, MODELS + DATA.format(split="test"), "--output_dir", str(output), "--n-test-groups", "320")
        == 0
    )
    return output


@pytest.mark.parametrize(("chunk", "batch"), [(256, 32), (160, 16), (7, 32), (256, 1)])
def test_chunks_and_batches_change_nothing(
    reference: Path, unchunked: Path, tmp_path: Path, chunk: int, batch: int
) -> None:
    sizes = [
        f"--{arm}-{what}={value}"
        for arm in ("pinn", "baseline")
        for what, value in (("chunk-size", chunk), ("predict-batch-size", batch))
    ]
    command = MODELS + DATA.format(split="test")
    assert (
        run(reference / "hub", command, "--output_dir", str(tmp_path), "--n-test-groups", "320", *sizes) == 0
    )
    with np.load(tmp_path / "reconstructions.npz") as new, np.load(unchunked / "reconstructions.npz") as old:
        for key in old:
            np.testing.assert_allclose(new[key], old[key], atol=1e-6, err_msg=key)
    assert table_without_times(tmp_path) == table_without_times(unchunked)


def table_without_times(output: Path) -> list[str]:
    lines = (output / "comparison_metrics.csv").read_text().splitlines()
    return [line for line in lines if ",computation_time_s," not in line]
