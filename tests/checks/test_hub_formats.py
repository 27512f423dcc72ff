"""A hub's scans are judged by what they are: NPZ, HDF5 or CXI, and by nothing that they do not claim."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hubs import DOSE, SPLITS, make_quick_hub, make_split
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Hub
from ptycho_compare.records.acceptance import read_verdict
from scans import write_hdf5, write_scan
from sharing import shared

KEYS = '\n[scan]\nkeys = { probe = "probeGuess", object = "objectGuess" }\n'
WHERE = ["--dose", str(DOSE), "--view", "dense"]
CLAIMLESS = "there is no '_metadata', and no phase C of ours made these data"
Write = Callable[[Path, dict[str, Any]], object]


def write_as_cxi(path: Path, arrays: dict[str, Any]) -> None:
    """Write a scan as CXI has it: counts, and translations of the sample in metres."""
    wavelength, distance, detector_pixel = 1e-10, 2.0, 75e-6
    side = arrays["diff3d"].shape[-1]
    pixel = wavelength * distance / (side * detector_pixel)
    places = np.stack([arrays["xcoords"], arrays["ycoords"], np.zeros(len(arrays["xcoords"]))], axis=1)
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        detector = "entry_1/instrument_1/detector_1"
        file["entry_1/data_1/data"] = arrays["diff3d"]
        file[f"{detector}/distance"] = distance
        file[f"{detector}/x_pixel_size"] = file[f"{detector}/y_pixel_size"] = detector_pixel
        file["entry_1/instrument_1/source_1/wavelength"] = wavelength
        file["entry_1/sample_1/geometry_1/translation"] = places * pixel
        file["probeGuess"], file["objectGuess"] = arrays["probeGuess"], arrays["objectGuess"]


FORMATS: dict[str, Write] = {"npz": write_scan, "hdf5": write_hdf5, "cxi": write_as_cxi}


def measured(seed: int) -> dict[str, Any]:
    """Return a split as a lab has it: nothing in it says how it came about."""
    return {key: values for key, values in make_split(seed).items() if key != "_metadata"}


@pytest.fixture(scope="session", params=FORMATS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub whose scans lie in one of the formats, with both tiers computed; no test may damage it."""

    def make(root: Path) -> None:
        make_quick_hub(root)
        with (root / "study.toml").open("a") as study:
            study.write(KEYS)
        for seed, split in enumerate(SPLITS):
            path = Hub(root).patched(DOSE, split)
            path.unlink()
            FORMATS[request.param](path, measured(seed))
        for tier in ("debug", "full"):
            for split in SPLITS:
                assert main(["compare", f"dose_{DOSE}-dense-{split}-{tier}", "--hub", str(root)]) == 0
        assert main(["summarize", "--hub", str(root)]) == 0

    return shared(tmp_path_factory, f"format_{request.param}", make)


@pytest.fixture
def hub(made: Path, tmp_path: Path) -> Hub:
    return Hub(Path(shutil.copytree(made, tmp_path / "hub")))


def rows_of(hub: Hub) -> dict[str, dict[str, Any]]:
    """Rows of `verify`, by their description."""
    main(["verify", "--hub", str(hub.root), *WHERE])
    rows = json.loads(hub.reports().verification.read_text())["validations"]
    return {row["description"]: row for row in rows}


@pytest.mark.usefixtures("unplotted")
def test_every_format_passes_the_gate_with_a_word_that_nothing_tells_its_history(hub: Hub) -> None:
    assert main(["gate", "--hub", str(hub.root)]) == 0
    warned = {each.description: each.warnings for each in read_verdict(hub.verdict().record).checks}
    for name in (f"phase C (dose={DOSE})", "Phase C metadata compliance"):
        assert len(warned[name]) == len(SPLITS)
        assert CLAIMLESS in warned[name][0]


def test_every_format_holds_for_verify_and_is_summarized(hub: Hub) -> None:
    rows = rows_of(hub)
    for name in (
        "Phase C data",
        "Phase C metadata compliance",
        "metrics summary JSON",
        "images of their own",
    ):
        assert rows[name]["valid"], rows[name]["error"]
    assert "run phase C again" not in json.dumps(rows)
    assert "write or copy the file again" not in json.dumps(rows)
    told = json.loads(hub.reports().summary.read_text())["phase_c_metadata_compliance"][f"dose_{DOSE}"]
    assert told["train"] == {
        "npz_path": f"data/phase_c/dose_{DOSE}/patched_train.npz",
        "has_metadata": False,
        "has_canonical_transform": False,
        "compliant": True,
        "error": "",
    }


def test_a_damaged_file_of_any_format_is_named_by_both_judges(hub: Hub) -> None:
    path = hub.patched(DOSE, "test")
    path.write_bytes(path.read_bytes()[:300])
    assert main(["gate", "--hub", str(hub.root)]) != 0
    (found,) = [
        each for each in read_verdict(hub.verdict().record).checks if each.description.startswith("phase C")
    ]
    (finding,) = found.findings
    assert finding.startswith(f"input: {hub.relative(path)}: ")
    assert "run phase C again" not in finding
    row = rows_of(hub)["Phase C data"]
    assert not row["valid"]
    assert row["error"] in finding


def test_an_image_of_another_split_is_found_in_every_format(hub: Hub, request: pytest.FixtureRequest) -> None:
    shared_image = measured(1)
    shared_image["diff3d"][3] = measured(0)["diff3d"][5]
    write = FORMATS[request.node.callspec.params["made"]]
    hub.patched(DOSE, "test").unlink()
    write(hub.patched(DOSE, "test"), shared_image)
    error = rows_of(hub)["images of their own"]["error"]
    assert "1 images are images of" in error
    assert "the first is 3, there 5" in error
