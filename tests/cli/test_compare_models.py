"""`compare_models` from the shell's point of view: artifacts, exit status, one line per mistake."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundles import BundleParts, damage_weights, write_bundle, write_supervised_baseline
from hubs import COUNT, DOSE, SHAPE, command_of, make_split
from light import draw_a_pixel
from processes import environment
from ptycho_compare.cli.compare_models import main
from ptycho_compare.reporting.figures import one_arm
from scans import make_scan, write_scan

pytestmark = pytest.mark.usefixtures("undrawn_throughout")
SLOW = pytest.mark.slow
ARMS = ["PtychoPINN", "Baseline", "PtyChi"]
PAIRS = ["mae", "mse", "psnr", "ssim", "ms_ssim", "frc50"]
NO_DRAWS = ["--bootstrap-draws", "0"]
UPSTREAM_COLUMNS = ["model", "metric", "amplitude", "phase", "value"]


def scores(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / "comparison_metrics.csv")


def without_times(output: Path) -> str:
    lines = (output / "comparison_metrics.csv").read_text().splitlines()
    return "\n".join(line for line in lines if "computation_time_s" not in line)


def canvases(output: Path) -> dict[str, np.ndarray]:
    with np.load(output / "reconstructions.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def output(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison of the train split, chunked."""
    output = tmp_path_factory.mktemp("out") / "train"
    assert main(command_of(small_hub, "train", output, "--pinn-chunk-size", "25", "--quiet")) == 0
    return output


@pytest.fixture
def earlier(output: Path, tmp_path: Path) -> Path:
    """A folder with what an earlier run left there."""
    return Path(shutil.copytree(output, tmp_path / "earlier"))


