"""Small study hubs with real (untrained) networks, for tests that run without the reference data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from bundles import write_bundle, write_ptychi
from processes import LIGHT
from ptycho_compare.hub import Hub
from ptycho_compare.phases.comparison.request import ArmRequest, CompareRequest
from ptycho_compare.reconstruction.image_source import ImageSource
from scans import make_scan, write_scan

DOSE, SIDE, COUNT, SHAPE = 1000, 32, 100, (72, 80)
CROP = 12  # inside the central half of a patch, which is what these networks predict
SPLITS = ("train", "test")
FOUR_SPLITS = (*SPLITS, "third", "fourth")
SLOW_COUNT = 300
SLOW_ROWS = 2 * SLOW_COUNT  # each network predicts every image, or a group for it

COMPARING = f"""
[tiers.debug]
groups = 48
chunk = 20
batch = 4
required_arms = ["PtychoPINN", "Baseline"]

[tiers.full]
chunk = 32
batch = 8

[stitching]
crop_px = {CROP}
"""
STUDY = f"""\
name = "small"
doses = [{DOSE}]
views = ["dense"]
splits = ["train", "test"]
{COMPARING}
[uncertainty]
draws = 100
"""


QUICK_STUDY = f"""\
name = "quick"
doses = [{DOSE}]
views = ["dense"]
splits = ["train", "test"]

[tiers.debug]
groups = 48
required_arms = ["PtyChi"]

[tiers.full]
required_arms = ["PtyChi"]

[stitching]
crop_px = {CROP}

[uncertainty]
draws = 50
"""


def make_split(seed: int = 0, *, count: int = COUNT) -> dict[str, Any]:
    """Return the arrays of one split."""
    return make_scan(count=count, side=SIDE, height=SHAPE[0], width=SHAPE[1], seed=seed, photons=DOSE)


def make_hub(root: Path, *, count: int = COUNT) -> Path:
    """Write a hub with networks: what `make_quick_hub` writes, a gs2 and a gs1 bundle, and their study."""
    make_quick_hub(root, count=count)
    models = root / f"data/phase_e/dose_{DOSE}"
    for folder, gridsize in (("dense/gs2", 2), ("baseline/gs1", 1)):
        (models / folder).mkdir(parents=True)
        write_bundle(
            models / folder / "wts.h5.zip", gridsize=gridsize, patch_px=SIDE, nphotons=DOSE, seed=gridsize
        )
    (root / "study.toml").write_text(STUDY)
    return root


def make_quick_hub(root: Path, *, count: int = COUNT) -> Path:
    """Write a hub without networks: two splits, an iterative reconstruction of each, a study of these."""
    data = root / "data"
    for seed, split in enumerate(SPLITS):
        arrays = make_split(seed, count=count)
        write_scan(data / f"phase_c/dose_{DOSE}/patched_{split}.npz", arrays)
        write_ptychi(data / f"phase_f/dose_{DOSE}/dense/{split}/ptychi_reconstruction.npz", arrays)
    (root / "study.toml").write_text(QUICK_STUDY)
    return root


def light(root: Path, *, load_s: float = 0.0, call_s: float = 0.0) -> Path:
    """Mark a study: jobs that tests start in its hub do without frameworks; see `light.py`.

    Parameters
    ----------
    root : Path
        The hub, which has a study; its copies are marked too.
    load_s, call_s : float
        Waited when a job loads its first network, and for each batch.
    """
    with (root / "study.toml").open("a") as study:
        study.write(f"{LIGHT}{json.dumps({'load_s': load_s, 'call_s': call_s})}\n")
    return root


def make_four(root: Path, small: Path, *, call_s: float) -> Path:
    """Copy the small hub, with two pairs of splits of the same images, whose jobs wait for each batch."""
    shutil.copytree(small, root)
    for source, name in zip(FOUR_SPLITS[:2], FOUR_SPLITS[2:], strict=True):
        data = root / f"data/phase_c/dose_{DOSE}"
        shutil.copy(data / f"patched_{source}.npz", data / f"patched_{name}.npz")
    study = root / "study.toml"
    study.write_text(study.read_text().replace('["train", "test"]', json.dumps(FOUR_SPLITS)))
    return light(root, call_s=call_s)


def command_of(hub: Path, split: str, output: Path, *more: str) -> list[str]:
    """Arguments of `compare_models` for one split of the hub."""
    models = hub / "data" / "phase_e" / f"dose_{DOSE}"
    return [
        *("--pinn_dir", str(models / "dense/gs2"), "--baseline_dir", str(models / "baseline/gs1")),
        *("--test_data", str(hub / f"data/phase_c/dose_{DOSE}/patched_{split}.npz")),
        *("--output_dir", str(output), "--stitch-crop-size", str(CROP)),
        *more,
    ]


def request_on(
    root: Path,
    output: Path,
    *more: ArmRequest,
    networks: bool = True,
    ready_made: Path | str | None = "hub",
    **changes: Any,
) -> CompareRequest:
    """Ask for the three arms of the train split, fewer, or more."""
    hub = Hub(root)
    arms = []
    if networks:
        arms.append(ArmRequest("PtychoPINN", ImageSource(hub.pinn_dir(DOSE, "dense"))))
        arms.append(ArmRequest("Baseline", ImageSource(hub.baseline_dir(DOSE))))
    if ready_made is not None:
        path = hub.ptychi(DOSE, "dense", "train") if ready_made == "hub" else Path(ready_made)
        arms.append(ArmRequest(None, ImageSource(path)))
    settings: dict[str, Any] = {"test_data": hub.split_data(DOSE, "dense", "train"), "crop_px": CROP}
    return CompareRequest(arms=(*arms, *more), output_dir=output, **{**settings, **changes})
