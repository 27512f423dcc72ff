"""The page on networks of one's own: its tomls are read, and its recipes export networks that are scored."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundles import write_supervised_baseline
from hubs import DOSE, SIDE, make_split
from ptycho_compare.checks import judge_comparison
from ptycho_compare.cli.ptycho_hub import main
from ptycho_compare.hub import Artifacts, Hub
from ptycho_compare.models.own.declaration import parse_declaration
from ptycho_compare.models.own.inspect_own import inspect_own, read_own
from ptycho_compare.models.own.own_network import load_own
from ptycho_compare.records.manifest import read_manifest
from results import assert_same_results, results
from resume.runs import finish_here, stop_here
from scans import true_patches

PAGE = (Path(__file__).parents[3] / "docs" / "own_networks.md").read_text(encoding="utf-8")
DEBUG = f"dose_{DOSE}-dense-train-debug"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.M | re.S)


def toml_under(heading: str) -> str:
    found = re.search(rf"^### {heading}\n.*?^```toml\n(.*?)^```", PAGE, flags=re.M | re.S)
    assert found is not None
    return found[1]


def test_every_toml_of_the_page_is_read() -> None:
    found = [text for text in blocks("toml") if "[input]" in text]
    assert len(found) >= 4
    for text in found:
        parse_declaration(text.encode(), "page")


@pytest.fixture(scope="module")
def recipes() -> dict[str, Any]:
    pytest.importorskip("onnxscript")
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    for text in blocks("python"):
        exec(text, names)
    return names


def small_ptychonn(torch: Any, side: int, width: int = 6) -> Any:
    """One encoder, two decoders; pixels are standardised, for they differ by orders of magnitude."""
    nn = torch.nn

    def up(held: int, made: int) -> Any:
        return nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(held, made, 3, padding=1), nn.ReLU()
        )

    def decoder() -> Any:
        small = side // 4
        first = (nn.Linear(128, 2 * width * small**2), nn.ReLU(), nn.Unflatten(1, (2 * width, small, small)))
        return nn.Sequential(
            *first, up(2 * width, width), up(width, width), nn.Conv2d(width, 1, 3, padding=1)
        )

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(
                *(nn.Flatten(), nn.BatchNorm1d(side**2), nn.Unflatten(1, (1, side, side))),
                *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(2 * side**2, 128), nn.ReLU()),
            )
            self.amplitude, self.phase = decoder(), decoder()

        def forward(self, images: Any) -> Any:
            seen = self.encoder(torch.log(images + 0.01))
            return torch.sigmoid(self.amplitude(seen)), torch.pi * torch.tanh(self.phase(seen))

    return Small()


def trained(torch: Any, arrays: dict[str, Any], *, steps: int = 220) -> Any:
    """Train on one split's images, k times the amplitude, and their true patches."""
    positions = np.stack([arrays["xcoords"], arrays["ycoords"]], axis=1)
    patches = true_patches(arrays["objectGuess"], positions, SIDE)[:, None]
    amplitude, phase = (
        torch.tensor(each.astype(np.float32)) for each in (np.abs(patches), np.angle(patches))
    )
    measured = arrays["diff3d"][:, None]
    k = SIDE / 2 / np.sqrt((measured**2).sum(axis=(1, 2, 3)).mean())
    images = torch.tensor((k * measured).astype(np.float32))
    network = small_ptychonn(torch, SIDE)
    descent = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(steps):
        chosen = torch.randint(0, len(images), (25,))
        made = network(images[chosen])
        loss = ((made[0] - amplitude[chosen]) ** 2).mean() + ((made[1] - phase[chosen]) ** 2).mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
    return network.eval()


