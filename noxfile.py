"""The plugin on each Python and pytest, beside other plugins: ``nox``, or ``nox -s plugin-3.12 -- 8.4``.

A Python that is not there is skipped. What runs networks is not installed: no test of these needs it, and
nothing of the plugin loads it (which is a test of its own).
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13")
PYTESTS = ("7.4", "8.4", "9")
HEAVY = ("tensorflow", "onnx", "onnxruntime", "keras")
OTHERS = ("rerunfailures", "randomly", "cov", "html", "reportlog", "sugar")
"""Plugins beside xdist and timeout, which come with ours."""

nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


def light_dependencies() -> list[str]:
    """List what the package declares, but for what runs networks."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {name: name.partition(">")[0].partition("[")[0] for name in project["dependencies"]}
    return [name for name, plain in names.items() if plain not in (*HEAVY, "pytest")]


@nox.session(python=PYTHONS)
def plugin(session: nox.Session) -> None:
    """Judge a hub and a foreign suite with each pytest: every plugin alone, all of them, none."""
    session.install(*light_dependencies(), "hypothesis")
    session.install("--no-deps", ".")
    for pytest in session.posargs or PYTESTS:
        # others that this pytest does not go with are exchanged too
        others = [f"pytest-{name}" for name in ("xdist", "timeout", *OTHERS)]
        session.install("--upgrade", f"pytest=={pytest}.*", *others)
        session.run("python", "-m", "pytest", "tests/matrix", "-rs")
