"""Phase D of one dose and view: a subsample per split, its metrics, and all metrics in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ptycho_compare.errors import HubError
from ptycho_compare.hub import Hub
from ptycho_compare.jobs.context import job_context
from ptycho_compare.scan.overlap import SplitView, draw_view, read_parent
from ptycho_compare.scan.write import write_npz
from ptycho_compare.storage.files import write_json_atomic
from ptycho_compare.study import Study
from ptycho_compare.study.steps import OverlapStep
from ptycho_compare.untrusted.npz import open_npz


def overlap(hub: Hub, study: Study, dose: int, view: str) -> list[Path]:
    """Make a view of every split.

    Equal inputs and settings give equal bytes.

    `dose` is in photons per exposure.

    Returns
    -------
    list of Path
        The files written: NPZ and metrics of each split, and the bundle of all metrics.

    Raises
    ------
    HubError
        Phase C has not made a split.
    ArchiveError, ScanError
        A split cannot be read, or is too small for the view.
    JobError
        Another process draws this view.
    Stopped
        Asked to stop; every file that was written is whole.
    """
    written, bundle = [], {}
    for split in study.splits:
        _require_split(hub, dose, split)
    with job_context(OverlapStep(hub, dose, view).records.job) as context:
        for split in study.splits:
            drawn = _drawn(hub, study, dose, view, split)
            # never over a file under the name that PtychoPINN's generator uses
            data, metrics = (
                hub.own_overlap_view(dose, view, split),
                hub.overlap_metrics(dose, view, split),
            )
            bundle[split] = drawn.metrics_record()
            with context.publishing():
                data.parent.mkdir(parents=True, exist_ok=True)
                write_view(data, drawn)
                write_json_atomic(metrics, bundle[split])
            written += [data, metrics]
            print(f"{hub.relative(data)}: {_summary(drawn)}", flush=True)
        with context.publishing():
            write_json_atomic(hub.overlap_bundle(dose, view), bundle)
    return [*written, hub.overlap_bundle(dose, view)]


def _require_split(hub: Hub, dose: int, split: str) -> None:
    if not (path := hub.patched(dose, split)).is_file():
        raise HubError(f"{path}: no such file; phase C makes it, and phase D comes after it")


def _drawn(hub: Hub, study: Study, dose: int, view: str, split: str) -> SplitView:
    path = hub.patched(dose, split)
    return draw_view(read_parent(path, name=hub.relative(path)), study, view)


def _summary(view: SplitView) -> str:
    numbers, parameters = view.metrics, view.parameters
    within = numbers.metric_1_group_based_avg
    left_out = view.parent.keys("left_out")
    return "".join(
        (
            f"{numbers.n_images_subsampled} of {numbers.n_images_total} images kept",
            f", {numbers.n_unique_images} positions, {numbers.n_groups_actual} groups",
            f"; mean overlap of discs of {parameters.probe_diameter_px:g} px: ",
            "" if within is None else f"{within:.5f} within groups, ",
            f"{numbers.metric_2_image_based_avg:.5f} to the {parameters.neighbor_count} nearest images, ",
            f"{numbers.metric_3_group_to_group_avg:.5f} between groups",
            f"; geometry bound {numbers.geometry_acceptance_bound:.6f}",
            f"; left out, having no row per image: {', '.join(left_out)}" if left_out else "",
        )
    )


def write_view(path: Path, view: SplitView) -> None:
    """Write the kept images of a split under the split's own keys.

    PtychoPINN filters every array whose length equals the number of images, which cuts an object of as
    many rows, and makes single numbers into arrays of equal ones. Here the keys of per-image
    arrays are listed (`PER_IMAGE_KEYS`); all else stays as it is, single numbers included.

    Raises ArchiveError when the split cannot be read.
    """
    write_npz(path, _arrays(view), metadata=view.metadata())


def _arrays(view: SplitView) -> Iterator[tuple[str, NDArray[Any]]]:
    """One array after the other: together they may not fit into memory."""
    with open_npz(view.parent.path) as archive:
        for key, fate in view.parent.fates.items():
            if fate != "left_out":
                values = archive.array(key)
                yield key, values[view.kept] if fate == "filtered" else values
