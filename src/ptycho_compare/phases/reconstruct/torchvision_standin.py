"""A stand-in for ``torchvision.transforms``, of which pty-chi imports one class.

torchvision is bound to one build of torch: installing it beside a CPU build replaces that by a CUDA
build of several gigabytes, or it does not load. pty-chi needs nothing of it but `GaussianBlur`, to smooth
random images that we never ask it to make.
"""

from __future__ import annotations

import importlib
import math
import sys
from types import ModuleType
from typing import Any

_NAME = "torchvision.transforms"


def provide() -> bool:
    """Put the stand-in in place where torchvision cannot be imported.

    Returns
    -------
    bool
        Whether it stands in.
    """
    try:
        importlib.import_module(_NAME)
    except (ImportError, RuntimeError):  # absent, or built for another torch
        package, transforms = ModuleType("torchvision"), ModuleType(_NAME)
        vars(package)["transforms"] = transforms
        vars(transforms)["GaussianBlur"] = GaussianBlur
        sys.modules.update({"torchvision": package, _NAME: transforms})
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
