"""The geometry of a comparison, checked before it is scored: through the truth, or else through each arm."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ptycho_compare.errors import ScanError
from ptycho_compare.phases.comparison.arm import Arm, Setting
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.reconstruction.geometry import GeometryCheck, check_geometry
from ptycho_compare.reconstruction.geometry_search import WIDE_PX
from ptycho_compare.scoring.placement import ArmImage

_log = logging.getLogger(LOGGER)


def geometry_through_truth(setting: Setting) -> tuple[GeometryCheck, ...]:
    """Check the scan against its true object; empty where that is not known.

    Raises
    ------
    ScanError
        Another geometry explains the images clearly better, or none explains any, and the request does not
        say ``as-given``.
    """
    truth = setting.scan.truth
    if truth is None:
        return ()
    known = np.isfinite(truth)
    found = _checked("the truth", ArmImage(truth, known.astype(np.float64), movable=False), None, setting)
    _tell([found])
    if found.better or found.unexplained:
        _refuse(found, setting)
    return (found,)


def geometry_through_arms(
    arms: Mapping[str, Arm], setting: Setting
) -> tuple[dict[str, Arm], tuple[GeometryCheck, ...]]:
    """Check the scan, and the arms against each other, by what each arm's image explains.

    Where the images agree with one arm as given, an arm that explains them clearly better otherwise is at
    fault itself, and is returned as such. Where they agree with none, the scan is. An image from a file that
    explains nothing without a truth fails alone. Beside a truth, by which the scan was checked, only arms are
    asked that came with a frame: others are registered, or made of patches of this scan.

    Raises
    ------
    ScanError
        The scan is at fault, and the request does not say ``as-given``.
    """
    known = setting.scan.truth is not None
    checks = {
        name: _checked(name, arm.image, arm, setting)
        for name, arm in arms.items()
        if arm.image is not None
        and not arm.image.fault
        and not (known and (arm.image.movable or arm.image.of_patches))
    }
    _tell(list(checks.values()))
    amiss = {name: check for name, check in checks.items() if check.better}
    if amiss and not known and not any(check.fits for check in checks.values()):
        _refuse(next(iter(amiss.values())), setting)
    judged = dict(arms)
    if setting.request.reading.geometry == "checked":
        judged |= {name: _at_fault(arms[name], check) for name, check in amiss.items()}
        radius = setting.request.scoring.placing.search_radius_px
        judged |= {
            name: _of_another(arms[name], check, radius)
            for name, check in checks.items()
            if check.unexplained and not known
        }
    return judged, tuple(checks.values())


def _checked(through: str, image: ArmImage, arm: Arm | None, setting: Setting) -> GeometryCheck:
    scan = setting.scan
    probe = scan.modes if arm is None or arm.modes is None else arm.modes
    if probe is None:
        return GeometryCheck(through, "not checked: there is no probe")
    if probe.shape[-1] != scan.patch_px:
        return GeometryCheck(
            through, f"not checked: the probe is {probe.shape[-1]} px wide, images are {scan.patch_px}"
        )
    covered = (image.weight > 0) & np.isfinite(image.values)
    return check_geometry(
        image.values,
        covered,
        scan.diffraction,
        scan.positions,
        probe,
        grid=setting.grid,
        images=np.unique(setting.plan.groups),
        movable=image.movable,
        through=through,
    )


def _tell(checks: Sequence[GeometryCheck]) -> None:
    for check in checks:
        amiss = check.better or check.unexplained
        _log.log(logging.WARNING if amiss else logging.INFO, "%s", check)


def _refuse(check: GeometryCheck, setting: Setting) -> None:
    if setting.request.reading.geometry == "as-given":
        return
    raise ScanError(
        f"{setting.scan.path}: {check}; mend the file, or name what it is (--scan-key positions_yx=KEY for "
        "positions in the other order); --geometry as-given scores it as it is"
    )


def _at_fault(arm: Arm, check: GeometryCheck) -> Arm:
    if arm.image is None:
        return arm
    fault = f"geometry: {check.reason}; the images agree with the truth or with another arm as given"
    return replace(arm, image=replace(arm.image, fault=fault))


def _of_another(arm: Arm, check: GeometryCheck, radius_px: float) -> Arm:
    """An image from a file that shows nothing of this scan, which lays what networks and users' code make."""
    image = arm.image
    if image is None or image.of_patches or arm.source is None:
        return arm
    if image.movable and radius_px > WIDE_PX:  # it may lie where nobody has looked yet
        return arm
    further = "" if not image.movable else f", or it lies further off than {WIDE_PX} px (--search-radius)"
    return replace(arm, image=replace(image, fault=f"geometry: {check.reason}{further}"))
