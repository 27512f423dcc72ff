"""Phase C of one dose: object, probe and positions drawn, exposed, divided into train and test, written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import StudyError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.context import job_context
from ptycho_compare.phases.simulate.dataset import RAW_IMAGES, Dataset, describe, require_contract
from ptycho_compare.phases.simulate.exposure import expose, mean_energy
from ptycho_compare.phases.simulate.objects import make_object
from ptycho_compare.phases.simulate.paths import make_path
from ptycho_compare.phases.simulate.probes import make_probe
from ptycho_compare.records.dose_list import list_dose
from ptycho_compare.study import Study
from ptycho_compare.study.making import Simulation
from ptycho_compare.study.steps import SimulateStep

SPLITS = ("train", "test")
LEAST_IMAGES = 4
"""A group of four needs as many."""


@dataclass(frozen=True, eq=False)
class Split:
    """Two sets of images.

    Attributes
    ----------
    point_px : float
        The y that divides them: the middle of the range of y, so the halves need not be equally large.
    images : dict of str to ndarray, (k,), int64
        Image numbers, ascending: ``train`` lies at smaller y, ``test`` from the point on.
    """

    point_px: float
    images: dict[str, NDArray[np.int64]]


def simulate(hub: Hub, study: Study, dose: int) -> list[Path]:
    """Make a dose's data: every stage, and the splits that all later phases read.

    Object and positions are the same for all doses of a study; the photons are counted anew.

    `dose` is in photons per exposure.

    Returns
    -------
    list of Path
        ``simulated_raw``, ``canonical``, ``patched``, ``patched_train`` and ``patched_test``. Beside
        them the dose's entry in the manifest of phase C is renewed; that file belongs to all doses.

    Raises
    ------
    StudyError, ScanError, ArchiveError
        The settings contradict each other, or the probe's file cannot be used.
    JobError
        Another process simulates this dose.
    Stopped
        Asked to stop, before anything was written.
    """
    simulation = study.simulation
    others = sorted({*study.splits} - {*SPLITS})
    if others:
        raise StudyError(
            f"'splits' has {', '.join(others)}; phase C divides what it makes into train and test"
        )
    print(
        f"phase C, dose {dose}: {simulation.object} of {simulation.object_px} px, probe {simulation.probe}, "
        f"path {simulation.path}, {simulation.images} images of {simulation.patch_px} px, "
        f"seed {simulation.seed}"
    )
    with job_context(SimulateStep(hub, dose).records.job) as context:
        dataset = measure(simulation, dose, hub.root)
        print(f"exposed: mean energy {mean_energy(dataset.diffraction):.6g} for {dose} photons per exposure")
        split = split_by_y(dataset.positions)
        parts = ", ".join(f"{name} {len(images)}" for name, images in split.images.items())
        print(f"split at y = {split.point_px:.3f} px: {parts}")
        with context.publishing():
            hub.phase_c(dose).mkdir(parents=True, exist_ok=True)
            written = _write_stages(hub, dose, dataset, split)
            list_dose(hub, dose, SPLITS)
    return written


def measure(simulation: Simulation, dose: int, root: Path) -> Dataset:
    """Draw object, probe and positions, and expose; `root` is the folder of a relative probe file."""
    of_object, of_path = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(simulation.seed).spawn(2)
    )
    probe = make_probe(simulation, root)
    truth = make_object(simulation, of_object)
    positions = make_path(simulation, of_path)
    photons = np.random.default_rng((simulation.seed, dose))
    diffraction = expose(truth, probe, positions, dose=dose, generator=photons)
    return Dataset(truth, probe, positions, diffraction, describe(simulation, dose))


def split_by_y(positions: NDArray[np.float64]) -> Split:
    """Divide positions (n, 2), x and y in px, by y.

    Raises StudyError when a half has too few images for a group.
    """
    y = positions[:, 1]
    point = float((y.min() + y.max()) / 2)
    below = y < point
    images = dict(zip(SPLITS, (np.flatnonzero(below), np.flatnonzero(~below)), strict=True))
    for name, chosen in images.items():
        if len(chosen) < LEAST_IMAGES:
            raise StudyError(
                f"'simulation.images' is {len(y)}, and {len(chosen)} of them lie in the {name} half "
                f"(y = {point:.1f} divides them); needed: at least {LEAST_IMAGES}, so ask for more images"
            )
    return Split(point, images)


def _write_stages(hub: Hub, dose: int, raw: Dataset, split: Split) -> list[Path]:
    canonical = raw.after("transpose_rename_convert", "canonicalize", renamed={RAW_IMAGES: "diffraction"})
    patched = canonical.after("generate_patches", "generate_patches", patch_size=len(raw.probe))
    parent = hub.phase_c_stage(dose, "patched")
    # the splits come last: where they are, everything is
    written = [
        raw.write(hub.phase_c_stage(dose, "simulated_raw"), images_key=RAW_IMAGES),
        canonical.write(hub.phase_c_stage(dose, "canonical")),
        patched.write(parent, patches=True),
    ]
    counts = {f"{name}_count": len(images) for name, images in split.images.items()}
    for name, images in split.images.items():
        part = patched.take(images).after(
            "split_dataset_tool",
            "train_test_split",
            split_fraction=0.5,  # of the range of y, not of the images
            split_axis="y",
            parent_file=parent.name,
            split_point=split.point_px,
            **counts,
        )
        path = hub.patched(dose, name)
        require_contract(dict(part.arrays()), label=str(path))
        written.append(part.write(path, patches=True))
    return written
