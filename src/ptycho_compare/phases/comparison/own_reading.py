"""An ONNX arm before it is run: its toml's zero frequency is held against the images."""

from __future__ import annotations

import logging
from typing import Literal

from ptycho_compare.errors import ArmError
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.models.own.own_network import load_own
from ptycho_compare.models.predictor import Predictor
from ptycho_compare.phases.comparison.arm import Setting
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.reconstruction.geometry import clearly_better, settled
from ptycho_compare.reconstruction.network_check import explained_by_network

_log = logging.getLogger(LOGGER)


def require_right_reading(
    name: str, model: ModelFile, predictor: Predictor, setting: Setting, *, batch_rows: int
) -> None:
    """Compare what a network explains of 64 images as its toml says, and with zero frequency elsewhere.

    Nothing is compared where it explains half of R as declared, or where there is no probe.

    Raises
    ------
    ArmError
        The other place is clearly better, and the request does not say ``as-given``.
    """
    found = explained_by_network(predictor, setting.scan, setting.plan)
    if found is None:
        return
    _log.info(
        "%s: R of %d images is %.4f as its toml says, %.4f with positions shuffled",
        name,
        found.images,
        found.r_factor,
        found.shuffled,
    )
    if settled(found):
        return
    said = model.parameters["input"]["zero_frequency"]
    elsewhere: Literal["centre", "corner"] = "corner" if said == "centre" else "centre"
    moved = load_own(
        model,
        batch_rows=batch_rows,
        normalization=setting.plan.normalization,
        zero_frequency=elsewhere,
    )
    other = explained_by_network(moved, setting.scan, setting.plan)
    if other is None or other.images != found.images or not clearly_better(other, found):
        return
    told = (
        f'{model.path}: its toml says zero_frequency = "{said}", and R of {found.images} images is '
        f'{found.r_factor:.4f} so and {other.r_factor:.4f} with "{elsewhere}"; mend the toml, or let it be '
        f"found: ptycho-hub network {model.path} --scan {setting.scan.path}"
    )
    if setting.request.reading.geometry == "checked":
        raise ArmError(told)
    _log.warning("%s: %s", name, told)