@pytest.fixture(scope="module")
def reference_run(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison of the test split, unchunked, that others must reproduce."""
    output = tmp_path_factory.mktemp("out") / "run"
    assert main(command_of(small_hub, "test", output, "--quiet")) == 0
    return output


class TestArtifacts:
    def test_every_arm_is_complete(self, output: Path) -> None:
        table = scores(output)
        assert list(table.columns[:5]) == UPSTREAM_COLUMNS
        assert list(dict.fromkeys(table.model)) == ARMS
        pairs = table[table.metric.isin(PAIRS)]
        assert len(pairs) == len(ARMS) * len(PAIRS)
        assert pairs[["amplitude", "phase"]].notna().all(axis=None)
        assert (table.status == "ok").all()
        assert table.mask_pixels.nunique() == table.metric_version.nunique() == table.groups.nunique() == 1
        assert (table.groups == COUNT).all()

    def test_the_third_arm_is_the_split_s_own(self, output: Path) -> None:
        """No flag named it; it is better than untrained networks, so its frame was found."""
        fienup = scores(output).query("metric == 'fienup'").set_index("model").value
        assert fienup["PtyChi"] < 0.1 < fienup["PtychoPINN"]

    def test_arrays(self, output: Path) -> None:
        raw, aligned = canvases(output), dict(np.load(output / "reconstructions_aligned.npz"))
        for arm in ("ptychopinn", "baseline", "ptychi", "ground_truth"):
            for part, dtype in (("amplitude", "float32"), ("phase", "float32"), ("complex", "complex64")):
                assert raw[f"{arm}_{part}"].shape == SHAPE
                assert raw[f"{arm}_{part}"].dtype == aligned[f"{arm}_{part}"].dtype == dtype
                assert aligned[f"{arm}_{part}"].shape == aligned["mask"].shape
        truth, mask = aligned["ground_truth_complex"], aligned["mask"]
        error = np.abs(aligned["ptychi_complex"] - truth)[mask].mean()
        mae = scores(output).query("model == 'PtyChi' and metric == 'mae'").amplitude.item()
        assert mae <= error < 0.1
        assert all(array.dtype.kind != "O" for array in [*raw.values(), *aligned.values()])

    def test_files_and_manifest(self, output: Path) -> None:
        manifest = json.loads((output / "manifest.json").read_text())
        assert set(manifest["inputs"]) == {"test_data", *ARMS}
        assert set(manifest["artifacts"]) == {
            "comparison_metrics.csv", "comparison_differences.csv", "frc_cutoffs.csv", "plan.npz",
            "comparison_plot.png", "frc_plot.png", "residual_plot.png", "residuals.npz",
            "pinn_frc_curves.csv", "baseline_frc_curves.csv", "ptychi_frc_curves.csv",
            "reconstructions.npz", "reconstructions_metadata.txt",
            "reconstructions_aligned.npz", "reconstructions_aligned_metadata.txt",
        }  # fmt: skip
        written = {path.name for path in output.iterdir()} - {"manifest.json", "logs", "job"}
        assert written == set(manifest["artifacts"])
        assert manifest["plan"]["groups"] == COUNT
        assert manifest["versions"]["onnxruntime"]
        assert manifest["truth_range"]["amplitude"] == pytest.approx(0.45, abs=0.2)
        assert manifest["mask_pixels"] == scores(output).mask_pixels[0]

    def test_log(self, output: Path) -> None:
        text = (output / "logs" / "logs" / "debug.log").read_text()
        for line in ("chunk 1 PINN patches stats", "chunk 3 PINN patches stats", "baseline_input stats",
                     "chunk 1 baseline_output stats", "baseline_output stats", "first patch amplitude",
                     "first patch phase"):  # fmt: skip
            found = [one for one in text.splitlines() if f"DIAGNOSTIC {line}" in one]
            assert found, line
            if "stats" in line:
                count, total = found[0].rsplit("nonzero_count=", 1)[1].split("/")
                assert 0 < int(count) <= int(total)
        assert "Comparison complete!" in text

    def test_root_logger_and_streams_stay_as_they_are(self, small_hub: Path, tmp_path: Path) -> None:
        import logging

        before = logging.getLogger().handlers[:], sys.stdout, sys.excepthook
        assert main(command_of(small_hub, "train", tmp_path / "o", "--n-test-groups", "24", "--quiet")) == 0
        assert (logging.getLogger().handlers, sys.stdout, sys.excepthook) == before
        assert logging.getLogger("ptycho_compare").handlers == []


class TestInvariance:
    @pytest.mark.parametrize("chunk", [7, pytest.param(16, marks=SLOW), pytest.param(COUNT, marks=SLOW)])
    def test_chunks_change_nothing(
        self, small_hub: Path, tmp_path: Path, reference_run: Path, chunk: int
    ) -> None:
        sizes = ["--pinn-chunk-size", str(chunk), "--baseline-chunk-size", str(chunk)]
        assert main(command_of(small_hub, "test", tmp_path, "--quiet", *sizes)) == 0
        for name in ("reconstructions.npz", "plan.npz"):
            assert (tmp_path / name).read_bytes() == (reference_run / name).read_bytes()
        assert without_times(tmp_path) == without_times(reference_run)

    @pytest.mark.parametrize("batch", [1, pytest.param(16, marks=SLOW)])
    def test_batches_change_nothing(
        self, small_hub: Path, tmp_path: Path, reference_run: Path, batch: int
    ) -> None:
        sizes = ["--pinn-predict-batch-size", str(batch), "--baseline-predict-batch-size", str(batch)]
        assert main(command_of(small_hub, "test", tmp_path, "--quiet", *sizes)) == 0
        for name, array in canvases(reference_run).items():
            np.testing.assert_allclose(canvases(tmp_path)[name], array, atol=1e-6, err_msg=name)
        assert without_times(tmp_path) == without_times(reference_run)

    def test_arms_do_not_change_each_other(
        self, small_hub: Path, tmp_path: Path, reference_run: Path
    ) -> None:
        """The models are loaded in the other order, under other names."""
        words = command_of(small_hub, "test", tmp_path, "--quiet")
        pinn, baseline = words[1], words[3]
        assert main([*words[4:], f"--arm=Single={baseline}", f"--arm=Groups={pinn}"]) == 0
        new, old = canvases(tmp_path), canvases(reference_run)
        np.testing.assert_array_equal(new["groups_complex"], old["ptychopinn_complex"])
        np.testing.assert_array_equal(new["single_complex"], old["baseline_complex"])

    def test_exchanged_bundles_are_refused_by_name(
        self, small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = command_of(small_hub, "test", tmp_path, "--quiet")
        words[1], words[3] = words[3], words[1]
        assert main(words) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert re.search(
            r"gs2.wts.h5.zip: Baseline \(--baseline_dir\) takes single images, and .* 4, as if", line
        )
        assert main([*words[2:]]) == 2  # alone too
        assert "as if" not in capsys.readouterr().err
        legacy = write_supervised_baseline(tmp_path / "net/baseline_model.h5", patch_px=32)
        assert main(["--pinn_dir", str(legacy.parent), *words[4:]]) == 2
        assert "this is a supervised network of single images" in capsys.readouterr().err

    def test_a_dead_arm_leaves_the_others_alone(
        self, own_hub: Path, tmp_path: Path, reference_run: Path
    ) -> None:
        damage_weights(own_hub / f"data/phase_e/dose_{DOSE}/baseline/gs1/wts.h5.zip", "nan")
        assert main(command_of(own_hub, "test", tmp_path, "--quiet")) == 1
        rows = [
            scores(out).query("model != 'Baseline' and metric in @PAIRS").reset_index(drop=True)
            for out in (tmp_path, reference_run)
        ]
        pd.testing.assert_frame_equal(*rows)


@pytest.mark.usefixtures("built_once")
class TestSampling:
    @pytest.mark.parametrize(
        "flags",
        [
            ["--n-test-groups", "24"],
            ["--baseline-debug-limit", "24"],
            ["--n-test-images", "24"],
            ["--n-test-groups", "30", "--baseline-debug-limit", "24"],
        ],
    )
    def test_limits_count_groups_and_hold_for_all_arms(
        self, small_hub: Path, tmp_path: Path, flags: list[str]
    ) -> None:
        assert main(command_of(small_hub, "train", tmp_path, "--quiet", *NO_DRAWS, *flags)) == 0
        plan = np.load(tmp_path / "plan.npz")
        assert plan["groups"].shape == (24, 4)
        assert (scores(tmp_path).groups == 24).all()

    def test_a_subsample_thins_the_scan(self, small_hub: Path, tmp_path: Path) -> None:
        seeds = {}
        for seed in ("1", "2", "1"):
            flags = ["--n-test-subsample", "40", "--test-subsample-seed", seed, "--quiet", *NO_DRAWS]
            words = command_of(small_hub, "train", tmp_path, *flags)
            assert main([*words[4:], f"--arm=Single={words[3]}"]) == 0
            images = np.unique(np.load(tmp_path / "plan.npz")["groups"])
            assert len(images) == 40
            assert (seeds.setdefault(seed, images) == images).all()
        assert (seeds["1"] != seeds["2"]).any()

    def test_more_groups_than_images_is_said(self, small_hub: Path, tmp_path: Path) -> None:
        flags = ["--quiet", *NO_DRAWS, "--n-test-groups", "999"]
        assert main(command_of(small_hub, "train", tmp_path, *flags)) == 0
        (warning,) = json.loads((tmp_path / "manifest.json").read_text())["warnings"][-1:]
        assert "999 groups were asked for and there are 100 images" in warning


@pytest.mark.usefixtures("built_once")
class TestDeadArms:
    @pytest.mark.parametrize(
        ("arm", "how", "reason"),
        [
            ("Baseline", "zero", "constant:|flat:|zero:|mostly_empty:"),
            ("Baseline", "flat", "constant:|flat:|mostly_empty:"),
            pytest.param("Baseline", "nan", "non_finite:", marks=SLOW),
            pytest.param("PtychoPINN", "zero", "constant:|flat:|zero:|mostly_empty:", marks=SLOW),
            pytest.param("PtychoPINN", "flat", "constant:|flat:|mostly_empty:", marks=SLOW),
            ("PtychoPINN", "nan", "non_finite:"),
        ],
    )
    def test_exit_1_names_the_arm(
        self,
        own_hub: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        arm: str,
        how: str,
        reason: str,
    ) -> None:
        folder = "dense/gs2" if arm == "PtychoPINN" else "baseline/gs1"
        damage_weights(own_hub / f"data/phase_e/dose_{DOSE}/{folder}/wts.h5.zip", how)
        output = tmp_path / "out"
        assert main(command_of(own_hub, "train", output, "--quiet", *NO_DRAWS, "--n-test-groups", "48")) == 1
        errors = capsys.readouterr().err
        assert f"{arm}: failed: " in errors
        table = scores(output)
        dead = table[(table.model == arm) & table.metric.isin(PAIRS)]
        assert len(dead) == len(PAIRS)
        assert dead[["amplitude", "phase"]].isna().all(axis=None)
        assert (dead.status == "failed").all()
        assert dead.note.str.match(reason).all()
        alive = table[(table.model != arm) & table.metric.isin(PAIRS)]
        assert alive[["amplitude", "phase"]].notna().all(axis=None)
        assert f"{arm.lower()}_complex" in canvases(output)

    def test_a_nan_that_relu_hides_is_found_in_the_weights(self, own_hub: Path, tmp_path: Path) -> None:
        """oneDNN's relu makes 0 of NaN: the output looks plausible."""

        def break_first_kernel(parts: BundleParts) -> None:
            parts.weights["layers/conv2d/vars/0"][0, 0, 0, 0] = np.nan

        bundle = own_hub / f"data/phase_e/dose_{DOSE}/baseline/gs1/wts.h5.zip"
        write_bundle(bundle, gridsize=1, patch_px=32, nphotons=DOSE, seed=1, edit=break_first_kernel)
        assert main(command_of(own_hub, "train", tmp_path, "--quiet", "--n-test-groups", "24")) == 1
        reason = json.loads((tmp_path / "manifest.json").read_text())["arms"]["Baseline"]["reason"]
        assert re.fullmatch(r"non_finite: 1 of \d+ weights are not finite \(in conv2d\)", reason)

    def test_a_reconstruction_that_cannot_be_registered(self, small_hub: Path, tmp_path: Path) -> None:
        noise = np.random.default_rng(0).standard_normal((2, 70, 86))
        np.savez(tmp_path / "r.npz", reconstructed_object=(noise[0] + 1j * noise[1]).astype(np.complex64))
        flags = ["--quiet", "--tike_recon_path", str(tmp_path / "r.npz")]
        assert main(command_of(small_hub, "train", tmp_path / "out", *flags)) == 1
        assert scores(tmp_path / "out").query("model == 'PtyChi'").status.eq("failed").all()


class TestFlags:
    @pytest.mark.usefixtures("built_once")
    def test_every_flag_of_ptychopinn_is_accepted(
        self, small_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(one_arm, "save", draw_a_pixel)  # tests/reporting looks at what they show
        flags = """
            --p_min 5 --p_max 95 --pinn_phase_vmin -1 --pinn_phase_vmax 1
            --baseline_phase_vmin -1 --baseline_phase_vmax 1 --register-ptychi-only
            --save-npz --save-npz-aligned --save-debug-images --console-level ERROR
            --phase-align-method mean --frc-sigma 1 --ms-ssim-sigma 1.0
            --n-test-groups 30 --n-test-subsample 60 --test-subsample-seed 1
            --n-test-images 30 --n-subsample 60 --subsample-seed 1
            --stitch-crop-size 14 --fixed-canvas --baseline-debug-limit 30
            --baseline-chunk-size 5 --pinn-chunk-size 5
            --baseline-predict-batch-size 4 --pinn-predict-batch-size 4
        """.split()  # noqa: SIM905 - laid out as people type them
        flags += ["--baseline-debug-dir", str(tmp_path / "debug")]
        assert main(command_of(small_hub, "train", tmp_path / "out", *flags)) == 0
        debug = np.load(tmp_path / "debug/baseline_debug.npz")
        assert debug["baseline_output"].shape == debug["baseline_input"].shape[:3]
        assert not debug["baseline_offsets"].any()
        statistics = json.loads((tmp_path / "debug/baseline_debug_stats.json").read_text())
        assert statistics["output"]["nonzero_count"] > 0
        assert statistics["inference_time_seconds"] > 0
        assert sorted(path.parent.name for path in (tmp_path / "out").glob("debug_images_*/phase.png")) == [
            f"debug_images_{arm}" for arm in sorted(ARMS)
        ]

    @pytest.mark.usefixtures("built_once")
    def test_what_has_no_effect_is_said(
        self, small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        short = ["--quiet", "--n-test-groups", "24"]
        idle = ["--phase-align-method", "plane", "--ms-ssim-sigma", "1.0", "--fixed-canvas"]
        idle += ["--baseline_phase_vmin", "0.5"]
        assert main(command_of(small_hub, "train", tmp_path, *short, *idle, "--n-test-images", "30")) == 0
        notes = [line for line in capsys.readouterr().err.splitlines() if "compare_models: note: " in line]
        for message in (
            "--phase-align-method has no effect",
            "--ms-ssim-sigma has no effect",
            "--fixed-canvas has no effect",
            "--baseline_phase_vmin and --baseline_phase_vmax have an effect together only; give both",
            "--n-test-images is deprecated; use --n-test-groups",
        ):
            assert sum(message in line for line in notes) == 1, message

    @pytest.mark.usefixtures("built_once")
    def test_npz_can_be_left_out_and_an_old_one_does_not_stay(self, small_hub: Path, earlier: Path) -> None:
        assert len(list(earlier.glob("reconstructions*.npz"))) == 2
        flags = ["--quiet", "--n-test-groups", "24", "--no-save-npz", "--no-save-npz-aligned"]
        assert main(command_of(small_hub, "train", earlier, *flags)) == 0
        assert list(earlier.glob("*reconstructions*")) == []

    @pytest.mark.usefixtures("built_once")
    def test_an_old_third_arm_does_not_stay(self, own_hub: Path, earlier: Path) -> None:
        assert (earlier / "ptychi_frc_curves.csv").exists()
        shutil.rmtree(own_hub / "data/phase_f")
        assert main(command_of(own_hub, "train", earlier, "--quiet", "--n-test-groups", "24")) == 0
        assert not (earlier / "ptychi_frc_curves.csv").exists()

    @pytest.mark.usefixtures("built_once")
    def test_frames_may_be_taken_as_laid(self, small_hub: Path, tmp_path: Path) -> None:
        short = ["--quiet", "--n-test-groups", "48"]
        assert main(command_of(small_hub, "train", tmp_path, *short, "--skip-registration")) == 0
        offsets = scores(tmp_path).query("model == 'PtyChi' and metric.str.startswith('registration')")
        assert not offsets.note.eq("applied").any()


@pytest.mark.usefixtures("built_once")
class TestOtherInputs:
    def test_a_supervised_baseline_chunked_and_whole(self, own_hub: Path, tmp_path: Path) -> None:
        folder = own_hub / f"data/phase_e/dose_{DOSE}/baseline/gs1"
        (folder / "wts.h5.zip").unlink()
        (folder / "20251114_baseline_gs1").mkdir()
        write_supervised_baseline(folder / "20251114_baseline_gs1/baseline_model.h5", patch_px=32)
        for name, flags in (("whole", []), ("chunked", ["--baseline-chunk-size", "7"])):
            short = ["--quiet", "--n-test-groups", "48", *flags]
            assert main(command_of(own_hub, "train", tmp_path / name, *short)) == 0
        assert without_times(tmp_path / "whole") == without_times(tmp_path / "chunked")
        images = [canvases(tmp_path / name)["baseline_complex"] for name in ("whole", "chunked")]
        np.testing.assert_array_equal(*images)

    def test_without_a_truth_there_are_other_scores_and_that_is_said(
        self, own_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arrays = make_split()
        del arrays["objectGuess"]
        write_scan(own_hub / f"data/phase_c/dose_{DOSE}/patched_train.npz", arrays)
        short = ["--quiet", "--n-test-groups", "48"]
        assert main(command_of(own_hub, "train", tmp_path, *short, "--no-half-data")) == 0
        said = capsys.readouterr().err
        assert "no true object: arms are judged by their residual" in said
        assert "PtyChi and Baseline differ by 0." in said
        assert "ground_truth_complex" not in canvases(tmp_path)
        assert scores(tmp_path).metric.isin(["r_factor"]).sum() == 3
        assert not scores(tmp_path).metric.str.startswith("half_").any()

    def test_another_dose_is_a_warning(self, own_hub: Path, tmp_path: Path) -> None:
        write_bundle(
            own_hub / f"data/phase_e/dose_{DOSE}/dense/gs2/wts.h5.zip",
            gridsize=2,
            patch_px=32,
            nphotons=1e6,
            seed=2,
        )
        assert main(command_of(own_hub, "train", tmp_path, "--quiet", "--n-test-groups", "24")) == 0
        warnings = json.loads((tmp_path / "manifest.json").read_text())["warnings"]
        assert any(
            "PtychoPINN was trained at 1e+06 photons and the scan has 1000" in line for line in warnings
        )


MISTAKES = {
    "no model": (lambda hub: shutil.rmtree(hub / f"data/phase_e/dose_{DOSE}/baseline"), [], "baseline/gs1"),
    "truncated bundle": (
        lambda hub: truncate(hub / f"data/phase_e/dose_{DOSE}/dense/gs2/wts.h5.zip"),
        [],
        "not a readable zip",
    ),
    "no scan": (
        lambda hub: (hub / f"data/phase_c/dose_{DOSE}/patched_train.npz").unlink(),
        [],
        "no such file or folder (--test_data)",
    ),
    "truncated scan": (
        lambda hub: truncate(hub / f"data/phase_c/dose_{DOSE}/patched_train.npz"),
        [],
        "not a readable zip",
    ),
    "other N": (
        lambda hub: write_scan(
            hub / f"data/phase_c/dose_{DOSE}/patched_train.npz",
            make_scan(count=20, side=16, height=64, width=64),
        ),
        [],
        "takes images of 32 x 32 px and",
    ),
    "few images": (
        lambda hub: write_scan(
            hub / f"data/phase_c/dose_{DOSE}/patched_train.npz",
            make_scan(count=3, side=32, height=96, width=96),
        ),
        [],
        "a group needs 4 images and there are 3",
    ),
    "few after thinning": (
        lambda hub: None,
        ["--n-test-subsample", "3"],
        "a group needs 4 images and there are 3",
    ),
    "few neighbours": (lambda hub: None, ["--neighbors", "2"], "need at least 3 neighbours"),
    "crop too large": (
        lambda hub: None,
        ["--stitch-crop-size", "33"],
        "--stitch-crop-size is 33; needed: 1 to N = 32",
    ),
    "crop zero": (lambda hub: None, ["--stitch-crop-size", "0"], "--stitch-crop-size is 0"),
    "no reconstruction": (
        lambda hub: None,
        ["--tike_recon_path", "none.npz"],
        "none.npz: there is no such file",
    ),
}


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_input_is_one_line_and_exit_2(
    own_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    change, flags, message = MISTAKES[mistake]
    change(own_hub)
    output = tmp_path / "out"
    assert main(command_of(own_hub, "train", output, *flags)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "note:" not in line]
    assert len(errors) == 1
    assert errors[0].startswith("compare_models: error: ")
    assert message in errors[0]
    assert not (output / "comparison_metrics.csv").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["--n-test-groups", "0"],
        ["--pinn-chunk-size", "-1"],
        ["--frc-sigma", "-1"],
        ["--frc-sigma", "nan"],
        ["--p_min", "101"],
        ["--p_min", "90", "--p_max", "10"],
        ["--pinn_phase_vmin", "1", "--pinn_phase_vmax", "0"],
        ["--pinn_phase_vmin", "nan", "--pinn_phase_vmax", "0"],
        ["--bootstrap-draws", "-1"],
        ["--bootstrap-draws", "100000000"],  # a study's bound is 100000
        ["--block-px", "0"],
        ["--skip-registration", "--register-ptychi-only"],
        ["--quiet", "--verbose"],
        ["--test-subsample-seed", "-1"],
        ["--no-such-flag"],
    ],
)
def test_bad_arguments_are_exit_2(small_hub: Path, tmp_path: Path, flags: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(command_of(small_hub, "train", tmp_path, *flags))
    assert caught.value.code == 2


def test_an_output_that_is_a_file(
    small_hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(command_of(small_hub, "train", tmp_path / "file")) == 2
    assert "is a file; --output_dir names a folder" in capsys.readouterr().err


def test_bad_input_loses_nothing_of_an_earlier_run(own_hub: Path, earlier: Path) -> None:
    before = {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()}
    truncate(own_hub / f"data/phase_e/dose_{DOSE}/dense/gs2/wts.h5.zip")
    assert main(command_of(own_hub, "train", earlier, "--quiet", "--n-test-groups", "24")) == 2
    assert {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()} == before


def test_bad_input_is_found_before_an_engine_is_loaded(own_hub: Path, tmp_path: Path) -> None:
    truncate(own_hub / f"data/phase_e/dose_{DOSE}/baseline/gs1/wts.h5.zip")
    command = [sys.executable, "-X", "importtime", "-m", "ptycho_compare.cli.compare_models"]
    done = subprocess.run(
        [*command, *command_of(own_hub, "train", tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "| tensorflow" not in done.stderr
    assert "| onnx" not in done.stderr
    assert "| matplotlib" not in done.stderr


def test_the_script_of_the_old_command_lines(light_hub: Path, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "compare_models.py"
    done = subprocess.run(
        [
            sys.executable,
            str(script),
            *command_of(light_hub, "test", tmp_path / "out", "--n-test-groups", "24"),
        ],
        env=environment(light_hub),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "--- Comparison Metrics ---" in done.stdout
    assert "PtyChi,fienup" in done.stdout
