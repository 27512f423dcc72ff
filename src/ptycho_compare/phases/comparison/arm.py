"""One arm of a comparison: from a model, a file or a user's code to an image on the object's grid.

Whatever goes wrong inside an arm stays in it, as its own fault or crash.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_compare.errors import (
    ENVIRONMENT,
    DeviceError,
    ExchangedError,
    ReadyMadeError,
    ShardError,
    StorageError,
)
from ptycho_compare.models.bundle import ModelFile
from ptycho_compare.phases.comparison.log import LOGGER
from ptycho_compare.phases.comparison.request import CompareRequest
from ptycho_compare.reconstruction.canvas import Grid
from ptycho_compare.reconstruction.kept_patches import KeptPatches
from ptycho_compare.reconstruction.light import Light
from ptycho_compare.reconstruction.own_probe import was_retrieved
from ptycho_compare.reconstruction.probe_as_object import require_object
from ptycho_compare.reconstruction.ready_made import ReadyMade
from ptycho_compare.reconstruction.user_made import UserSource, user_made
from ptycho_compare.scan.plan import Plan, half_plans
from ptycho_compare.scan.read import Scan
from ptycho_compare.scoring.placement import ArmImage
from ptycho_compare.storage.files import STORAGE_ERRORS

_log = logging.getLogger(LOGGER)


@dataclass(frozen=True)
class Setting:
    """What all arms of a comparison share.

    Attributes
    ----------
    within : ndarray, (H, W), bool, or None
        Pixels of the grid that may be scored at all; None for every one.
    """

    request: CompareRequest
    scan: Scan
    plan: Plan
    grid: Grid
    within: NDArray[np.bool_] | None = None

    @cached_property
    def light(self) -> Light:
        """Where the scan lit the object."""
        return Light.of(self.scan.positions, self.scan.modes, self.scan.patch_px, self.grid)

    def scored_area(self, images: Iterable[ArmImage]) -> NDArray[np.float64]:
        """Coverage (H, W), 0 or 1, that limits all arms: what was not measured is not scored.

        Networks lay down patches of this very scan, and what they cover decides; without them, the light.
        """
        patched = any(image.of_patches for image in images)
        measured = self.light.reached if patched else self.light.lit
        return (measured if self.within is None else measured & self.within).astype(np.float64)

    @cached_property
    def sampled_groups(self) -> NDArray[np.int64]:
        """The groups of the plan whose patches are scored before stitching, ascending; as a rule none."""
        none = self.request.why_no_patches(self.scan)
        return self.plan.sample(0 if none else self.request.patches)

    def kept_rows(self, group_size: int) -> list[int]:
        """Rows in which an arm that takes `group_size` images at a time predicts these patches, by group."""
        rows: list[int] = self.plan.rows_of(self.sampled_groups, group_size=group_size).tolist()
        return rows

    @cached_property
    def half_plans(self) -> tuple[Plan, ...]:
        """The groups of each half of the data, where networks reconstruct these as well; else none."""
        asked = self.request.half_data
        wanted = self.scan.truth is None if asked is None else asked
        return half_plans(self.plan, self.scan.positions) if wanted else ()


@dataclass(frozen=True)
class Arm:
    """An arm after its reconstruction.

    Attributes
    ----------
    source : Path or None
        The model or the reconstruction; None for a user's code.
    image : ArmImage or None
        None when it crashed.
    seconds : mapping
        Where the time went; ``computation_s`` is what the table reports.
    parameters : mapping
        Of the model, echoed into the manifest.
    halves : tuple of ArmImage
        Two reconstructions of half the data each, or none.
    half_sources : tuple of Path
        Their files, if they were made elsewhere.
    modes : ndarray, (m, N, N), complex64, or None
        Of the arm's own probe.
    patches : KeptPatches or None
        Of a network, those of `Setting.sampled_groups`.
    """

    source: Path | None
    image: ArmImage | None
    crash: str = ""
    seconds: Mapping[str, float] | None = None
    parameters: Mapping[str, Any] | None = None
    halves: tuple[ArmImage, ...] = ()
    half_sources: tuple[Path, ...] = ()
    modes: NDArray[np.complex64] | None = None
    patches: KeptPatches | None = None

    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """The strongest of its modes, (N, N)."""
        return None if self.modes is None else self.modes[0]


def ready_made_arm(ready_made: ReadyMade, halves: tuple[ReadyMade, ...], setting: Setting) -> Arm:
    """Lay a reconstruction made elsewhere; without a recorded frame, its place is found when it is scored.

    One whose recorded positions are not the scan's fails alone.
    """
    try:
        image, *half_images = (laid(each, setting) for each in (ready_made, *halves))
    except ReadyMadeError as error:
        _log.error("%s", error)
        return Arm(ready_made.path, None, str(error))
    return Arm(
        source=ready_made.path,
        image=image,
        seconds={} if ready_made.seconds is None else {"computation_s": ready_made.seconds},
        halves=tuple(half_images),
        half_sources=tuple(half.path for half in halves),
        modes=ready_made.modes,
    )


def user_arm(name: str, source: UserSource, setting: Setting, *, raise_if_stopped: Callable[[], None]) -> Arm:
    """Run a reconstructor of the user's own; `raise_if_stopped` as in `contained`."""
    _log.info("%s: %s", name, source)

    def run() -> Arm:
        began = time.perf_counter()
        made = user_made(source, setting.scan, setting.plan, setting.grid)
        seconds = {"computation_s": time.perf_counter() - began}
        retrieved = was_retrieved(made.probe, setting.scan.probe)
        image = ArmImage(made.values, made.weight, movable=False, retrieved=retrieved)
        parameters = {"reconstructor": str(source)}
        return Arm(None, image, seconds=seconds, parameters=parameters, modes=made.modes)

    return contained(name, None, run, raise_if_stopped=raise_if_stopped)


