"""A hub for people: scores as data frames, images as arrays. What ``import ptycho_compare`` offers."""

from ptycho_compare.api.framed import FramedImage, ImageFrame
from ptycho_compare.api.open_comparison import ComparedArm, OpenComparison
from ptycho_compare.api.open_hub import OpenHub, open_hub
from ptycho_compare.api.scan_arrays import ScanArrays, read_scan

__all__ = [
    "ComparedArm",
    "FramedImage",
    "ImageFrame",
    "OpenComparison",
    "OpenHub",
    "ScanArrays",
    "open_hub",
    "read_scan",
]
