"""The page to look at: a study's outcomes, images, curves and records in one HTML file."""

from ptycho_compare.reporting.page.page import write_page

__all__ = ["write_page"]
