"""What a result rests on, and how a difference is said."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ptycho_compare
from ptycho_compare.storage.fingerprint import (
    NUMERIC_LIBRARIES,
    Fingerprint,
    _imports_in,
    code_digest,
    versions_of,
)
from statements import statements_in

COMPARISON = "ptycho_compare.phases.comparison.compare"
PACKAGE = Path(ptycho_compare.__file__).parent
SHA = {"test_data": "a1" * 32, "model": "b2" * 32}
SETTINGS: dict[str, Any] = {"crop_px": 20, "reading": {"dc": None, "keys": {"x": "xcoords"}}}


def fingerprint(**changes: Any) -> Fingerprint:
    values = {"inputs": SHA, "settings": SETTINGS, "code": "c3" * 32, "versions": {"numpy": "2.3.5"}}
    return Fingerprint(**{**values, **changes})


def test_equal_ones_do_not_differ() -> None:
    assert fingerprint().differences(fingerprint()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": {**SHA, "model": "d4" * 32}}, "input model was b2b2b2b2b, is d4d4d4d4d"),
        ({"inputs": {"test_data": SHA["test_data"]}}, "input model was b2b2b2b2b, is None"),
        ({"inputs": {**SHA, "Extra": "e5" * 32}}, "input Extra was None, is e5e5e5e5e"),
        ({"settings": {**SETTINGS, "crop_px": 12}}, "setting crop_px was 20, is 12"),
        (
            {"settings": {**SETTINGS, "reading": {"dc": "corner", "keys": {"x": "xcoords"}}}},
            "setting reading.dc was None, is corner",
        ),
        (
            {"settings": {**SETTINGS, "reading": {"dc": None, "keys": {"x": "xs"}}}},
            "setting reading.keys.x was xcoords, is xs",
        ),
        ({"versions": {"numpy": "1.26.4"}}, "version of numpy was 2.3.5, is 1.26.4"),
        ({"code": "f6" * 32}, "code of this package was c3c3c3c3c, is f6f6f6f6f"),
    ],
)
def test_what_differs_is_said_by_name(changes: dict[str, Any], said: str) -> None:
    assert fingerprint().differences(fingerprint(**changes)) == [said]


def test_all_that_differs_is_said() -> None:
    other = fingerprint(
        inputs={**SHA, "model": "d4" * 32}, code="f6" * 32, versions={"numpy": "1", "scipy": "1"}
    )
    assert [text.split(" was ")[0] for text in fingerprint().differences(other)] == [
        "input model",
        "version of numpy",
        "version of scipy",
        "code of this package",
    ]


def test_code_and_libraries_do_not_count_for_what_was_made_elsewhere() -> None:
    other = fingerprint(code="f6" * 32, versions={"numpy": "1"})
    assert fingerprint().differences(other, made_elsewhere=True) == []
    other = fingerprint(code="f6" * 32, settings={**SETTINGS, "crop_px": 12})
    assert fingerprint().differences(other, made_elsewhere=True) == ["setting crop_px was 20, is 12"]


def test_a_basis_survives_json() -> None:
    """What a request holds - tuples, paths, numpy scalars - and what a file gives back are one."""
    settings = {
        "images": np.int64(3),
        "reading": {"keys": {}, "path": Path("a/b")},
        "pair": (1, 2.5),
        "no": None,
    }
    here = Fingerprint.here(SHA, settings, computed_by=COMPARISON)
    again = Fingerprint.from_json(json.loads(json.dumps(here.to_json())))
    assert again == here
    assert again.differences(Fingerprint.here(SHA, settings, computed_by=COMPARISON)) == []
    assert here.versions == versions_of(NUMERIC_LIBRARIES)
    assert "tensorflow" in here.versions


@pytest.mark.parametrize(
    "record", [{}, {"inputs": {}, "settings": {}, "code": ""}, {**fingerprint().to_json(), "more": 1}]
)
def test_a_record_that_is_none_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Fingerprint.from_json(record)


def digest_of(tree: Path, module: str = COMPARISON) -> str:
    """The digest that a copy of the package gives itself, asked in a process of its own."""
    code = (
        f"import ptycho_compare.storage.fingerprint as b; print(b.__file__); print(b.code_digest('{module}'))"
    )
    # what is measured of a copy that is gone by then would fail the report on coverage
    ours = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**ours, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=True,
    )
    place, digest = done.stdout.split()
    assert Path(place).is_relative_to(tree)
    return digest


@pytest.mark.parametrize("module", ["ptycho_compare.phases.train.run", "ptycho_compare.nowhere"])
def test_a_module_that_is_not_there_has_no_digest(module: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=module):
        code_digest(module)


def test_the_code_is_what_a_number_passes_through(tmp_path: Path) -> None:
    copy = tmp_path / "ptycho_compare"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = digest_of(tmp_path)
    for room in ("cli", "jobs", "checks"):
        some = next(path for path in sorted((copy / room).glob("*.py")) if path.name != "__init__.py")
        some.write_text(some.read_text() + "# said otherwise\n")
        (copy / room / "more.py").write_text("")
    for report in ("records/study_costs.py", "reporting/study/study_text.py"):  # over all comparisons
        (copy / report).write_text((copy / report).read_text() + "# said otherwise\n")
    assert digest_of(tmp_path) == before

    some = copy / "scoring" / "mask.py"
    text = some.read_text()
    some.write_text(text + "# said otherwise\n")
    assert digest_of(tmp_path) != before
    some.write_text(text)
    assert digest_of(tmp_path) == before
    some.rename(some.with_name("masks.py"))
    assert digest_of(tmp_path) != before
    some.with_name("masks.py").rename(some)

    unasked = copy / "scoring" / "unasked.py"
    unasked.write_text("")  # nothing imports it
    other = copy / "phases" / "elsewhere"
    other.mkdir()
    (other / "run.py").write_text("from ptycho_compare.storage import files\n")
    assert digest_of(tmp_path) == before
    elsewhere = "ptycho_compare.phases.elsewhere.run"
    first = digest_of(tmp_path, elsewhere)
    assert first != before
    some.write_text(text + "# said otherwise\n")
    assert digest_of(tmp_path, elsewhere) == first
    files = copy / "storage" / "files.py"
    files.write_text(files.read_text() + "# said otherwise\n")
    assert digest_of(tmp_path, elsewhere) != first


def _as_it_runs(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a source, but for what is imported for types alone."""
    for node in tree.body:
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from statements_in(node)


def test_every_import_of_every_source_is_followed() -> None:
    """The text of a source names all the modules that its syntax tree does."""
    for path in PACKAGE.rglob("*.py"):
        imported: set[str] = set()
        for node in _as_it_runs(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: a relative import"
                imported |= {str(node.module)} | {f"{node.module}.{name.name}" for name in node.names}
            elif isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
        ours = {name for name in imported if name.split(".")[0] == "ptycho_compare"}
        assert ours <= set(_imports_in(path)), path