def contained(
    name: str, model: ModelFile | None, run: Callable[[], Arm], *, raise_if_stopped: Callable[[], None]
) -> Arm:
    """Run one arm; whatever goes wrong inside it stays in it.

    A disk that is full, a GPU that cannot be used, an input that was exchanged and shards that do not fit
    each other concern them all. So does a request to stop, which `raise_if_stopped` passes on: what fails
    after it may have failed by it.
    """
    try:
        return run()
    except (StorageError, DeviceError, ExchangedError, ShardError):
        raise
    except OSError as error:
        if error.errno in STORAGE_ERRORS:
            raise StorageError(f"{error.filename or 'output'}: {error.strerror}") from error
        raise_if_stopped()
        return _crashed(name, model, error)
    except Exception as error:  # the boundary of an arm: TensorFlow and users' code raise many kinds
        raise_if_stopped()
        return _crashed(name, model, error)


def _crashed(name: str, model: ModelFile | None, error: Exception) -> Arm:
    _log.error("%s: stopped", name, exc_info=error)
    crash = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if isinstance(error, OSError | ImportError):  # a hiccup of a file server is no word on the arm
        crash = f"{ENVIRONMENT}: {crash}"
    if model is None:
        return Arm(None, None, crash)
    return Arm(model.path, None, crash, parameters=model.parameters)


def laid(ready_made: ReadyMade, setting: Setting) -> ArmImage:
    """Lay a reconstruction made elsewhere on the grid, by its frame or by the positions; blanks as 0."""
    require_object(ready_made, setting.scan.modes, setting.scan.positions, patch_px=setting.scan.patch_px)
    values, weight = ready_made.on_grid(setting.scan.positions, setting.grid)
    placing = setting.request.scoring.placing
    radius = 0.0 if ready_made.placed or placing.skip_registration else placing.search_radius_px
    blank = setting.light.blank(values, may_move_px=radius)
    values, weight = np.where(blank, np.complex64(0), values), np.where(blank, 0.0, weight)
    retrieved = was_retrieved(ready_made.probe, setting.scan.probe)
    return ArmImage(values, weight, movable=not ready_made.placed, retrieved=retrieved)
