"""Arms of every kind beside the usual three: files, bundles, halves, a user's own code."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from hubs import DOSE, request_on
from ptycho_compare.checks import judge_comparison
from ptycho_compare.errors import ArmError, InputError
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.phases.comparison import network
from ptycho_compare.phases.comparison.compare import compare
from ptycho_compare.phases.comparison.request import ArmRequest
from ptycho_compare.reconstruction.image_source import ImageSource, parse_source
from ptycho_compare.reconstruction.user_made import parse_user_source, user_made
from ptycho_compare.records.tables.metrics_csv import MetricRow, read_metrics_csv

pytestmark = pytest.mark.usefixtures("undrawn", "built_once")

USER_CODE = '''
import numpy as np

def average(scan, plan, grid, argument):
    """Paint the mean amplitude of the images measured nearby; a real code would reconstruct."""
    total, weight = np.zeros(grid.shape, complex), np.zeros(grid.shape)
    for image in np.unique(plan.groups):
        column, row = np.rint(scan.positions[image]).astype(int) - int(argument)
        place = np.s_[row : row + 2 * int(argument), column : column + 2 * int(argument)]
        total[place] += scan.diffraction.read(np.array([image])).mean() * np.exp(0.1j * image)
        weight[place] += 1
    return total / np.maximum(weight, 1), weight

def retrieving(scan, plan, grid, argument):
    values, weight = average(scan, plan, grid, "8")
    probe = scan.probe if argument == "given" else np.roll(scan.probe, 1, axis=0)
    return values, weight, 2 * probe

def broken(scan, plan, grid, argument):
    raise RuntimeError("out of ideas")

def wrong(scan, plan, grid, argument):
    return np.ones((2, 2)), np.ones((2, 2))

def odd(scan, plan, grid, argument):
    return np.ones(grid.shape, complex), np.ones(grid.shape), np.ones((2, 3), complex)
'''

NAMES = ("average", "retrieving", "broken", "wrong", "odd")


@pytest.fixture
def user_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that declares reconstructors, as pip would."""
    site = tmp_path / "site"
    info = site / "labcode-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "labcode.py").write_text(USER_CODE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: labcode\nVersion: 1.0\n")
    names = "".join(f"lab-{name} = labcode:{name}\n" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[ptycho_compare.reconstructors]\n{names}")
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()


def rows_of(folder: Path) -> dict[tuple[str, str], MetricRow]:
    return {(row.model, row.metric): row for row in read_metrics_csv(folder / "comparison_metrics.csv")}


def ptychi_of(hub: Path) -> np.ndarray:
    with np.load(Hub(hub).ptychi(DOSE, "dense", "train")) as arrays:
        return np.asarray(arrays["reconstructed_object"])


def test_any_number_of_files_become_arms(small_hub: Path, tmp_path: Path) -> None:
    values = ptychi_of(small_hub)
    with h5py.File(tmp_path / "product.h5", "w") as file:
        file["deep/inside"] = values[np.newaxis]
    np.save(tmp_path / "plain.npy", 2j * values)
    more = [
        ArmRequest("FromHdf5", parse_source(f"{tmp_path}/product.h5:deep/inside")),
        ArmRequest("FromNpy", parse_source(f"{tmp_path}/plain.npy")),
    ]
    scorecard = compare(
        request_on(small_hub, tmp_path / "out", *more, networks=False), command=["test"], console_level=None
    )
    assert [(score.arm, score.status) for score in scorecard.arms] == [
        ("PtyChi", "ok"),
        ("FromHdf5", "ok"),
        ("FromNpy", "ok"),
    ]
    rows = rows_of(tmp_path / "out")
    # the same picture three times, in other gauges: the same scores, and nobody is better
    for metric in ("mae", "ssim", "fienup", "r_factor"):
        numbers = [rows[arm, metric] for arm in ("PtyChi", "FromHdf5", "FromNpy")]
        for part in ("amplitude", "phase", "value"):
            found = [getattr(row, part) for row in numbers]
            assert found == [pytest.approx(found[0], abs=2e-6) if found[0] is not None else None] * 3
    assert judge_comparison(tmp_path / "out", required=["PtyChi", "FromHdf5", "FromNpy"]) == []
    assert (tmp_path / "out/frc_plot.png").is_file()
    assert (tmp_path / "out/fromhdf5_frc_curves.csv").is_file()


def test_a_bundle_by_name_is_one_more_network(small_hub: Path, tmp_path: Path) -> None:
    folder = Hub(small_hub).baseline_dir(DOSE)
    more = [
        ArmRequest("ByFolder", ImageSource(folder)),
        ArmRequest("ByFile", ImageSource(folder / "wts.h5.zip")),
    ]
    scorecard = compare(
        request_on(small_hub, tmp_path, *more, ready_made=None, groups=40),
        command=["test"],
        console_level=None,
    )
    images = {score.arm: score.image for score in scorecard.arms}
    for name in ("ByFolder", "ByFile"):
        np.testing.assert_array_equal(images[name], images["Baseline"])


def test_a_users_own_code_is_an_arm(small_hub: Path, tmp_path: Path, user_package: None) -> None:
    more = [
        ArmRequest("Mine", parse_user_source("lab-average:8")),
        ArmRequest("Broken", parse_user_source("lab-broken")),
        ArmRequest("Wrong", parse_user_source("lab-wrong")),
    ]
    scorecard = compare(
        request_on(small_hub, tmp_path, *more, networks=False), command=["test"], console_level=None
    )
    reasons = {score.arm: (score.status, score.reason) for score in scorecard.arms}
    assert reasons["PtyChi"] == reasons["Mine"] == ("ok", "")
    assert reasons["Broken"] == ("failed", "RuntimeError: out of ideas")
    assert reasons["Wrong"][1].startswith(
        "ArmError: lab-wrong: returned float64(2, 2) and float64(2, 2); needed"
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert set(manifest["inputs"]) == {"test_data", "PtyChi"}
    assert manifest["arms"]["Mine"]["seconds"]["computation_s"] >= 0
    assert manifest["arms"]["Mine"]["details"]["parameters"] == {"reconstructor": "lab-average:8"}


def test_a_probe_of_its_own_frees_an_arms_ramp_and_a_copy_does_not(
    small_hub: Path, tmp_path: Path, user_package: None
) -> None:
    more = [
        ArmRequest("Own", parse_user_source("lab-retrieving:own")),
        ArmRequest("Copy", parse_user_source("lab-retrieving:given")),
        ArmRequest("None", parse_user_source("lab-average:8")),
    ]
    with np.load(Hub(small_hub).split_data(DOSE, "dense", "train")) as scan:
        probes = {"OwnFile": np.roll(scan["probeGuess"], 1, axis=0), "CopiedFile": 3j * scan["probeGuess"]}
    for name, probe in probes.items():
        np.savez(tmp_path / f"{name}.npz", object=ptychi_of(small_hub), probe=probe)
        more.append(ArmRequest(name, ImageSource(tmp_path / f"{name}.npz")))
    compare(
        request_on(small_hub, tmp_path / "out", *more, networks=False, ready_made=None),
        command=["test"],
        console_level=None,
    )
    rows = rows_of(tmp_path / "out")
    notes = {name: rows[name, "gauge_ramp_x"].note for name in ("Own", "Copy", "None", *probes)}
    for name in ("Own", "OwnFile"):
        assert notes.pop(name) == "removed: its probe was retrieved with it"
    for note in notes.values():
        assert note.endswith("not removed: no probe was retrieved with it")
    assert ("Own", "r_factor_own_probe") in rows
    assert ("None", "r_factor_own_probe") not in rows
    gauges = json.loads((tmp_path / "out/manifest.json").read_text())["arms"]
    assert gauges["Own"]["details"]["gauge"]["ramp_removed"]


def test_what_a_users_code_returns_is_checked(user_package: None) -> None:
    from ptycho_compare.reconstruction.canvas import Grid

    with pytest.raises(ArmError, match="needed: complex and real, both"):
        user_made(parse_user_source("lab-wrong"), None, None, Grid((0, 0), (3, 4)))  # type: ignore[arg-type]
    with pytest.raises(ArmError, match=r"returned 1 more arrays, complex128\(2, 3\); needed: no more, or a"):
        user_made(parse_user_source("lab-odd"), None, None, Grid((0, 0), (3, 4)))  # type: ignore[arg-type]


def test_a_reconstructor_nobody_declares_is_refused(
    small_hub: Path, tmp_path: Path, user_package: None
) -> None:
    request = request_on(small_hub, tmp_path / "out", ArmRequest("Mine", parse_user_source("lab-unknown")))
    with pytest.raises(InputError, match=r"no installed package declares .* known: lab-average, lab-broken"):
        compare(request, command=["test"], console_level=None)
    assert not (tmp_path / "out").exists()


def test_two_arms_of_one_name_are_refused(small_hub: Path, tmp_path: Path) -> None:
    request = request_on(
        small_hub,
        tmp_path / "out",
        ArmRequest("ptychi", ImageSource(Hub(small_hub).ptychi(DOSE, "dense", "train"))),
    )
    with pytest.raises(InputError, match="arms 'PtyChi' and 'ptychi' would share file names"):
        compare(request, command=["test"], console_level=None)


def test_no_arm_at_all_is_refused(small_hub: Path, tmp_path: Path) -> None:
    request = request_on(small_hub, tmp_path / "out", networks=False, ready_made=None)
    with pytest.raises(InputError, match="no arm to compare"):
        compare(request, command=["test"], console_level=None)


def test_two_halves_of_a_ready_made_arm_are_compared(small_hub: Path, tmp_path: Path) -> None:
    values = ptychi_of(small_hub)
    rng = np.random.default_rng(5)
    for name in ("even", "odd"):
        noise = rng.standard_normal((2, *values.shape))
        np.save(tmp_path / f"{name}.npy", values + 0.2 * (noise[0] + 1j * noise[1]))
    halves = ImageSource(tmp_path / "even.npy"), ImageSource(tmp_path / "odd.npy")
    np.save(tmp_path / "whole.npy", values)
    more = ArmRequest("Mine", ImageSource(tmp_path / "whole.npy"), halves=halves)
    compare(
        request_on(small_hub, tmp_path / "out", more, networks=False, ready_made=None),
        command=["test"],
        console_level=None,
    )
    rows = rows_of(tmp_path / "out")
    assert rows["Mine", "half_fienup"].reference == "independent_half"
    # two independent noises of 0.2 in each part, against an object of about 1.2
    assert 0.2 < rows["Mine", "half_fienup"].value < 0.5
    assert rows["Mine", "half_frc_half_bit"].value < 0.5
    assert (tmp_path / "out/mine_half_frc_curves.csv").is_file()
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert set(manifest["inputs"]) == {"test_data", "Mine", "Mine, half 1", "Mine, half 2"}


def test_networks_reconstruct_halves_when_asked(small_hub: Path, tmp_path: Path) -> None:
    request = request_on(small_hub, tmp_path, ready_made=None, groups=60, half_data=True)
    scorecard = compare(request, command=["test"], console_level=None)
    rows = rows_of(tmp_path)
    for arm in ("PtychoPINN", "Baseline"):
        assert rows[arm, "half_fienup"].reference == "independent_half"
        assert 0 < rows[arm, "half_fienup"].value < 1
        assert {"half_amplitude", "half_phase", "half_complex"} & set(scorecard.arm(arm).curves)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["arms"]["Baseline"]["seconds"]["half_data_s"] > 0


def test_what_is_far_larger_than_all_else_is_cut_off_and_said(
    small_hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums stay exact: no value leaves the range that the network's response set."""
    load = network.load_predictor

    def exploding(*given: Any, **how: Any) -> Any:
        predictor = load(*given, **how)
        predict, calls = predictor.predict, []

        def wild(images: np.ndarray, offsets: np.ndarray) -> np.ndarray:
            calls.append(len(images))
            patches = predict(images, offsets)
            return patches * np.float32(1e9) if len(calls) == 3 else patches  # after the response's two

        return SimpleNamespace(**{**vars(predictor), "predict": wild, "warm_up": lambda: 0.0})

    monkeypatch.setattr(network, "load_predictor", exploding)
    compare(request_on(small_hub, tmp_path, groups=24, ready_made=None), command=[], console_level=None)
    log = Artifacts(tmp_path).log.read_text()
    assert re.search(r"WARNING - Baseline: patches hold values up to .*; cut off at \d+", log)
    with np.load(Artifacts(tmp_path).reconstructions) as arrays:
        largest = np.abs(arrays["baseline_complex"]).max()
    assert 2**12 < largest <= 2**24
