"""Measured data: read, checked, grouped once and normalised once for all arms."""

from ptycho_compare.scan.diffraction import Diffraction
from ptycho_compare.scan.formats.contents import Optics
from ptycho_compare.scan.plan import Plan, Units, draw_plan, half_plans, save_plan, split_images
from ptycho_compare.scan.read import Geometry, Scan, open_scan, read_geometry
from ptycho_compare.scan.reading import Reading

__all__ = [
    "Diffraction",
    "Geometry",
    "Optics",
    "Plan",
    "Reading",
    "Scan",
    "Units",
    "draw_plan",
    "half_plans",
    "open_scan",
    "read_geometry",
    "save_plan",
    "split_images",
]