@pytest.fixture(scope="module")
def hub(recipes: dict[str, Any], quick_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with three networks: trained by PyTorch, its phase alone, and a bundle of Keras."""
    torch = recipes["torch"]
    hub = Path(shutil.copytree(quick_hub, tmp_path_factory.mktemp("recipes") / "hub"))
    folder = hub / "networks"
    folder.mkdir()
    network = trained(torch, make_split())

    class PhaseAlone(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Any) -> Any:
            return self.network(images)[1]

    recipes["export"](network, SIDE, str(folder / "torch.onnx"))
    recipes["export"](PhaseAlone(), SIDE, str(folder / "phase.onnx"), names=("phase",))
    said = toml_under("PtychoNN").replace('"counts"', '"amplitude"').replace('"none"', '"k"')
    (folder / "torch.toml").write_text(said)
    alone = said.replace('"amplitude and phase"', '"phase"').replace('["amplitude", "phase"]', '["phase"]')
    (folder / "phase.toml").write_text(alone)
    bundle = write_supervised_baseline(folder / "baseline_model.h5", patch_px=SIDE)
    assert main(["export", str(bundle), str(folder / "keras.onnx")]) == 0
    arms = "".join(
        f'\n[arms.{name.title()}]\nnetwork = "networks/{name}.onnx"\n' for name in ("torch", "phase", "keras")
    )
    with (hub / "study.toml").open("a") as study:
        study.write(arms)
    return hub


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_exported_networks_are_scored_and_resumed(hub: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(hub, tmp_path / "hub"))
    assert main(["compare", DEBUG, "--hub", str(hub)]) == 0
    folder, again = (Hub(each).comparison_dir(DOSE, "dense", "train", "debug") for each in (hub, broken))
    assert judge_comparison(folder, required=("Torch", "Phase", "Keras")) == []
    arms = read_manifest(Artifacts(folder).manifest).arms
    assert "phase only" in str(arms["Phase"].details["verdicts"])
    stop_here(broken, "Torch", 16, signal.SIGTERM)
    finish_here(broken)
    assert_same_results(again, results(folder))


@pytest.mark.slow
def test_what_a_trained_network_expects_is_found(hub: Path, tmp_path: Path) -> None:
    net = Path(shutil.copy(hub / "networks/torch.onnx", tmp_path / "net.onnx"))
    scan = Hub(hub).split_data(DOSE, "dense", "train")
    assert main(["network", str(net), "--scan", str(scan)]) == 0
    said = read_own(net).said
    assert (said.input.values, said.input.zero_frequency, said.input.scale) == ("amplitude", "centre", "k")
    assert said.output.planes == ("amplitude", "phase")


@pytest.mark.slow
def test_spectral_layers_as_matrices_are_those_of_torch(recipes: dict[str, Any]) -> None:
    torch = recipes["torch"]
    for side, modes in ((16, 5), (16, 9)):
        weight = torch.randn(3, 4, modes, dtype=torch.complex64)
        images = torch.randn(2, 3, 7, side)
        spectrum = torch.einsum("bihk,iok->bohk", torch.fft.rfft(images)[..., :modes], weight)
        expected = torch.fft.irfft(spectrum, n=side)
        torch.testing.assert_close(
            recipes["RealSpectral"](weight, side)(images), expected, atol=1e-5, rtol=1e-4
        )


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["PtychoPINN on PyTorch", "PtychoViT"])
def test_recipes_export_what_their_toml_says(recipes: dict[str, Any], tmp_path: Path, recipe: str) -> None:
    torch = recipes["torch"]

    class Planes(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Amplitude and phase of each image, through a layer that mixes frequencies; joined, if asked."""

        def __init__(self, images: int, joined: bool) -> None:
            super().__init__()
            self.mixed = recipes["RealSpectral"](torch.randn(images, images, 5, dtype=torch.complex64), SIDE)
            self.joined = joined

        def forward(self, images: Any) -> Any:
            made = self.mixed(images)
            planes = torch.sigmoid(made), torch.pi * torch.tanh(made)
            return torch.cat(planes, 1) if self.joined else planes

    path = tmp_path / "net.onnx"
    (tmp_path / "net.toml").write_text(toml_under(recipe))
    members = 4 if recipe.startswith("PtychoPINN") else 1
    if members == 4:
        model = torch.nn.Module()
        model.autoencoder = Planes(4, joined=False)
        recipes["export"](recipes["BeforeCombining"](model), SIDE, str(path), images=4)
    else:
        recipes["export"](Planes(1, joined=True), SIDE, str(path), names=("output",))
    predictor = load_own(inspect_own(path), batch_rows=2, normalization=1.0)
    images = np.random.default_rng(0).random((3, SIDE, SIDE, members), np.float32)
    found = predictor.predict(images, np.zeros((3, 1, 2, members), np.float32))
    assert found.shape == ((3, 4, SIDE, SIDE) if members == 4 else (3, SIDE, SIDE))
    assert np.ptp(np.abs(found)) > 0.01
