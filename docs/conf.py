"""The site: ``make docs``. Pages are Markdown that a repository shows too; docstrings give the API."""

from __future__ import annotations

import ptycho_compare

project = "pytest-ptycho"
author = "The pytest-ptycho developers"
copyright = f"2026, {author}"  # noqa: A001  Sphinx reads it under this name
release = version = ptycho_compare.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"pytest-ptycho {release}"

# links such as limitations.md#on-a-gpu, by the anchors that a repository's page has
myst_heading_anchors = 3

autodoc_typehints = "none"  # docstrings state them
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
