"""Evidence names the arms that it compares: one added, changed or removed makes it stale, of any kind."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hubs import DOSE, make_split
from own_networks import write_memorised
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.records.manifest import read_manifest

pytestmark = pytest.mark.usefixtures("undrawn_throughout")

DEBUG = f"dose_{DOSE}-dense-train-debug"
CODE = """
import numpy as np

def phase(scan, plan, grid, argument):
    return np.exp(1j * np.indices(grid.shape).sum(0) / float(argument)), np.ones(grid.shape)
"""
ARMS = {
    "Code": 'reconstructor = "lab-phase:9"',
    "File": 'path = "mine/file.npz"',
    "Keyed": 'path = "mine/file.npz:object"',
    "Net": 'network = "mine/net.onnx"',
}
CHANGED = {
    "Code": 'reconstructor = "lab-phase:7"',
    "File": 'path = "mine/other.npz"',
    "Keyed": 'path = "mine/file.npz:second"',
    "Net": 'network = "mine/other.onnx"',
}
SAID = {
    "Code": "setting reconstructors.Code",
    "File": "input File",
    "Keyed": "setting keys.Keyed",
    "Net": "input Net",
}


def install(site: Path, version: str) -> None:
    """Write a package that declares a reconstructor, as pip would."""
    shutil.rmtree(site, ignore_errors=True)
    info = site / f"labphase-{version}.dist-info"
    info.mkdir(parents=True)
    (site / "labphase.py").write_text(CODE)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: labphase\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("[ptycho_compare.reconstructors]\nlab-phase = labphase:phase\n")
    importlib.invalidate_caches()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("installed") / "site"
    install(folder, "1.0")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


def with_files(hub: Path) -> Path:
    (hub / "mine").mkdir()
    for number, name in enumerate(("file", "other")):
        values = make_split(0)["objectGuess"] * np.exp(0.01j * number)
        image = values.astype(np.complex64)
        np.savez(hub / f"mine/{name}.npz", object=image, second=image.conj())
        write_memorised(hub / f"mine/{'net' if number == 0 else name}.onnx", make_split(number))
    return hub


def add(file: Path, arms: dict[str, str]) -> None:
    with file.open("a") as study:
        study.write("".join(f"\n[arms.{name}]\n{text}\n" for name, text in arms.items()))


@pytest.fixture(scope="module")
def without(quick_compared_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence without arms of the study's own, and the files of some."""
    return with_files(Path(shutil.copytree(quick_compared_hub, tmp_path_factory.mktemp("without") / "hub")))


@pytest.fixture(scope="module")
def compared(without: Path, site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence with an arm of each kind."""
    hub = Path(shutil.copytree(without, tmp_path_factory.mktemp("with") / "hub"))
    add(hub / "study.toml", ARMS)
    assert main(["compare", DEBUG, "--hub", str(hub)]) in (0, 1)
    return hub


def stale_of(hub: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the gate's verdict says of the comparison's freshness."""
    main(["gate", "--hub", str(hub), "--require", "debug"])
    capsys.readouterr()
    comparisons = json.loads(Hub(hub).verdict().record.read_text())["comparisons"]
    (judged,) = (each for each in comparisons if each["id"] == DEBUG)
    return "\n".join(str(found) for found in judged["findings"] if "stale" in str(found))


@pytest.mark.parametrize("file", ["study.toml", "arms.toml"])
@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_that_is_added_is_told(
    arm: str, file: str, without: Path, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(without, tmp_path / "hub"))
    assert stale_of(hub, capsys) == ""
    add(hub / file, {arm: ARMS[arm]})
    assert f"{SAID[arm]} was None, is " in stale_of(hub, capsys)


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_that_is_changed_or_removed_is_told(
    arm: str, compared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Path(shutil.copytree(compared, tmp_path / "hub"))
    assert stale_of(hub, capsys) == ""
    study = hub / "study.toml"
    text = study.read_text()
    study.write_text(text.replace(ARMS[arm], CHANGED[arm]))
    assert f"{SAID[arm]} was " in stale_of(hub, capsys)
    study.write_text(text.replace(f"[arms.{arm}]\n{ARMS[arm]}\n", ""))
    told = stale_of(hub, capsys)
    assert f"{SAID[arm]} was " in told
    assert ", is None" in told


def test_another_version_of_the_package_that_declares_it_is_told(
    compared: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "1.1")
    try:
        assert "version of reconstructor Code was labphase 1.0, is labphase 1.1" in stale_of(compared, capsys)
    finally:
        install(site, "1.0")


def test_evidence_without_reconstructors_and_keys_says_nothing_of_any(without: Path, compared: Path) -> None:
    def of(hub: Path) -> Artifacts:
        return Artifacts(Hub(hub).comparison_dir(DOSE, "dense", "train", "debug"))

    plain, own = (read_manifest(of(hub).manifest) for hub in (without, compared))
    assert own.settings.pop("reconstructors") == {"Code": "lab-phase:9"}
    assert own.settings.pop("keys") == {"Keyed": "object"}
    assert own.settings.keys() == plain.settings.keys()
    assert own.versions.keys() - plain.versions.keys() == {"reconstructor Code"}
