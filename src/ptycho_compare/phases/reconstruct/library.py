"""pty-chi as we load and set it: its own defaults where they work, else what was measured to; no torchvision.

pty-chi imports one class of torchvision. That is bound to one build of torch: installing it beside a CPU
build replaces that by a CUDA build of several gigabytes, or it does not load. Of it pty-chi needs
`GaussianBlur` only, to smooth random images that we never ask it to make: a stand-in does.

`api` is the module ``ptychi.api``, handed in: only the engine's process has it.
"""

from __future__ import annotations

import importlib
import math
import sys
from types import ModuleType
from typing import Any

from ptycho_compare.study.making import Reconstruction

_TRANSFORMS = "torchvision.transforms"
_CLASSES = {
    "LSQML": "LSQMLOptions",
    "EPIE": "EPIEOptions",
    "RPIE": "RPIEOptions",
    "DM": "DMOptions",
    "RAAR": "RAAROptions",
    "AD": "AutodiffPtychographyOptions",
}
_WHOLE_SCAN = ("DM", "RAAR")
"""They project all images at once: no batches, and a loss of their own."""
_CHUNK = 100  # images that such an engine holds in memory twice; no number depends on it


def task_options(api: Any, how: Reconstruction, *, first: bool, probe_peak: float, gpu: bool) -> Any:
    """State how pty-chi is to run one segment.

    `probe_peak` is the largest amplitude of the probe at the start.
    """
    options = getattr(api, _CLASSES[how.engine])()
    run = options.reconstructor_options
    run.default_device = api.Devices.GPU if gpu else api.Devices.CPU
    run.random_seed = how.seed
    run.allow_nondeterministic_algorithms = False
    # positions are the scan's: correcting them would move the result out of its frame
    options.probe_position_options.optimizable = False
    # zero frequency lies in the corner already
    options.data_options.fft_shift = False
    if how.engine in _WHOLE_SCAN:
        run.chunk_length = _CHUNK
        run.displayed_loss_function = None
    else:
        run.batch_size = how.batch
    _particulars(api, options, how, first=first, probe_peak=probe_peak)
    return options


def _particulars(api: Any, options: Any, how: Reconstruction, *, first: bool, probe_peak: float) -> None:
    match how.engine:
        case "LSQML":
            poisson = how.noise_model == "poisson"
            run = options.reconstructor_options
            run.noise_model = api.NoiseModels.POISSON if poisson else api.NoiseModels.GAUSSIAN
            # once is enough: a segment goes on with the probe of the one before
            run.rescale_probe_intensity_in_first_epoch = first
        case "EPIE" | "RPIE":
            # pty-chi's 0.1 takes ten times the epochs
            options.object_options.alpha = options.probe_options.alpha = 1.0
        case "RAAR":
            # undamped, the probe follows what the object becomes at its dark rim, and both diverge;
            # with pty-chi's beta of 0.75 they do so later
            options.reconstructor_options.beta = 0.6
            options.probe_options.inertia = 0.9
            options.object_options.amplitude_clamp_limit = 10.0
        case "AD":
            # gradient descent with pty-chi's step of 1 gives NaN
            options.object_options.optimizer = options.probe_options.optimizer = api.Optimizers.ADAM
            options.object_options.step_size = 0.01
            options.probe_options.step_size = 0.002 * probe_peak


def provide_torchvision() -> bool:
    """Put the stand-in in place where torchvision cannot be imported; True when it stands in."""
    try:
        importlib.import_module(_TRANSFORMS)
    except (ImportError, RuntimeError):  # absent, or built for another torch
        package, transforms = ModuleType("torchvision"), ModuleType(_TRANSFORMS)
        vars(package)["transforms"] = transforms
        vars(transforms)["GaussianBlur"] = GaussianBlur
        sys.modules.update({"torchvision": package, _TRANSFORMS: transforms})
        return True
    return False


class GaussianBlur:
    """Convolution with a Gaussian, edges reflected.

    Parameters
    ----------
    kernel_size : tuple of int
        Columns and rows, odd.
    sigma : tuple of float
        px, along columns and rows.
    """

    def __init__(self, kernel_size: tuple[int, int], sigma: tuple[float, float]) -> None:
        self._weights = [_gaussian(size, width) for size, width in zip(kernel_size, sigma, strict=True)]

    def __call__(self, image: Any) -> Any:
        """Blur a real tensor, (..., H, W)."""
        import torch

        height, width = image.shape[-2:]
        planes = image.reshape(-1, 1, height, width)
        along_columns, along_rows = (
            torch.tensor(each, dtype=image.dtype, device=image.device) for each in self._weights
        )
        rows, columns = len(along_rows) // 2, len(along_columns) // 2
        padded = torch.nn.functional.pad(planes, (columns, columns, rows, rows), mode="reflect")
        blurred = torch.nn.functional.conv2d(padded, along_columns[None, None, None, :])
        blurred = torch.nn.functional.conv2d(blurred, along_rows[None, None, :, None])
        return blurred.reshape(image.shape)


def _gaussian(size: int, sigma: float) -> list[float]:
    weights = [math.exp(-(((k - size // 2) / sigma) ** 2) / 2) for k in range(size)]
    return [each / sum(weights) for each in weights]
